//! A route as a document: from a file, from flags, or from a file with flags over it.

use std::io::Read;
use std::path::Path;

use api::read::{ReadError, read, read_value};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::fault::Fault;
use super::super::out::Out;

/// The largest file: far more than any route needs.
const LARGEST: u64 = 1 << 20;
/// What the server adds to a route; a file made by `route get` may hold it.
const ADDED: [&str; 5] = ["revision", "created_at", "created_by", "updated_at", "updated_by"];

/// The document in a file, or in stdin where the file is `-`, without what the server had added.
pub(super) fn load(path: &Path, out: &mut Out) -> Result<Map<String, Value>, Fault> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        out.stdin().take(LARGEST).read_to_end(&mut bytes)?;
    } else {
        let fault = |source| Fault::File { path: path.to_owned(), source };
        std::fs::File::open(path).map_err(fault)?.take(LARGEST).read_to_end(&mut bytes).map_err(fault)?;
    }
    let mut document: Map<String, Value> = read(&bytes).map_err(|error| wrong(path, &error))?;
    document.retain(|name, _| !ADDED.contains(&name.as_str()));
    Ok(document)
}

/// A document as the body of a call; what is wrong is told before anything is sent.
pub(super) fn typed<T: for<'de> Deserialize<'de>>(document: Map<String, Value>) -> Result<T, Fault> {
    read_value(Value::Object(document)).map_err(|error| wrong(Path::new("route"), &error))
}

fn wrong(path: &Path, error: &ReadError) -> Fault {
    Fault::Usage(format!("{}: {error}", path.display()))
}

/// Lays `patch` over `target`, member by member; the result of both merge patches one after the other.
pub(super) fn lay_over(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (target.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay_over(below, above),
            (_, value) => {
                target.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("no object") };
        members
    }

    #[test]
    fn patches_are_laid_over_one_another() {
        for (below, above, both) in [
            (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
            (json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": null}}), json!({"a": {"x": null, "y": 2}})),
            (json!({"a": null}), json!({"a": {"x": 1}}), json!({"a": {"x": 1}})),
            (json!({"a": [1]}), json!({"a": [2]}), json!({"a": [2]})),
        ] {
            let mut target = object(below);
            lay_over(&mut target, object(above));
            assert_eq!(Value::Object(target), both);
        }
    }

    #[test]
    fn what_the_server_added_is_left_out_and_what_is_wrong_is_named() {
        let given = br#"{"name": "pay", "revision": 3, "created_at": "x", "base": {"upstream": "https://a"}}"#;
        let mut out = Out::scripted(given, std::io::sink(), std::io::sink(), false);
        let document = load(Path::new("-"), &mut out).unwrap();
        assert_eq!(Value::Object(document.clone()), json!({"name": "pay", "base": {"upstream": "https://a"}}));
        assert!(typed::<api::route::RouteCreate>(document).is_ok());
        let wrong = typed::<api::route::RouteCreate>(object(json!({"name": "pay", "base": {"upstraem": "x"}})));
        assert!(wrong.unwrap_err().to_string().contains("/base/upstraem"));
        let mut out = Out::scripted(b"name: pay", std::io::sink(), std::io::sink(), false);
        assert!(load(Path::new("-"), &mut out).unwrap_err().to_string().contains("not JSON"));
    }
}
