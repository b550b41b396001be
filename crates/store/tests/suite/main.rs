//! The store through its front door, and through the back door that every database file has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by a panic, in its helpers, too"
)]

mod common;

/// On SQLite.
#[allow(clippy::duplicate_mod, reason = "one suite for both engines")]
mod sqlite {
    use crate::common::{Db, Engine};

    async fn db() -> Db {
        Db::new(Engine::Sqlite).await
    }

    async fn memory() -> store::Store {
        let url = store::DatabaseUrl::SqliteMemory;
        crate::common::open(&url).await.unwrap()
    }

    #[path = "../audit.rs"]
    mod audit;
    #[path = "../file.rs"]
    mod file;
    #[path = "../guards.rs"]
    mod guards;
    #[path = "../people.rs"]
    mod people;
    #[path = "../publish.rs"]
    mod publish;
    #[path = "../routes.rs"]
    mod routes;
    #[path = "../secrets.rs"]
    mod secrets;
    #[path = "../transactions.rs"]
    mod transactions;
    #[path = "../usage.rs"]
    mod usage;
}

/// The same on PostgreSQL, and what only a server can do.
#[allow(clippy::duplicate_mod, reason = "one suite for both engines")]
mod postgres {
    use crate::common::{Db, Engine};

    async fn db() -> Db {
        Db::new(Engine::Postgres).await
    }

    async fn memory() -> store::Store {
        db().await.store
    }

    #[path = "../audit.rs"]
    mod audit;
    #[path = "../guards.rs"]
    mod guards;
    #[path = "../people.rs"]
    mod people;
    #[path = "../publish.rs"]
    mod publish;
    #[path = "../routes.rs"]
    mod routes;
    #[path = "../secrets.rs"]
    mod secrets;
    #[path = "../server.rs"]
    mod server;
    #[path = "../transactions.rs"]
    mod transactions;
    #[path = "../usage.rs"]
    mod usage;
}
