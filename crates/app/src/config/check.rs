//! Rules between settings: what no single value can be blamed for by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::origin::{Mistake, Origin};
use super::{Config, Tls};

/// Adds a mistake for every rule that `config` breaks, at the setting that is to be corrected. A rule that looks at
/// one of the `unread` settings is left out: in `config` their defaults stand for them.
pub(super) fn check(
    config: &Config,
    origins: &BTreeMap<String, Origin>,
    unread: &[String],
    mistakes: &mut Vec<Mistake>,
) {
    let mut rules = Rules { origins, unread, mistakes };
    let (gateway, admin) = (&config.gateway, &config.admin);
    rules.tls("gateway", &gateway.tls);
    rules.tls("admin", &admin.tls);
    rules.plaintext("gateway", gateway.listen, &gateway.tls, gateway.allow_plaintext);
    rules.plaintext("admin", admin.listen, &admin.tls, admin.allow_plaintext);
    if gateway.listen == admin.listen && gateway.listen.port() != 0 {
        rules.broken(
            &["admin.listen", "gateway.listen"],
            "gateway and admin cannot listen on the same address and port",
        );
    }
    let policy = &config.policy;
    if policy.max_staleness >= policy.retention {
        let message = format!(
            "policy.max_staleness ({}) has to be less than policy.retention ({}): a node could still hold a secret that may be deleted",
            policy.max_staleness, policy.retention
        );
        rules.broken(&["policy.max_staleness", "policy.retention"], &message);
    }
}

struct Rules<'a> {
    origins: &'a BTreeMap<String, Origin>,
    unread: &'a [String],
    mistakes: &'a mut Vec<Mistake>,
}

impl Rules<'_> {
    fn tls(&mut self, section: &str, tls: &Tls) {
        let (cert, key) = (format!("{section}.tls.cert"), format!("{section}.tls.key"));
        match (&tls.cert, &tls.key) {
            (Some(_), None) => self.broken(&[&cert, &key], &format!("{cert} needs {key} beside it")),
            (None, Some(_)) => self.broken(&[&key, &cert], &format!("{key} needs {cert} beside it")),
            _ => {}
        }
        let more = format!("{section}.tls.more");
        if !tls.more.is_empty() && tls.cert.is_none() && tls.key.is_none() {
            let message = format!("{more} needs {cert} and {key}, for clients that ask for none of its names");
            self.broken(&[&more, &cert, &key], &message);
        }
        for (path, file) in [(&cert, &tls.cert), (&key, &tls.key)] {
            if let Some(Err(error)) = file.as_deref().map(std::fs::File::open) {
                self.broken(&[path], &format!("{path}: the file cannot be read: {error}"));
            }
        }
        for file in tls.more.iter().flat_map(|pair| [&pair.cert, &pair.key]) {
            if let Err(error) = std::fs::File::open(file) {
                self.broken(&[&more], &format!("{more}: {} cannot be read: {error}", file.display()));
            }
        }
    }

    fn plaintext(&mut self, section: &str, listen: SocketAddr, tls: &Tls, allowed: bool) {
        if listen.ip().is_loopback() || tls.cert.is_some() || tls.key.is_some() || allowed {
            return;
        }
        let message = format!(
            "{section}.listen: {listen} can be reached from other machines, which needs {section}.tls, \
             or {section}.allow_plaintext = true if plain text is meant"
        );
        let [listen, cert, key, allow] =
            ["listen", "tls.cert", "tls.key", "allow_plaintext"].map(|name| format!("{section}.{name}"));
        self.broken(&[&listen, &cert, &key, &allow], &message);
    }

    /// Reports at the first of `paths` that somebody set.
    fn broken(&mut self, paths: &[&str], message: &str) {
        if self.unread.iter().any(|unread| paths.contains(&unread.as_str())) {
            return;
        }
        let origin = paths.iter().find_map(|path| self.origins.get(*path)).cloned().unwrap_or(Origin::Default);
        self.mistakes.push(Mistake::new(origin, message));
    }
}
