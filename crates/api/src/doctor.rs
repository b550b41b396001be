//! What `doctor` finds: what is wrong, and what to do.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DoctorQuery {
    /// Only the upstreams of this route, beside everything that is not about routes.
    pub route: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What was looked at: `database`, `clock`, `keys`, `secrets`, `audit`, `nodes`, `tokens`, `upstream`; and on the
    /// machine of the command line `config`, `files`, `admin-api`.
    pub check: String,
    /// `ok`, `warning` (it works, and should be seen to), `problem` (it does not work).
    pub state: String,
    /// What it is about, such as a node or an upstream; empty where it is about everything.
    pub subject: String,
    /// What was found.
    pub detail: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

/// Everything that was looked at, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn ok(check: &str, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, "ok", subject, detail, "")
    }

    /// It works, and should be seen to.
    #[must_use]
    pub fn warning(check: &str, subject: impl Into<String>, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(check, "warning", subject, detail, advice)
    }

    /// It does not work.
    #[must_use]
    pub fn problem(check: &str, subject: impl Into<String>, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(check, "problem", subject, detail, advice)
    }

    fn new(check: &str, state: &str, subject: impl Into<String>, detail: impl Into<String>, advice: &str) -> Self {
        Self {
            check: check.to_owned(),
            state: state.to_owned(),
            subject: subject.into(),
            detail: detail.into(),
            advice: advice.to_owned(),
        }
    }

    /// 0 for a problem, 1 for a warning, 2 where all is well: the order in which they are told.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self.state.as_str() {
            "problem" => 0,
            "warning" => 1,
            _ => 2,
        }
    }
}
