//! Official SDKs, unmodified but for base URL and key, through a route to a stand-in that checks the credential; and
//! every protocol with peers that others wrote.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod anthropic_node;
mod curl;
mod curl_protocols;
mod grpc;
#[expect(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "../scenarios/house.rs"]
mod house;
mod java;
mod openai_python;
mod peer;
mod program;
mod provider;
mod providers;
mod scene;
mod signals;
mod stripe_node;
mod stripe_python;
mod websocket;
