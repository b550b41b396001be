//! What can be tidied about secrets: names that do not fit, and habits that make a leak or an outage more likely.
//!
//! Findings are advice. Nothing is refused because of one.

mod naming;

use std::collections::BTreeMap;

pub use naming::{NAMINGS, Naming, UnknownNaming};

use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::secret::{Kind, Secret, looks_temporary, sounds_temporary};
use crate::time::{Span, Timestamp};

/// An active secret, and what is known about its use.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The secret.
    pub secret: &'a Secret,
    /// Where it takes effect.
    pub bindings: Vec<(&'a RouteName, &'a EnvironmentName)>,
    /// Whether any route mentions it, in effect or not.
    pub referenced: bool,
    /// When it was last sent.
    pub last_used_at: Option<Timestamp>,
    /// When it should have been replaced.
    pub due_at: Option<Timestamp>,
    /// Its latest successor.
    pub superseded_by: Option<&'a SecretName>,
    /// Whether the guard cannot look for its value, because it is short.
    pub short: bool,
}

/// What secrets are held against.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// The environments that there are.
    pub environments: &'a [EnvironmentName],
    /// Those of them that are protected, such as production.
    pub protected: &'a [EnvironmentName],
    /// The strategy that names have to follow; `None` for whichever most of them follow.
    pub naming: Option<Naming>,
    /// The current moment.
    pub now: Timestamp,
}

/// One thing that can be tidied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// About which secret.
    pub secret: SecretName,
    /// What was found.
    pub detail: String,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $code:literal $advice:literal;)*) => {
        /// A rule about secrets.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $($(#[$doc])* $name),* }

        /// All rules, the most pressing first.
        pub const RULES: &[Rule] = &[$(Rule::$name),*];

        impl Rule {
            /// The stable, kebab-case name.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What to do.
            #[must_use]
            pub fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),* }
            }
        }
    };
}

rules! {
    /// The guard cannot look for so short a value.
    ValueTooShort "value-too-short"
        "replace it by a value of at least 8 bytes, or mark it sensitive: false if it may be seen";
    /// The same value under two names: one leak is two, and a rotation of one leaves the other behind.
    SameValue "same-value" "ask the provider for a value of its own for each, or keep one of the names";
    /// The name says one environment, and it is used or may be used in another; or a protected environment shares it with
    /// one that is not.
    OtherEnvironment "other-environment"
        "point the route at a secret of its own environment, and limit each with environments";
    /// It should have been replaced by now.
    Overdue "overdue" "replace it: make a successor and re-point the routes";
    /// It is old and was never replaced, whatever its interval says.
    NeverRotated "never-rotated" "replace it once, while nothing presses, to know that it can be done";
    /// Nothing says where it may be sent.
    NoAllowedHosts "no-allowed-hosts" "give it allowed_hosts: then no route can send it anywhere else";
    /// No route mentions it.
    Unreferenced "unreferenced" "delete it, if nothing outside needs it to stay";
    /// A route mentions it, and it was not sent for 30 days.
    Unused "unused" "find out whether the route is still needed; then delete both";
    /// Its name or a tag says that it should not stay.
    Temporary "temporary" "delete it, or give it a name under which it can stay";
    /// The name does not follow the strategy of the house.
    Naming "naming" "make the successor under a name that fits: a name itself cannot be changed";
    /// Names follow different strategies.
    NamingMixed "naming-mixed" "choose one strategy, say it in policy.naming, and name successors by it";
    /// A successor whose name does not say which secret it succeeds.
    NamingVersion "naming-version" "name successors x_v2, x_v3 after x: then a list shows which is the latest";
}

/// How long a secret may go unused.
const UNUSED: Span = Span::from_days(30);

/// How old a secret may become without ever having been replaced.
const NEVER_ROTATED: Span = Span::from_days(365);

