//! Where a probe goes: to the places of the secret's own one, or through the routes that it is used in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api::secret::{HttpProbe, PostgresProbe, ProbeSecret, SecretProbe};
use model::name::EnvironmentName;
use model::rotation::replace;
use model::route::RouteSpec;
use model::secret::Kind;
use model::snapshot::{Bound, Opened, bind, opened};
use serde_json::{Value, json};
use store::{ReadTx, SecretRow};

use super::super::view;
use crate::endpoints::routes::{self, World};
use crate::refusal::Refusal;
use crate::state::Control;

/// One place to try.
pub(super) enum Target {
    /// A request.
    Http(Box<Request>),
    /// A login to a database: by a URL without a password, or by the value, which is one.
    Login { place: String, url: Option<String>, opened: Arc<Opened> },
}

/// A request whose answer says whether the value is alive.
pub(super) struct Request {
    pub(super) place: String,
    pub(super) bound: Bound,
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// Beside those that the route injects.
    pub(super) headers: BTreeMap<String, String>,
    /// Whether the use counts as one of the route's.
    pub(super) counts: bool,
}

impl Target {
    /// What it is called.
    pub(super) fn place(&self) -> &str {
        match self {
            Self::Http(request) => &request.place,
            Self::Login { place, .. } => place,
        }
    }
}

/// Everything that is to be tried.
pub(super) async fn targets(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    asked: &ProbeSecret,
) -> Result<Vec<Target>, Refusal> {
    let own = row.secret.probe.clone().and_then(|probe| serde_json::from_value::<SecretProbe>(probe).ok());
    let found = match own.filter(|_| asked.route.is_none()) {
        Some(SecretProbe::Http(probe)) => vec![own_request(control, tx, row, &probe).await?],
        Some(SecretProbe::Postgres(probe)) => logins(control, tx, row, &probe).await?,
        None => through_routes(control, tx, row, asked).await?,
    };
    if found.is_empty() {
        let detail = format!(
            "neither {} nor a route that it is used in has a probe: give the secret one, or a route that names it",
            row.secret.name
        );
        return Err(Refusal::conflict("probe-missing", "There is nothing to try it with", detail));
    }
    Ok(found)
}

async fn open(control: &Control, tx: &ReadTx, row: &SecretRow) -> Result<Arc<Opened>, Refusal> {
    let name = &row.secret.name;
    let stored = tx.sealed_secret(name.as_str()).await?;
    let stored = stored.ok_or_else(|| Refusal::internal("a secret without a value is active"))?;
    let value = envelope::open(&control.keys.keyring, &view::sealed(stored.sealed), &(&stored.secret).into());
    Ok(opened(stored.secret, Some(value.map_err(|error| view::unusable(name, &error))?)))
}

async fn logins(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    probe: &PostgresProbe,
) -> Result<Vec<Target>, Refusal> {
    let opened = open(control, tx, row).await?;
    let is_url = row.secret.kind == Kind::DatabaseUrl;
    let login = |place: &String| Target::Login {
        place: place.clone(),
        url: (!is_url).then(|| place.clone()),
        opened: Arc::clone(&opened),
    };
    Ok(probe.connections.iter().map(login).collect())
}

