//! `?dry_run=true`: a change goes all its way up to the commit, is answered as if it had been made, and is dropped.

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, Required};

use crate::refusal::Refusal;

/// The changes that can be tried. Not those that say it in their body, that send something out, or whose answer shows a
/// key or token that would exist nowhere.
const TRIED: [(&str, &str); 15] = [
    ("POST", "/v1/secrets"),
    ("PATCH", "/v1/secrets/{name}"),
    ("DELETE", "/v1/secrets/{name}"),
    ("POST", "/v1/routes"),
    ("PUT", "/v1/routes/{name}"),
    ("PATCH", "/v1/routes/{name}"),
    ("DELETE", "/v1/routes/{name}"),
    ("POST", "/v1/routes/{name}/roll-back"),
    ("POST", "/v1/clients"),
    ("PATCH", "/v1/clients/{name}"),
    ("DELETE", "/v1/clients/{name}"),
    ("POST", "/v1/environments"),
    ("PATCH", "/v1/environments/{name}"),
    ("DELETE", "/v1/environments/{name}"),
    ("POST", "/v1/rotations"),
];

/// Whether the request is to be tried only. An endpoint that cannot be tried refuses to be asked: whoever says `dry_run`
/// must never have made the change.
pub(crate) fn is_asked(parts: &Parts) -> Result<bool, Refusal> {
    if parts.method.is_safe() {
        return Ok(false);
    }
    // One that cannot be read may have said `dry_run`.
    let pairs: Vec<(String, String)> = serde_html_form::from_str(parts.uri.query().unwrap_or_default())
        .map_err(|_| Refusal::member("", "query-invalid", "the query string cannot be read; nothing was done"))?;
    let mut given = pairs.iter().filter(|(name, _)| name == "dry_run").map(|(_, value)| value.as_str());
    let asked = match (given.next(), given.next()) {
        (None, _) => return Ok(false),
        (Some("true"), None) => true,
        (Some("false"), None) => false,
        _ => return Err(Refusal::member("/dry_run", "query-invalid", "is given once, as true or false")),
    };
    let pattern = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if TRIED.contains(&(parts.method.as_str(), pattern)) {
        return Ok(asked);
    }
    Err(Refusal::member("/dry_run", "query-invalid", "this endpoint has no dry run in its address; nothing was done"))
}

/// Tells of it in the description of every endpoint that has it.
pub(crate) fn describe(api: &mut OpenApi) {
    for (method, path) in TRIED {
        let Some(item) = api.paths.paths.get_mut(path) else { continue };
        let operation = match method {
            "POST" => &mut item.post,
            "PUT" => &mut item.put,
            "PATCH" => &mut item.patch,
            _ => &mut item.delete,
        };
        if let Some(operation) = operation {
            add(operation);
        }
    }
}

fn add(operation: &mut Operation) {
    let parameter: Parameter = ParameterBuilder::new()
        .name("dry_run")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("`true` judges the change and answers as if it had been made, and changes nothing."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::Boolean)))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}
