//! Gathers what is known about a route, for `model::doctor` to judge.

use std::collections::{BTreeMap, BTreeSet};

use api::node::NodeItem;
use model::doctor::{BindingFacts, Facts, LastChange, Listing, NodeFact, PlaceFacts};
use model::environment::Environment;
use model::name::{EnvironmentName, SecretName, nearest};
use model::route::{Reference, RouteSpec, references};
use model::time::Timestamp;
use store::{Page, ReadTx, RouteRow};

use super::place;
use super::secret::{Known, Past, read};
use crate::endpoints::nodes;
use crate::refusal::Refusal;
use crate::state::Control;

/// The facts, and the nodes as they are told.
pub(super) struct Gathered {
    pub(super) facts: Facts,
    pub(super) nodes: Vec<NodeItem>,
}

/// All that is known about the route, in one environment or in all that it is served in.
pub(super) async fn gather(
    control: &Control,
    tx: &ReadTx,
    route: &RouteRow,
    asked: Option<&str>,
    now: Timestamp,
) -> Result<Gathered, Refusal> {
    let spec = &route.spec;
    let change = last_change(tx, route).await?;
    let listings = listings(spec, &tx.environments().await?, asked);
    let mentions = references(spec);
    let here: BTreeSet<&EnvironmentName> = listings.iter().filter_map(|(_, listing)| served(listing)).collect();
    let names: BTreeSet<&SecretName> = mentions
        .iter()
        .filter(|mention| mention.environment.as_ref().is_some_and(|environment| here.contains(environment)))
        .map(|mention| &mention.secret)
        .collect();
    let mut secrets: BTreeMap<SecretName, Known> = BTreeMap::new();
    let past = Past { route: spec.name.as_str(), change: change.at, now };
    for name in names {
        secrets.insert(name.clone(), read(control, tx, name, past).await?);
    }
    let places = listings
        .into_iter()
        .map(|(environment, listing)| {
            let bindings = served(&listing).map(|environment| bindings(environment, &mentions, &secrets));
            let setting = served(&listing).map(|environment| place::setting(control, spec, environment, &secrets));
            let setting = setting.unwrap_or_default();
            PlaceFacts {
                environment,
                listing,
                host: setting.host,
                has_probe: setting.has_probe,
                broken: setting.broken,
                bindings: bindings.unwrap_or_default(),
                readings: Vec::new(),
            }
        })
        .collect();
    let (facts, told) = nodes_of(tx, spec).await?;
    let secrets = secrets.into_iter().map(|(name, known)| (name, known.facts)).collect();
    let facts = Facts { route: spec.name.clone(), now, change, places, secrets, nodes: facts };
    Ok(Gathered { facts, nodes: told })
}

fn served(listing: &Listing) -> Option<&EnvironmentName> {
    match listing {
        Listing::Served(environment) => Some(environment),
        Listing::NotListed(_) | Listing::Unknown(_) => None,
    }
}

/// What is to be looked at: what was asked for, else where the route is served, in the order of ranks.
fn listings(spec: &RouteSpec, all: &[Environment], asked: Option<&str>) -> Vec<(String, Listing)> {
    let ranked: Vec<&EnvironmentName> =
        all.iter().map(|environment| &environment.name).filter(|name| spec.environments.contains_key(*name)).collect();
    let Some(asked) = asked else {
        return ranked.into_iter().map(|name| (name.to_string(), Listing::Served(name.clone()))).collect();
    };
    let listing = match all.iter().find(|environment| environment.name.as_str() == asked) {
        None => {
            let meant = nearest(asked, all.iter().map(|environment| environment.name.as_str()));
            Listing::Unknown(meant.map(str::to_owned))
        }
        Some(found) if spec.environments.contains_key(&found.name) => Listing::Served(found.name.clone()),
        Some(_) => Listing::NotListed(ranked.into_iter().cloned().collect()),
    };
    vec![(asked.to_owned(), listing)]
}

fn bindings(
    environment: &EnvironmentName,
    mentions: &[Reference],
    secrets: &BTreeMap<SecretName, Known>,
) -> Vec<BindingFacts> {
    let mut named: BTreeMap<&SecretName, Vec<String>> = BTreeMap::new();
    for mention in mentions.iter().filter(|mention| mention.environment.as_ref() == Some(environment)) {
        named.entry(&mention.secret).or_default().push(mention.field.clone());
    }
    let binding = |(secret, named_at): (&SecretName, Vec<String>)| {
        let known = secrets.get(secret)?;
        Some(BindingFacts {
            secret: secret.clone(),
            named_at,
            last_used_at: known.last_sent.get(environment).copied(),
            answers: known.answers.get(environment).cloned().unwrap_or_default(),
            before: known.before.get(environment).cloned().unwrap_or_default(),
            readings: Vec::new(),
        })
    };
    named.into_iter().filter_map(binding).collect()
}

async fn last_change(tx: &ReadTx, route: &RouteRow) -> Result<LastChange, Refusal> {
    let page = Page { limit: 2, cursor: None };
    let states = tx.route_revisions(route.spec.name.as_str(), &page).await?.items;
    let latest = states.first();
    Ok(LastChange {
        number: route.version,
        at: latest.map_or(route.updated_at, |state| state.at),
        actor: latest.map(|state| state.actor.clone()).unwrap_or_default(),
        action: latest.map(|state| state.action.clone()).unwrap_or_default(),
        // What stands before a name's second beginning is its deletion.
        before: states.get(1).filter(|state| state.spec.is_some()).map(|state| state.number),
    })
}

async fn nodes_of(tx: &ReadTx, spec: &RouteSpec) -> Result<(Vec<NodeFact>, Vec<NodeItem>), Refusal> {
    let now = tx.now().await?;
    let since = tx.route_stands_since(spec.name.as_str()).await?.unwrap_or_default();
    let (mut facts, mut told) = (Vec::new(), Vec::new());
    for node in tx.nodes().await? {
        let item = nodes::item(tx, &node, now).await?;
        let same_life = node.incarnation == tx.position().incarnation;
        facts.push(NodeFact {
            name: format!("node {} ({})", node.name, node.id),
            state: node.state(now),
            has_gateway: node.role.has_gateway(),
            revision: node.revision,
            is_current: same_life && node.revision.is_some_and(|revision| revision >= since),
            lag_ms: item.lag_ms.unwrap_or_default(),
            last_seen_at: node.last_seen_at,
            may_serve_until: node.last_seen_at.plus(node.max_staleness),
            id: node.id,
        });
        told.push(item);
    }
    Ok((facts, told))
}
