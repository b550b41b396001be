//! What should be known before a rotation is started.

use std::collections::{BTreeMap, BTreeSet};

use api::rotation::{ImpactFinding, Severity};
use model::name::{EnvironmentName, RouteName, SecretName};
use model::probe::Judgeable;
use model::problem::Finding;
use model::rotation::{ENOUGH, Stage, named_environments};
use model::route::{RouteSpec, effective, references};
use model::secret::Secret;
use model::time::{Span, Timestamp};
use model::upstream::Upstream;
use store::ReadTx;

use crate::endpoints::rotations::draft::Draft;
use crate::endpoints::rotations::traffic::{DAY, Traffic};
use crate::refusal::Refusal;
use crate::state::Control;

/// All findings, what stands in the way first.
pub(super) async fn all(
    control: &Control,
    tx: &ReadTx,
    draft: &Draft,
    traffic: &Traffic,
    broken: Vec<Finding>,
    now: Timestamp,
) -> Result<Vec<ImpactFinding>, Refusal> {
    let mut found: Vec<ImpactFinding> = broken.into_iter().map(rule).collect();
    environments(draft, &mut found);
    expiry(draft, now, &mut found);
    for stage in &draft.plan.stages {
        judgement(control, draft, stage, traffic, &mut found);
    }
    siblings(tx, draft, &mut found).await?;
    others(tx, draft, &mut found).await?;
    secrets(draft, &mut found);
    for note in &draft.plan.notes {
        if !found.iter().any(|other| other.detail == *note) {
            found.push(finding("plan-note", Severity::Info, note.clone()));
        }
    }
    found.sort_by_key(|finding| finding.severity);
    Ok(found)
}

fn finding(code: &str, severity: Severity, detail: impl Into<String>) -> ImpactFinding {
    ImpactFinding { code: code.to_owned(), severity, detail: detail.into(), environment: None, route: None }
}

fn at(mut finding: ImpactFinding, environment: &EnvironmentName, route: Option<&RouteName>) -> ImpactFinding {
    finding.environment = Some(environment.to_string());
    finding.route = route.map(ToString::to_string);
    finding
}

/// A rule that a route would break: `/routes/payments/environments/staging/…`.
fn rule(broken: Finding) -> ImpactFinding {
    let parts: Vec<&str> = broken.pointer.split('/').collect();
    let (route, environment) = match parts.as_slice() {
        [_, "routes", route, "environments", environment, ..] => (Some(*route), Some(*environment)),
        [_, "routes", route, ..] => (Some(*route), None),
        _ => (None, None),
    };
    ImpactFinding {
        code: broken.code.to_owned(),
        severity: Severity::Error,
        detail: broken.detail,
        environment: environment.map(str::to_owned),
        route: route.map(str::to_owned),
    }
}

/// Where the outgoing secret is used beside, and where it stays.
fn environments(draft: &Draft, found: &mut Vec<ImpactFinding>) {
    let named = named_environments(&draft.outgoing.name, &draft.specs);
    let is_protected = |name: &EnvironmentName| draft.known.iter().any(|known| known.name == *name && known.protected);
    let (protected, free): (Vec<_>, Vec<_>) = named.iter().partition(|name| is_protected(name));
    if let (Some(one), Some(other)) = (protected.first(), free.first()) {
        let detail = format!(
            "{} is used in {one} and in {other}: whoever tries something out there does so with a credential of {one}; \
             a secret for each keeps them apart",
            draft.outgoing.name
        );
        found.push(finding("used-across-environments", Severity::Warning, detail));
    }
    for left in named.iter().filter(|name| !draft.plan.stages.iter().any(|stage| stage.environment == **name)) {
        let begins = format!("{left} is left out");
        let note = draft.plan.notes.iter().find(|note| note.starts_with(&begins)).cloned().unwrap_or(begins);
        found.push(at(finding("environment-left-out", Severity::Warning, note), left, None));
    }
    if named.is_empty() {
        let detail =
            format!("no route names {}: nothing is re-pointed, and nothing can be measured", draft.outgoing.name);
        found.push(finding("not-referenced", Severity::Warning, detail));
    }
}

/// A secret that its provider ends before the rotation can be over.
fn expiry(draft: &Draft, now: Timestamp, found: &mut Vec<ImpactFinding>) {
    let ends_at = now.plus(least(draft));
    for secret in [&draft.outgoing, &draft.incoming] {
        let Some(expires_at) = secret.expires_at.filter(|at| *at <= ends_at) else { continue };
        let detail = format!(
            "{} expires at {expires_at}, and the plan lasts until {ends_at} at the least: shorten it, or give the secret \
             a later expires_at",
            secret.name
        );
        found.push(finding("expires-inside-plan", Severity::Warning, detail));
    }
}

/// How long the plan lasts at the least.
fn least(draft: &Draft) -> Span {
    let of_stage = |stage: &Stage| {
        let steps = i64::try_from(stage.canary.len()).unwrap_or(1);
        stage.canary_step.as_millis().saturating_mul(steps).saturating_add(stage.soak.as_millis())
    };
    Span::from_millis(draft.plan.stages.iter().map(of_stage).fold(0, i64::saturating_add))
}

