//! The suite on PostgreSQL, and what only a server can do.

#[path = "../audit.rs"]
mod audit;
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
mod server;
#[path = "../transactions.rs"]
mod transactions;
#[path = "../usage.rs"]
mod usage;

use crate::common::{Db, Engine};

async fn db() -> Db {
    Db::new(Engine::Postgres).await
}

async fn memory() -> store::Store {
    db().await.into_store()
}
