//! `keyroll demo`: the main job on throw-away data, in front of the reader's eyes.
//!
//! A stand-in plays the provider, a node runs as it would anywhere, applications send steady traffic, and a key is
//! replaced under it. Every figure that is told comes from the stand-in's own record.

mod fault;
mod node;
mod provider;
mod screen;
mod story;
mod traffic;

use std::process::ExitCode;

use crate::cli::DemoArgs;

use fault::Fault;
use node::Node;
use provider::Provider;
use screen::Screen;
use story::Story;

/// Runs the show. Exit code 0 when everything held, 2 when something did not.
pub(crate) fn run(args: DemoArgs) -> ExitCode {
    let mut screen = Screen::new();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.failure(&format!("no runtime could be started: {error}"));
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(show(&args, &mut screen)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            screen.failure(&fault.to_string());
            ExitCode::from(2)
        }
    }
}

async fn show(args: &DemoArgs, screen: &mut Screen) -> Result<(), Fault> {
    screen.title("Keyroll demo: one credential replaced under traffic, on throw-away data");
    let provider = Provider::start().await?;
    let node = Node::start(args).await?;
    let ended = tokio::select! {
        ended = Story::new(&provider, &node, screen, args.break_injection).tell() => ended.map(Some),
        _ = tokio::signal::ctrl_c() => Ok(None),
    };
    let traffic = match ended {
        Ok(traffic) => traffic,
        Err(fault) => {
            // The first fault is the one to tell; how the node ends adds nothing.
            let _ = node.stop().await;
            return Err(fault);
        }
    };
    if let Some(traffic) = traffic {
        if !args.exit {
            screen.say("");
            screen.say(&format!("The node goes on until Ctrl-C: gateway {}, admin API {}", node.gateway, node.admin));
            screen.say(&format!("Its admin token is in {}", node.token_file().display()));
            let _ = tokio::signal::ctrl_c().await;
        }
        traffic.stop().await;
    }
    node.stop().await
}