/// Whether the answers of an environment can say in time that the incoming credential works.
fn judgement(control: &Control, draft: &Draft, stage: &Stage, traffic: &Traffic, found: &mut Vec<ImpactFinding>) {
    let environment = &stage.environment;
    let mut expected = BTreeMap::<String, (u64, bool)>::new();
    for spec in routes_in(draft, environment) {
        let judged_by = Judgeable::of(&draft.incoming, spec, environment);
        if !judged_by.is_possible() {
            let detail = format!(
                "nothing can tell whether {} works here: no answer counts as dead, and there is no probe; an operator's \
                 advance takes each step",
                draft.incoming.name
            );
            found.push(at(finding("unjudgeable-route", Severity::Warning, detail), environment, Some(&spec.name)));
            continue;
        }
        let upstream = effective(spec, environment).and_then(|settings| settings.upstream).unwrap_or_default();
        let origin = Upstream::parse(&upstream, &control.policy.allow_private).map(|upstream| upstream.origin());
        let of_origin = expected.entry(origin.unwrap_or(upstream)).or_default();
        of_origin.0 = of_origin.0.saturating_add(traffic.at(&spec.name, environment));
        of_origin.1 |= judged_by.probe;
    }
    for (origin, (requests, probed)) in expected {
        let judged = within_step(requests, stage);
        if judged >= ENOUGH {
            continue;
        }
        let instead =
            if probed { "a probe stands in for it" } else { "the step lasts longer, or an operator advances" };
        let severity = if probed { Severity::Info } else { Severity::Warning };
        let detail = format!(
            "{origin} got {requests} requests in the last 24 hours, so that the first step of the canary would see about \
             {judged} of the {ENOUGH} answers that are enough: {instead}"
        );
        found.push(at(finding("low-traffic", severity, detail), environment, None));
    }
}

/// How many requests the first step would give to the incoming secret.
fn within_step(requests: u64, stage: &Stage) -> u64 {
    let share = stage.canary.first().map_or(0, |weight| u128::from(weight.basis_points()));
    let step = u128::try_from(stage.canary_step.as_millis()).unwrap_or(0);
    let day = u128::try_from(DAY.as_millis()).unwrap_or(1).max(1);
    let expected = u128::from(requests).saturating_mul(share).saturating_mul(step) / 10_000 / day;
    u64::try_from(expected).unwrap_or(u64::MAX)
}

fn routes_in<'a>(draft: &'a Draft, environment: &'a EnvironmentName) -> impl Iterator<Item = &'a RouteSpec> {
    let named = |spec: &&RouteSpec| {
        references(spec)
            .iter()
            .any(|found| found.secret == draft.outgoing.name && found.environment.as_ref() == Some(environment))
    };
    draft.specs.iter().filter(named)
}

/// The rotation that has to go first, where it cannot any more.
async fn siblings(tx: &ReadTx, draft: &Draft, found: &mut Vec<ImpactFinding>) -> Result<(), Refusal> {
    let Some(first) = &draft.plan.after else { return Ok(()) };
    let Some(row) = tx.rotation_row(first).await? else { return Ok(()) };
    if matches!(row.state.as_str(), "rolled_back" | "abandoned") {
        let detail =
            format!("{first}, which has to go first, was {}: it never gets there", row.state.replace('_', " "));
        found.push(finding("sibling-ended", Severity::Warning, detail));
    }
    Ok(())
}

/// Live rotations of other secrets in the same routes.
async fn others(tx: &ReadTx, draft: &Draft, found: &mut Vec<ImpactFinding>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for spec in &draft.specs {
        let named: BTreeSet<SecretName> = references(spec).into_iter().map(|reference| reference.secret).collect();
        for secret in named.into_iter().filter(|name| *name != draft.outgoing.name) {
            for other in tx.live_rotations_with(secret.as_str()).await? {
                if other.state == "withdrawn" || !seen.insert((spec.name.clone(), other.id.clone())) {
                    continue;
                }
                let detail = format!(
                    "{} replaces {} in the same route: one canary at a time, the other waits",
                    other.id, other.outgoing
                );
                let mut shared = finding("rotation-shares-route", Severity::Warning, detail);
                shared.route = Some(spec.name.to_string());
                found.push(shared);
            }
        }
    }
    Ok(())
}

/// What is odd about the two secrets.
fn secrets(draft: &Draft, found: &mut Vec<ImpactFinding>) {
    let Secret { fingerprint, kind, .. } = &draft.outgoing;
    if draft.incoming.fingerprint == *fingerprint {
        let detail =
            format!("{} has the value of {}: nothing would be replaced", draft.incoming.name, draft.outgoing.name);
        found.push(finding("same-value", Severity::Warning, detail));
    }
    if draft.incoming.kind != *kind {
        let detail = format!("{} is of another kind than {}", draft.incoming.name, draft.outgoing.name);
        found.push(finding("kind-differs", Severity::Warning, detail));
    }
    for warning in &draft.warnings {
        found.push(finding(&warning.code, Severity::Warning, warning.detail.clone()));
    }
}
