//! Phase 5: through the one door of `outbound`, after a last look at where the secrets may go.

use std::sync::Arc;

use http::Request;
use model::snapshot::Bound;
use model::upstream::Host;
use outbound::{Forwarded, OutBody, Target, Timeouts, TlsSettings};

use crate::answer::{self, Refusal};
use crate::report::Use;
use crate::request::Shared;

/// Sends the request, waits for the head of its answer, and counts the use.
pub(crate) async fn forward(
    shared: &Shared,
    bound: &Arc<Bound>,
    request: Request<OutBody>,
) -> Result<(Forwarded, Use), Refusal> {
    check_hosts(bound)?;
    let tls = TlsSettings::of(bound);
    let target = Target {
        upstream: &bound.upstream,
        tls: &tls,
        allow_private: &shared.allow_private,
        timeouts: Timeouts {
            connect: bound.connect.as_std(),
            response: bound.response.as_std(),
            idle: bound.idle.as_std(),
        },
    };
    let usage = Use::begin(Arc::clone(bound), shared.clock.now());
    match shared.forwarder.forward(target, request).await {
        Ok(forwarded) => Ok((forwarded, usage)),
        Err(error) => {
            usage.failed(&error);
            Err(Refusal::of(&error))
        }
    }
}

/// All secrets of the request must allow the host. It was checked when the route was saved and when the snapshot was
/// built; this is the last place where a mistake of either can be stopped.
fn check_hosts(bound: &Bound) -> Result<(), Refusal> {
    let ip;
    let host: &str = match bound.upstream.host() {
        Host::Name(name) => name,
        Host::Ip(address) => {
            ip = address.to_string();
            &ip
        }
    };
    if bound.host_limits.iter().all(|rules| rules.iter().any(|rule| rule.matches(host))) {
        return Ok(());
    }
    let detail = "Nothing was sent: a secret of the route may not be sent to the route's upstream.";
    Err(Refusal::new(answer::SECRET_NOT_ALLOWED, detail))
}
