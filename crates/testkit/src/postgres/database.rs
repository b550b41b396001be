//! A database of a test's own in a cluster that many tests share.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::access::{Access, random};

/// A database, empty at first; one in the cluster of the test run is dropped with this value.
#[derive(Debug)]
pub struct Database {
    access: Access,
    name: String,
    shared: bool,
}

impl Database {
    /// The name, made of lower-case letters, digits and `_`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// See [`super::Postgres::url`].
    pub fn url(&self) -> String {
        self.access.url(&self.name)
    }

    /// The same by way of another port, such as that of a [`crate::FaultProxy`] before the cluster.
    pub fn url_by(&self, port: u16) -> String {
        Access { port, ..self.access.clone() }.url(&self.name)
    }

    /// As [`super::Postgres::psql`], in this database.
    ///
    /// # Errors
    /// As [`super::Postgres::psql`].
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        self.access.psql(&self.name, sql)
    }

    /// Writes the whole database to a file, for [`Database::restore`].
    ///
    /// # Panics
    /// When `pg_dump` does not manage.
    #[track_caller]
    pub fn dump(&self, file: &Path) {
        self.access.run("pg_dump", &self.name, &["--format=custom", "--compress=1"], file);
    }

    /// Fills this empty database from such a file, and gathers the planner's statistics, as the
    /// server's own workers do where they are on.
    ///
    /// # Panics
    /// When `pg_restore` does not manage.
    #[track_caller]
    pub fn restore(&self, file: &Path) {
        self.access.run("pg_restore", &self.name, &["--exit-on-error"], file);
        self.psql("vacuum analyze").unwrap_or_else(|said| panic!("PostgreSQL refuses: {said}"));
    }

    #[track_caller]
    pub(super) fn create(access: &Access, shared: bool) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{count}_{}", std::process::id(), random(4));
        // Nobody can be connected to template0, as somebody may be to template1; the server's own
        // workers still can be, for a moment.
        let sql = format!("create database {name} owner keyroll template template0");
        for _ in 0..50 {
            match access.psql("postgres", &sql) {
                Ok(_) => return Self { access: access.clone(), name, shared },
                Err(said) if said.contains("being accessed by other users") => {
                    thread::sleep(Duration::from_millis(100));
                }
                Err(said) => panic!("no database: {said}"),
            }
        }
        panic!("no database: template0 is in use all the time");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // In a cluster of the test's own it goes with its cluster, which may be paused by now.
        if self.shared {
            let _ = self.access.psql("postgres", &format!("drop database if exists {} with (force)", self.name));
        }
    }
}
