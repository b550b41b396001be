//! The durable truth, opened, compiled and immutable: everything that one request needs, behind one pointer.

mod bind;
mod bound;
mod forms;
mod needles;
mod prepared;
mod trial;
mod wanted;

use std::collections::HashMap;
use std::sync::Arc;

pub use bind::{BindError, Opened, bind, opened, unreadable};
pub use bound::{Bound, BoundHeader, BoundText, CallerCertificate, HeaderFill, Injection, Unusable};
pub use forms::Forms;
pub use needles::{Cursor, Needles};
pub use prepared::Prepared;
pub use trial::{SIGNS, Sign, Trial, TrialCounts, TrialDrained, TrialKey};
pub use wanted::WantedPool;

use crate::client::Client;
use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::signing::SigningKey;

/// What the gateway serves from. Never changed: a newer revision is a newer snapshot.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Which database this was read from; another one after a restore or a fail-over.
    pub incarnation: String,
    /// Up to which commit.
    pub revision: i64,
    /// The routes by name.
    pub routes: HashMap<RouteName, Arc<Route>>,
    /// Which route a host selects; in lower case, without port.
    pub hosts: HashMap<String, RouteName>,
    /// The live keys of clients by their SHA-256; revoked ones are left out.
    pub keys: HashMap<[u8; 32], Arc<Caller>>,
    /// The secrets that a route names. Whatever began with another one began with one that is in use no longer.
    pub secrets: Arc<HashMap<SecretName, Arc<Opened>>>,
    /// The live keys by which clients sign, by the id of the client's key.
    pub signers: HashMap<String, Arc<Signer>>,
    /// Where a client with several environments is served when it names none.
    pub default_environment: Option<EnvironmentName>,
}

/// One route, in the environments in which it is served.
#[derive(Debug)]
pub struct Route {
    /// Its name.
    pub name: RouteName,
    /// The environments, each with what one request needs there.
    pub environments: HashMap<EnvironmentName, Arc<Bound>>,
    /// The environments in which a rotation has a say in which credential a request gets.
    pub trials: HashMap<EnvironmentName, Arc<Trial>>,
}

/// Whose key a request carries.
#[derive(Debug)]
pub struct Caller {
    /// The client.
    pub client: Arc<Client>,
    /// The key's id, `key_…`.
    pub key_id: String,
}

/// Whose signature a request carries.
#[derive(Debug)]
pub struct Signer {
    /// The client and its key.
    pub caller: Arc<Caller>,
    /// What it signs with.
    pub key: SigningKey,
}
