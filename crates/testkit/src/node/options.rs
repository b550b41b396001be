//! How a node is to be started.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::TestNode;

/// Options of a start; they hold for restarts too.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    pub(super) binary: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(String, OsString)>,
    pub(super) data: Option<PathBuf>,
    pub(super) sockets: Option<Arc<[TcpListener; 2]>>,
}

impl NodeOptions {
    /// The defaults: loopback on free ports, log level trace, an environment of `PATH` only.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), args: Vec::new(), env: Vec::new(), data: None, sockets: None }
    }

    /// One more argument of `serve`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more environment variable, such as `KEYROLL_POLICY__RETENTION`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Begins with a copy of this data directory instead of an empty one.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Hands these sockets to each start, as a service manager does: the gateway's and that of the admin API.
    #[must_use]
    pub fn sockets(mut self, gateway: TcpListener, admin: TcpListener) -> Self {
        self.sockets = Some(Arc::new([gateway, admin]));
        self
    }

    /// How the binary is run, without arguments and output. A shell between names the process that the sockets are for,
    /// and is that process by then.
    pub(super) fn command(&self) -> Command {
        let Some(sockets) = &self.sockets else {
            let mut command = Command::new(&self.binary);
            command.stdin(Stdio::null());
            return command;
        };
        let script = "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=gateway:admin; \
             exec \"$@\"";
        let [gateway, admin] = [0, 1].map(|which| {
            let socket: &TcpListener = &sockets[which];
            OwnedFd::from(socket.try_clone().expect("another handle of the socket"))
        });
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&self.binary).stdin(gateway).stdout(admin);
        command
    }

    /// Starts the node and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready; the message holds the end of its log.
    pub fn start(self) -> TestNode {
        TestNode::launch(self)
    }

    /// Starts the node and waits until it listens, ready or not.
    ///
    /// # Panics
    /// When it does not listen; the message holds the end of its log.
    pub fn start_unready(self) -> TestNode {
        TestNode::launch_unready(self)
    }
}
