//! The life of a rotation: an outgoing secret is replaced by an incoming one behind every route that names it, watched on
//! real traffic, and reversible until nobody needs the outgoing one any more.
//!
//! Read [`Plan`] for what is going to be done, [`Event`] for what can happen, [`State`] for where a rotation stands,
//! [`decide`] for what comes next, and [`act`] for what operators may do. The log of events is the truth: [`Rotation`] is
//! what it says. The [proofs](Healthy) that a step needs are made by the checks in here and nowhere else.

mod action;
mod audited;
mod checklist;
mod counted;
mod decide;
mod dossier;
mod event;
mod evidence;
mod facts;
mod next;
mod opinion;
mod plan;
mod playbook;
mod proof;
mod replace;
#[expect(clippy::module_inception, reason = "the noun of this module is the noun of its type")]
mod rotation;
mod state;
mod traffic;
mod verdict;
mod weight;

pub use action::{Action, Answer, NotPossible, WORKS, act, possible};
pub use checklist::{CHECKLIST, Duty, Item, ItemState, Present, SecretNow, checklist};
pub use counted::Counted;
pub use decide::{STEPS, Step, decide, deletable};
pub use dossier::{Dossier, Sources, dossier, readable, said};
pub use event::{EVENTS, Entry, Event, Mention, Planned, Reading, Spot, Tried, Trouble, WaitFor};
pub use evidence::{Evidence, Measured, Place, ProbeMeans, Sibling};
pub use facts::{CountRow, Facts, House, Summary, mentions_of, named_environments, promotion, way_back};
pub use next::Next;
pub use opinion::{Opinion, Word};
pub use plan::{DEFAULT_SOAK, Manner, Per, Plan, Reason, Stage, Wish, resolve};
pub use playbook::{PlayStep, attestable, playbook, unattested};
pub use proof::{Basis, Behind, Converged, Fleet, Healthy, SoakElapsed, Unused};
pub use replace::{Change, Repointed, replace, repoint};
pub use rotation::{Attestation, Broken, LastProbe, Promotion, Rotation};
pub use state::{Canary, Pause, Probing, STATES, Soaking, State, Waiting, Watching, Withdrawn};
pub use traffic::{Share, Traffic};
pub use verdict::{Counts, ENOUGH, Verdict, Why, judge};
pub use weight::{Weight, WeightError};
