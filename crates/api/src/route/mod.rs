//! Routes on the wire: a base, and what each environment overrides.

mod doctor;
mod inject;
mod item;
mod judge;
mod replace;
mod settings;
mod test;
mod write;

pub use doctor::{ProbeRoute, RouteBinding, RouteDiagnosis, RouteDoctorQuery, RouteFinding};
pub use inject::{BasicAuth, False, HeaderValue, Inject, PlainValue};
pub use item::{RevisionItem, RollBack, RouteItem, RouteOverlay, RouteQuery};
pub use judge::{AnswerRule, Judgement};
pub use replace::{ReplaceSecret, Replaced, TemplateChange};
pub use settings::{GuardMode, RateLimit, RouteProbe, RouteSettings, RouteTls, Timeouts};
pub use test::{SentRequest, TestAnswer, TestRoute, TestTimes, UpstreamAnswer};
pub use write::{RouteCreate, RoutePatch, RouteSpec};
