//! `POST /v1/routes/{name}/test`.

use std::sync::Arc;

use api::problem::Problem;
use api::route::{TestAnswer, TestRoute, TestTimes, UpstreamAnswer};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use model::access::Need;
use model::name::nearest;
use model::problem::{Finding, token};
use model::route::RouteSpec;
use model::snapshot::Bound;
use model::template::Facts;
use serde_json::json;
use tokio::time::Instant;

use super::exchange::send;
use super::rights::needs_of_use;
use super::rules::World;
use super::sent::{Given, compose, show};
use super::{rules, save, view};
use crate::call::{Call, answer};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// What `{{client}}` is in a test.
const CLIENT: &str = "route-test";
/// What a repetition is told while the request is on its way, or where nobody came to write down its end.
const UNKNOWN: &str = "outcome-unknown";

/// Sends one request through a route and shows exactly what was sent, values masked. Redirects are not followed.
#[utoipa::path(
    post,
    path = "/v1/routes/{name}/test",
    tag = "routes",
    params(("name" = String, Path, description = "The route.")),
    request_body = TestRoute,
    responses(
        (status = 200, body = TestAnswer),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn test(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body: TestRoute = call.json()?;
    let tx = call.begin(&control, &permit).await?;
    let route = view::find(&tx, &name).await?;
    let world = rules::world(&control, &tx, [&route.spec]).await?;
    let bound = place(&body, &route.spec, &world)?;
    let protected = world.known.environments.iter().any(|other| other.name == bound.environment && other.protected);
    call.permit([Need::Change { protected }])?;
    // Whoever chooses the request makes use of the values, as whoever writes the route does.
    call.permit(needs_of_use(&route.spec, &bound.environment, &world))?;
    let given = read(&body, &bound)?;
    if let Some((end, secret)) = bound.expires.as_ref().filter(|(end, _)| *end <= call.now) {
        let detail = format!("the secret {secret} expired at {end} and is strict about it");
        return Err(Refusal::conflict("secret-expired", "Nothing was sent", detail));
    }
    let event = call.event(&permit, "route.test", save::subject(&route.spec.name));
    let request_id = event.request_id.clone().unwrap_or_else(|| control.new_id("req"));
    let timestamp = call.now.to_string();
    let facts = Facts {
        request_id: &request_id,
        environment: bound.environment.as_str(),
        route: bound.route.as_str(),
        client: CLIENT,
        timestamp: &timestamp,
    };
    let request = compose(&bound, &given, &facts)?;
    let sent = show(&route.spec, &bound, &world, &given, &facts)?;
    let asked = json!({"environment": bound.environment, "method": sent.method, "path": given.path});
    // Written down before anything leaves, and once more when it is known what became of it: a repetition that comes in
    // between must not send it again.
    let begun = event.clone().after(asked.clone()).outcome("begun");
    call.commit(tx, begun, StatusCode::OK, &kept(None, Some(UNKNOWN), 0)).await?;

    let start = Instant::now();
    let result = send(&control, &call, &bound, &world, request).await;
    let total_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);

    let (upstream, error) = match result {
        Ok(upstream) => (Some(upstream), None),
        Err(code) => (None, Some(code.to_owned())),
    };
    let status = upstream.as_ref().map(|upstream| upstream.status);
    let event = event.after(json!({"request": asked, "status": status}));
    let event = event.outcome(error.as_deref().unwrap_or("done"));
    let kept = kept(status, error.as_deref(), total_ms);
    call.commit(call.conclude(&control, &permit).await?, event, StatusCode::OK, &kept).await?;
    let told = TestAnswer { sent: Some(sent), answer: upstream, error, times: TestTimes { total_ms } };
    answer(StatusCode::OK, &told)
}

/// What a repetition is told. Headers and bodies of either side may hold what nobody should find in the database later.
fn kept(status: Option<u16>, error: Option<&str>, total_ms: u64) -> TestAnswer {
    let nothing = |status| UpstreamAnswer { status, headers: Vec::new(), body: String::new(), truncated: true };
    TestAnswer {
        sent: None,
        answer: status.map(nothing),
        error: error.map(str::to_owned),
        times: TestTimes { total_ms },
    }
}

/// The route in the environment that is asked for.
fn place(body: &TestRoute, spec: &RouteSpec, world: &World) -> Result<Bound, Refusal> {
    let all = &world.known.environments;
    let Some(environment) = all.iter().find(|other| other.name.as_str() == body.environment) else {
        let meant = nearest(&body.environment, all.iter().map(|other| other.name.as_str()));
        let detail = format!("there is no environment {}", body.environment);
        let finding = Finding::new("/environment", "environment-not-found", detail);
        return Err(Refusal::members(vec![finding.meaning(meant)]));
    };
    if !spec.environments.contains_key(&environment.name) {
        let detail = format!("the route {} is not served in {}", spec.name, environment.name);
        return Err(Refusal::member("/environment", "route-not-served-in-environment", detail));
    }
    rules::bound(spec, &environment.name, world).map_err(|error| Refusal::internal(error.to_string()))
}

/// The request as a client would have made it, held against what the route passes on.
fn read(body: &TestRoute, bound: &Bound) -> Result<Given, Refusal> {
    let mut members = Members::default();
    let method = body.method.as_deref().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::TRACE);
    let possible = method != Method::TRACE && method != Method::CONNECT;
    members.demand(possible, "/method", "method-invalid", "is not a method that can be passed on");
    let allowed = bound.methods.as_ref().is_none_or(|allowed| allowed.contains(&method));
    members.demand(allowed || !possible, "/method", "method-not-allowed", "is not among the route's methods");
    let target = body.path.as_deref().unwrap_or("/");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    match model::path::canonical(path) {
        Ok(canonical) => {
            let allowed = bound.paths.as_ref().is_none_or(|paths| paths.iter().any(|one| one.matches(&canonical)));
            members.demand(allowed, "/path", "path-not-allowed", "is not among the route's paths");
        }
        Err(error) => members.note(Finding::new("/path", "path-invalid", error.to_string())),
    }
    let mut headers = HeaderMap::new();
    for (name, value) in body.headers.iter().flatten() {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => drop(headers.append(name, value)),
            _ => {
                let pointer = format!("/headers/{}", token(name));
                members.demand(false, &pointer, "header-invalid", "has a name or a value that no header has");
            }
        }
    }
    let length = body.body.as_ref().map_or(0, String::len);
    let fits = bound.max_request_body.is_none_or(|limit| u64::try_from(length).is_ok_and(|length| length <= limit));
    members.demand(fits, "/body", "request-too-large", "is longer than the route passes on");
    members.finish()?;
    let body = body.body.clone().filter(|body| !body.is_empty()).map(Bytes::from);
    Ok(Given { method, path: path.to_owned(), query: query.map(str::to_owned), headers, body })
}
