//! Path patterns of policies, one line per case.

use model::path::{PathPattern, PatternError};
use proptest::prelude::*;

#[test]
fn patterns_match_whole_paths() {
    for (pattern, path, wanted) in [
        ("/", "/", true),
        ("/", "//", false),
        ("/", "/a", false),
        ("/v1/charges", "/v1/charges", true),
        ("/v1/charges", "/v1/charges/", false),
        ("/v1/charges", "/V1/charges", false),
        ("/v1/charges", "/v1/charge", false),
        ("/v1/charges", "/v1", false),
        ("/v1/charges/", "/v1/charges/", true),
        ("/a b/é", "/a b/é", true),
        ("/*", "/a", true),
        ("/*", "/", false),
        ("/*", "/a/b", false),
        ("/*", "/a/", false),
        ("/*", "/*", true),
        ("/v1/*/refunds", "/v1/ch_1/refunds", true),
        ("/v1/*/refunds", "/v1//refunds", false),
        ("/v1/*/refunds", "/v1/a/b/refunds", false),
        ("/*/*", "/a/b", true),
        ("/*/*", "//b", false),
        ("/**", "/", true),
        ("/**", "//", true),
        ("/**", "/a/b/c", true),
        ("/v1/**", "/v1", true),
        ("/v1/**", "/v1/", true),
        ("/v1/**", "/v1//x", true),
        ("/v1/**", "/v1/a/b", true),
        ("/v1/**", "/v10", false),
        ("/v1/**", "/v1;x/a", false),
        ("/v1/**", "//v1/a", false),
        ("/v1/**", "/", false),
        ("/*/x/**", "/a/x/y", true),
        ("/*/x/**", "/a/y/x", false),
        ("/100%", "/100%", true),
    ] {
        let parsed: PathPattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(path), wanted, "{pattern} {path}");
        assert_eq!(parsed.to_string(), pattern);
    }
}

#[test]
fn mistakes_in_patterns() {
    use PatternError::{Delimiter, Encoded, PartialWildcard, Relative, RestNotLast, Unreachable};
    for (pattern, wanted) in [
        ("", Relative),
        ("v1", Relative),
        ("**", Relative),
        ("/v*", PartialWildcard),
        ("/*.json", PartialWildcard),
        ("/***", PartialWildcard),
        ("/a**", PartialWildcard),
        ("/**/a", RestNotLast),
        ("/**/", RestNotLast),
        ("/**/**", RestNotLast),
        ("/a%20b", Encoded),
        ("/a?x=1", Delimiter),
        ("/a#b", Delimiter),
        ("/a/../b", Unreachable),
        ("/./*", Unreachable),
        ("/..;/a", Unreachable),
        ("/a\\b", Unreachable),
        ("/a\nb", Unreachable),
    ] {
        assert_eq!(pattern.parse::<PathPattern>(), Err(wanted), "{pattern}");
    }
}

#[test]
fn on_the_wire_a_pattern_is_its_text() {
    let pattern: PathPattern = serde_json::from_str(r#""/v1/**""#).unwrap();
    assert_eq!(serde_json::to_string(&pattern).unwrap(), r#""/v1/**""#);
    let error = serde_json::from_str::<PathPattern>(r#""v1""#).unwrap_err();
    assert!(error.to_string().contains("does not begin with /"), "{error}");
}

/// The rule by recursion over segments.
fn naive(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        (["**"], _) | ([], []) => true,
        (["*", pattern @ ..], [found, path @ ..]) => !found.is_empty() && naive(pattern, path),
        ([wanted, pattern @ ..], [found, path @ ..]) => wanted == found && naive(pattern, path),
        _ => false,
    }
}

proptest! {
    #[test]
    fn matching_agrees_with_the_oracle(
        pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", ""]), 1..4),
        rest in any::<bool>(),
        path in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**", ""]), 1..5),
    ) {
        let mut pattern = pattern;
        if rest {
            pattern.push("**");
        }
        let parsed: PathPattern = format!("/{}", pattern.join("/")).parse().unwrap();
        prop_assert_eq!(parsed.matches(&format!("/{}", path.join("/"))), naive(&pattern, &path));
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), path in any::<String>()) {
        for text in [text.clone(), format!("/{text}")] {
            if let Ok(pattern) = text.parse::<PathPattern>() {
                let _ = pattern.matches(&path);
            }
        }
    }
}
