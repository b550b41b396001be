//! What a caller is told about a body that does not fit, and what is kept from the answer.

use super::*;
use crate::clients::ClientCreate;
use crate::route::RouteCreate;
use crate::secret::{SecretCreate, SecretPatch};

fn wrong<T: for<'de> Deserialize<'de>>(body: &str) -> (String, &'static str, String) {
    match read::<T>(body.as_bytes()) {
        Err(ReadError::Member { pointer, code, detail }) => (pointer, code, detail),
        Err(other) => panic!("{other} for {body}"),
        Ok(_) => panic!("accepted: {body}"),
    }
}

#[test]
fn a_wrong_member_is_named() {
    for (body, pointer, code) in [
        (r#"{"name": "x"}"#, "/value", "member-missing"),
        (r#"{"name": 5, "value": "planted"}"#, "/name", "member-invalid"),
        (r#"{"name": "x", "value": 7}"#, "/value", "member-invalid"),
        (r#"{"name": "x", "value": "v", "kind": "planted"}"#, "/kind", "member-invalid"),
        (r#"{"name": "x", "value": "v", "tags": [1]}"#, "/tags/0", "member-invalid"),
        (r#"{"name": "x", "value": "v", "colour": 1}"#, "/colour", "member-unknown"),
        (r#"{"name": "x", "name": "y", "value": "v"}"#, "/name", "member-repeated"),
        (r#"{"name": "x", "value": "v", "probe": {"http": {}}}"#, "/probe/http/url", "member-missing"),
        (r#"[]"#, "", "member-invalid"),
        (r#""planted""#, "", "member-invalid"),
    ] {
        let (found, found_code, detail) = wrong::<SecretCreate>(body);
        assert_eq!((found.as_str(), found_code), (pointer, code), "{body}: {detail}");
        assert!(!detail.contains("planted"), "{detail}");
    }
    for (body, pointer) in [
        (r#"{"name": "r", "base": {"inject": {"headers": {"A/b": 1}}}}"#, "/base/inject/headers/A~1b"),
        (r#"{"name": "r", "base": {"inject": {"headers": {"A": true}}}}"#, "/base/inject/headers/A"),
        (r#"{"name": "r", "base": {"inject": {"query": {"A": {}}}}}"#, "/base/inject/query/A"),
        (r#"{"name": "r", "base": {"dead": [401, true]}}"#, "/base/dead/1"),
        (r#"{"name": "r", "environments": {"staging": {"guard": "on"}}}"#, "/environments/staging/guard"),
        (r#"{"name": "r", "base": {"max_request_body": -1}}"#, "/base/max_request_body"),
    ] {
        assert_eq!(wrong::<RouteCreate>(body).0, pointer, "{body}");
    }
    assert_eq!(
        wrong::<ClientCreate>(r#"{"name": "c", "environments": [], "routes": [], "rate_limit": {"per": "1m"}}"#).0,
        "/rate_limit/requests"
    );
}

#[test]
fn what_is_not_json_is_told_apart() {
    for body in ["", "{", "{\"name\": }", "{} x", "\u{1}"] {
        assert!(matches!(read::<SecretPatch>(body.as_bytes()), Err(ReadError::NotJson { .. })), "{body:?}");
    }
    assert!(read::<SecretPatch>(b" {} ").is_ok());
}

#[test]
fn the_nested_object_of_basic_authentication_is_named() {
    let body = r#"{"name": "r", "base": {"inject": {"headers": {"Authorization": {"basic": {"username": "u"}}}}}}"#;
    let (pointer, code, _) = wrong::<RouteCreate>(body);
    assert!(pointer.starts_with("/base/inject/headers/Authorization"), "{pointer}");
    assert_eq!(code, "member-missing");
}
