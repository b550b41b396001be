//! A real node: the shipped binary in its own process, on throw-away data.

mod again;
mod command;
mod http;
mod options;
mod take_over;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::transcript::Transcript;
use crate::wire::{self, Connection};
pub use command::CliOutput;
pub use options::NodeOptions;

/// How long a start may take, on a machine that is busy with a build.
const START: Duration = Duration::from_secs(60);
/// How long a drain may take: the default drain time-out of 30 s and some air.
const STOP: Duration = Duration::from_secs(40);

/// A node under test; killed when dropped.
#[derive(Debug)]
pub struct TestNode {
    options: NodeOptions,
    folder: TempDir,
    process: Option<Child>,
    gateway: String,
    admin: String,
    token: String,
    transcript: Transcript,
}

impl TestNode {
    /// Starts this binary (`env!("CARGO_BIN_EXE_keyroll")`) on an empty data directory and waits
    /// until it is ready.
    ///
    /// # Panics
    /// When it does not become ready; the message holds the end of its log.
    pub fn start(binary: impl Into<PathBuf>) -> Self {
        NodeOptions::new(binary).start()
    }

    pub(crate) fn launch(options: NodeOptions) -> Self {
        let mut node = Self::launch_unready(options);
        node.wait_ready();
        node
    }

    pub(crate) fn launch_unready(options: NodeOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let token = options.env.iter().find(|(name, _)| name == "KEYROLL_BOOTSTRAP_TOKEN");
        let token = token.map(|(_, token)| token.to_string_lossy().into_owned()).unwrap_or_default();
        let mut node = Self {
            options,
            folder,
            process: None,
            gateway: String::new(),
            admin: String::new(),
            token,
            transcript: Transcript::new(),
        };
        if let Some(from) = &node.options.data {
            copy(from, &node.data_dir());
        }
        node.begin();
        node.wait_until("it has no addresses", |node| node.reads_addresses());
        node
    }

    /// Starts the process again on the same data, and waits until it listens, ready or not.
    pub fn restart_unready(&mut self) {
        self.begin();
        self.wait_until("it has no addresses", |node| node.reads_addresses());
    }

    /// Starts the process again on the same data and waits until it is ready; one that still runs
    /// is stopped first. Ports may change.
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
        self.begin();
        self.wait_ready();
    }

    /// SIGTERM, then waits for the end, which must be exit code 0.
    ///
    /// # Panics
    /// When the code is another one, or the process is still there after 40 s.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.wait_exit(STOP);
        assert!(status.success(), "stopped with {status}; {}", self.log_tail());
    }

    /// Sends a signal to the process, for example [`Signal::HUP`].
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a pid is a positive i32");
        let pid = Pid::from_raw(pid).expect("a pid is not 0");
        kill_process(pid, signal).expect("the process is ours");
    }

    /// Waits for the end of the process and returns how it ended.
    ///
    /// # Panics
    /// When it is still there after `patience`.
    #[track_caller]
    pub fn wait_exit(&mut self, patience: Duration) -> ExitStatus {
        let mut process = self.process.take().expect("the node runs");
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = process.try_wait().expect("our child") {
                return status;
            }
            if Instant::now() > until {
                self.process = Some(process);
                panic!("still running after {patience:?}; {}", self.log_tail());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGKILL, at once and without warning.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Process id.
    ///
    /// # Panics
    /// When the node does not run.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the node runs").id()
    }

    /// `http://127.0.0.1:PORT` of the gateway listener.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// `http://127.0.0.1:PORT` of the admin listener.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The admin token of the first start.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Uses another admin token from now on, such as that of a database which came from elsewhere.
    pub fn sign_in(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder beside the data, for files of the test; the working directory of the node.
    pub fn work_dir(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Both output streams of all starts, at trace level.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("node.log")
    }

    /// The log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// What this node answered so far, over HTTP and on the command line.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    fn begin(&mut self) {
        self.prepare();
        self.process = Some(self.spawn(&mut self.command()));
    }

    fn prepare(&self) {
        fs::create_dir_all(self.work_dir()).expect("a folder of the test's own");
        // What the last process left must not be taken for the word of the next.
        let _ = fs::remove_file(addresses_path(&self.data_dir()));
    }

    /// How the binary is started; its output goes into the log.
    fn command(&self) -> Command {
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log file");
        let mut command = self.options.command();
        command
            .args(["serve", "--gateway-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(&self.options.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KEYROLL_LOG__LEVEL", "trace")
            .envs(self.options.env.iter().map(|(k, v)| (k, v)))
            .current_dir(self.work_dir())
            .stderr(log.try_clone().expect("a second handle of the log"));
        if self.options.sockets.is_none() {
            command.stdout(log);
        }
        command
    }

    fn spawn(&self, command: &mut Command) -> Child {
        command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.options.binary.display()))
    }

    fn wait_ready(&mut self) {
        self.wait_until("it is not ready", |node| node.ready());
        // Written on the first start only, and gone once an operator has taken it away.
        if let Ok(token) = fs::read_to_string(self.data_dir().join("admin-token")) {
            self.token = token.trim().to_owned();
        }
    }

    fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let until = Instant::now() + START;
        while !holds(self) {
            let ended = self.process.as_mut().and_then(|p| p.try_wait().ok().flatten());
            if let Some(status) = ended {
                self.process = None;
                panic!("ended at start with {status}; {}", self.log_tail());
            }
            assert!(Instant::now() < until, "after {START:?} {what}; {}", self.log_tail());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Empty where the role has no such listener.
    fn reads_addresses(&mut self) -> bool {
        let Ok(text) = fs::read(addresses_path(&self.data_dir())) else {
            return false;
        };
        let Ok(addresses) = serde_json::from_slice::<Value>(&text) else {
            return false;
        };
        let address = |which: &str| addresses[which].as_str().unwrap_or_default().to_owned();
        self.gateway = address("gateway");
        self.admin = address("admin");
        true
    }

    fn ready(&mut self) -> bool {
        if !self.reads_addresses() {
            return false;
        }
        let probe = wire::request("GET", "/readyz", &[("Host", "probe")], b"");
        let reply = Connection::open(&self.admin).and_then(|mut c| c.call(&probe));
        reply.is_ok_and(|r| r.status == 200)
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(30)..].join("\n");
        format!("the end of its log:\n{tail}")
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder with all that is in it, owners and modes included.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("every Linux has cp");
    assert!(status.success(), "{} cannot be copied", from.display());
}

fn addresses_path(data: &Path) -> PathBuf {
    data.join("run/addresses.json")
}
