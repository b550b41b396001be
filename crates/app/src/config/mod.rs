//! Configuration: one struct per concern, read from flags, environment, file and defaults, in this order of precedence.
//!
//! The structs below are the only definition: names, descriptions and defaults of the reference, the JSON Schema
//! and the names of the environment variables are derived from them.

mod check;
pub(crate) mod command;
mod difference;
mod example;
mod keys;
mod layers;
mod load;
mod origin;
mod show;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use model::node::NodeRole;
use model::time::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use difference::difference;
pub(crate) use example::example;
pub(crate) use layers::{Flags, Variables};
pub(crate) use load::{Loaded, load};
pub(crate) use origin::{Mistake, Mistakes};
use show::{document, show};
pub(crate) use show::{reference, schema};
pub(crate) use values::{DatabaseUrl, Network, Pair, Window};

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The listener that applications call.
    pub(crate) gateway: Gateway,
    /// The listener of the admin API.
    pub(crate) admin: Admin,
    /// Where the state is kept.
    pub(crate) database: Database,
    /// Who this process is among those that share a database.
    pub(crate) node: Node,
    /// What the secrets are sealed with.
    pub(crate) keys: Keys,
    /// How long things are kept, and what the house has decided about secrets.
    pub(crate) policy: Policy,
    /// What is written to stderr while serving.
    pub(crate) log: Log,
}

/// The listener that applications call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Address and port to listen on. Port 0 picks a free one, which is written to `DATA/run/addresses.json`.
    #[serde(deserialize_with = "values::address")]
    pub(crate) listen: SocketAddr,
    /// The certificate to serve with.
    pub(crate) tls: Tls,
    /// How long requests in flight may take to finish after SIGTERM.
    #[schemars(with = "String", extend("pattern" = values::SPAN_PATTERN))]
    pub(crate) drain_timeout: Span,
    /// Allows plain text on an address that is not loopback: client keys can then be read on the network.
    pub(crate) allow_plaintext: bool,
    /// Networks, such as `10.0.0.0/8`, whose addresses upstream names may resolve to although they are private.
    pub(crate) allow_private_upstreams: Vec<Network>,
    /// Networks of the proxies in front of the gateway, whose `X-Forwarded-For` says where a request comes from. Nobody
    /// else's is believed.
    pub(crate) trusted_proxies: Vec<Network>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: Tls::default(),
            drain_timeout: Span::from_secs(30),
            allow_plaintext: false,
            allow_private_upstreams: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// A certificate and its key; both or neither.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    /// PEM file with the certificate chain, the server's own certificate first.
    #[schemars(example = "/etc/keyroll/tls.pem")]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    #[schemars(example = "/etc/keyroll/tls.key")]
    pub(crate) key: Option<PathBuf>,
    /// Further certificates, each as `CERT:KEY`, the paths of two PEM files. A client that names a host (SNI) is served
    /// with the first certificate that has exactly that name, else with one that has a wildcard for it, else with `cert`.
    pub(crate) more: Vec<Pair>,
}

impl Tls {
    /// Certificate and key where both are given.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.cert.as_deref()?, self.key.as_deref()?))
    }
}

/// The listener of the admin API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Admin {
    /// Address and port to listen on. Port 0 picks a free one, which is written to `DATA/run/addresses.json`.
    #[serde(deserialize_with = "values::address")]
    pub(crate) listen: SocketAddr,
    /// The certificate to serve with.
    pub(crate) tls: Tls,
    /// Allows plain text on an address that is not loopback: admin tokens and new secrets can then be read on the network.
    pub(crate) allow_plaintext: bool,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), tls: Tls::default(), allow_plaintext: false }
    }
}

/// Where the state is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// `sqlite:PATH`, or for several nodes `postgres://USER:PASSWORD@HOST:PORT/NAME`. Where it is not given: the file
    /// `keyroll.db` in the data directory. A server on another machine is spoken to with TLS and a verified certificate
    /// unless `?sslmode=disable` says otherwise; `&sslrootcert=FILE` names who may sign it. A URL with a password is
    /// best given by a file that only the service can read: `KEYROLL_DATABASE__URL_FILE`.
    #[schemars(example = "postgres://keyroll@db.internal:5432/keyroll")]
    pub(crate) url: Option<DatabaseUrl>,
}

