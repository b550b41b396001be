//! One route in one environment, with the values of its secrets bound in.

use std::sync::{Arc, OnceLock};

use http::{HeaderName, HeaderValue, Method};

use super::bind::Opened;
use super::forms::Forms;
use super::needles::Needles;
use super::prepared::Prepared;
use super::wanted::Wanted;
use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::path::PathPattern;
use crate::route::{Guard, Judgement, RateLimit};
use crate::secret::HostRule;
use crate::template::Compiled;
use crate::time::{Span, Timestamp};
use crate::upstream::Upstream;
use crate::usage::{Drained, OUTCOMES, Outcome, Tally, TallyKey};

/// One route in one environment. Where a secret is missing or unusable, nothing is ever sent.
#[derive(Debug)]
pub struct Bound {
    /// The route.
    pub route: RouteName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Where requests go.
    pub upstream: Upstream,
    /// What is added, or why nothing may be sent.
    pub injection: Result<Injection, Unusable>,
    /// Allowed methods; `None` for all.
    pub methods: Option<Vec<Method>>,
    /// Allowed canonical paths; `None` for all.
    pub paths: Option<Vec<PathPattern>>,
    /// Headers of the client that are not passed on.
    pub remove_headers: Vec<HeaderName>,
    /// How long to wait for a connection, TLS included.
    pub connect: Span,
    /// How long to wait for the head of the answer.
    pub response: Span,
    /// How long to wait between two pieces of a body.
    pub idle: Span,
    /// How often the route may be called.
    pub rate_limit: Option<RateLimit>,
    /// What happens to an injected value in an answer.
    pub guard: Guard,
    /// How answers judge the credential.
    pub judgement: Judgement,
    /// Roots beside the platform's, in PEM.
    pub ca: Option<Arc<str>>,
    /// The secret with the certificate that is shown to the upstream.
    pub identity: Option<Arc<Opened>>,
    /// What the client's own certificate must be; nobody is asked for one where absent.
    pub caller: Option<Arc<CallerCertificate>>,
    /// The longest request body, in bytes.
    pub max_request_body: Option<u64>,
    /// Host limits of the secrets in use, held against the upstream again at connect time. All must allow it.
    pub host_limits: Vec<Vec<HostRule>>,
    /// When the first secret with `strict_expiry` ends, and which one.
    pub expires: Option<(Timestamp, SecretName)>,
    /// The counters of the secrets in use.
    pub tallies: Vec<(SecretName, Arc<Tally>)>,
    /// What is looked for in answers.
    pub(super) wanted: Arc<Wanted>,
    pub(super) forms: OnceLock<Forms>,
}

impl Bound {
    /// What is looked for in answers, whatever the guard is set to, one by one. Made when it is first asked for, which
    /// is for a person who tries a route; traffic has no use for it.
    #[must_use]
    pub fn forms(&self) -> &Forms {
        self.forms.get_or_init(|| Forms::of(&self.wanted))
    }

    /// The same, to look for it in traffic; `None` where the guard is off or there is nothing to look for.
    #[must_use]
    pub fn needles(&self) -> Option<&Arc<Needles>> {
        match self.guard {
            Guard::Off => None,
            Guard::Mask | Guard::Block => self.wanted.needles(),
        }
    }

    /// One use that began at `at` and ended so, as it is written down: a row for each secret. The counters stay as they
    /// are; this is for whoever sends a request that is not traffic.
    #[must_use]
    pub fn one_use(&self, at: Timestamp, outcome: Outcome) -> Vec<(TallyKey, Drained)> {
        let mut counts = [0; OUTCOMES.len()];
        if let Some(count) = counts.get_mut(outcome as usize) {
            *count = 1;
        }
        let (route, environment) = (&self.route, &self.environment);
        let row = |(secret, _): &(SecretName, Arc<Tally>)| {
            let key = TallyKey { secret: secret.clone(), route: route.clone(), environment: environment.clone() };
            (key, Drained { counts, last_used: Some(at) })
        };
        self.tallies.iter().map(row).collect()
    }
}

/// What a client's certificate must be.
#[derive(Debug)]
pub struct CallerCertificate {
    /// The authorities of which one must have issued it, in PEM.
    pub authorities: String,
    /// The names of which it must have one; `None` for any.
    pub names: Option<Vec<String>>,
    /// What verifies it.
    pub prepared: Prepared,
}

/// What is added to a request.
#[derive(Debug, Default)]
pub struct Injection {
    /// Header fields.
    pub headers: Vec<BoundHeader>,
    /// Query parameters: name as the client would see it decoded, and its value, percent-encoded.
    pub query: Vec<BoundText>,
    /// Members of a JSON body: a member's name, or a JSON Pointer where it begins with `/`.
    pub body: Vec<BoundText>,
}

/// A header field to be set.
#[derive(Debug)]
pub struct BoundHeader {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderFill,
}

/// A header's value: finished, or with built-ins to fill in.
#[derive(Debug)]
pub enum HeaderFill {
    /// Only copied; marked sensitive.
    Ready(HeaderValue),
    /// Filled in per request.
    Fill(Compiled),
}

/// A named text to be filled in.
#[derive(Debug)]
pub struct BoundText {
    /// The parameter's or member's name.
    pub name: String,
    /// Its value.
    pub value: Compiled,
}

/// Why nothing may be sent through a route and environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A template names a secret that does not exist or is deleted.
    #[error("the secret {0} does not exist")]
    Missing(SecretName),
    /// The stored value failed its seal: its row was changed outside Keyroll, or its key is not at hand.
    #[error("the secret {0} cannot be opened")]
    Sealed(SecretName),
    /// The value may not stand where the template puts it.
    #[error("the secret {0} may not stand where the route puts it")]
    Misplaced(SecretName),
    /// Limits of the secret do not allow this environment or upstream.
    #[error("the secret {0} may not be used in this environment or sent to this upstream")]
    NotAllowed(SecretName),
    /// The literal text of a stored template may not stand where it is put; the row was changed outside Keyroll.
    #[error("a template of the route may not stand where it is put")]
    Literal,
}

impl Unusable {
    /// The code of the gateway's answer.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "secret-not-found",
            Self::Sealed(_) | Self::Misplaced(_) | Self::Literal => "secret-unusable",
            Self::NotAllowed(_) => "secret-not-allowed",
        }
    }
}
