//! The checklist of a rotation: eleven entries, each told by what is recorded and by what stands now, so that an entry is
//! open again as soon as what it was ticked by is gone.
//!
//! What only people can know is attested, by name and with a note, and never pretended. Evidence goes before an
//! attestation. Evidence against a step voids every attestation that is older than it; what stands against it at this
//! very moment voids them all. That a step does not apply is somebody's decision and stands, with what speaks against it
//! in its note.

mod found;
mod item;
mod pointing;
mod present;

pub(super) use item::{Found, event};
pub use item::{Item, ItemState};
use pointing::updated;
pub(super) use pointing::{told, works};
pub use present::{Present, SecretNow};

use super::action::WORKS;
use super::event::Entry;
use super::rotation::{Attestation, Rotation};

/// One entry of the checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// Which routes use the outgoing secret is written down.
    DocumentRoutes,
    /// The provider has issued another credential.
    GenerateCredential,
    /// It is kept under a name of its own.
    CreateSecret,
    /// The routes use it in all environments that are not protected.
    UpdateStaging,
    /// It is known to work there.
    TestStaging,
    /// The routes use it in the protected environments.
    UpdateProduction,
    /// It was watched for as long as the plan says.
    Monitor,
    /// And nothing went wrong.
    VerifyNoErrors,
    /// The outgoing secret's value is destroyed.
    DeleteOutgoing,
    /// Whatever describes the credential elsewhere is up to date.
    UpdateDocumentation,
    /// The next rotation has a date.
    ScheduleNext,
}

/// All of them, in their order.
pub const CHECKLIST: [Duty; 11] = [
    Duty::DocumentRoutes,
    Duty::GenerateCredential,
    Duty::CreateSecret,
    Duty::UpdateStaging,
    Duty::TestStaging,
    Duty::UpdateProduction,
    Duty::Monitor,
    Duty::VerifyNoErrors,
    Duty::DeleteOutgoing,
    Duty::UpdateDocumentation,
    Duty::ScheduleNext,
];

impl Duty {
    /// Its word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::DocumentRoutes => "document_routes",
            Self::GenerateCredential => "generate_credential",
            Self::CreateSecret => "create_secret",
            Self::UpdateStaging => "update_staging",
            Self::TestStaging => "test_staging",
            Self::UpdateProduction => "update_production",
            Self::Monitor => "monitor",
            Self::VerifyNoErrors => "verify_no_errors",
            Self::DeleteOutgoing => "delete_outgoing",
            Self::UpdateDocumentation => "update_documentation",
            Self::ScheduleNext => "schedule_next",
        }
    }

    /// What it asks for.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::DocumentRoutes => "Document which routes use this secret",
            Self::GenerateCredential => "Generate the new credential at its provider",
            Self::CreateSecret => "Create the new secret",
            Self::UpdateStaging => "Update all routes in staging",
            Self::TestStaging => "Test thoroughly in staging",
            Self::UpdateProduction => "Update the routes in production",
            Self::Monitor => "Monitor until the soak is over",
            Self::VerifyNoErrors => "Verify that there were no errors",
            Self::DeleteOutgoing => "Delete the old secret",
            Self::UpdateDocumentation => "Update the documentation",
            Self::ScheduleNext => "Schedule the next rotation",
        }
    }

    fn found(self, rotation: &Rotation, log: &[Entry], present: &Present) -> Found {
        match self {
            Self::DocumentRoutes => found::documented(log, present),
            Self::GenerateCredential => found::generated(rotation, present),
            Self::CreateSecret => found::created(rotation, present),
            Self::UpdateStaging => updated(rotation, log, present, false),
            Self::TestStaging => pointing::tested(rotation, log, present),
            Self::UpdateProduction => updated(rotation, log, present, true),
            Self::Monitor => found::monitored(rotation, log, present),
            Self::VerifyNoErrors => found::without_errors(rotation, log, present),
            Self::DeleteOutgoing => found::deleted(rotation, log, present),
            Self::UpdateDocumentation => {
                Found::missing("attest it with a link to what was changed, or say why there is nothing to change")
            }
            Self::ScheduleNext => found::scheduled(rotation, present),
        }
    }

    /// What was attested of it. Whoever vouches for the credential has tested it.
    fn attestation(self, rotation: &Rotation) -> Option<&Attestation> {
        let own = rotation.attested.get(self.word());
        match self {
            Self::TestStaging => own.or_else(|| rotation.attested.get(WORKS)),
            _ => own,
        }
    }

    /// How it stands.
    #[must_use]
    pub fn item(self, rotation: &Rotation, log: &[Entry], present: &Present) -> Item {
        let attestation = self.attestation(rotation);
        let unlinked = attestation.filter(|own| own.link.is_none() && !own.not_applicable);
        if let (Self::UpdateDocumentation, Some(own)) = (self, unlinked) {
            return Item::open(self.word(), format!("{} attested it without a link", own.by));
        }
        Item::of(self.word(), self.found(rotation, log, present), attestation)
    }
}

/// The checklist as it stands now.
#[must_use]
pub fn checklist(rotation: &Rotation, log: &[Entry], present: &Present) -> Vec<Item> {
    CHECKLIST.iter().map(|duty| duty.item(rotation, log, present)).collect()
}

#[cfg(test)]
pub(super) mod tests;
