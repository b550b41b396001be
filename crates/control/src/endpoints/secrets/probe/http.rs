//! Sends the request of a probe, and reads what its answer says about the value.

use api::secret::ProbeReading;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::template::Facts;
use model::usage::Outcome;

use super::targets::Request;
use crate::call::Call;
use crate::endpoints::routes::{self, Given};
use crate::state::Control;

/// What `{{client}}` is in a probe.
const CLIENT: &str = "probe";

pub(super) async fn send(control: &Control, call: &Call, request: &Request) -> ProbeReading {
    let told = |status: Option<u16>, reading: &str, detail: String| ProbeReading {
        place: request.place.clone(),
        status_class: status.map(|status| format!("{}xx", status / 100)),
        reading: reading.to_owned(),
        detail,
    };
    let Request { bound, method, target, counts, .. } = request;
    if let Some((end, secret)) = bound.expires.as_ref().filter(|(end, _)| *end <= call.now) {
        return told(None, "unclear", format!("nothing was sent: {secret} expired at {end} and is strict about it"));
    }
    let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
    let pair = |(name, value): (&String, &String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    let headers: HeaderMap = request.headers.iter().filter_map(pair).collect();
    let given = Given {
        method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers,
        body: None,
    };
    let (request_id, timestamp) = (control.new_id("req"), call.now.to_string());
    let facts = Facts {
        request_id: &request_id,
        environment: bound.environment.as_str(),
        route: bound.route.as_str(),
        client: CLIENT,
        timestamp: &timestamp,
    };
    let composed = match routes::compose(bound, &given, &facts) {
        Ok(composed) => composed,
        Err(refusal) => return told(None, "unclear", refusal.problem.detail),
    };
    match routes::probe(control, call, bound, composed, *counts).await {
        Ok((status, outcome, alive)) => {
            let (reading, detail) = match outcome {
                Outcome::Rejected => ("dead", "the answer is one that means a dead credential"),
                Outcome::Accepted if alive => ("alive", "the answer is one that means a living credential"),
                Outcome::Accepted => ("unclear", "the answer is neither what means alive nor what means dead"),
                Outcome::Refused => ("unclear", "the credential is known, and may not do this"),
                Outcome::Throttled => ("unclear", "too many requests"),
                Outcome::Failed | Outcome::Unreachable => ("unclear", "the upstream failed"),
            };
            told(Some(status), reading, detail.to_owned())
        }
        Err(code) => told(None, "unclear", format!("no answer: {code}")),
    }
}
