//! What a server does to be a good process: hardened, alone on its data, reachable, and told when to stop.

mod addresses;
mod data_dir;
mod environ;
mod listeners;
mod notify;
mod signals;
mod tls;

pub(crate) use addresses::Addresses;
pub(crate) use data_dir::{DataDir, DataDirError};
pub(crate) use environ::{BootstrapToken, Environment};
pub(crate) use listeners::{Given, Listener, ListenerError};
pub(crate) use notify::Notifier;
pub(crate) use signals::{Signal, Signals};
pub(crate) use tls::{Certificates, Set, TlsError};

use std::io::Write;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Refuses core dumps, which would hold secret values. For every command: clients too hold values for moments.
pub(crate) fn refuse_core_dumps() {
    // Lowering a limit is always allowed; where a sandbox forbids the call itself, `hide_memory` still holds.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Makes the process not dumpable: no core, no debugger, and `/proc/PID/{mem,environ,fd}` for root alone.
///
/// Only for servers: a client reads `--value-file <(…)`, a path below `/proc/self/fd`, which this closes to it.
///
/// # Errors
/// Where the kernel refuses; a server that holds values then does not start.
pub(crate) fn hide_memory() -> std::io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Raises the number of files that may be open to what the administrator allows. The usual 1024, meant for programs
/// that still use `select`, would be reached by 500 requests at a time.
pub(crate) fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// How many files may be open; `None` where there is no bound.
pub(crate) fn files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Tells the operator something on stderr. Nobody may listen, which is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "keyroll: {text}");
}
