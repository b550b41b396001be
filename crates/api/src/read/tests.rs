//! What a caller is told about a body that does not fit, and what is kept from the answer.

use std::collections::BTreeMap;

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

/// All places where a struct may stand, for what the contract does not use today.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct Places<'a> {
    #[serde(default, borrow)]
    text: Option<&'a str>,
    #[serde(default)]
    option: Option<Leaf>,
    #[serde(default)]
    list: Vec<Leaf>,
    #[serde(default)]
    map: BTreeMap<String, Leaf>,
    #[serde(default)]
    pair: Option<(u8, Leaf)>,
    #[serde(default)]
    wrapped: Option<Wrapped>,
    #[serde(default)]
    choice: Option<Choice>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Leaf {
    #[serde(default)]
    n: u8,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wrapped(Leaf);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Word,
    Held(Leaf),
    Members { n: u8 },
    Two(u8, Leaf),
}

/// In the place `@` of `body`, lists are refused in both ways of reading, and `object` is taken.
fn only_an_object<T: for<'de> Deserialize<'de>>(body: &str, pointer: &str, object: &str) {
    let refused = Err(ReadError::Member {
        pointer: pointer.to_owned(),
        code: "member-invalid",
        detail: "expected an object".to_owned(),
    });
    for list in ["[]", "[1]", r#"["planted"]"#, "[[]]", "[{}]"] {
        let body = body.replace('@', list);
        assert_eq!(read::<T>(body.as_bytes()).map(drop), refused, "{body}");
        assert_eq!(read_value::<T>(serde_json::from_str(&body).unwrap()).map(drop), refused, "{body} as a value");
    }
    let body = body.replace('@', object);
    assert_eq!(read::<T>(body.as_bytes()).map(drop), Ok(()), "{body}");
    assert_eq!(read_value::<T>(serde_json::from_str(&body).unwrap()).map(drop), Ok(()), "{body} as a value");
}

#[test]
fn a_list_is_no_object() {
    only_an_object::<Nothing>("@", "", "{}");
    only_an_object::<SecretPatch>("@", "", "{}");
    let secret = |probe: &str| format!(r#"{{"name": "s", "value": "v", "probe": {probe}}}"#);
    only_an_object::<SecretCreate>("@", "", r#"{"name": "s", "value": "v"}"#);
    only_an_object::<SecretCreate>(&secret(r#"{"http": @}"#), "/probe/http", r#"{"url": "https://a.example"}"#);
    only_an_object::<SecretCreate>(&secret(r#"{"postgres": @}"#), "/probe/postgres", r#"{"connections": []}"#);
    only_an_object::<RouteCreate>(r#"{"name": "r", "base": @}"#, "/base", "{}");
    only_an_object::<RouteCreate>(r#"{"name": "r", "base": {"inject": @}}"#, "/base/inject", "{}");
    only_an_object::<RouteCreate>(r#"{"name": "r", "environments": @}"#, "/environments", "{}");
    only_an_object::<RouteCreate>(r#"{"name": "r", "environments": {"a": @}}"#, "/environments/a", "{}");
    only_an_object::<RouteCreate>(
        r#"{"name": "r", "base": {"inject": {"headers": {"A": {"basic": @}}}}}"#,
        "/base/inject/headers/A/basic",
        r#"{"username": "u", "password": "p"}"#,
    );
    only_an_object::<ClientCreate>(
        r#"{"name": "c", "environments": [], "routes": [], "rate_limit": @}"#,
        "/rate_limit",
        r#"{"requests": 1, "per": "1m"}"#,
    );
}

#[test]
fn a_list_is_no_object_wherever_a_struct_may_stand() {
    // Without the text, which a parsed document cannot lend.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Owned<T>(T);
    only_an_object::<Vec<Leaf>>(r#"[{"n": 1}, @]"#, "/1", r#"{"n": 1}"#);
    only_an_object::<Option<Leaf>>("@", "", "{}");
    only_an_object::<BTreeMap<String, Leaf>>(r#"{"a/b": @}"#, "/a~1b", "{}");
    only_an_object::<(u8, Leaf)>("[1, @]", "/1", "{}");
    only_an_object::<Wrapped>("@", "", "{}");
    only_an_object::<Owned<Leaf>>("@", "", "{}");
    only_an_object::<Choice>(r#"{"held": @}"#, "/held", "{}");
    only_an_object::<Choice>(r#"{"members": @}"#, "/members", r#"{"n": 1}"#);
    only_an_object::<Choice>(r#"{"two": [1, @]}"#, "/two/1", "{}");
    only_an_object::<Vec<Option<BTreeMap<String, Leaf>>>>(r#"[null, {"a": @}]"#, "/1/a", "{}");
}

#[test]
fn serde_alone_takes_a_list_for_an_object() {
    // What the strict reader is for; once this fails, it can go.
    assert_eq!(serde_json::from_str::<Leaf>("[1]").unwrap(), Leaf { n: 1 });
    assert_eq!(serde_json::from_str::<Choice>(r#"{"members": [1]}"#).unwrap(), Choice::Members { n: 1 });
    assert!(serde_json::from_str::<SecretPatch>("[]").is_ok());
    assert!(read::<SecretPatch>(b"[]").is_err());
}

#[test]
fn all_else_is_read_as_before() {
    let body = r#"{"text": "lent", "option": {"n": 1}, "list": [{}, {"n": 2}], "map": {"a": {"n": 3}}, "pair": [4, {"n": 5}],
        "wrapped": {"n": 6}, "choice": {"two": [7, {"n": 8}]}}"#;
    let leaf = |n| Leaf { n };
    let found: Places<'_> = read(body.as_bytes()).unwrap();
    let expected = Places {
        text: Some("lent"),
        option: Some(leaf(1)),
        list: vec![leaf(0), leaf(2)],
        map: BTreeMap::from([("a".to_owned(), leaf(3))]),
        pair: Some((4, leaf(5))),
        wrapped: Some(Wrapped(leaf(6))),
        choice: Some(Choice::Two(7, leaf(8))),
    };
    assert_eq!(found, expected);
    // The text is a piece of the body, not a copy of it.
    assert!(body.as_bytes().as_ptr_range().contains(&found.text.unwrap().as_ptr()));
    assert_eq!(read::<Choice>(br#""word""#), Ok(Choice::Word));
    assert_eq!(read::<Choice>(br#"{"members": {"n": 9}}"#), Ok(Choice::Members { n: 9 }));
    assert_eq!(wrong::<Choice>(r#""held""#).2, "expected an object");
    assert_eq!(wrong::<Choice>(r#""members""#).2, "expected an object");
    let lists = r#"{"name": "x", "value": "v", "tags": ["a"], "probe": {"http": {"url": "https://a.example", "dead": [401, "5xx"]}}}"#;
    assert!(read::<SecretCreate>(lists.as_bytes()).is_ok());
}
