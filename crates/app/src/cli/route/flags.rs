//! Flags that describe a route, as the JSON merge patch (RFC 7396) that they mean.

use std::path::PathBuf;

use api::route::RateLimit;
use clap::Args;
use serde_json::{Map, Value, json};

use super::super::fault::Fault;
use super::super::words::{self, GUARDS};

/// Flags of a route as a whole.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RouteFlags {
    /// A host name by which it can be reached too; may be given several times
    #[arg(long, value_name = "HOST")]
    pub(super) host: Vec<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,
    /// A label; may be given several times
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
    /// An environment that it is served in; may be given several times
    #[arg(short, long, value_name = "ENV")]
    pub(super) environment: Vec<String>,
}

/// Flags of one layer of settings.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingsFlags {
    /// Where requests go, such as https://api.stripe.com
    #[arg(long, value_name = "URL")]
    pub(super) upstream: Option<String>,
    /// A header to add, such as 'Authorization=Bearer {{stripe_api_key}}'; may be given several times
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = words::pair)]
    pub(super) header: Vec<(String, String)>,
    /// Basic authentication to add, such as '{{twilio_sid}}:{{twilio_token}}'
    #[arg(long, value_name = "USER:PASSWORD")]
    pub(super) basic: Option<String>,
    /// A query parameter to add; may be given several times
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = words::pair)]
    pub(super) query: Vec<(String, String)>,
    /// A member to add to JSON bodies; may be given several times
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = words::pair)]
    pub(super) body: Vec<(String, String)>,
    /// A method that may be used; may be given several times [default: all]
    #[arg(long, value_name = "METHOD")]
    pub(super) method: Vec<String>,
    /// A path that may be used, such as '/v1/charges' or '/v1/*'; may be given several times [default: all]
    #[arg(long, value_name = "PATH")]
    pub(super) path: Vec<String>,
    /// A header of the client that is not passed on; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) remove_header: Vec<String>,
    /// How long to wait for a connection, such as 5s
    #[arg(long, value_name = "SPAN")]
    pub(super) connect_timeout: Option<String>,
    /// How long to wait for the head of the answer, such as 60s
    #[arg(long, value_name = "SPAN")]
    pub(super) response_timeout: Option<String>,
    /// How long to wait between two pieces of a body, such as 60s
    #[arg(long, value_name = "SPAN")]
    pub(super) idle_timeout: Option<String>,
    /// How often it may be used, such as 100/1m or 100/1m,20
    #[arg(long, value_name = "LIMIT", value_parser = words::rate_limit)]
    pub(super) rate_limit: Option<RateLimit>,
    /// What is done with an answer that holds an injected value
    #[arg(long, value_parser = GUARDS)]
    pub(super) guard: Option<String>,
    /// Whether, during a rotation, a rejected request is sent again with the outgoing credential
    #[arg(long, value_name = "true|false")]
    pub(super) shield: Option<bool>,
    /// A harmless request that tells whether the credential is alive, such as 'GET /v1/balance'
    #[arg(long, value_name = "METHOD PATH")]
    pub(super) probe: Option<String>,
    /// An answer that says the credential is alive: 200, 2xx or a JSON rule; may be given several times
    #[arg(long, value_name = "ANSWER")]
    pub(super) alive: Vec<String>,
    /// An answer that says the credential is dead: 401 or a JSON rule; may be given several times
    #[arg(long, value_name = "ANSWER")]
    pub(super) dead: Vec<String>,
    /// PEM file with the certificates that may sign the upstream's
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The secret that holds our certificate for the upstream
    #[arg(long, value_name = "NAME")]
    pub(super) client_certificate: Option<String>,
    /// PEM file with the authorities of which one must have issued the client's certificate
    #[arg(long, value_name = "FILE")]
    pub(super) client_ca_file: Option<PathBuf>,
    /// A name that the client's certificate may have; may be given several times [default: any]
    #[arg(long, value_name = "NAME")]
    pub(super) client_name: Vec<String>,
    /// The largest request body in bytes [default: no limit]
    #[arg(long, value_name = "BYTES")]
    pub(super) max_request_body: Option<u64>,
}

