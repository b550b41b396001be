//! The environment, read once, and erased where it held a credential.
//!
//! `/proc/PID/environ` shows the memory in which the kernel put the variables when the program was started. Removing a
//! variable, by `std::env::remove_var` or otherwise, changes a list of pointers and leaves that memory as it was, so
//! that root, and every tool that root runs, can still read the value. Here the bytes themselves are overwritten.

use std::collections::BTreeMap;
use std::ffi::CStr;

use zeroize::Zeroizing;

use crate::config::Variables;

/// What the environment said.
#[derive(Debug)]
pub(crate) struct Environment {
    /// The variables that the configuration is made of.
    pub(crate) variables: Variables,
    /// `KEYROLL_BOOTSTRAP_TOKEN`, where it was set to something.
    pub(crate) bootstrap_token: Option<BootstrapToken>,
}

/// The token that the first admin is to have. It is zeroed on drop and has a blank `Debug`.
pub(crate) struct BootstrapToken(pub(crate) Zeroizing<String>);

impl std::fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BootstrapToken(…)")
    }
}

impl Environment {
    /// Reads the environment and erases the bootstrap token from it.
    ///
    /// Called by `main` before there is a second thread: nothing else may read the environment meanwhile.
    pub(crate) fn take() -> Self {
        let token = std::env::var("KEYROLL_BOOTSTRAP_TOKEN").ok().filter(|text| !text.is_empty());
        erase(c"KEYROLL_BOOTSTRAP_TOKEN");
        let relevant =
            |name: &str| name.starts_with("KEYROLL_") || matches!(name, "STATE_DIRECTORY" | "LISTEN_FDNAMES");
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| relevant(name) && name != "KEYROLL_BOOTSTRAP_TOKEN")
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Self {
            variables: Variables(variables),
            bootstrap_token: token.map(|text| BootstrapToken(Zeroizing::new(text))),
        }
    }
}

/// Overwrites the value of the variable with NUL bytes, in the place where the kernel or libc keeps it.
// The one use of `unsafe` in this crate: no safe function hands out that place.
#[allow(unsafe_code)]
fn erase(name: &CStr) {
    // SAFETY: `getenv` answers null or a pointer to a NUL-terminated string that the process owns, in memory that is
    // writable (the initial stack, or libc's heap). `strlen` stays inside it, and so do the writes, which leave an
    // empty string: the list of variables stays well formed. Rust code never holds references into it, since
    // `std::env` copies under a lock. Nobody reads meanwhile, because no other thread exists (see `take`). Volatile,
    // since the compiler sees nobody read what is written.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        if value.is_null() {
            return;
        }
        for offset in 0..libc::strlen(value) {
            value.add(offset).write_volatile(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "bootstrap-token-of-thirty-two-characters-or-more";

    /// In a process whose environment held the token from its start.
    fn child() {
        let shown = || std::fs::read("/proc/self/environ").unwrap();
        let holds = |block: &[u8]| block.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
        assert!(holds(&shown()), "the kernel shows the token before");
        let environment = Environment::take();
        assert!(!holds(&shown()), "and not after");
        assert_eq!(environment.bootstrap_token.as_ref().map(|token| token.0.as_str()), Some(TOKEN));
        assert_eq!(environment.variables.get("KEYROLL_LOG__LEVEL"), Some("debug"));
        assert_eq!(environment.variables.get("KEYROLL_BOOTSTRAP_TOKEN"), None);
        assert!(!format!("{environment:?}").contains(TOKEN));
        assert!(Environment::take().bootstrap_token.is_none(), "it can be taken once");
    }

    /// Starts itself again with the token in the environment: set later, the token would be somewhere else in memory.
    #[test]
    fn the_bootstrap_token_leaves_the_environment_block() {
        if std::env::var("KEYROLL_BOOTSTRAP_TOKEN").is_ok_and(|token| token == TOKEN) {
            return child();
        }
        let name = "process::environ::tests::the_bootstrap_token_leaves_the_environment_block";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env("KEYROLL_BOOTSTRAP_TOKEN", TOKEN)
            .env("KEYROLL_LOG__LEVEL", "debug")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
