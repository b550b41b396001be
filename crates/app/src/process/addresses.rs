//! The addresses in use, written down for those who started the process with port 0.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use super::DataDir;

/// `DATA/run/addresses.json`, removed when the value is dropped: what is written there can be connected to.
#[derive(Debug)]
pub(crate) struct Addresses {
    path: PathBuf,
}

impl Addresses {
    /// Writes the base URLs of the listeners in one step, so that nobody reads half of them. Called once they listen.
    /// The gateway's is `null` where the role has none.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn write(data: &DataDir, gateway: Option<&str>, admin: &str) -> io::Result<Self> {
        let path = data.file("run/addresses.json");
        let draft = data.file("run/addresses.json.new");
        let mut file = File::create(&draft)?;
        let text = serde_json::json!({"gateway": gateway, "admin": admin});
        writeln!(file, "{text}")?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)?;
        Ok(Self { path })
    }
}

impl Addresses {
    /// Leaves the file to the process that has taken over, and that listens there.
    pub(crate) fn leave(self) {
        std::mem::forget(self);
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // Where this fails the next start replaces the file.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_there_while_they_hold() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        let path = data.file("run/addresses.json");
        std::fs::write(&path, "left behind by a crash").unwrap();
        let written = Addresses::write(&data, Some("http://127.0.0.1:1"), "https://[::1]:2").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"admin\":\"https://[::1]:2\",\"gateway\":\"http://127.0.0.1:1\"}\n");
        drop(written);
        assert!(!path.exists());
    }
}
