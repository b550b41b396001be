//! A client as it is told, the rules of its members, and who may change it.

use std::collections::BTreeSet;

use api::clients::{ClientItem, KeyItem, Signing as WireSigning};
use api::route::RateLimit as WireLimit;
use ipnet::IpNet;
use model::access::Need;
use model::client::{Client, ClientKey, RouteGrant};
use model::name::{EnvironmentName, RouteName, nearest};
use model::problem::Finding;
use model::route::RateLimit;
use model::signing::Signing;
use serde_json::Value;
use store::{ClientKeys, Page, ReadTx};

use crate::members::Members;
use crate::refusal::Refusal;

/// As the API tells it.
pub(super) fn item(client: &Client, keys: &[ClientKey]) -> ClientItem {
    ClientItem {
        name: client.name.to_string(),
        description: client.description.clone(),
        environments: client.environments.iter().map(ToString::to_string).collect(),
        routes: match &client.routes {
            RouteGrant::All => vec!["*".to_owned()],
            RouteGrant::Named(names) => names.iter().map(ToString::to_string).collect(),
        },
        allowed_ips: client.allowed_ips.iter().map(ToString::to_string).collect(),
        rate_limit: client.rate_limit.map(|limit| WireLimit {
            requests: limit.requests,
            per: limit.per.to_string(),
            burst: limit.burst,
        }),
        expires_at: client.expires_at.map(|at| at.to_string()),
        disabled: client.disabled,
        created_at: client.created_at.to_string(),
        signing: client.signing.map(|Signing::Required| WireSigning::Required),
        keys: keys
            .iter()
            .map(|key| KeyItem {
                id: key.id.clone(),
                created_at: key.created_at.to_string(),
                revoked_at: key.revoked_at.map(|at| at.to_string()),
            })
            .collect(),
    }
}

/// As the audit tells it; keys have events of their own.
pub(super) fn record(client: &Client) -> Value {
    serde_json::to_value(client).unwrap_or_default()
}

/// The client with its keys, or 404 with the name that was probably meant.
pub(super) async fn find(tx: &ReadTx, name: &str) -> Result<ClientKeys, Refusal> {
    if let Some(found) = tx.client(name).await? {
        return Ok(found);
    }
    let some = tx.clients(&Page { limit: 500, cursor: None }).await?;
    Err(Refusal::not_found("client", name, nearest(name, some.items.iter().map(|other| other.name.as_str()))))
}

/// What changing a client needs: it reaches whatever its environments reach.
pub(super) async fn need(tx: &ReadTx, environments: &BTreeSet<EnvironmentName>) -> Result<Need, Refusal> {
    let all = tx.environments().await?;
    let protected = all.iter().any(|environment| environment.protected && environments.contains(&environment.name));
    Ok(Need::Change { protected })
}

/// The environments of a client, each of which must exist.
pub(super) async fn environments(
    tx: &ReadTx,
    members: &mut Members,
    texts: &[String],
) -> Result<BTreeSet<EnvironmentName>, Refusal> {
    members.demand(!texts.is_empty(), "/environments", "environments-empty", "names no environment; name at least one");
    let all = tx.environments().await?;
    for (index, text) in texts.iter().enumerate() {
        if !all.iter().any(|environment| environment.name.as_str() == text) {
            let meant = nearest(text, all.iter().map(|environment| environment.name.as_str()));
            let finding = Finding::new(
                format!("/environments/{index}"),
                "environment-not-found",
                format!("there is no environment {text}"),
            );
            members.note(finding.meaning(meant));
        }
    }
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// The routes of a client, each of which must exist; `["*"]` for all.
pub(super) async fn routes(tx: &ReadTx, members: &mut Members, texts: &[String]) -> Result<RouteGrant, Refusal> {
    members.demand(
        !texts.is_empty(),
        "/routes",
        "routes-empty",
        "names no route; name at least one, or [\"*\"] for all",
    );
    if texts.iter().any(|text| text == "*") {
        members.demand(texts.len() == 1, "/routes", "routes-invalid", "says * and more; * stands alone");
        return Ok(RouteGrant::All);
    }
    let all = tx.route_names().await?;
    let mut names = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse::<RouteName>() {
            Ok(name) if all.contains(&name) => drop(names.insert(name)),
            _ => {
                let meant = nearest(text, all.iter().map(RouteName::as_str));
                let finding =
                    Finding::new(format!("/routes/{index}"), "route-not-found", format!("there is no route {text}"));
                members.note(finding.meaning(meant));
            }
        }
    }
    Ok(RouteGrant::Named(names))
}

/// Addresses and networks; an address stands for itself alone.
pub(super) fn networks(members: &mut Members, texts: &[String]) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        match network {
            Ok(network) => networks.push(network.trunc()),
            Err(_) => members.note(Finding::new(
                format!("/allowed_ips/{index}"),
                "network-invalid",
                "is neither an address nor a network such as 10.0.0.0/8",
            )),
        }
    }
    networks
}

/// Whether a client signs.
pub(super) fn signing(wire: WireSigning) -> Signing {
    match wire {
        WireSigning::Required => Signing::Required,
    }
}

/// How often a client may call.
pub(super) fn rate_limit(members: &mut Members, wire: &WireLimit) -> Option<RateLimit> {
    let per = members.read("/rate_limit/per", "duration-invalid", &wire.per)?;
    let limit = RateLimit { requests: wire.requests, per, burst: wire.burst };
    let fits = limit.requests > 0 && limit.per.as_millis() > 0 && limit.burst != Some(0);
    members.demand(fits, "/rate_limit", "rate-limit-invalid", "requests and burst are at least 1, per is at least 1ms");
    Some(limit)
}
