//! The suite on SQLite, and what only a file can do.

#[path = "../audit.rs"]
mod audit;
mod file;
#[path = "../guards.rs"]
mod guards;
#[path = "../nodes.rs"]
mod nodes;
#[path = "../people.rs"]
mod people;
#[path = "../publish.rs"]
mod publish;
#[path = "../rotations.rs"]
mod rotations;
#[path = "../routes.rs"]
mod routes;
#[path = "../seals.rs"]
mod seals;
#[path = "../secrets.rs"]
mod secrets;
#[path = "../transactions.rs"]
mod transactions;
#[path = "../usage.rs"]
mod usage;

use crate::common::{Db, Engine};

async fn db() -> Db {
    Db::new(Engine::Sqlite).await
}

async fn memory() -> store::Store {
    let url = store::DatabaseUrl::SqliteMemory;
    crate::common::open(&url).await.unwrap()
}
