//! A secret that replaces another: what it takes over, and what it should be called.

use model::name::{SecretName, nearest};
use model::problem::Finding;
use model::secret::Secret;
use model::template::Template;
use serde_json::Value;
use store::ReadTx;

use crate::members::Members;
use crate::refusal::Refusal;

/// The secret that the new one is to replace. A deleted one can be replaced, too: its name never comes back, so this is
/// how the successors of a secret stay together.
pub(super) async fn predecessor(
    tx: &ReadTx,
    members: &mut Members,
    name: Option<&str>,
) -> Result<Option<Secret>, Refusal> {
    let Some(name) = name else { return Ok(None) };
    if let Some(row) = tx.secret(name).await? {
        return Ok(Some(row.secret));
    }
    let names = tx.secret_names().await?;
    let meant = nearest(name, names.iter().map(SecretName::as_str));
    let finding = Finding::new("/successor_of", "secret-not-found", format!("there is no secret {name}"));
    members.note(finding.meaning(meant));
    Ok(None)
}

/// The first name after `name` by the rule `x` → `x_v2` → `x_v3` that was never used; `None` where names get too long.
pub(in crate::endpoints) async fn free_name(tx: &ReadTx, name: &SecretName) -> Result<Option<SecretName>, Refusal> {
    let taken = tx.secret_names().await?;
    let mut candidate = name.clone();
    // One step more than there are names cannot be needed.
    for _ in 0..=taken.len() {
        let Ok(next) = candidate.successor().parse::<SecretName>() else { return Ok(None) };
        if taken.binary_search(&next).is_err() {
            return Ok(Some(next));
        }
        candidate = next;
    }
    Ok(None)
}

/// `; x_v2 is free`, or nothing.
pub(super) async fn suggestion(tx: &ReadTx, name: &SecretName) -> Result<String, Refusal> {
    Ok(free_name(tx, name).await?.map(|free| format!("; {free} is free")).unwrap_or_default())
}

/// A probe taken over from `from`: its templates name `to`, or it would go on testing the other value.
pub(super) fn inherited_probe(probe: &Value, from: &SecretName, to: &SecretName) -> Value {
    let mut probe = probe.clone();
    let headers = probe.pointer_mut("/http/headers").and_then(Value::as_object_mut);
    for text in headers.into_iter().flat_map(|headers| headers.values_mut()) {
        let Some(template) = text.as_str().and_then(|text| Template::parse(text).ok()) else { continue };
        if let Some(replaced) = template.replace(from, to) {
            *text = Value::from(replaced.source());
        }
    }
    probe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_probe_that_is_taken_over_tests_the_new_value() {
        let probe = json!({"http": {"url": "https://a.example", "headers": {"A": "Bearer {{ x }}", "B": "plain x"}}});
        let after = inherited_probe(&probe, &"x".parse().unwrap(), &"x_v2".parse().unwrap());
        assert_eq!(after["http"]["headers"], json!({"A": "Bearer {{ x_v2 }}", "B": "plain x"}));
        let postgres = json!({"postgres": {"connections": ["postgres://app@db1/prod"]}});
        assert_eq!(inherited_probe(&postgres, &"x".parse().unwrap(), &"x_v2".parse().unwrap()), postgres);
    }
}
