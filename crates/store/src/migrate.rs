//! Migrations: forward only, checksummed, and each says which binaries may run beside it.

use aws_lc_rs::digest::{Context, SHA256};
use model::time::Timestamp;

use crate::backend::{Conversation, Guards, args};
use crate::error::StoreError;

struct Migration {
    number: i64,
    name: &'static str,
    /// The oldest binary that may run on a database that has this migration.
    min_binary: &'static str,
    tables: &'static str,
    guards: Guards,
}

/// All migrations, in order. One that was released is never edited: its checksum is in every database.
const MIGRATIONS: [Migration; 6] = [
    Migration {
        number: 1,
        name: "first",
        min_binary: "0.1.0",
        tables: include_str!("../migrations/0001_first.sql"),
        guards: Guards {
            sqlite: include_str!("../migrations/0001_guards.sqlite.sql"),
            postgres: include_str!("../migrations/0001_guards.postgres.sql"),
        },
    },
    Migration {
        number: 2,
        name: "nodes",
        min_binary: "0.1.0",
        tables: include_str!("../migrations/0002_nodes.sql"),
        guards: Guards::NONE,
    },
    Migration {
        number: 3,
        name: "seals",
        min_binary: "0.1.0",
        tables: include_str!("../migrations/0003_seals.sql"),
        guards: Guards::NONE,
    },
    // A binary that does not know the column takes a client that has it for tampered with, and does not serve it.
    Migration {
        number: 4,
        name: "signing",
        min_binary: "0.1.0",
        tables: include_str!("../migrations/0004_signing.sql"),
        guards: Guards::NONE,
    },
    Migration {
        number: 5,
        name: "rotations",
        min_binary: "0.1.0",
        tables: include_str!("../migrations/0005_rotations.sql"),
        guards: Guards {
            sqlite: include_str!("../migrations/0005_guards.sqlite.sql"),
            postgres: include_str!("../migrations/0005_guards.postgres.sql"),
        },
    },
    Migration {
        number: 6,
        name: "schedule",
        min_binary: "0.1.0",
        tables: include_str!("../migrations/0006_schedule.sql"),
        guards: Guards::NONE,
    },
];

/// Why a database and this binary do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// A migration is not the one that this binary has.
    #[error("migration {number} ({name}) of the database is not the one of this binary: one of the two was altered")]
    Changed {
        /// Its number.
        number: i64,
        /// Its name.
        name: String,
    },
    /// A newer binary changed the database in a way that this one cannot live with.
    #[error("the database needs keyroll {needed} or newer; this is {running}")]
    BinaryTooOld {
        /// The oldest binary that may run.
        needed: String,
        /// This one.
        running: String,
    },
    /// The database would no longer refuse what it must refuse.
    #[error(
        "the guard {guard} was removed from the database or altered; restore a backup, or have it put back and look for what was changed meanwhile"
    )]
    GuardMissing {
        /// The trigger's name.
        guard: String,
    },
    /// One is missing between others.
    #[error("migration {number} is missing from the database though a later one is there")]
    Gap {
        /// Its number.
        number: i64,
    },
}

impl Migration {
    /// Of the text that this engine runs.
    fn checksum(&self, conversation: &Conversation) -> String {
        let mut context = Context::new(&SHA256);
        context.update(self.tables.as_bytes());
        // A byte that no text holds keeps a line from moving between the two unnoticed.
        context.update(&[0]);
        context.update(conversation.guards_text(self.guards).as_bytes());
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Checks what the database has and applies what it lacks, all in the transaction that the caller commits.
///
/// A schema that is newer than this binary is no reason to refuse, so that nodes can be upgraded one by one.
pub(crate) async fn migrate(conversation: &Conversation, now: Timestamp) -> Result<(), StoreError> {
    conversation.lock_schema().await?;
    let table = "CREATE TABLE migrations (number {i64} NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
                 checksum TEXT NOT NULL, min_binary TEXT NOT NULL, applied_at {i64} NOT NULL) {table};";
    if !conversation.has_table("migrations").await? {
        conversation.migrate(table, Guards::NONE).await?;
    }
    let applied = applied(conversation).await?;
    let last = applied.iter().map(|row| row.number).max().unwrap_or(0);
    for row in &applied {
        row.check(conversation)?;
    }
    for migration in &MIGRATIONS {
        if applied.iter().any(|row| row.number == migration.number) {
            continue;
        }
        if migration.number < last {
            return Err(MigrationError::Gap { number: migration.number }.into());
        }
        tracing::info!(number = migration.number, name = migration.name, "applying a migration");
        conversation.migrate(migration.tables, migration.guards).await?;
        // By the key.
        let sql = "INSERT INTO migrations (number, name, checksum, min_binary, applied_at) VALUES ($1, $2, $3, $4, $5)";
        let row = args![migration.number, migration.name, migration.checksum(conversation), migration.min_binary, now];
        conversation.execute(sql, row).await?;
    }
    // A later migration that this binary does not know may have put other guards in their place.
    if applied.iter().all(|row| MIGRATIONS.iter().any(|known| known.number == row.number)) {
        for migration in &MIGRATIONS {
            if let Some(guard) = conversation.lacks(migration.guards).await? {
                return Err(MigrationError::GuardMissing { guard }.into());
            }
        }
    }
    Ok(())
}

struct Applied {
    number: i64,
    name: String,
    checksum: String,
    min_binary: String,
}

impl Applied {
    fn check(&self, conversation: &Conversation) -> Result<(), MigrationError> {
        let running = env!("CARGO_PKG_VERSION");
        match MIGRATIONS.iter().find(|migration| migration.number == self.number) {
            Some(known) if known.checksum(conversation) == self.checksum => Ok(()),
            Some(_) => Err(MigrationError::Changed { number: self.number, name: self.name.clone() }),
            None if version(&self.min_binary) <= version(running) => Ok(()),
            None => Err(MigrationError::BinaryTooOld { needed: self.min_binary.clone(), running: running.to_owned() }),
        }
    }
}

async fn applied(conversation: &Conversation) -> Result<Vec<Applied>, StoreError> {
    // The whole table, in the order of its key.
    let rows = conversation
        .query("SELECT number, name, checksum, min_binary FROM migrations ORDER BY number", args![])
        .await?;
    let read = |row: &crate::backend::Row| {
        Ok(Applied {
            number: row.int("number")?,
            name: row.text("name")?.to_owned(),
            checksum: row.text("checksum")?.to_owned(),
            min_binary: row.text("min_binary")?.to_owned(),
        })
    };
    rows.iter().map(read).collect()
}

/// A version as numbers; what is not a number counts as the highest, so that an unreadable demand is not met.
fn version(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}
