//! How a SQLite database is found, made, protected and set up.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::translate;
use crate::backend::DatabaseUrl;
use crate::error::StoreError;

/// How many prepared statements a connection keeps; more than there are queries in this crate.
const STATEMENTS: usize = 128;

/// The directory of a throw-away database; its name is gone when this is, its files when they are closed.
pub(super) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody can be told, and nothing of worth is left behind.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Finds the file, and makes it and its directory, readable by their owner alone, where they are missing.
pub(super) fn place(url: &DatabaseUrl) -> Result<(PathBuf, Option<Scratch>), StoreError> {
    let (path, scratch) = match url {
        DatabaseUrl::SqliteFile(path) => (path.clone(), None),
        DatabaseUrl::SqliteMemory => {
            let directory = scratch_directory();
            (directory.join("keyroll.db"), Some(Scratch(directory)))
        }
        DatabaseUrl::Postgres(_) => return Err(StoreError::Url("does not name a file")),
    };
    make(&path).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem => StoreError::Full,
        _ => StoreError::away(format!("{}: {error}", path.display())),
    })?;
    Ok((path, scratch))
}

/// A directory in memory where the system has one. SQLite's own `:memory:` has neither a write-ahead log nor readers
/// beside the writer, so a test on it would not show what a file does.
fn scratch_directory() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    base.join(format!("keyroll-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    // SQLite gives the write-ahead log and its index the mode of the database file.
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

pub(super) fn open_writer(path: &Path, scratch: bool) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(translate)?;
    if mode != "wal" {
        return Err(StoreError::away("the file system of the database does not support a write-ahead log"));
    }
    // FULL, since with NORMAL a loss of power may lose the last commits, and the audit must not.
    set(&connection, "synchronous", if scratch { "OFF" } else { "FULL" })?;
    set(&connection, "foreign_keys", "ON")?;
    set(&connection, "recursive_triggers", "ON")?;
    set(&connection, "secure_delete", "ON")?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).map_err(translate)?;
    Ok(connection)
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    set(&connection, "query_only", "ON")?;
    // The first read opens the write-ahead log and its index; see [`Scratch`].
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).map_err(translate)?;
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(translate)?;
    set_busy_timeout(&connection).map_err(translate)?;
    set(&connection, "trusted_schema", "OFF")?;
    set(&connection, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// How long a statement waits for another process, such as a backup.
pub(super) fn set_busy_timeout(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))
}

fn set(connection: &Connection, pragma: &str, value: &str) -> Result<(), StoreError> {
    connection.pragma_update(None, pragma, value).map_err(translate)
}
