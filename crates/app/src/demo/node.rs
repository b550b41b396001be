//! A node as it runs anywhere: this very binary, started with `serve` on a throw-away directory.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::client::Client;
use tempfile::TempDir;

use super::fault::Fault;
use crate::cli::DemoArgs;

/// A retention that the story can wait for. In production it is 48 hours.
pub(super) const RETENTION: &str = "10s";

/// Less than the retention, as it has to be. On a busy machine a node may well be without its database for a while.
const MAX_STALENESS: &str = "9s";

/// A node on throw-away data; both are gone when it is dropped.
pub(super) struct Node {
    process: Process,
    directory: TempDir,
    /// The gateway's base URL.
    pub(super) gateway: String,
    /// The admin API's base URL.
    pub(super) admin: String,
    token: String,
    /// A client of the admin API.
    pub(super) client: Client,
}

impl Node {
    /// Starts the node and waits until it is ready.
    pub(super) async fn start(args: &DemoArgs) -> Result<Self, Fault> {
        let directory = tempfile::tempdir().map_err(Fault::start("a throw-away directory"))?;
        let child = keyroll()?
            .arg("serve")
            .arg("--data-dir")
            .arg(directory.path().join("data"))
            .args(["--gateway-listen", &args.gateway_listen.to_string()])
            .args(["--admin-listen", &args.admin_listen.to_string()])
            .env("KEYROLL_POLICY__RETENTION", RETENTION)
            .env("KEYROLL_POLICY__MAX_STALENESS", MAX_STALENESS)
            .env("KEYROLL_LOG__LEVEL", "error")
            .current_dir(directory.path())
            // Ctrl-C is for the show, which ends its traffic before it lets the node drain.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Fault::start("a node"))?;
        // Whoever ends the show while it waits ends the node as well.
        let mut process = Process(child);
        match ready(&mut process.0, &directory).await {
            Some((gateway, admin, token)) => {
                let client = Client::new(&admin, Some(&token), None)?;
                Ok(Self { process, directory, gateway, admin, token, client })
            }
            None => Err(Fault::NotReady),
        }
    }

    /// Where the admin token is.
    pub(super) fn token_file(&self) -> PathBuf {
        self.directory.path().join("data/admin-token")
    }

    /// Where it can be called, for people.
    pub(super) fn addresses(&self) -> String {
        format!("gateway {}   admin API {}", self.gateway, self.admin)
    }

    /// What a command of this binary says to the reader when it is asked about the node.
    pub(super) async fn ask(&self, args: &'static [&'static str]) -> Result<String, Fault> {
        let mut command = keyroll()?;
        command.args(args).env("KEYROLL_ADDR", &self.admin).env("KEYROLL_TOKEN", &self.token);
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let output = ran.map_err(std::io::Error::other).and_then(|output| output);
        let output = output.map_err(Fault::start("a command of this binary"))?;
        let line = args.join(" ");
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Fault::NotSeen(format!("keyroll {line} succeeds: {}", said.trim_end())))
    }

    /// Asks the node to drain and waits for its end, which must be a good one.
    pub(super) async fn stop(mut self) -> Result<(), Fault> {
        if let Some(pid) = i32::try_from(self.process.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..700 {
            match self.process.0.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(Fault::NotSeen(format!("the node ended well: {status}"))),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        Err(Fault::NotSeen("the node drained within its drain timeout".to_owned()))
    }
}

/// A process that does not outlive the show.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This very binary. Nothing of the reader's own settings takes part in the show.
fn keyroll() -> Result<Command, Fault> {
    let binary = std::env::current_exe().map_err(Fault::start("the path of this binary"))?;
    let mut command = Command::new(binary);
    command.env_clear();
    Ok(command)
}

/// Waits for the addresses, the token and readiness.
async fn ready(child: &mut Child, directory: &TempDir) -> Option<(String, String, String)> {
    for _ in 0..600 {
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