/// Who this process is among those that share a database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Node {
    /// What it does. A `gateway` node serves traffic, and its admin listener tells only how it is; a `control` node serves
    /// the admin API and has no gateway listener.
    pub(crate) role: Role,
    /// What people call it. Where it is not given: the name of the machine.
    pub(crate) name: Option<String>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Traffic and the admin API.
    #[default]
    All,
    /// Traffic.
    Gateway,
    /// The admin API.
    Control,
}

impl From<Role> for NodeRole {
    fn from(role: Role) -> Self {
        match role {
            Role::All => Self::All,
            Role::Gateway => Self::Gateway,
            Role::Control => Self::Control,
        }
    }
}

/// What the secrets are sealed with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// File of the key-encryption key, best kept away from the database. Where it is not given: the file `kek` in the data directory.
    #[schemars(example = "/etc/keyroll/kek")]
    pub(crate) kek_file: Option<PathBuf>,
}

/// How long things are kept, and what the house has decided about secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// How long after its last use and its last reference a secret cannot be deleted.
    #[schemars(with = "String", extend("pattern" = values::SPAN_PATTERN))]
    pub(crate) retention: Span,
    /// How long a node may serve without having reached the database; less than `policy.retention`.
    #[schemars(with = "String", extend("pattern" = values::SPAN_PATTERN))]
    pub(crate) max_staleness: Span,
    /// How long an answer that streams, or a WebSocket, may go on after a secret that it began with is named by no route any longer.
    #[schemars(with = "String", extend("pattern" = values::SPAN_PATTERN))]
    pub(crate) stream_grace: Span,
    /// How secrets are to be named: what `keyroll lint` holds names against. Where it is not given: the way in which most are named.
    pub(crate) naming: Option<Naming>,
    /// When a rotation may enter a protected environment by itself: crontab expressions with a time zone. A minute that
    /// one of them matches is inside; without any, every minute is. Operators may go on at any time. In a variable, which
    /// has commas between windows, a window itself can have ranges and steps and no comma.
    #[schemars(example = ["* 9-16 * * MON-FRI Europe/Berlin"])]
    pub(crate) rotation_windows: Vec<Window>,
    /// The least time between two rotations that share a route.
    #[schemars(with = "String", extend("pattern" = values::SPAN_PATTERN))]
    pub(crate) rotation_gap: Span,
}

/// A strategy for names of secrets; each allows a version at the end, `_v2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Naming {
    /// `stripe_production_api_key`
    ServiceEnvironmentType,
    /// `stripe_api_key`
    Service,
    /// `production_stripe_key`
    Environment,
}

impl From<Naming> for model::lint::Naming {
    fn from(naming: Naming) -> Self {
        match naming {
            Naming::ServiceEnvironmentType => Self::ServiceEnvironmentType,
            Naming::Service => Self::Service,
            Naming::Environment => Self::Environment,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retention: Span::from_hours(48),
            max_staleness: Span::from_hours(24),
            stream_grace: Span::from_hours(1),
            naming: None,
            rotation_windows: Vec::new(),
            rotation_gap: Span::default(),
        }
    }
}

/// What is written to stderr while serving.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// The least severe level that is written. Libraries write nothing below `warn`, whatever is set here.
    pub(crate) level: Level,
    /// `text` for people, `json` for programs: one object a line.
    pub(crate) format: Format,
    /// Writes a line for each request to the gateway: its route, status and duration, no value, header or body.
    pub(crate) access: bool,
}

/// How severe an event is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Somebody must act.
    Error,
    /// Something is not as it should be, and goes on.
    Warn,
    /// What happens once or seldom: starts, changes, stops.
    #[default]
    Info,
    /// What happens often, for looking into a problem.
    Debug,
    /// Everything that there is.
    Trace,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
