//! The data directory: made private, and locked so that one process serves from it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// It cannot be made or written to.
    #[error("the data directory {path} cannot be used")]
    Unusable {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("the data directory {path} is in use by {holder}: stop that process, or choose another --data-dir")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other process, as far as it is known.
        holder: String,
    },
}

/// A data directory that belongs to this process for as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held for its lock, which the kernel takes back when the last process that holds it ends, however it ends. None
    /// while another process has the directory, from which this one takes over.
    lock: Option<File>,
}

impl DataDir {
    /// Makes the directory where it is missing (mode 0700, the missing ones above it too) and locks it.
    ///
    /// # Errors
    /// [`DataDirError`]; a directory in use is left as it was.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Unusable { path, source }
        };
        let run = path.join("run");
        DirBuilder::new().recursive(true).mode(0o700).create(&run).map_err(unusable(path))?;
        let lock = run.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&lock).map_err(unusable(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { path: path.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(&lock)(source)),
        }
        note(&mut file).map_err(unusable(&lock))?;
        let path = path.canonicalize().map_err(unusable(path))?;
        Ok(Self { path, lock: Some(file) })
    }

    /// The directory of a process that still runs. Nothing may be changed in it before [`DataDir::own`].
    ///
    /// # Errors
    /// [`DataDirError::Unusable`].
    pub(crate) fn of_another(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable { path: path.to_owned(), source };
        Ok(Self { path: path.canonicalize().map_err(unusable)?, lock: None })
    }

    /// Makes the directory this process's own, by the lock that was handed over; where none was, it is free.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub(crate) fn own(&mut self, lock: Option<File>) -> Result<(), DataDirError> {
        let Some(mut lock) = lock else {
            *self = Self::open(&self.path)?;
            return Ok(());
        };
        note(&mut lock).map_err(|source| DataDirError::Unusable { path: self.path.clone(), source })?;
        self.lock = Some(lock);
        Ok(())
    }

    /// The lock, to be handed over; it is held until the last copy is closed.
    pub(crate) fn lock(&self) -> io::Result<File> {
        self.lock.as_ref().ok_or(io::ErrorKind::NotFound)?.try_clone()
    }

    /// The directory, as an absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether other users may look into it, as when it was made by hand.
    pub(crate) fn is_open_to_others(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }
}

/// Writes into the lock's file who holds it.
fn note(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_has_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("some/where");
        let first = DataDir::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
        assert!(!first.is_open_to_others());

        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
        drop(first);
        // A process that another test starts holds a copy of the lock between its fork and its exec.
        let again = std::iter::repeat_with(|| DataDir::open(&path).ok()).take(1_000).find_map(|opened| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            opened
        });
        let again = again.unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(again.is_open_to_others());
    }

    #[test]
    fn a_place_that_cannot_be_a_directory_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains("/file cannot be used"), "{error}");
    }
}
