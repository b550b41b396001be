//! How a node is to be started.

use std::ffi::OsString;
use std::path::PathBuf;

use super::TestNode;

/// Options of a start; they hold for restarts too.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    pub(super) binary: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(String, OsString)>,
    pub(super) data: Option<PathBuf>,
}

impl NodeOptions {
    /// The defaults: loopback on free ports, log level trace, an environment of `PATH` only.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), args: Vec::new(), env: Vec::new(), data: None }
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
