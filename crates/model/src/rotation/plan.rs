//! What a rotation is going to do: which environments in which order, how carefully, and who has a say.

mod resolve;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Weight;
use crate::name::EnvironmentName;
use crate::time::Span;

pub use resolve::{DEFAULT_SOAK, resolve};

/// Whether something happens by itself, as soon as the evidence allows it, or when an operator says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// By itself.
    Automatic,
    /// When an operator says so.
    Manual,
}

/// Why a credential is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its time has come.
    #[default]
    Scheduled,
    /// Somebody else may have it: the canary and the soak are shortened to what is safe.
    Compromised,
    /// Its provider ends it.
    Expiring,
    /// Something else.
    Other,
}

impl Reason {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Compromised => "compromised",
            Self::Expiring => "expiring",
            Self::Other => "other",
        }
    }
}

/// One environment of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether it was protected when the plan was made.
    pub protected: bool,
    /// The shares of traffic that the incoming secret gets, one after the other; at least one.
    pub canary: Vec<Weight>,
    /// How long each of them lasts at least.
    pub canary_step: Span,
    /// How long this environment is looked at after its promotion, before the next one begins; after the last one, before
    /// the outgoing secret is withdrawn.
    pub soak: Span,
    /// How the rotation gets into this environment.
    pub advance: Manner,
}

/// A plan with all its members decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The environments, by rank. None where no route names the outgoing secret: then nothing is re-pointed.
    pub stages: Vec<Stage>,
    /// Whether it goes back by itself when the incoming credential turns out to be bad.
    pub roll_back: Manner,
    /// Whether the outgoing secret is deleted by itself once it is proven unused.
    pub delete_outgoing: Manner,
    /// Why.
    pub reason: Reason,
    /// The rotation that has to go first.
    pub after: Option<String>,
    /// Whether somebody else has to approve it.
    pub approval: bool,
    /// What is worth saying about it: what was shortened, what is left out.
    pub notes: Vec<String>,
}

impl Plan {
    /// How long the outgoing secret has to be without use before it is withdrawn.
    #[must_use]
    pub fn final_soak(&self) -> Span {
        self.stages.last().map_or(DEFAULT_SOAK, |stage| stage.soak)
    }
}

/// A member of a plan that is given once for all environments, or for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per<T> {
    /// The same for all.
    All(T),
    /// For those that are named.
    Each(BTreeMap<EnvironmentName, T>),
}

/// A plan as it is asked for: what is left out has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// The environments; all in which the outgoing secret is named, where absent.
    pub environments: Option<Vec<EnvironmentName>>,
    /// `["100%"]` outside protected environments and `["5%", "50%", "100%"]` in them.
    pub canary: Option<Per<Vec<Weight>>>,
    /// 5 minutes.
    pub canary_step: Option<Per<Span>>,
    /// 48 hours after the last environment, none before; given once, it is that of the last.
    pub soak: Option<Per<Span>>,
    /// Manual into a protected environment, automatic elsewhere.
    pub advance: Option<Per<Manner>>,
    /// Automatic.
    pub roll_back: Option<Manner>,
    /// Manual.
    pub delete_outgoing: Option<Manner>,
    /// Scheduled.
    pub reason: Reason,
    /// None.
    pub after: Option<String>,
    /// No.
    pub approval: bool,
}
