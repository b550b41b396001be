//! Why a route does not do what it should: facts about it go in, findings with what to do come out.
//!
//! The findings answer the three questions that people have while they replace secrets: why a route fails after a
//! rotation, why a secret is not found, and why a third party calls a credential dead. Nothing is read here: the facts
//! are gathered by whoever asks.

mod answers;
mod facts;
mod not_found;
mod rotation;
mod serving;

pub use facts::{
    Answers, BindingFacts, Facts, LastChange, Listing, Live, Mention, NodeFact, PlaceFacts, Reading, Related, Run,
    Said, SecretFacts, Window,
};

use std::fmt;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It was looked at, and is as it should be.
    Ok,
    /// Good to know.
    Note,
    /// It works, or works in part, and should be seen to.
    Warning,
    /// It does not work.
    Error,
}

/// What the user asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The route fails after a rotation.
    AfterRotation,
    /// "Secret not found".
    NotFound,
    /// The third party answers 401.
    Rejected,
}

/// All questions, in the order in which they are answered.
pub const QUESTIONS: [Question; 3] = [Question::AfterRotation, Question::NotFound, Question::Rejected];

impl Severity {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Question {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AfterRotation => "fails-after-rotation",
            Self::NotFound => "secret-not-found",
            Self::Rejected => "upstream-401",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $question:ident;)*) => {
        /// What kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name),* }

        /// All codes.
        pub const CODES: &[Code] = &[$(Code::$name),*];

        impl Code {
            /// The stable, kebab-case name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Which question it helps to answer.
            #[must_use]
            pub fn question(self) -> Question {
                match self { $(Self::$name => Question::$question),* }
            }
        }
    };
}

codes! {
    /// Nobody but the provider and whoever has the value can say whether it is the right one.
    CompareValue "compare-value" AfterRotation;
    /// Something still names a secret that this one succeeds.
    PredecessorStillNamed "predecessor-still-named" AfterRotation;
    /// The route names a secret that has a successor.
    SuccessorNotNamed "successor-not-named" AfterRotation;
    /// The secret is part of a rotation that has not ended.
    RotationInProgress "rotation-in-progress" AfterRotation;
    /// How to go back.
    RollBack "roll-back" AfterRotation;
    /// There is no way back.
    RollBackImpossible "roll-back-impossible" AfterRotation;
    /// Nothing names a predecessor any more.
    RoutesUpdated "routes-updated" AfterRotation;
    /// A node serves what was there before the last change.
    NodeServesOld "node-serves-old" AfterRotation;
    /// A node is not heard from, and may still serve.
    NodeSilent "node-silent" AfterRotation;
    /// A node should serve traffic, and has nothing to serve it from.
    NodeServesNothing "node-serves-nothing" AfterRotation;
    /// No live node serves traffic.
    NoNodeServes "no-node-serves" AfterRotation;
    /// All live nodes serve the route as it is now.
    NodesCurrent "nodes-current" AfterRotation;
    /// There is no such environment.
    EnvironmentNotFound "environment-not-found" NotFound;
    /// The route is not served in that environment.
    EnvironmentNotListed "environment-not-listed" NotFound;
    /// The route is served nowhere.
    NoEnvironment "no-environment" NotFound;
    /// There is no secret of that name.
    SecretMissing "secret-missing" NotFound;
    /// The secret's value was destroyed.
    SecretDeleted "secret-deleted" NotFound;
    /// The secret's row cannot be read, or its value does not open.
    SecretUnreadable "secret-unreadable" NotFound;
    /// The secret may not be used in this environment.
    EnvironmentNotAllowed "environment-not-allowed" NotFound;
    /// The secret may not be sent to this host.
    HostNotAllowed "host-not-allowed" NotFound;
    /// The route cannot be put together in this environment, for another reason.
    RouteUnusable "route-unusable" NotFound;
    /// Every secret is there, opens, and may be used here.
    SecretsUsable "secrets-usable" NotFound;
    /// The upstream calls the credential dead, and did not before the last change of the route.
    RejectedSinceChange "rejected-since-change" Rejected;
    /// The upstream calls the credential dead.
    CredentialRejected "credential-rejected" Rejected;
    /// The upstream knows the credential, and it may not do this.
    PermissionMissing "permission-missing" Rejected;
    /// The upstream takes the credential.
    CredentialAccepted "credential-accepted" Rejected;
    /// Answers that say nothing about the credential.
    AnswersUnclear "answers-unclear" Rejected;
    /// Nothing was sent lately.
    NoAnswers "no-answers" Rejected;
    /// What the upstream said to the predecessor.
    PredecessorAnswers "predecessor-answers" Rejected;
    /// The secret has ended.
    SecretExpired "secret-expired" Rejected;
    /// The secret ends soon.
    SecretExpiresSoon "secret-expires-soon" Rejected;
    /// Nothing says how to try the credential.
    NoProbe "no-probe" Rejected;
    /// What a probe found just now.
    ProbeReading "probe-reading" Rejected;
}

/// One thing that was looked at, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// In which environment; `None` for all.
    pub environment: Option<String>,
    /// About which secret, where it is about one.
    pub secret: Option<String>,
    /// What was found.
    pub detail: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Finding {
    fn new(code: Code, severity: Severity, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, severity, environment: None, secret: None, detail: detail.into(), advice: advice.into() }
    }

    fn of(mut self, secret: impl fmt::Display) -> Self {
        self.secret = Some(secret.to_string());
        self
    }

    fn within(mut self, environment: impl fmt::Display) -> Self {
        self.environment = Some(environment.to_string());
        self
    }
}

/// Judges the facts. The findings are in the order of the questions, for each the worst first.
#[must_use]
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = rotation::look(facts);
    findings.extend(serving::look(facts));
    findings.extend(not_found::look(facts));
    findings.extend(answers::look(facts));
    // The sort is stable: among equals the order of the environments stays.
    findings.sort_by_key(|finding| (finding.code.question(), std::cmp::Reverse(finding.severity)));
    findings
}

#[cfg(test)]
mod tests;
