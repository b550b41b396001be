//! A real PostgreSQL: a private cluster of Debian's binaries, or the one that a test run shares.

mod access;
mod database;
mod server;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use access::Access;
pub use database::Database;
use server::Server;

/// Names the cluster of the test run: what [`Postgres::invitation`] wrote in the process that
/// holds it.
pub const SHARED: &str = "KEYROLL_TEST_POSTGRES";

/// How long a server may take to start, on a machine that is busy with a build.
const START: Duration = Duration::from_secs(60);

/// A PostgreSQL cluster.
///
/// Its texts are sorted by the rules of English (`a < B < c`), not by bytes, as on most servers
/// that our users have: whoever needs the order of bytes must ask for it.
///
/// One that was started here ends with its value, and with the test process when that is killed.
#[derive(Debug)]
pub struct Postgres {
    access: Access,
    /// Absent for the cluster of the test run, which no single test may stop.
    server: Option<Server>,
}

impl Postgres {
    /// Starts a cluster of one's own, which forgets its data when the machine loses power.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start; the message says what to do.
    pub fn start() -> Self {
        Self::launch(false)
    }

    /// As [`Postgres::start`], but flushes to disk what it acknowledges, as a real one does.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub fn durable() -> Self {
        Self::launch(true)
    }

    /// The cluster of the test run, which [`SHARED`] names, or where nothing is named the one of
    /// this process. It is for tests that are content with a database of their own.
    ///
    /// # Panics
    /// As [`Postgres::start`], and when the variable holds something else.
    pub fn shared() -> Self {
        static OWN: OnceLock<Postgres> = OnceLock::new();
        let access = match std::env::var(SHARED) {
            Ok(text) => Access::parse(&text),
            Err(_) => OWN.get_or_init(Self::start).access.clone(),
        };
        Self { access, server: None }
    }

    /// What another process needs to use this cluster, as a value for [`SHARED`].
    pub fn invitation(&self) -> String {
        self.access.invitation()
    }

    /// `postgres://keyroll:PASSWORD@127.0.0.1:PORT/DATABASE?sslmode=disable`: as role `keyroll`,
    /// which may sign in and nothing else.
    pub fn url(&self, database: &str) -> String {
        self.access.url(database)
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// A new empty database, owned by role `keyroll`.
    ///
    /// # Panics
    /// When the server does not make it.
    #[track_caller]
    pub fn create_database(&self) -> Database {
        Database::create(&self.access, self.server.is_none())
    }

    /// Runs these statements as the superuser and returns what `psql -qAtX` writes, without the
    /// last line break. Each statement is a transaction of its own unless it says otherwise.
    ///
    /// # Errors
    /// What psql wrote to standard error; the statements after the failed one did not run.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.access.psql(database, sql)
    }

    /// Ends the sessions whose `application_name` is like this pattern (`%` for all but psql's
    /// own), waits until they are gone and returns how many they were.
    ///
    /// # Panics
    /// When the server does not answer.
    #[track_caller]
    pub fn kill_backends(&self, pattern: &str) -> usize {
        let pattern = pattern.replace('\'', "''");
        // Chosen first, ended after: the planner may ask for the end before it looks at the name.
        // The server's own workers have no application name, and are not clients.
        let ended = self.access.ask(&format!(
            "with chosen as materialized (select pid from pg_stat_activity \
             where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name like '{pattern}') \
             select count(*) from chosen where pg_terminate_backend(pid, 10000)"
        ));
        ended.parse().expect("a count")
    }

    /// Stops the server at once, without a checkpoint and a word of farewell to its clients, as
    /// `pg_ctl stop -m immediate` does; the next start recovers from its log.
    ///
    /// # Panics
    /// When it does not end, or is the shared one.
    #[track_caller]
    pub fn stop_immediate(&self) {
        self.own().stop_immediate();
    }

    /// Starts the stopped server again, on the same port and data.
    ///
    /// # Panics
    /// When it does not start, or is the shared one.
    #[track_caller]
    pub fn start_again(&self) {
        self.own().run(self.access.port).expect("the port is still free");
        self.wait_until_it_answers();
    }

    /// Halts all processes of the server: the kernel still accepts connections, nothing answers.
    ///
    /// # Panics
    /// When it does not run, or is the shared one.
    #[track_caller]
    pub fn pause(&self) {
        self.own().pause();
    }

    /// Lets a paused server go on.
    ///
    /// # Panics
    /// When it does not run, or is the shared one.
    #[track_caller]
    pub fn resume(&self) {
        self.own().resume();
    }

    /// The server's log so far, and its data directory: for a leak watch.
    ///
    /// # Panics
    /// When the cluster is the shared one.
    #[track_caller]
    pub fn files(&self) -> [std::path::PathBuf; 2] {
        self.own().files()
    }

    fn launch(durable: bool) -> Self {
        let (server, access) = Server::create(durable);
        let mut postgres = Self { access, server: Some(server) };
        // Another process may take the free port before the server does: then with another port.
        for _ in 0..5 {
            postgres.access.port = crate::port::free();
            if postgres.own().run(postgres.access.port).is_ok() {
                postgres.wait_until_it_answers();
                let role = format!("create role keyroll login password '{}'", postgres.access.password);
                postgres.access.ask(&role);
                return postgres;
            }
        }
        panic!("PostgreSQL finds no free port");
    }

    #[track_caller]
    fn own(&self) -> &Server {
        self.server.as_ref().expect("the shared cluster stays as it is: a test that disturbs it starts its own")
    }

    #[track_caller]
    fn wait_until_it_answers(&self) {
        let until = Instant::now() + START;
        while let Err(said) = self.psql("postgres", "select 1") {
            assert!(Instant::now() < until, "PostgreSQL does not answer: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
