//! What operators ask of a rotation: `approve`, `advance`, `promote`, `hold`, `resume`, `roll-back`, `abandon`.

use api::client::Call;
use api::path;
use api::rotation::{ActionNote, Approve, Move, RotationItem};
use clap::Args;

use super::super::fault::Fault;
use super::super::session::Session;
use super::told::{Extent, Told};
use super::which::{self, Among};

/// `keyroll rotation approve`
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Its id, or a secret that is part of it
    rotation: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// `keyroll rotation advance` and `promote`
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// Its id, or a secret that is part of it
    rotation: String,
    /// The environment that it is thought to be in or before; refused where it is in another
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
}

/// `keyroll rotation hold`, `roll-back` and `abandon`
#[derive(Debug, Args)]
pub(crate) struct NoteArgs {
    /// Its id, or a secret that is part of it
    rotation: String,
    /// Why, for its history and the audit
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Approves what somebody else has started.
pub(super) async fn approve(args: ApproveArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    send(&id, Call::post(at(&id, "approve")).json(&Approve { reason: args.reason })?, session).await
}

/// Takes the next step.
pub(super) async fn advance(args: MoveArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    send(&id, Call::post(at(&id, "advance")).json(&Move { environment: args.environment })?, session).await
}

/// Gives the incoming secret all of an environment's traffic.
pub(super) async fn promote(args: MoveArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    let mut body = Move { environment: args.environment };
    if let Some(item) = shown_before(&id, session).await? {
        let environment = body.environment.or(item.environment);
        let place = environment.as_deref().unwrap_or("its environment");
        session.confirm(&format!("Give {} all of the traffic of {place} now?", item.incoming))?;
        // What was agreed to is about this environment, whatever has happened since.
        body.environment = environment;
    }
    send(&id, Call::post(at(&id, "promote")).json(&body)?, session).await
}

/// Lets it stand still.
pub(super) async fn hold(args: NoteArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    send(&id, Call::post(at(&id, "hold")).json(&ActionNote { note: args.note })?, session).await
}

/// Lets it go on.
pub(super) async fn resume(rotation: &str, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, rotation, Among::Live).await?;
    send(&id, Call::post(at(&id, "resume")), session).await
}

/// Puts the outgoing secret back.
pub(super) async fn roll_back(args: NoteArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    if let Some(item) = shown_before(&id, session).await? {
        session.confirm(&format!("Put {} back wherever {id} has replaced it?", item.outgoing))?;
    }
    send(&id, Call::post(at(&id, "roll-back")).json(&ActionNote { note: args.note })?, session).await
}

/// Ends it before any traffic moved.
pub(super) async fn abandon(args: NoteArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    send(&id, Call::post(at(&id, "abandon")).json(&ActionNote { note: args.note })?, session).await
}

fn at(id: &str, action: &str) -> String {
    path::part(path::ROTATIONS, id, action)
}

/// How it stands, where somebody is asked before something is done to it.
async fn shown_before(id: &str, session: &Session<'_>) -> Result<Option<RotationItem>, Fault> {
    if !session.asks() {
        return Ok(None);
    }
    Ok(Some(session.client.rotation(id).await?))
}

async fn send(id: &str, call: Call, session: &mut Session<'_>) -> Result<(), Fault> {
    let told = Told::by(session, call).await?;
    session.out.say(&format!("{id} is {}", super::page::state(&told.item)));
    told.show(session, Extent::Brief)
}
