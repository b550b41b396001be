//! Whether the upstreams of routes can be reached from this node: connected to, and nothing sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::doctor::Finding;
use futures_util::StreamExt;
use futures_util::stream;
use model::route::effective;
use model::upstream::Upstream;
use outbound::{Failure, Forwarder, Target, Timeouts, Tls, TlsSettings};
use store::{Page, ReadTx, RouteFilter, RouteRow};

use crate::refusal::Refusal;
use crate::state::Control;

/// How many routes are looked at where none is named.
const ROUTES: usize = 500;
/// How many upstreams are connected to at a time, and at most.
const AT_A_TIME: usize = 16;
const MOST: usize = 100;
/// For one connection. All together then take no longer than a caller waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// The routes that are looked at where none is named.
pub(super) async fn all(tx: &ReadTx) -> Result<Vec<RouteRow>, Refusal> {
    Ok(tx.routes(&RouteFilter::default(), &Page { limit: ROUTES, cursor: None }).await?.items)
}

/// Connects to each upstream once, whatever number of routes leads there.
pub(super) async fn look(control: &Control, routes: &[RouteRow]) -> Vec<Finding> {
    let mut upstreams: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    for route in routes {
        for environment in route.spec.environments.keys() {
            let Some(settings) = effective(&route.spec, environment) else { continue };
            let Some(text) = settings.upstream else { continue };
            let origin =
                Upstream::parse(&text, &control.policy.allow_private).map_or(text, |upstream| upstream.origin());
            let names = upstreams.entry((origin, settings.ca)).or_default();
            if names.last().is_none_or(|last| last != route.spec.name.as_str()) {
                names.push(route.spec.name.to_string());
            }
        }
    }
    let left = upstreams.len().saturating_sub(MOST);
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new()));
    let looks = upstreams.into_iter().take(MOST).map(|((origin, ca), names)| {
        let forwarder = forwarder.clone();
        async move { reach(control, &forwarder, &origin, ca, &names).await }
    });
    let mut findings: Vec<Finding> = stream::iter(looks).buffer_unordered(AT_A_TIME).collect().await;
    if left > 0 || routes.len() == ROUTES {
        let detail = "not every upstream was looked at: there are too many for one look";
        findings.push(Finding::warning(
            "upstream",
            "",
            detail,
            "keyroll doctor --route NAME looks at those of one route",
        ));
    }
    findings
}

async fn reach(
    control: &Control,
    forwarder: &Forwarder,
    origin: &str,
    ca: Option<String>,
    names: &[String],
) -> Finding {
    let routes = match names {
        [only] => format!("route {only}"),
        [first, others @ ..] => format!("route {first} and {} others", others.len()),
        [] => String::new(),
    };
    let subject = format!("{origin} ({routes})");
    let upstream = match Upstream::parse(origin, &control.policy.allow_private) {
        Ok(upstream) => upstream,
        Err(error) => return Finding::problem("upstream", subject, error.to_string(), "correct the route's upstream"),
    };
    let settings = TlsSettings { ca: ca.map(Arc::from) };
    let timeouts = Timeouts { connect: PATIENCE, ..Timeouts::default() };
    let allow_private = &control.policy.allow_private;
    let target = Target { upstream: &upstream, tls: &settings, allow_private, timeouts };
    match forwarder.reach(target).await {
        Ok(()) => Finding::ok("upstream", subject, "can be connected to from this node"),
        Err(failure) => Finding::problem("upstream", subject, failure.to_string(), advice(failure)),
    }
}

fn advice(failure: Failure) -> &'static str {
    match failure {
        Failure::Resolve => "check the name in the route, and the resolver of this machine",
        Failure::Refused(_) => {
            "name the address itself in the route, or allow its network in gateway.allow_private_upstreams"
        }
        Failure::Connect(_) | Failure::Timeout(_) => "check the port, the firewall, and whether the upstream is up",
        Failure::Tls(_) => "check the upstream's certificate; a private authority belongs into tls.ca of the route",
        _ => "look at the upstream",
    }
}
