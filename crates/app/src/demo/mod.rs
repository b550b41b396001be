//! `keyroll demo`: the main job on throw-away data, in front of the reader's eyes.
//!
//! A stand-in plays the provider, a node runs as it would anywhere, applications send steady traffic, and a key is
//! rotated under it: once to a good one, once to a wrong one. Every figure that is told comes from the stand-in's own
//! record or from the applications.

mod fault;
mod node;
mod provider;
mod screen;
mod story;
mod traffic;

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::DemoArgs;

use fault::Fault;
use node::Node;
use provider::Provider;
use screen::Screen;
use story::Story;
use traffic::Traffic;

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
    screen.title("Keyroll demo: a credential rotated under traffic, on throw-away data");
    let stop = stopped();
    tokio::pin!(stop);
    let provider = Provider::start().await?;
    let node = tokio::select! {
        node = Node::start(args) => node?,
        stopped = &mut stop => return stopped,
    };
    let ended = tokio::select! {
        ended = Story::new(&provider, &node, screen, args.break_injection).tell() => ended.map(Some),
        stopped = &mut stop => stopped.map(|()| None),
    };
    let traffic = match ended {
        Ok(traffic) => traffic,
        Err(fault) => {
            // The first fault is the one to tell; how the node ends adds nothing.
            let _ = node.stop().await;
            return Err(fault);
        }
    };
    let mut held = Ok(());
    if let Some(traffic) = traffic {
        if !args.exit {
            screen.say("\nThe node and the traffic go on until Ctrl-C.");
            screen.say(&node.addresses());
            screen.say(&format!("The admin token is in {}", node.token_file().display()));
            held = tokio::select! {
                fault = watch(&traffic, screen) => Err(fault),
                stopped = &mut stop => stopped,
            };
        }
        held = held.and(failed_none(&traffic));
        traffic.stop().await;
    }
    held.and(node.stop().await)
}

/// Waits for Ctrl-C, and for what ends a process that nobody sits before.
async fn stopped() -> Result<(), Fault> {
    let listen = |kind| signal(kind).map_err(Fault::start("the signals of this process"));
    let (mut interrupt, mut terminate, mut hangup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Shows the counts until a request fails.
async fn watch(traffic: &Traffic, screen: &mut Screen) -> Fault {
    loop {
        if let Err(fault) = failed_none(traffic) {
            return fault;
        }
        let (sent, failed) = traffic.counts();
        screen.live(&format!("sent {sent}, failed {failed}"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn failed_none(traffic: &Traffic) -> Result<(), Fault> {
    let (sent, failed) = traffic.counts();
    match traffic.first_failure() {
        None => Ok(()),
        Some(first) => Err(Fault::NotSeen(format!("no request failed: {failed} of {sent} did ({first})"))),
    }
}