/// The secret's own request, put together as a route's would be: the same limits hold.
async fn own_request(control: &Control, tx: &ReadTx, row: &SecretRow, probe: &HttpProbe) -> Result<Target, Refusal> {
    let opened = open(control, tx, row).await?;
    let allowed = row.secret.limits.environments.as_ref().and_then(|set| set.first().cloned());
    let environment = match allowed {
        Some(environment) => environment,
        None => tx.environments().await?.into_iter().next().map(|first| first.name).ok_or_else(nowhere)?,
    };
    let start = probe.url.find("://").map_or(0, |at| at + 3);
    let end = probe.url.get(start..).and_then(|rest| rest.find(['/', '?'])).map_or(probe.url.len(), |at| at + start);
    let (origin, rest) = probe.url.split_at_checked(end).unwrap_or((&probe.url, ""));
    let mut base = json!({"upstream": origin, "inject": {"headers": probe.headers}});
    if let Value::Object(base) = &mut base {
        base.extend(probe.alive.as_ref().map(|rules| ("alive".to_owned(), json!(rules))));
        base.extend(probe.dead.as_ref().map(|rules| ("dead".to_owned(), json!(rules))));
    }
    let settings = BTreeMap::from([(environment.to_string(), json!({}))]);
    let spec = serde_json::from_value(json!({"name": "probe", "base": base, "environments": settings}));
    let spec: RouteSpec = spec.map_err(|error| Refusal::internal(error.to_string()))?;
    let secrets = HashMap::from([(row.secret.name.clone(), opened)]);
    let bound = bind(&spec, &environment, &secrets, &control.policy.allow_private, |_| Arc::default());
    Ok(Target::Http(Box::new(Request {
        place: origin.to_owned(),
        bound: bound
            .map_err(|error| Refusal::conflict("probe-invalid", "The probe cannot be sent", error.to_string()))?,
        method: probe.method.clone().unwrap_or_else(|| "GET".to_owned()),
        target: if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") },
        headers: BTreeMap::new(),
        counts: false,
    })))
}

fn nowhere() -> Refusal {
    Refusal::conflict("probe-missing", "There is nothing to try it with", "there is no environment")
}

/// The probes of the routes that the secret is used in, or of those of its predecessor with it in its place.
async fn through_routes(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    asked: &ProbeSecret,
) -> Result<Vec<Target>, Refusal> {
    let name = &row.secret.name;
    let mut specs: Vec<RouteSpec> = tx.routes_naming(name.as_str()).await?.into_iter().map(|row| row.spec).collect();
    if specs.is_empty()
        && let Some(before) = &row.secret.successor_of
    {
        let named = tx.routes_naming(before.as_str()).await?;
        specs = named.into_iter().map(|row| replace(&row.spec, before, name, None).0).collect();
    }
    specs.retain(|spec| asked.route.as_deref().is_none_or(|route| spec.name.as_str() == route));
    if let Some(route) = asked.route.as_deref().filter(|_| specs.is_empty()) {
        let detail = format!("neither {name} nor its predecessor is used in the route {route}");
        return Err(Refusal::member("/route", "route-not-found", detail));
    }
    let world = routes::world(control, tx, &specs).await?;
    let mut found = Vec::new();
    for spec in &specs {
        let chosen = |environment: &&EnvironmentName| {
            asked.environment.as_deref().is_none_or(|wanted| environment.as_str() == wanted)
        };
        for environment in spec.environments.keys().filter(chosen) {
            found.extend(through(spec, environment, &world, row)?);
        }
    }
    Ok(found)
}

fn through(
    spec: &RouteSpec,
    environment: &EnvironmentName,
    world: &World,
    row: &SecretRow,
) -> Result<Option<Target>, Refusal> {
    let Some(own) = spec.environments.get(environment) else { return Ok(None) };
    let Some(probe) = own.probe.over(&spec.base.probe).as_set() else { return Ok(None) };
    let headers = probe.get("headers").cloned().unwrap_or_else(|| json!({}));
    let headers = serde_json::from_value(headers).map_err(|error| Refusal::internal(error.to_string()))?;
    let text = |member: &str| probe.get(member).and_then(Value::as_str).map(str::to_owned);
    let bound = bind(spec, environment, &world.secrets, &world.known.allow_private, |_| Arc::default());
    let bound = bound.map_err(|error| Refusal::internal(error.to_string()))?;
    // A route names the secret in some environments, and another one in others.
    if !bound.tallies.iter().any(|(name, _)| *name == row.secret.name) {
        return Ok(None);
    }
    Ok(Some(Target::Http(Box::new(Request {
        place: format!("{}/{environment}", spec.name),
        bound,
        method: text("method").unwrap_or_else(|| "GET".to_owned()),
        target: text("path").unwrap_or_else(|| "/".to_owned()),
        headers,
        counts: true,
    }))))
}
