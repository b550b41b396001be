//! `keyroll database move`: everything from the file of one node into a database that several nodes can share.
//!
//! The node is stopped meanwhile. The copy is one transaction; it counts only once every secret has been opened from it,
//! and then the old database says of itself that it has moved, so that nobody goes on with it by mistake. Broken off at
//! any point, the command is simply given again.

use std::path::Path;
use std::process::ExitCode;

use envelope::{Keyring, kek_file};
use model::access::{Actor, Denied, Need, authorize};
use model::audit::{Event, Origin};
use model::time::Clock;
use serde_json::json;
use store::{Copied, DatabaseUrl, Position, Store, StoreError};

use crate::ambient::{SystemClock, SystemEntropy};
use crate::bootstrap::MOVED_TO;
use crate::cli::{MoveArgs, Out};
use crate::config::{self, Flags, Mistakes, Variables};
use crate::logging::chain;
use crate::process::{DataDir, DataDirError};

/// Under which name the target keeps where it came from.
const MOVED_FROM: &str = "moved_from";

/// How many secrets are opened at a time.
const PAGE: usize = 500;

/// Why a database was not moved. None of the sources holds a value.
#[derive(Debug, thiserror::Error)]
enum MoveError {
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    #[error("the target is not a database URL")]
    Url(#[source] StoreError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("the database to move from is not a file: set database.url to it, or leave it out")]
    NotAFile,
    #[error("there is no database at {0}")]
    NoSource(String),
    #[error("the target has to be a server: give postgres://USER:PASSWORD@HOST/NAME")]
    NotAServer,
    #[error("the target is not empty: give a new database, or empty this one")]
    NotEmpty,
    #[error("this database was moved already, to {0}")]
    Moved(String),
    #[error(transparent)]
    Kek(#[from] kek_file::LoadError),
    #[error("the database to move from")]
    Source(#[source] StoreError),
    #[error("the database to move to")]
    Target(#[source] StoreError),
    #[error("{count} secrets do not open with the KEK file, the first of them {name}: nothing was moved for good")]
    Unopened { count: usize, name: String },
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("nothing was changed")]
    Declined,
    #[error("the file with the target's URL")]
    UrlFile(#[source] std::io::Error),
}

/// Moves, and says what to do next.
pub(crate) async fn run(args: MoveArgs, variables: &Variables, out: &mut Out) -> ExitCode {
    match relocate(args, variables, out).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.say(&format!("error: {}", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

async fn relocate(args: MoveArgs, variables: &Variables, out: &mut Out) -> Result<(), MoveError> {
    let flags: Flags = args.config.into();
    let loaded = config::load(&flags, variables)?;
    let to: DatabaseUrl = target(args.to.as_deref(), args.to_file.as_deref())?;
    if !to.is_shared() {
        return Err(MoveError::NotAServer);
    }
    let from = match loaded.config.database.url {
        None => DatabaseUrl::SqliteFile(loaded.data_dir.join("keyroll.db")),
        Some(config::DatabaseUrl(url)) => url,
    };
    match &from {
        DatabaseUrl::SqliteFile(path) if !path.exists() => return Err(MoveError::NoSource(from.to_string())),
        DatabaseUrl::SqliteFile(_) => {}
        DatabaseUrl::SqliteMemory | DatabaseUrl::Postgres(_) => return Err(MoveError::NotAFile),
    }
    // Whoever serves from it holds the lock: nothing is written while it is copied.
    let data = DataDir::open(&loaded.data_dir)?;
    let kek = loaded.config.keys.kek_file.unwrap_or_else(|| data.file("kek"));
    let keyring = kek_file::load(&kek)?;
    let source = open(&from).await.map_err(MoveError::Source)?;
    if let Some(there) = moved_to(&source).await? {
        return Err(MoveError::Moved(there));
    }
    if args.dry_run {
        let unopened = unopened(&source, &keyring).await.map_err(MoveError::Source)?;
        out.say(&format!("{from} can be read; {} secrets of it do not open", unopened.len()));
        return Ok(());
    }
    let question = format!("Move everything from {from} to {to}? The old database is not used any more after that.");
    if !args.yes && !out.agrees(&question) {
        return Err(MoveError::Declined);
    }
    let target = open(&to).await.map_err(MoveError::Target)?;
    let position = source.read().await.map_err(MoveError::Source)?.position().clone();
    let mark = name(&position);
    if came_from(&target).await.map_err(MoveError::Target)?.as_deref() == Some(mark.as_bytes()) {
        out.say("the copy is there already; what was left is done now");
    } else {
        copy(&source, &target, &mark, &keyring, out).await?;
    }
    prove(&target, &position, &keyring).await?;
    out.say("every secret opens from the copy");
    retire(&source, &to).await?;
    out.say(&format!("moved to {to}; start every node with this database and with this KEK file: {}", kek.display()));
    out.say("the old database is left as it was, and refuses to be served from; delete it when nothing is missing");
    Ok(())
}

/// From an argument or, where it has a password, from a file.
fn target(to: Option<&str>, file: Option<&Path>) -> Result<DatabaseUrl, MoveError> {
    let text = match (to, file) {
        (Some(to), _) => to.to_owned(),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(MoveError::UrlFile)?,
        (None, None) => String::new(),
    };
    text.trim().parse().map_err(MoveError::Url)
}

async fn open(url: &DatabaseUrl) -> Result<Store, StoreError> {
    let incarnation = model::id::new("inc", SystemClock.now(), &SystemEntropy);
    Store::open(url, SystemClock.now(), incarnation).await
}

async fn moved_to(source: &Store) -> Result<Option<String>, MoveError> {
    let read = source.read().await.map_err(MoveError::Source)?;
    let found = read.meta(MOVED_TO).await.map_err(MoveError::Source)?;
    Ok(found.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

async fn came_from(target: &Store) -> Result<Option<Vec<u8>>, StoreError> {
    target.read().await?.meta(MOVED_FROM).await
}

/// The name of a state of a database.
fn name(position: &Position) -> String {
    format!("{}@{}", position.incarnation, position.revision)
}

async fn copy(source: &Store, target: &Store, mark: &str, keyring: &Keyring, out: &mut Out) -> Result<(), MoveError> {
    // Asked before anything is written: what cannot be opened here could not be told from damage on the way.
    all_open(unopened(source, keyring).await.map_err(MoveError::Source)?)?;
    let size = |number: i64| u64::try_from(number).unwrap_or(0);
    let told = |copied: &Copied| out.progress(size(copied.done), size(copied.total), copied.table);
    let copied = store::copy(source, target, (MOVED_FROM, mark.as_bytes()), told).await;
    let copied = copied.map_err(|error| match error {
        StoreError::NotEmpty => MoveError::NotEmpty,
        other => MoveError::Target(other),
    })?;
    let rows: i64 = copied.iter().map(|table| table.total).sum();
    out.say(&format!("{rows} rows of {} tables are there, counted again", copied.len()));
    Ok(())
}

/// Opens everything from the copy, and notes there that it was moved.
async fn prove(target: &Store, position: &Position, keyring: &Keyring) -> Result<(), MoveError> {
    all_open(unopened(target, keyring).await.map_err(MoveError::Target)?)?;
    let permit = authorize(&Actor::system("database-move"), [Need::Administer])?;
    let tx = target.begin(&permit).await.map_err(MoveError::Target)?;
    if tx.position().revision != position.revision {
        // This was noted before the command was broken off.
        return Ok(());
    }
    let event = Event::done(&permit, &Origin::local(), SystemClock.now(), "database.move", "system".to_owned());
    let event = event.after(json!({"from": name(position)}));
    tx.commit(event).await.map(drop).map_err(MoveError::Target)
}

fn all_open(unopened: Vec<String>) -> Result<(), MoveError> {
    let count = unopened.len();
    unopened.into_iter().next().map_or(Ok(()), |name| Err(MoveError::Unopened { count, name }))
}

/// The names of the active secrets that do not open.
async fn unopened(store: &Store, keyring: &Keyring) -> Result<Vec<String>, StoreError> {
    let read = store.read().await?;
    let (mut after, mut found) = (String::new(), Vec::new());
    loop {
        let page = read.sealed_secrets(&after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        last.clone_into(&mut after);
        let opens = |row: &store::SealedSecret| {
            let sealed = envelope::Sealed {
                format: row.sealed.format,
                ciphertext: row.sealed.ciphertext.clone(),
                dek_id: row.sealed.dek_id.clone(),
                wrapped_dek: row.sealed.wrapped_dek.clone(),
                kek_id: row.sealed.kek_id.clone(),
            };
            envelope::open(keyring, &sealed, &(&row.secret).into()).is_ok()
        };
        found.extend(page.into_iter().filter(|(_, row)| !row.as_ref().is_some_and(opens)).map(|(name, _)| name));
    }
}

/// Notes in the old database that it has moved.
async fn retire(source: &Store, to: &DatabaseUrl) -> Result<(), MoveError> {
    let permit = authorize(&Actor::system("database-move"), [Need::Administer])?;
    let mut tx = source.begin(&permit).await.map_err(MoveError::Source)?;
    // Shown without its password.
    tx.set_meta(MOVED_TO, to.to_string().as_bytes()).await.map_err(MoveError::Source)?;
    let event = Event::done(&permit, &Origin::local(), SystemClock.now(), "database.moved", "system".to_owned());
    let event = event.after(json!({"to": to.to_string()}));
    tx.commit(event).await.map(drop).map_err(MoveError::Source)
}
