//! What a rotation is going to do: as it is asked for, and with all its members decided.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Whether something happens by itself, as soon as the evidence allows it, or when an operator says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// By itself.
    Automatic,
    /// When an operator says so.
    Manual,
}

/// Why a credential is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RotationReason {
    /// Its time has come.
    #[default]
    Scheduled,
    /// Somebody else may have it: canary and soak are shortened to what is safe.
    Compromised,
    /// Its provider ends it.
    Expiring,
    /// Something else.
    Other,
}

/// A member of a plan: once for all environments, or an object with a member for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PerEnvironment<T> {
    /// The same for all.
    All(T),
    /// By environment.
    Each(BTreeMap<String, T>),
}

/// Read by what stands there, so that a mistake is told with the member that holds it.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerEnvironment<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
    type Value = PerEnvironment<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one for all environments, or an object with one for each")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(PerEnvironment::All)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(items)).map(PerEnvironment::All)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(members)).map(PerEnvironment::Each)
    }
}

/// A plan as it is asked for: every member has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanWish {
    /// The environments in the order of their ranks; all in which a route names the outgoing secret when absent. One that is
    /// left out goes on using the outgoing secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["staging", "production"]))]
    pub environments: Option<Vec<String>>,
    /// The shares of traffic that the incoming secret gets, one after the other; `["100%"]` outside protected environments
    /// and `["5%", "50%", "100%"]` in them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["5%", "50%", "100%"]))]
    pub canary: Option<PerEnvironment<Vec<String>>>,
    /// How long each share lasts at least; `5m` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5m")]
    pub canary_step: Option<PerEnvironment<String>>,
    /// How long an environment is watched after its promotion: `48h` for the last and `0s` before when absent; given once, it
    /// is that of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "48h")]
    pub soak: Option<PerEnvironment<String>>,
    /// How the rotation gets into an environment: `manual` into a protected one and `automatic` elsewhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance: Option<PerEnvironment<Manner>>,
    /// Whether it goes back by itself when the incoming credential turns out to be bad; `automatic` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_back: Option<Manner>,
    /// Whether the outgoing secret is deleted by itself once it is proven unused; `manual` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_outgoing: Option<Manner>,
    /// Why; `scheduled` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RotationReason>,
    /// The rotation that has to be promoted everywhere before this one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub after: Option<String>,
    /// Whether somebody else has to approve it; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
}

/// A plan with all its members decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanItem {
    /// The names of its environments, in order.
    pub environments: Vec<String>,
    /// Its environments, each with what is done there.
    pub stages: Vec<PlanStage>,
    /// Whether it goes back by itself when the incoming credential turns out to be bad.
    pub roll_back: Manner,
    /// Whether the outgoing secret is deleted by itself once it is proven unused.
    pub delete_outgoing: Manner,
    /// Why.
    pub reason: RotationReason,
    /// The rotation that has to go first.
    pub after: Option<String>,
    /// Whether somebody else has to approve it.
    pub approval: bool,
    /// What is worth knowing about it: what was shortened, what is left out.
    pub notes: Vec<String>,
}

/// One environment of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanStage {
    /// The environment.
    pub environment: String,
    /// Whether it was protected when the plan was made.
    pub protected: bool,
    /// The shares of traffic that the incoming secret gets, one after the other.
    pub canary: Vec<String>,
    /// How long each of them lasts at least.
    pub canary_step: String,
    /// How long it is watched after its promotion.
    pub soak: String,
    /// How the rotation gets into it.
    pub advance: Manner,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_given_once_or_by_environment() {
        let wish: PlanWish = serde_json::from_str(
            r#"{"canary": ["5%", "100%"], "soak": {"staging": "1m", "production": "48h"}, "advance": "manual"}"#,
        )
        .unwrap();
        assert_eq!(wish.canary, Some(PerEnvironment::All(vec!["5%".to_owned(), "100%".to_owned()])));
        let Some(PerEnvironment::Each(soak)) = &wish.soak else { panic!("{wish:?}") };
        assert_eq!(soak.get("staging").map(String::as_str), Some("1m"));
        assert_eq!(wish.advance, Some(PerEnvironment::All(Manner::Manual)));
        let again = serde_json::to_string(&wish).unwrap();
        assert_eq!(serde_json::from_str::<PlanWish>(&again).unwrap(), wish);
    }

    #[test]
    fn a_mistake_is_told_with_its_member() {
        for (body, pointer) in [
            (r#"{"canary": "5%"}"#, "/canary"),
            (r#"{"canary": ["5%", 7]}"#, "/canary/1"),
            (r#"{"soak": {"staging": 7}}"#, "/soak/staging"),
            (r#"{"advance": {"staging": "sometimes"}}"#, "/advance/staging"),
            (r#"{"advance": 1}"#, "/advance"),
            (r#"{"soaks": "1m"}"#, "/soaks"),
        ] {
            match crate::read::read::<PlanWish>(body.as_bytes()) {
                Err(crate::read::ReadError::Member { pointer: found, .. }) => assert_eq!(found, pointer, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
