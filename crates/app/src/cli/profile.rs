//! What `keyroll login` stores: servers and a token for each, readable by their owner alone.

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

/// All servers that somebody has signed in to, the latest sign-in first.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Profiles(Vec<Profile>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    server: Vec<Stored>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    addr: String,
    token: String,
    cacert: Option<PathBuf>,
}

impl Profiles {
    /// The profile of the server at `address`; without one that of the latest sign-in.
    pub(super) fn find(mut self, address: Option<&str>) -> Option<Profile> {
        let at = self.0.iter().position(|profile| address.is_none_or(|address| profile.is_for(address)))?;
        Some(self.0.swap_remove(at))
    }

    /// The same with this one first, in place of an earlier one for the same server.
    pub(super) fn with(self, profile: Profile) -> Self {
        let others = self.0.into_iter().filter(|other| !other.is_for(&profile.address));
        Self(std::iter::once(profile.clone()).chain(others).collect())
    }

    /// The same without the server at `address`.
    pub(super) fn without(self, address: &str) -> Self {
        Self(self.0.into_iter().filter(|other| !other.is_for(address)).collect())
    }
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

/// The stored profiles; none where nobody has signed in.
pub(super) fn load(path: Option<&Path>, out: &mut Out) -> Result<Profiles, Fault> {
    let Some(path) = path else { return Ok(Profiles::default()) };
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Profiles::default()),
        Err(source) => return Err(Fault::File { path: path.to_owned(), source }),
    };
    let mode = fs::metadata(path).map(|meta| meta.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        out.say(&format!("warning: others can read {}; protect it with chmod 600", path.display()));
    }
    // The parser's own message would quote the line, token and all.
    let stored: File = toml::from_str(&text)
        .map_err(|_| Fault::Usage(format!("{} is damaged; remove it and sign in again", path.display())))?;
    let profile = |Stored { addr, token, cacert }| Profile { address: addr, token: Zeroizing::new(token), cacert };
    Ok(Profiles(stored.server.into_iter().map(profile).collect()))
}

/// Stores the profiles: directory 0700, file 0600, whole or not at all.
pub(super) fn store(path: &Path, profiles: &Profiles) -> Result<(), Fault> {
    let fault = |source| Fault::File { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
    }
    // Room for all of it: a string that grows would leave tokens behind.
    let mut text = Zeroizing::new(String::with_capacity(16 << 10));
    for profile in &profiles.0 {
        text.push_str("[[server]]\n");
        line(&mut text, "addr", &profile.address)?;
        line(&mut text, "token", &profile.token)?;
        if let Some(cacert) = &profile.cacert {
            line(&mut text, "cacert", &cacert.to_string_lossy())?;
        }
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
        assert!(load(Some(&path), &mut out()).unwrap() == Profiles::default());
        let profile = |address: &str, token: &str| Profile {
            address: address.to_owned(),
            token: Zeroizing::new(token.to_owned()),
            cacert: Some(PathBuf::from("/etc/ca \"1\".pem")),
        };
        let first = profile("https://keys.example", "krt_\"x\\");
        let second = Profile { cacert: None, ..profile("https://other.example", "krt_2") };
        let both = Profiles::default().with(first.clone()).with(second.clone());
        store(&path, &both).unwrap();
        let found = || load(Some(&path), &mut out()).unwrap();
        assert!(found().find(None) == Some(second.clone()), "the latest sign-in");
        assert!(found().find(Some("https://keys.example/")) == Some(first.clone()));
        assert!(found().find(Some("https://nowhere.example")).is_none());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        store(&path, &found().with(profile("https://keys.example", "krt_3"))).unwrap();
        assert!(found().find(None) == Some(profile("https://keys.example", "krt_3")));
        store(&path, &found().without("https://keys.example")).unwrap();
        assert!(found() == Profiles(vec![second]));
    }

    #[test]
    fn a_damaged_profile_is_told_without_its_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profile.toml");
        fs::write(&path, "[[server]]\naddr = \"http://a\"\ntoken = krt_planted\n").unwrap();
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