impl RouteFlags {
    /// What they mean; `null` never occurs.
    pub(super) fn patch(self) -> Map<String, Value> {
        let mut out = Map::new();
        put(&mut out, "hosts", words::list(self.host));
        put(&mut out, "description", self.description);
        put(&mut out, "tags", words::list(self.tag));
        let environments: Map<String, Value> = self.environment.into_iter().map(|name| (name, json!({}))).collect();
        put(&mut out, "environments", (!environments.is_empty()).then_some(environments));
        out
    }
}

impl SettingsFlags {
    /// What they mean; `null` never occurs.
    pub(super) fn patch(self) -> Result<Map<String, Value>, Fault> {
        let mut headers = texts(self.header);
        if let Some(basic) = self.basic {
            headers.insert("Authorization".to_owned(), basic_object(&basic)?);
        }
        let mut inject = Map::new();
        put_map(&mut inject, "headers", headers);
        put_map(&mut inject, "query", texts(self.query));
        put_map(&mut inject, "body", texts(self.body));
        let mut timeouts = Map::new();
        put(&mut timeouts, "connect", self.connect_timeout);
        put(&mut timeouts, "response", self.response_timeout);
        put(&mut timeouts, "idle", self.idle_timeout);
        let bundle = |path: PathBuf| std::fs::read_to_string(&path).map_err(|source| Fault::File { path, source });
        let mut tls = Map::new();
        put(&mut tls, "ca", self.ca_file.map(bundle).transpose()?);
        put(&mut tls, "client_certificate", self.client_certificate);
        put(&mut tls, "client_authorities", self.client_ca_file.map(bundle).transpose()?);
        put(&mut tls, "client_names", words::list(self.client_name));

        let mut out = Map::new();
        put(&mut out, "upstream", self.upstream);
        put_map(&mut out, "inject", inject);
        put(&mut out, "methods", words::list(self.method));
        put(&mut out, "paths", words::list(self.path));
        put(&mut out, "remove_headers", words::list(self.remove_header));
        put_map(&mut out, "timeouts", timeouts);
        put(&mut out, "rate_limit", self.rate_limit.map(|limit| json!(limit)));
        put(&mut out, "guard", self.guard);
        put(&mut out, "shield", self.shield);
        put(&mut out, "probe", self.probe.as_deref().map(probe).transpose()?);
        put(&mut out, "alive", judgements(&self.alive)?);
        put(&mut out, "dead", judgements(&self.dead)?);
        put_map(&mut out, "tls", tls);
        put(&mut out, "max_request_body", self.max_request_body);
        Ok(out)
    }
}

fn put(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.to_owned(), value.into());
    }
}

pub(super) fn put_map(out: &mut Map<String, Value>, name: &str, members: Map<String, Value>) {
    if !members.is_empty() {
        out.insert(name.to_owned(), Value::Object(members));
    }
}

fn texts(pairs: Vec<(String, String)>) -> Map<String, Value> {
    pairs.into_iter().map(|(name, template)| (name, Value::String(template))).collect()
}

/// The colon that parts user and password; one inside braces (`{{secret:x}}`) is not it.
fn basic_object(text: &str) -> Result<Value, Fault> {
    let mut depth = 0_usize;
    for (at, found) in text.char_indices() {
        match found {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                let (username, password) = text.split_at(at);
                return Ok(json!({"basic": {"username": username, "password": password.get(1..).unwrap_or_default()}}));
            }
            _ => {}
        }
    }
    Err(Fault::Usage("--basic needs USER:PASSWORD, such as '{{user}}:{{password}}'".to_owned()))
}

fn probe(text: &str) -> Result<Value, Fault> {
    match text.split_once(' ') {
        Some((method, path)) => Ok(json!({"method": method, "path": path.trim()})),
        None if text.starts_with('/') => Ok(json!({"method": "GET", "path": text})),
        None => Err(Fault::Usage("--probe needs METHOD PATH, such as 'GET /v1/balance'".to_owned())),
    }
}

fn judgements(texts: &[String]) -> Result<Option<Value>, Fault> {
    let each: Result<Vec<Value>, Fault> = texts
        .iter()
        .map(|text| {
            if let Ok(status) = text.parse::<u16>() {
                Ok(json!(status))
            } else if text.starts_with('{') {
                serde_json::from_str(text).map_err(|_| Fault::Usage(format!("{text} is not a JSON rule")))
            } else {
                Ok(json!(text))
            }
        })
        .collect();
    Ok(Some(each?).filter(|each| !each.is_empty()).map(Value::Array))
}
