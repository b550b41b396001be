//! The wire contract: types of the admin API and a thin typed client.
//!
//! Promise: what is written here is what goes over the wire. Request bodies refuse members they do
//! not know; answers may grow. The doc comments of the types are the text of the OpenAPI document.
//!
//! Absences: nothing of ours is imported, so the contract changes only on purpose. No rule is
//! checked here beyond the shape of JSON: names, times, durations and templates are text until
//! `control` has parsed them. A secret's value passes through in [`secret::SecretText`] only.

pub mod audit;
pub mod client;
pub mod clients;
pub mod doctor;
pub mod environment;
pub mod health;
pub mod key;
pub mod lint;
pub mod list;
pub mod node;
mod patch;
pub mod path;
pub mod problem;
pub mod query;
pub mod read;
pub mod rotation;
pub mod route;
pub mod secret;
pub mod token;
