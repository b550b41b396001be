//! Rotations on the wire: one secret replaced by another behind every route that names it.

mod action;
mod calendar;
mod checklist;
mod evidence;
mod impact;
mod item;
mod plan;
mod query;
mod start;

pub use action::{ActionNote, Approve, Attest, Move};
pub use calendar::{CalendarQuery, DEFAULT_DAYS, ICALENDAR, MAX_DAYS};
pub use checklist::{Checklist, PlaybookStep};
pub use evidence::{EvidenceForm, EvidenceQuery, RotationEvidence};
pub use impact::{ImpactFinding, ImpactRoute, RotationImpact, Severity};
pub use item::{
    CanaryItem, ChecklistItem, EvidenceItem, HistoryItem, NextItem, RotationChange, RotationItem, RotationSummary,
    SignCounts, StageItem, VerdictItem, VerdictWord,
};
pub use plan::{Manner, PerEnvironment, PlanItem, PlanStage, PlanWish, RotationReason};
pub use query::{DryRun, RotationQuery};
pub use start::{IncomingSecret, RotationStart};
