//! A secret's own probe: how its value is tried without any route.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

use super::target::method;
use super::{Login, ProbeError, Request, Target};
use crate::name::EnvironmentName;
use crate::route::{Inject, Injection, Member, RouteSpec, Rule, Settings};
use crate::secret::{Kind, Secret};
use crate::snapshot::{Opened, bind};

/// How a secret's value is tried on its own, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretProbe {
    /// By an HTTP request.
    Http(HttpProbe),
    /// By logging in to PostgreSQL.
    Postgres(PostgresProbe),
}

/// A request whose answer says whether the value is alive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpProbe {
    /// Where to, an absolute URL.
    pub url: String,
    /// The method; `GET` where absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Headers; the values are templates that name this secret alone.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Answers that say "alive"; those of a route where absent.
    #[serde(default)]
    pub alive: Option<Vec<Rule>>,
    /// Answers that say "dead"; those of a route where absent.
    #[serde(default)]
    pub dead: Option<Vec<Rule>>,
}

/// Logins that must all succeed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresProbe {
    /// Every place to log in to, as URLs without the password.
    pub connections: Vec<String>,
}

impl SecretProbe {
    /// The secret's own probe; `None` where it has none.
    ///
    /// # Errors
    /// [`ProbeError::Unreadable`].
    pub fn of(secret: &Secret) -> Result<Option<Self>, ProbeError> {
        let stored = secret.probe.as_ref().filter(|stored| !stored.is_null());
        stored.map(|stored| Self::deserialize(stored).map_err(|_| ProbeError::Unreadable)).transpose()
    }

    /// The places at which it tries the value. `environment` is what a request takes for its environment where the secret
    /// is not limited to some.
    ///
    /// # Errors
    /// [`ProbeError`] where a request cannot be put together.
    pub fn targets(
        &self,
        opened: &Arc<Opened>,
        environment: Option<&EnvironmentName>,
        allow_private: &[IpNet],
    ) -> Result<Vec<Target>, ProbeError> {
        match self {
            Self::Http(probe) => Ok(vec![probe.target(opened, environment, allow_private)?]),
            Self::Postgres(probe) => Ok(probe.targets(opened)),
        }
    }
}

impl HttpProbe {
    /// Put together as a route's request would be: the same limits hold.
    fn target(
        &self,
        opened: &Arc<Opened>,
        environment: Option<&EnvironmentName>,
        allow_private: &[IpNet],
    ) -> Result<Target, ProbeError> {
        let secret = &opened.secret;
        let allowed = secret.limits.environments.as_ref().and_then(|allowed| allowed.first());
        let environment = allowed.or(environment).ok_or(ProbeError::NoEnvironment)?;
        let (origin, rest) = origin_and_rest(&self.url);
        let template = |(name, text): (&String, &String)| (name.clone(), Injection::Template(text.clone()));
        let rules = |rules: &Option<Vec<Rule>>| rules.clone().map_or(Member::Absent, Member::Set);
        let base = Settings {
            upstream: Some(origin.to_owned()),
            inject: Inject { headers: self.headers.iter().map(template).collect(), ..Inject::default() },
            alive: rules(&self.alive),
            dead: rules(&self.dead),
            ..Settings::default()
        };
        let spec = RouteSpec {
            name: "probe".parse().map_err(|_| ProbeError::Unreadable)?,
            hosts: Vec::new(),
            description: String::new(),
            tags: Vec::new(),
            base,
            environments: BTreeMap::from([(environment.clone(), Box::default())]),
        };
        let secrets = HashMap::from([(secret.name.clone(), Arc::clone(opened))]);
        Ok(Target::Http(Box::new(Request {
            place: origin.to_owned(),
            bound: bind(&spec, environment, &secrets, allow_private, |_| Arc::default())?,
            method: method(self.method.as_deref()),
            target: if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") },
            headers: HeaderMap::new(),
            // No route is used.
            counts: false,
        })))
    }
}

impl PostgresProbe {
    fn targets(&self, opened: &Arc<Opened>) -> Vec<Target> {
        let is_url = opened.secret.kind == Kind::DatabaseUrl;
        let login = |place: &String| {
            Target::Login(Login {
                place: place.clone(),
                url: (!is_url).then(|| place.clone()),
                opened: Arc::clone(opened),
            })
        };
        self.connections.iter().map(login).collect()
    }
}

/// An absolute URL, split behind its authority: the first part follows the rules of upstreams.
#[must_use]
pub fn origin_and_rest(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(authority..).and_then(|rest| rest.find(['/', '?', '#', '\\'])).map(|at| at + authority);
    url.split_at_checked(end.unwrap_or(url.len())).unwrap_or((url, ""))
}
