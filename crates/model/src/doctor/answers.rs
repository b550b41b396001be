//! A third party says 401: what it answered to each secret, since when, and what else could be the reason.

use super::rotation::Told;
use super::{
    Answers, BindingFacts, Code, Facts, Finding, PlaceFacts, Reading, Related, Said, SecretFacts, Severity, Window,
};
use crate::secret::Secret;
use crate::time::Span;
use crate::usage::Outcome;

/// What ends sooner is worth a word.
const SOON: Span = Span::from_days(7);

/// How old a change may be for answers to be compared before and after: what is known of them goes back so far.
const COMPARED: Span = Span::from_days(1);

pub(super) fn look(facts: &Facts) -> Vec<Finding> {
    let unknown = SecretFacts::default();
    let mut found = Vec::new();
    for place in &facts.places {
        let mut here: Vec<Finding> = place.readings.iter().map(reading).collect();
        for binding in &place.bindings {
            let secret = facts.secrets.get(&binding.secret).unwrap_or(&unknown);
            let known = secret.secret.as_ref();
            let mut about: Vec<Finding> = answered(facts, place, binding, secret);
            about.extend(known.and_then(|known| expiry(known, facts)));
            about.extend(known.and_then(|known| unprobed(known, place, facts)));
            about.extend(binding.readings.iter().map(reading));
            here.extend(about.into_iter().map(|finding| finding.of(&binding.secret)));
        }
        found.extend(here.into_iter().map(|finding| finding.within(&place.environment)));
    }
    found
}

fn answered(facts: &Facts, place: &PlaceFacts, binding: &BindingFacts, secret: &SecretFacts) -> Vec<Finding> {
    let Answers { hour, since, .. } = &binding.answers;
    let mut found = Vec::new();
    let (accepted, rejected) = (hour.count(Outcome::Accepted), hour.count(Outcome::Rejected));
    let last = |outcome| binding.answers.last(outcome);
    // Also where the last call is longer ago than an hour, its answer is the last word.
    let is_dead = last(Outcome::Rejected).is_some_and(|at| last(Outcome::Accepted).is_none_or(|other| other < at));
    let was_rejected = rejected > 0 || (is_dead && since.count(Outcome::Rejected) > 0);
    if was_rejected {
        found.push(rejection(facts, place, binding, secret, is_dead));
        found.extend(predecessor(binding, secret));
    } else if accepted > 0 {
        let detail = format!("the upstream took it {accepted} times in the last hour, and never called it dead");
        found.push(Finding::new(Code::CredentialAccepted, Severity::Ok, detail, ""));
    }
    let refused = hour.count(Outcome::Refused);
    if refused > 0 {
        let detail = format!(
            "the upstream knew it and did not let it do what was asked, {refused} times in the last hour (403)"
        );
        let severity = if accepted == 0 { Severity::Warning } else { Severity::Note };
        let advice = "give the credential the permission that is missing, at the provider";
        found.push(Finding::new(Code::PermissionMissing, severity, detail, advice));
    }
    found.extend(unclear(hour));
    if hour.total() == 0 {
        let detail = match binding.last_used_at {
            Some(at) => format!("nothing was sent with it in the last hour; the last time was at {at}"),
            None => "nothing was ever sent with it here".to_owned(),
        };
        let advice = format!(
            "keyroll route test {0} -e {1} sends one request; keyroll doctor route {0} --environment {1} --probe tries it",
            facts.route, place.environment
        );
        found.push(Finding::new(Code::NoAnswers, Severity::Note, detail, advice));
    }
    found
}

fn rejection(
    facts: &Facts,
    place: &PlaceFacts,
    binding: &BindingFacts,
    secret: &SecretFacts,
    is_dead: bool,
) -> Finding {
    let (name, hour) = (&binding.secret, &binding.answers.hour);
    let count = hour.count(Outcome::Rejected);
    let told = match count {
        0 => format!(
            "{} answers since the last change called it dead, the last one more than an hour ago",
            binding.answers.since.count(Outcome::Rejected)
        ),
        _ => format!(
            "{count} of {} answers in the last hour called it dead, {} took it",
            hour.total(),
            hour.count(Outcome::Accepted)
        ),
    };
    let severity = if is_dead { Severity::Error } else { Severity::Warning };
    let compare = format!(
        "keyroll secret compare {name}: is it the value that the provider shows, and neither expired nor revoked there?"
    );
    if !began_with_change(facts, binding) {
        return Finding::new(Code::CredentialRejected, severity, told, compare);
    }
    let detail = format!("{told}; that began with {}", Told(facts));
    let back = secret.predecessors.first().filter(|before| before.deleted_at.is_none());
    let advice = match (back, facts.change.before) {
        (Some(before), _) => format!(
            "{compare} To go back: keyroll route replace-secret {name} {} --environment {}",
            before.name, place.environment
        ),
        (None, Some(number)) => format!("{compare} To go back: keyroll route roll-back {} {number}", facts.route),
        (None, None) => compare,
    };
    Finding::new(Code::RejectedSinceChange, severity, detail, advice)
}

