//! What `keyroll login` stores: one server and a token for it, readable by its owner alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::out::Out;

/// One server and a token for it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Profile {
    /// The server's address.
    pub(super) address: String,
    /// The token.
    pub(super) token: Zeroizing<String>,
    /// The certificates that may sign the server's.
    pub(super) cacert: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    addr: String,
    token: String,
    cacert: Option<PathBuf>,
}

impl Profile {
    /// Whether `address` is this server's.
    pub(super) fn is_for(&self, address: &str) -> bool {
        address.trim_end_matches('/') == self.address.trim_end_matches('/')
    }
}

/// `$XDG_CONFIG_HOME/keyroll/profile.toml`, else `~/.config/keyroll/profile.toml`.
pub(super) fn path(config_home: Option<String>, home: Option<String>) -> Option<PathBuf> {
    let base = config_home.map(PathBuf::from).filter(|base| base.is_absolute());
    let base = base.or_else(|| Some(PathBuf::from(home?).join(".config")))?;
    Some(base.join("keyroll").join("profile.toml"))
}

/// The stored profile; `None` where nobody has signed in.
pub(super) fn load(path: Option<&Path>, out: &mut Out) -> Result<Option<Profile>, Fault> {
    let Some(path) = path else { return Ok(None) };
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Fault::File { path: path.to_owned(), source }),
    };
    let mode = fs::metadata(path).map(|meta| meta.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        out.say(&format!("warning: others can read {}; protect it with chmod 600", path.display()));
    }
    // The parser's own message would quote the line, token and all.
    let stored: Stored = toml::from_str(&text)
        .map_err(|_| Fault::Usage(format!("{} is damaged; sign in again with `keyroll login`", path.display())))?;
    Ok(Some(Profile { address: stored.addr, token: Zeroizing::new(stored.token), cacert: stored.cacert }))
}

/// Stores the profile: directory 0700, file 0600, whole or not at all.
pub(super) fn store(path: &Path, profile: &Profile) -> Result<(), Fault> {
    let fault = |source| Fault::File { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
    }
    let mut text = Zeroizing::new(String::with_capacity(1024));
    line(&mut text, "addr", &profile.address)?;
    line(&mut text, "token", &profile.token)?;
    if let Some(cacert) = &profile.cacert {
        line(&mut text, "cacert", &cacert.to_string_lossy())?;
    }
    let fresh = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).map_err(fault)?;
    // A file left behind by an earlier attempt keeps its mode on opening.
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(fault)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
    fs::rename(&fresh, path).map_err(fault)
}

/// `name = "text"`. JSON's escapes are TOML's too.
fn line(out: &mut String, name: &str, text: &str) -> Result<(), Fault> {
    let quoted = serde_json::to_string(text).map(Zeroizing::new).map_err(io::Error::from)?;
    out.push_str(name);
    out.push_str(" = ");
    out.push_str(&quoted);
    out.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out() -> Out {
        Out::scripted(b"", io::sink(), io::sink(), false)
    }

    #[test]
    fn what_is_stored_is_loaded_and_only_its_owner_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/keyroll/profile.toml");
        assert!(load(Some(&path), &mut out()).unwrap().is_none());
        let mut profile = Profile {
            address: "https://keys.example".to_owned(),
            token: Zeroizing::new("krt_\"x\\".to_owned()),
            cacert: Some(PathBuf::from("/etc/ca \"1\".pem")),
        };
        store(&path, &profile).unwrap();
        assert!(load(Some(&path), &mut out()).unwrap() == Some(profile.clone()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        profile.cacert = None;
        store(&path, &profile).unwrap();
        assert!(load(Some(&path), &mut out()).unwrap() == Some(profile));
    }

    #[test]
    fn a_damaged_profile_is_told_without_its_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profile.toml");
        fs::write(&path, "addr = \"http://a\"\ntoken = krt_planted\n").unwrap();
        let Err(fault) = load(Some(&path), &mut out()) else { panic!("accepted") };
        assert!(!fault.to_string().contains("planted"), "{fault}");
    }

    #[test]
    fn where_the_profile_lies() {
        let text = |text: &str| Some(text.to_owned());
        for (config, home, expected) in [
            (text("/x"), text("/h"), Some("/x/keyroll/profile.toml")),
            (None, text("/h"), Some("/h/.config/keyroll/profile.toml")),
            // The XDG specification has relative paths ignored.
            (text("x"), text("/h"), Some("/h/.config/keyroll/profile.toml")),
            (None, None, None),
        ] {
            assert_eq!(path(config, home), expected.map(PathBuf::from));
        }
    }
}