/// Looks at all active secrets. The findings are in the order of the rules, then of the names.
#[must_use]
pub fn lint(subjects: &[Subject<'_>], house: House<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = subjects.iter().flat_map(|subject| habits(subject, house)).collect();
    findings.extend(same_values(subjects));
    findings.extend(names(subjects, house));
    findings.sort_by(|one, other| (one.rule, &one.secret).cmp(&(other.rule, &other.secret)));
    findings
}

fn habits(subject: &Subject<'_>, house: House<'_>) -> Vec<Finding> {
    let (secret, now) = (subject.secret, house.now);
    let mut found = Vec::new();
    let mut note = |rule, detail: String| found.push(Finding { rule, secret: secret.name.clone(), detail });
    // Not expected to be injected, so that it is neither used nor named by a route.
    let is_injected = secret.kind != Kind::WebhookSecret;
    if subject.short && secret.limits.sensitive {
        note(Rule::ValueTooShort, "the value is too short for the guard to look for it in answers".to_owned());
    }
    if let Some(detail) = elsewhere(subject, house) {
        note(Rule::OtherEnvironment, detail);
    }
    match subject.due_at.filter(|due| *due <= now) {
        Some(due) if subject.superseded_by.is_none() => note(Rule::Overdue, format!("it has been due since {due}")),
        _ => {}
    }
    let never = secret.successor_of.is_none() && subject.superseded_by.is_none();
    if never && secret.created_at.plus(NEVER_ROTATED) <= now {
        note(Rule::NeverRotated, format!("it was made on {} and never replaced", secret.created_at));
    }
    if secret.limits.sensitive && secret.limits.allowed_hosts.is_none() && subject.referenced {
        note(Rule::NoAllowedHosts, "a route may send it to any host".to_owned());
    }
    if is_injected && !subject.referenced {
        note(Rule::Unreferenced, "no route names it".to_owned());
    }
    let last = subject.last_used_at.unwrap_or(secret.created_at);
    if is_injected && subject.referenced && last.plus(UNUSED) <= now {
        let since = match subject.last_used_at {
            Some(at) => format!("it was last sent on {at}"),
            None => format!("it was never sent since it was made on {}", secret.created_at),
        };
        note(Rule::Unused, since);
    }
    if looks_temporary(secret) {
        note(Rule::Temporary, "its name or a tag says that it should not stay".to_owned());
    }
    if let Some(detail) = misnumbered(subject, house) {
        note(Rule::NamingVersion, detail);
    }
    found
}

/// Where a secret is used, or may be used, although its name says another environment; where its name says none, whether
/// what is protected shares it with what is not.
fn elsewhere(subject: &Subject<'_>, house: House<'_>) -> Option<String> {
    let Some(own) = naming::read(subject.secret.name.as_str(), house.environments).environment else {
        return shared(subject, house);
    };
    let used = subject.bindings.iter().find(|(_, environment)| *environment != own);
    if let Some((route, environment)) = used {
        return Some(format!("its name says {own}, and the route {route} uses it in {environment}"));
    }
    let limits = subject.secret.limits.environments.as_ref()?;
    let may = limits.iter().find(|environment| *environment != own)?;
    Some(format!("its name says {own}, and it may be used in {may}"))
}

fn shared(subject: &Subject<'_>, house: House<'_>) -> Option<String> {
    let in_use = |protected: bool| {
        let fits = |environment: &&&EnvironmentName| house.protected.contains(environment) == protected;
        subject.bindings.iter().map(|(_, environment)| environment).find(fits)
    };
    // A region or a publishable key may well be the same everywhere.
    let (inside, outside) = (in_use(true)?, in_use(false)?);
    let detail = format!("it is used in {inside}, which is protected, and in {outside}, which is not");
    subject.secret.limits.sensitive.then_some(detail)
}

/// Whether a successor's name says neither `_vN` after its predecessor's nor anything that is a better name.
fn misnumbered(subject: &Subject<'_>, house: House<'_>) -> Option<String> {
    let (name, before) = (&subject.secret.name, subject.secret.successor_of.as_ref()?);
    let ((stem, number), (old_stem, old_number)) = (naming::version(name.as_str()), naming::version(before.as_str()));
    let reading = |name: &SecretName| naming::read(name.as_str(), house.environments);
    // A successor is also the one way to a name that follows the strategy, or that can stay.
    let is_mended = reading(name) != reading(before) || sounds_temporary(before.as_str());
    let detail = format!("it succeeds {before}, and its name does not say so; {} would", before.successor());
    (!is_mended && (stem != old_stem || number <= old_number)).then_some(detail)
}

/// Equal values under several names. A fingerprint is keyed: it tells that values are equal, and nothing about them.
fn same_values(subjects: &[Subject<'_>]) -> Vec<Finding> {
    let mut by_value: BTreeMap<&str, Vec<&SecretName>> = BTreeMap::new();
    for subject in subjects {
        by_value.entry(&subject.secret.fingerprint).or_default().push(&subject.secret.name);
    }
    let mut found = Vec::new();
    for names in by_value.values().filter(|names| names.len() > 1) {
        for name in names {
            let other = names.iter().find(|other| *other != name).map_or("another", |other| other.as_str());
            let detail = match names.len() {
                2 => format!("{other} has the same value"),
                several => format!("{other} and {} more have the same value", several.saturating_sub(2)),
            };
            found.push(Finding { rule: Rule::SameValue, secret: (*name).clone(), detail });
        }
    }
    found
}

/// Names that do not follow the strategy of the house; where it has none, those that do not follow the most common one.
fn names(subjects: &[Subject<'_>], house: House<'_>) -> Vec<Finding> {
    let readings: Vec<(&SecretName, Naming)> = subjects
        .iter()
        .map(|subject| &subject.secret.name)
        .map(|name| (name, naming::read(name.as_str(), house.environments).naming))
        .collect();
    let (wanted, rule) = match house.naming {
        Some(naming) => (naming, Rule::Naming),
        None => {
            let count = |naming| readings.iter().filter(|(_, found)| *found == naming).count();
            let Some(most) = NAMINGS.into_iter().rev().max_by_key(|naming| count(*naming)) else { return Vec::new() };
            (most, Rule::NamingMixed)
        }
    };
    let differs = readings.into_iter().filter(|(_, found)| *found != wanted);
    let detail = |found: Naming| match rule {
        Rule::Naming => format!("it is named by {found}; the house names by {wanted}, such as {}", wanted.example()),
        _ => format!("it is named by {found}; most others by {wanted}, such as {}", wanted.example()),
    };
    differs.map(|(name, found)| Finding { rule, secret: name.clone(), detail: detail(found) }).collect()
}

#[cfg(test)]
mod tests;
