//! What SIGUSR2 does: starts the binary that lies where this one was started from, and has it take over.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The flag that makes a start a take-over.
const FLAG: &str = "--take-over";

/// What a new process does not inherit: these name the process that they were meant for.
const OURS: [&str; 4] = ["WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// How this process was started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Looked up at the start: once the file is replaced, the system no longer knows where it was.
    path: PathBuf,
    name: OsString,
    args: Vec<OsString>,
}

impl Program {
    /// This one's.
    ///
    /// # Errors
    /// Where the system does not say where the binary is.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let mut args = std::env::args_os();
        let name = args.next().unwrap_or_default();
        // A link that an upgrade points elsewhere is followed anew.
        let path = match name.to_string_lossy().contains('/') {
            true => std::path::absolute(&name)?,
            false => std::env::current_exe()?,
        };
        let mut args: Vec<OsString> = args.collect();
        if args.iter().all(|arg| arg != FLAG) {
            args.push(FLAG.into());
        }
        Ok(Self { path, name, args })
    }

    /// Starts it anew, and says how it ended where that was before it took over.
    pub(crate) fn start(&self) {
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).args(&self.args).stdin(Stdio::null());
        for name in OURS {
            command.env_remove(name);
        }
        let path = self.path.display();
        match command.spawn() {
            Ok(mut child) => {
                tracing::info!(%path, pid = child.id(), "a successor was started");
                // This process ends before the successor does, unless something went wrong.
                std::thread::spawn(move || {
                    if let Ok(status) = child.wait() {
                        tracing::error!(%status, "the successor ended; this process goes on");
                    }
                });
            }
            Err(error) => tracing::error!(%path, %error, "no successor could be started; this process goes on"),
        }
    }
}
