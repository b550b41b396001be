//! A new key in a KEK file that is in use: the file is replaced whole, and no key that was in it is ever lost.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use model::time::{Entropy, Timestamp};

use crate::kek_file::{LoadError, sync_directory, text_of};
use crate::kek_text::{self, Place, generate};
use crate::keyring::{KekId, Keyring};

/// Why no key was added. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The file cannot be used as it is.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Somebody else is adding a key, or was interrupted while doing so.
    #[error(
        "{} is there: another process is adding a key, or was interrupted; if none is running, remove it and try again",
        path.display()
    )]
    Busy {
        /// The file that the new text is written to.
        path: PathBuf,
    },
    /// The new file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Adds one new key to the KEK file at `path`; the answer is its id. A process that runs goes on with the keys that it
/// read at its start.
///
/// The new text is written aside, flushed and renamed into place, with the owner and the mode of the file that it
/// replaces: a crash leaves the file before or the file after, and whoever could read the one can read the other.
///
/// # Errors
/// [`AddError`].
pub fn add(path: &Path, place: Place, entropy: &dyn Entropy, now: Timestamp) -> Result<KekId, AddError> {
    // A link is followed first: renaming would put a file in the link's place, and leave the real one as it was.
    let path = fs::canonicalize(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let mut aside = path.clone().into_os_string();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    let broken = |source| AddError::Write { path: aside.clone(), source };
    // It stands for a lock, too: of two that add a key at once, one would lose the other's.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside);
    let mut file = file.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => AddError::Busy { path: aside.clone() },
        _ => broken(source),
    })?;
    let added = text_of(&path).map_err(AddError::from).and_then(|(text, before)| {
        let fresh = generate(entropy, now);
        let text = kek_text::add(&text, &fresh, place);
        let id = only_new(&before, &text).map_err(broken)?;
        let owner = fs::metadata(&path).map_err(broken)?;
        let mine = file.metadata().map_err(broken)?;
        if (owner.uid(), owner.gid()) != (mine.uid(), mine.gid()) {
            fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(broken)?;
        }
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.and_then(|()| fs::rename(&aside, &path)).map_err(broken)?;
        Ok(id)
    });
    if added.is_err() {
        // Nobody needs it, and it may hold keys.
        let _ = fs::remove_file(&aside);
    }
    let id = added?;
    sync_directory(&path).map_err(|source| AddError::Write { path, source })?;
    Ok(id)
}

/// The id of the key that `text` has and `before` has not, if `text` has all the others, too: what is about to replace a
/// KEK file is read once more.
fn only_new(before: &Keyring, text: &str) -> io::Result<KekId> {
    let after = Keyring::parse(text).map_err(io::Error::other)?;
    let kept = before.ids().all(|id| after.ids().any(|other| other == id));
    let mut new = after.ids().filter(|id| before.ids().all(|other| other != *id));
    match (kept, new.next(), new.next()) {
        (true, Some(id), None) => Ok(id.clone()),
        _ => Err(io::Error::other("the new file would not hold the old keys and one more")),
    }
}
