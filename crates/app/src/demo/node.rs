//! A node as it runs anywhere: this very binary, started with `serve` on a throw-away directory.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::client::Client;
use tempfile::TempDir;

use super::fault::Fault;
use crate::cli::DemoArgs;

/// The shortest retention that the story can wait for. In production it is 48 hours.
pub(super) const RETENTION: Duration = Duration::from_secs(8);

/// A node on throw-away data; both are gone when it is dropped.
pub(super) struct Node {
    child: Child,
    directory: TempDir,
    /// The gateway's base URL.
    pub(super) gateway: String,
    /// The admin API's base URL.
    pub(super) admin: String,
    /// A client of the admin API.
    pub(super) client: Client,
}

impl Node {
    /// Starts the node and waits until it is ready.
    pub(super) async fn start(args: &DemoArgs) -> Result<Self, Fault> {
        let directory = tempfile::tempdir().map_err(Fault::start("a throw-away directory"))?;
        let binary = std::env::current_exe().map_err(Fault::start("the path of this binary"))?;
        let mut child = Command::new(binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(directory.path().join("data"))
            .args(["--gateway-listen", &args.gateway_listen.to_string()])
            .args(["--admin-listen", &args.admin_listen.to_string()])
            // Nothing of the reader's own settings takes part in the show.
            .env_clear()
            .env("KEYROLL_POLICY__RETENTION", format!("{}s", RETENTION.as_secs()))
            .env("KEYROLL_POLICY__MAX_STALENESS", "2s")
            .env("KEYROLL_LOG__LEVEL", "error")
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Fault::start("a node"))?;
        match ready(&mut child, &directory).await {
            Some((gateway, admin, token)) => {
                let client = Client::new(&admin, Some(&token), None)?;
                Ok(Self { child, directory, gateway, admin, client })
            }
            None => {
                let _ = child.kill();
                Err(Fault::NotReady)
            }
        }
    }

    /// Where the admin token is.
    pub(super) fn token_file(&self) -> PathBuf {
        self.directory.path().join("data/admin-token")
    }

    /// Asks the node to drain and waits for its end, which must be a good one.
    pub(super) async fn stop(mut self) -> Result<(), Fault> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..200 {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(Fault::NotSeen(format!("the node ended well: {status}"))),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        Err(Fault::NotSeen("the node drained within ten seconds".to_owned()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the addresses, the token and readiness.
async fn ready(child: &mut Child, directory: &TempDir) -> Option<(String, String, String)> {
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Ok(Some(_)) = child.try_wait() {
            return None;
        }
        let Ok(text) = std::fs::read_to_string(directory.path().join("data/run/addresses.json")) else { continue };
        let Ok(addresses) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        let gateway = addresses.get("gateway")?.as_str()?.to_owned();
        let admin = addresses.get("admin")?.as_str()?.to_owned();
        let token = std::fs::read_to_string(directory.path().join("data/admin-token")).ok()?;
        let probe = Client::new(&admin, None, None).ok()?;
        if probe.get::<serde_json::Value>("/readyz").await.is_ok() {
            return Some((gateway, admin, token.trim().to_owned()));
        }
    }
    None
}