/// Whether something was taken before the last change and nothing called dead, and after it the other way round.
fn began_with_change(facts: &Facts, binding: &BindingFacts) -> bool {
    let both = [&binding.answers.before, &binding.before.before];
    let before = |outcome| both.iter().map(|window| window.count(outcome)).sum::<u64>();
    let since = &binding.answers.since;
    let first = |outcome| since.run(outcome).map(|run| run.first);
    // A value that was taken after the change was not made wrong by it.
    let at_once = first(Outcome::Rejected)
        .is_some_and(|rejected| first(Outcome::Accepted).is_none_or(|accepted| rejected <= accepted));
    facts.change.at.plus(COMPARED) > facts.now
        && before(Outcome::Accepted) > 0
        && before(Outcome::Rejected) == 0
        && at_once
}

/// What the upstream said to the predecessor tells whether it is this value, or all that one sends there.
fn predecessor(binding: &BindingFacts, secret: &SecretFacts) -> Option<Finding> {
    let Related { name, .. } = secret.predecessors.first()?;
    let (accepted, rejected) = (binding.before.last(Outcome::Accepted), binding.before.last(Outcome::Rejected));
    let (detail, advice) = match (accepted, rejected) {
        (Some(at), rejected) if rejected.is_none_or(|other| other < at) => (
            format!("the predecessor {name} was taken until {at}: it is this value that is wrong"),
            "roll back, and look at the new credential at the provider",
        ),
        (_, Some(at)) => (
            format!("the predecessor {name} was called dead as well, last at {at}: it is not only this value"),
            "look at the account, its list of allowed addresses, and whether the route's upstream is the one that the credential is for",
        ),
        _ => return None,
    };
    Some(Finding::new(Code::PredecessorAnswers, Severity::Note, detail, advice))
}

fn unclear(hour: &Window) -> Option<Finding> {
    let told: Vec<String> = [Outcome::Throttled, Outcome::Failed, Outcome::Unreachable]
        .into_iter()
        .map(|outcome| (outcome, hour.count(outcome)))
        .filter(|(_, count)| *count > 0)
        .map(|(outcome, count)| format!("{} {count}", outcome.as_str()))
        .collect();
    let detail = format!("answers of the last hour that say nothing about the credential: {}", told.join(", "));
    let advice = "keyroll doctor --route NAME looks whether the upstream can be reached";
    (!told.is_empty()).then(|| Finding::new(Code::AnswersUnclear, Severity::Note, detail, advice))
}

fn expiry(secret: &Secret, facts: &Facts) -> Option<Finding> {
    let end = secret.expires_at?;
    let name = &secret.name;
    let advice = format!("replace it: keyroll secret create {} --successor-of {name}", name.successor());
    if end <= facts.now {
        let (severity, what) = match secret.strict_expiry {
            true => (Severity::Error, "it is strict about it and is not sent any more"),
            false => (Severity::Warning, "it is still sent"),
        };
        let detail = format!("it expired at {end}; {what}");
        return Some(Finding::new(Code::SecretExpired, severity, detail, advice));
    }
    let detail = format!("it expires at {end}");
    (end <= facts.now.plus(SOON)).then(|| Finding::new(Code::SecretExpiresSoon, Severity::Warning, detail, advice))
}

fn unprobed(secret: &Secret, place: &PlaceFacts, facts: &Facts) -> Option<Finding> {
    if place.has_probe || secret.probe.is_some() {
        return None;
    }
    let detail = "neither the route nor the secret says how to try it";
    let advice = format!("give the route a harmless request: keyroll route edit {} --probe 'GET /…'", facts.route);
    Some(Finding::new(Code::NoProbe, Severity::Note, detail, advice))
}

fn reading(reading: &Reading) -> Finding {
    let Reading { place, said, detail } = reading;
    let (severity, word, advice) = match said {
        Said::Alive => (Severity::Ok, "alive", ""),
        Said::Dead => (Severity::Error, "dead", "compare the value with the provider's, or roll back"),
        Said::Unclear => {
            (Severity::Warning, "unclear", "look at the probe, at its alive and dead answers, and at the upstream")
        }
    };
    Finding::new(Code::ProbeReading, severity, format!("tried just now at {place}: {word}; {detail}"), advice)
}
