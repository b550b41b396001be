//! Whether the upstreams of routes can be reached from this node: connected to, and nothing sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::doctor::Finding;
use futures_util::StreamExt;
use futures_util::stream;
use model::route::effective;
use model::upstream::Upstream;
use outbound::{Failure, Forwarder, Target, Timeouts, Tls, TlsFailure, TlsSettings};
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
    let mut upstreams: BTreeMap<Place, Vec<String>> = BTreeMap::new();
    for route in routes {
        for environment in route.spec.environments.keys() {
            let Some(settings) = effective(&route.spec, environment) else { continue };
            let Some(text) = settings.upstream else { continue };
            let origin =
                Upstream::parse(&text, &control.policy.allow_private).map_or(text, |upstream| upstream.origin());
            let asks = settings.client_certificate.is_some();
            let names = upstreams.entry(Place { origin, ca: settings.ca, asks }).or_default();
            if names.last().is_none_or(|last| last != route.spec.name.as_str()) {
                names.push(route.spec.name.to_string());
            }
        }
    }
    let left = upstreams.len().saturating_sub(MOST);
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new()));
    let looks = upstreams.into_iter().take(MOST).map(|(place, names)| {
        let forwarder = forwarder.clone();
        async move { reach(control, &forwarder, place, &names).await }
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

/// What is connected to once.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    origin: String,
    ca: Option<String>,
    /// Whether the routes show a certificate there.
    asks: bool,
}

async fn reach(control: &Control, forwarder: &Forwarder, place: Place, names: &[String]) -> Finding {
    let Place { origin, ca, asks } = place;
    let routes = match names {
        [only] => format!("route {only}"),
        [first, others @ ..] => format!("route {first} and {} others", others.len()),
        [] => String::new(),
    };
    let subject = format!("{origin} ({routes})");
    let upstream = match Upstream::parse(&origin, &control.policy.allow_private) {
        Ok(upstream) => upstream,
        Err(error) => return Finding::problem("upstream", subject, error.to_string(), "correct the route's upstream"),
    };
    let settings = TlsSettings { ca: ca.map(Arc::from), identity: None };
    let timeouts = Timeouts { connect: PATIENCE, ..Timeouts::default() };
    let allow_private = &control.policy.allow_private;
    let target = Target { upstream: &upstream, tls: &settings, allow_private, timeouts };
    match forwarder.reach(target).await {
        Ok(()) => Finding::ok("upstream", subject, "can be connected to from this node"),
        // To look is not to use a secret: the certificate that the routes show is not shown here. That the upstream asks
        // for one is then as it should be.
        Err(Failure::Tls(TlsFailure::Unwelcome)) if asks => {
            let detail =
                "can be connected to from this node, and asks for the certificate that is not shown for a look";
            Finding::ok("upstream", subject, detail)
        }
        Err(failure @ Failure::Tls(TlsFailure::Handshake)) if asks => {
            let detail = format!("{failure}, perhaps because the route's certificate is not shown for a look");
            Finding::warning("upstream", subject, detail, "keyroll route test tries it with the certificate")
        }
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
