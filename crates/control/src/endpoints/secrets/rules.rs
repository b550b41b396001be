//! The rules of a secret's members, and who may touch it.

use std::collections::BTreeSet;

use api::secret::Warning;
use model::access::Need;
use model::environment::Environment;
use model::name::{EnvironmentName, nearest};
use model::problem::Finding;
use model::secret::{HostRule, Kind, Limits, SHORT_VALUE, Secret, SecretValue};
use model::time::Span;
use model::upstream::{Host, Upstream};

use crate::members::{Members, free_text, line_text};

/// The most labels of a secret.
const MOST_TAGS: usize = 50;
/// The longest label, in bytes.
const LONGEST_TAG: usize = 64;

/// The environments that a value is limited to, each of which must exist. An empty list would be nowhere at all, which
/// nobody means who writes it.
pub(super) fn environments(
    members: &mut Members,
    texts: &[String],
    known: &[Environment],
) -> BTreeSet<EnvironmentName> {
    let detail = "names no environment; leave it out (or null) for all, or name at least one";
    members.demand(!texts.is_empty(), "/environments", "environments-empty", detail);
    for (index, text) in texts.iter().enumerate() {
        if !known.iter().any(|environment| environment.name.as_str() == text) {
            let meant = nearest(text, known.iter().map(|environment| environment.name.as_str()));
            let detail = format!("there is no environment {text}");
            let finding = Finding::new(format!("/environments/{index}"), "environment-not-found", detail);
            members.note(finding.meaning(meant));
        }
    }
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The hosts that a value is limited to.
pub(super) fn hosts(members: &mut Members, texts: &[String]) -> BTreeSet<HostRule> {
    let detail = "names no host; leave it out (or null) for all, or name at least one";
    members.demand(!texts.is_empty(), "/allowed_hosts", "allowed-hosts-empty", detail);
    members.read_all("/allowed_hosts", "host-invalid", texts)
}

/// Free texts and labels.
pub(super) fn texts(members: &mut Members, secret: &Secret) {
    free_text(members, "/description", &secret.description);
    line_text(members, "/owner", &secret.owner);
    members.demand(secret.tags.len() <= MOST_TAGS, "/tags", "tags-too-many", "has more than 50 labels");
    for (index, tag) in secret.tags.iter().enumerate() {
        let fits = (1..=LONGEST_TAG).contains(&tag.len()) && !tag.chars().any(char::is_control);
        let detail = "is not 1 to 64 bytes without control characters";
        members.demand(fits, &format!("/tags/{index}"), "tag-invalid", detail);
    }
}

/// An interval of rotation.
pub(super) fn rotate_every(members: &mut Members, text: Option<&str>) -> Option<Span> {
    let span: Span = members.read_opt("/rotate_every", "duration-invalid", text)?;
    members.demand(span.as_millis() > 0, "/rotate_every", "duration-invalid", "is not longer than nothing");
    Some(span)
}

/// What changing a secret with these limits needs. One without environments may go anywhere, so it counts as protected;
/// so does an environment that is unknown (a deleted secret may name one).
pub(in crate::endpoints) fn need(limits: &Limits, known: &[Environment]) -> Need {
    let free = |name: &EnvironmentName| known.iter().any(|other| other.name == *name && !other.protected);
    let protected = !limits.environments.as_ref().is_some_and(|set| set.iter().all(free));
    Need::Change { protected }
}

/// Whether `wide` lets a value go where `narrow` does not, or be seen where it was hidden.
pub(super) fn widens(narrow: &Limits, wide: &Limits) -> bool {
    let environments = match (&narrow.environments, &wide.environments) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(narrow), Some(wide)) => !wide.is_subset(narrow),
    };
    // A pattern fits a pattern as it fits a host: `*.b` has `*.a.b` in it.
    let within = |narrow: &BTreeSet<HostRule>, rule: &HostRule| narrow.iter().any(|other| other.matches(rule.as_str()));
    let hosts = match (&narrow.allowed_hosts, &wide.allowed_hosts) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(narrow), Some(wide)) => wide.iter().any(|rule| !within(narrow, rule)),
    };
    environments || hosts || (narrow.sensitive && !wide.sensitive)
}

/// The host of an upstream as limits write it: an address without brackets.
pub(super) fn host(upstream: &Upstream) -> String {
    match upstream.host() {
        Host::Name(name) => name.to_string(),
        Host::Ip(address) => address.to_string(),
    }
}

/// What is accepted but should be known.
pub(super) fn warnings(value: &SecretValue, kind: Kind, sensitive: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, detail: &str| {
        warnings.push(Warning { code: code.to_owned(), detail: detail.to_owned() });
    };
    if sensitive && value.len() < SHORT_VALUE {
        let detail =
            "a value under 8 bytes cannot be looked for in answers without harming them, so the guard does not";
        warn("value-short", detail);
    }
    let identity = (kind == Kind::Certificate).then(|| outbound::check_identity(value));
    if let Some(Err(error)) = identity {
        warn("certificate-unusable", &format!("no upstream can be shown the value as our certificate: it {error}"));
    }
    // A line break ends a PEM file, as it ends every text file.
    if value.has_outer_white_space() && identity != Some(Ok(())) {
        let detail = "the value begins or ends with white space and was taken as it is; if that was a slip of the copy, \
             create a successor without it and delete this one";
        warn("surrounding-white-space", detail);
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(environments: Option<&[&str]>, hosts: Option<&[&str]>, sensitive: bool) -> Limits {
        Limits {
            environments: environments.map(|all| all.iter().map(|name| name.parse().unwrap()).collect()),
            allowed_hosts: hosts.map(|all| all.iter().map(|rule| rule.parse().unwrap()).collect()),
            sensitive,
        }
    }

    #[test]
    fn widening() {
        let narrow = limits(Some(&["staging"]), Some(&["*.b.example", "a.example"]), true);
        let table = [
            (narrow.clone(), false),
            (limits(Some(&["staging"]), Some(&["x.b.example"]), true), false),
            (limits(Some(&["staging"]), Some(&["*.x.b.example"]), true), false),
            (limits(Some(&["staging"]), Some(&["b.example"]), true), true),
            (limits(Some(&["staging"]), Some(&["*.a.example"]), true), true),
            (limits(Some(&["staging"]), None, true), true),
            (limits(None, Some(&["a.example"]), true), true),
            (limits(Some(&["production", "staging"]), Some(&["a.example"]), true), true),
            (limits(Some(&["staging"]), Some(&["a.example"]), false), true),
        ];
        for (wide, expected) in table {
            assert_eq!(widens(&narrow, &wide), expected, "{wide:?}");
        }
        assert!(!widens(&limits(None, None, false), &narrow));
    }
}
