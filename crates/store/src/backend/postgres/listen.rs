//! The connection that listens: it hears of commits by other nodes at once.
//!
//! What it hears is a hint. Notifications are lost while it reconnects, and a proxy in between may swallow them; polling
//! the revision is the truth.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::owner::announce;

/// The channel on which commits are told, with the revision as the payload.
pub(super) const CHANNEL: &str = "keyroll_revision";

/// How soon another connection is tried.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the server is asked for a sign of life: a connection that hears nothing looks like one on which nothing
/// happens.
const PULSE: Duration = Duration::from_secs(5);
/// How long a sign of life may take.
const SILENCE: Duration = Duration::from_secs(4);

/// Listens until it is aborted.
pub(super) async fn run(config: Config, tls: MakeRustlsConnect, changes: watch::Sender<i64>) {
    loop {
        if let Err(error) = follow(&config, tls.clone(), &changes).await {
            tracing::debug!(%error, "the connection that listens for changes has ended; polling goes on meanwhile");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(
    config: &Config,
    tls: MakeRustlsConnect,
    changes: &watch::Sender<i64>,
) -> Result<(), tokio_postgres::Error> {
    let Ok(connected) = timeout(SILENCE, config.connect(tls)).await else { return Ok(()) };
    let (client, mut connection) = connected?;
    let hear = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message?
                && let Ok(revision) = notification.payload().parse()
            {
                announce(changes, revision);
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = hear => ended,
        ended = stay(&client) => ended,
    }
}

/// Begins to listen, and ends when the server no longer answers.
async fn stay(client: &Client) -> Result<(), tokio_postgres::Error> {
    let mut ask = format!("LISTEN {CHANNEL}");
    while let Ok(answer) = timeout(SILENCE, client.batch_execute(&ask)).await {
        answer?;
        ";".clone_into(&mut ask);
        tokio::time::sleep(PULSE).await;
    }
    Ok(())
}
