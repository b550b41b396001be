//! A rotation as the server told it: typed for what is said about it, and as it came for programs.

use api::client::Call;
use api::rotation::RotationItem;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::{moment, page};

/// A rotation and the document that it came in.
pub(super) struct Told {
    /// Typed.
    pub(super) item: RotationItem,
    /// As it came.
    value: Value,
}

/// How much of a rotation a person gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Where it stands and what comes next.
    Brief,
    /// The same with plan, templates, counts, checklist and history.
    Whole,
}

impl Told {
    /// Asks for one.
    pub(super) async fn by(session: &Session<'_>, call: Call) -> Result<Self, Fault> {
        let reply = session.send(call).await?;
        Ok(Self { item: reply.json()?, value: reply.json()? })
    }

    /// Writes it to stdout.
    pub(super) fn show(&self, session: &mut Session<'_>, extent: Extent) -> Result<(), Fault> {
        match session.format {
            Format::Json | Format::Yaml => print::document(session.out, session.format, &self.value),
            Format::Name => session.out.line(&self.item.id),
            Format::Table => {
                let text = match extent {
                    Extent::Brief => page::brief(&self.item, moment::now()),
                    Extent::Whole => page::whole(&self.item, moment::now()),
                };
                session.out.data(text.as_bytes())
            }
        }
    }
}
