//! The processes of a private cluster: made, started, paused and ended.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::START;
use super::access::{self, Access, random};

/// Makes, starts and ends; see there.
const WATCH: &str = include_str!("watch.sh");

/// Debian's own places, whatever the developer's `PATH` is.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug)]
pub(super) struct Server {
    watch: Child,
    /// A line starts the server; its closing ends everything.
    orders: Option<ChildStdin>,
    answers: Mutex<BufReader<ChildStdout>>,
    folder: TempDir,
    durable: bool,
}

/// The port was taken by somebody else.
#[derive(Debug)]
pub(super) struct PortTaken;

impl Server {
    /// Makes the cluster; nothing runs yet, and the port of the access is to be set.
    pub(super) fn create(durable: bool) -> (Self, Access) {
        let access = Access { port: 0, superuser: random(16), password: random(16), bin: access::bin() };
        // In memory where the machine has some: what a neighbour writes to the disk then delays nobody.
        let memory = Path::new("/dev/shm");
        let folder = match !durable && memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let folder = folder.expect("a temporary folder");
        let password = folder.path().join("superuser");
        fs::write(&password, &access.superuser).expect("a file of our own");
        let mut watch = Command::new("/bin/sh")
            .args(["-c", WATCH, "watch"])
            .arg(folder.path())
            .arg(&access.bin)
            .args(["--username=postgres", "--auth=scram-sha-256", "--pwfile=superuser", "--encoding=UTF8"])
            // The sort order of English comes with the program, where the machine has no such
            // locale; messages stay as they are written in the source.
            .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--lc-messages=C"])
            .args(["--no-sync", "--no-instructions"])
            .env_clear()
            .env("PATH", PATH)
            // Whoever ends a test by its process group must not end the one that cleans up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let orders = watch.stdin.take();
        let answers = Mutex::new(BufReader::new(watch.stdout.take().expect("a pipe")));
        let server = Self { watch, orders, answers, folder, durable };
        let answer = server.answer();
        assert_eq!(answer, "initdb ended with 0", "{}", server.said("initdb.log"));
        (server, access)
    }

    /// Starts the server and waits until it listens.
    pub(super) fn run(&self, port: u16) -> Result<(), PortTaken> {
        let path = self.folder.path();
        fs::write(path.join("postgresql.conf"), configuration(path, port, self.durable)).expect("a file of our own");
        let already = self.said("server.log").len();
        self.orders.as_ref().expect("open until dropped").write_all(b"start\n").expect("the shell reads");
        let answer = self.answer();
        let server = answer.strip_prefix("started ").unwrap_or_else(|| panic!("the shell says {answer:?}"));
        let until = Instant::now() + START;
        while !self.lock_file().is_some_and(|l| l.ready && l.pid == server) {
            let log = self.said("server.log").split_off(already);
            if log.contains("could not create any TCP/IP sockets") {
                return Err(PortTaken);
            }
            // Clients that come too early are sent away, and that is no failure.
            let failed = log.lines().any(|line| line.contains("FATAL") && !line.contains("the database system is "));
            assert!(!failed && Instant::now() < until, "PostgreSQL does not start: {log}");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub(super) fn stop_immediate(&self) {
        kill_process(self.pid(), Signal::QUIT).expect("the server runs");
        let until = Instant::now() + START;
        while self.lock_file().is_some() {
            assert!(Instant::now() < until, "PostgreSQL does not stop: {}", self.said("server.log"));
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn pause(&self) {
        let server = self.pid();
        kill_process(server, Signal::STOP).expect("the server runs");
        // Once it has halted it makes no more children, which would be missed below.
        while state(server).is_some_and(|s| s != 'T') {
            thread::sleep(Duration::from_millis(1));
        }
        self.signal_children(server, Signal::STOP);
    }

    pub(super) fn resume(&self) {
        let server = self.pid();
        self.signal_children(server, Signal::CONT);
        kill_process(server, Signal::CONT).expect("the server runs");
    }

    pub(super) fn files(&self) -> [PathBuf; 2] {
        [self.folder.path().join("server.log"), self.folder.path().join("data")]
    }

    fn signal_children(&self, server: Pid, signal: Signal) {
        let server = server.as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|c| c.parse().ok()).filter_map(Pid::from_raw) {
            // A session may have ended meanwhile.
            let _ = kill_process(child, signal);
        }
    }

    #[track_caller]
    fn pid(&self) -> Pid {
        let lock = self.lock_file().expect("the server runs");
        Pid::from_raw(lock.pid.parse().expect("a number")).expect("a pid is not 0")
    }

    fn lock_file(&self) -> Option<LockFile> {
        let text = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).ok()?;
        let mut lines = text.lines();
        // The eighth line is the state.
        Some(LockFile { pid: lines.next()?.to_owned(), ready: lines.nth(6).is_some_and(|s| s.trim() == "ready") })
    }

    fn answer(&self) -> String {
        let mut line = String::new();
        self.answers.lock().expect("no holder panics").read_line(&mut line).expect("a pipe");
        line.trim_end().to_owned()
    }

    fn said(&self, log: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join(log)).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server gives children that a test has paused 5 s to end: none need them awake.
        let server = self.lock_file().and_then(|l| l.pid.parse().ok()).and_then(Pid::from_raw);
        if let Some(server) = server {
            self.signal_children(server, Signal::CONT);
        }
        drop(self.orders.take());
        let _ = self.watch.wait();
    }
}

struct LockFile {
    pid: String,
    ready: bool,
}

/// The letter of `ps`; the program's name before it is in brackets and may hold anything.
fn state(process: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn configuration(folder: &Path, port: u16, durable: bool) -> String {
    let folder = folder.display();
    let flush = if durable { "on" } else { "off" };
    // No autovacuum: it would be a guest in databases that a test drops. Shared memory in files
    // of the data directory: nothing stays behind after a kill.
    format!(
        "listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
max_connections = 200
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
fsync = {flush}
full_page_writes = {flush}
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
autovacuum = off
jit = off
"
    )
}
