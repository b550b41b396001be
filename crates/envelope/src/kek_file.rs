//! The KEK file on disk: made once, whole and flushed, readable by its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use model::time::{Entropy, Timestamp};
use zeroize::Zeroizing;

use crate::encoding::hex;
use crate::kek_text::{KekTextError, generate};
use crate::keyring::Keyring;

pub use crate::kek_add::{AddError, add};

/// Why a KEK file was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read; `source` says whether it exists.
    #[error("cannot read the KEK file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner may use the file.
    #[error("the KEK file {} has mode {mode:04o}, so that others than its owner may use it: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not that of a KEK file.
    #[error("the KEK file {} is not in order", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// The line and the rule.
        source: KekTextError,
    },
}

/// Why a KEK file was not made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the KEK file {}", path.display())]
pub struct CreateError {
    /// The file.
    pub path: PathBuf,
    /// What the system said; `AlreadyExists` where there is one.
    pub source: io::Error,
}

/// Reads the KEK file at `path`.
///
/// # Errors
///
/// The file cannot be read, gives any permission to group or others (one of root's may give its group the permission
/// to read, where this process is not root's), or is not a KEK file.
pub fn load(path: &Path) -> Result<Keyring, LoadError> {
    text_of(path).map(|(_, keyring)| keyring)
}

/// The text of a KEK file that is in order, and its keys.
pub(crate) fn text_of(path: &Path) -> Result<(Zeroizing<String>, Keyring), LoadError> {
    let text = read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let text = text.map_err(|mode| LoadError::Exposed { path: path.to_owned(), mode })?;
    let keyring = Keyring::parse(&text).map_err(|source| LoadError::Text { path: path.to_owned(), source })?;
    Ok((text, keyring))
}

/// The text, or the mode where that is too open. The mode is asked of the open file, not of its path, so that
/// nobody can change the file between the look and the reading.
fn read(path: &Path) -> io::Result<Result<Zeroizing<String>, u32>> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode() & 0o7777;
    if is_exposed(mode, metadata.uid(), rustix::process::geteuid().as_raw()) {
        return Ok(Err(mode));
    }
    // Room for all of it, and to see the end, from the start: a string that grows would leave keys behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 64));
    file.read_to_string(&mut text)?;
    Ok(Ok(text))
}

/// Whether others than root and `reader` may use a file of this mode and owner.
///
/// A file of root's that another user reads is given to that user by its group, or by an access control list, which
/// shows itself as the group's permissions: service managers and orchestrators hand over credentials in this way.
fn is_exposed(mode: u32, owner: u32, reader: u32) -> bool {
    let given = owner == 0 && reader != 0;
    mode & if given { 0o037 } else { 0o077 } != 0
}

/// Makes a KEK file with one new key at `path`, mode 0600, which must not exist. Only for a database that holds no
/// sealed secret yet: a new key opens none of the old ones.
///
/// When this returns, the file is on disk for good: the first secret sealed with a key that a power cut takes away
/// would be lost. It is written aside and linked into place, so that a crash leaves the whole file or none.
///
/// # Errors
///
/// The file exists, its directory does not, or the system refuses.
pub fn create(path: &Path, entropy: &dyn Entropy, now: Timestamp) -> Result<(), CreateError> {
    let text = generate(entropy, now);
    let mut tag = [0; 8];
    entropy.fill(&mut tag);
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.new", hex(&tag)));
    place(path, Path::new(&aside), &text).map_err(|source| CreateError { path: path.to_owned(), source })
}

fn place(path: &Path, aside: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)?;
    let placed = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        // Unlike a rename, a link never replaces a file that is there: two first starts cannot lose a key.
        .and_then(|()| fs::hard_link(aside, path));
    let tidied = fs::remove_file(aside);
    placed.and(tidied)?;
    sync_directory(path)
}

/// Puts what was done to the name `path` on disk for good.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_hands_over_may_be_read_by_its_group() {
        let (root, node, other) = (0, 990, 1000);
        for (mode, owner, reader, exposed) in [
            (0o600, node, node, false),
            (0o400, node, node, false),
            (0o640, node, node, true),
            (0o604, node, node, true),
            (0o440, root, node, false),
            (0o640, root, node, false),
            (0o660, root, node, true),
            (0o444, root, node, true),
            (0o600, root, root, false),
            (0o440, root, root, true),
            (0o440, other, node, true),
        ] {
            assert_eq!(is_exposed(mode, owner, reader), exposed, "{mode:o} of {owner} read by {reader}");
        }
    }
}
