//! `keyroll rotation start`: shows what it would do, asks where there is somebody to ask, and starts it.

use api::client::{Call, ClientError};
use api::path;
use api::rotation::{DryRun, IncomingSecret, RotationImpact, RotationStart};
use clap::Args;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::value::ValueArgs;
use super::impact;
use super::plan::PlanArgs;
use super::told::{Extent, Told};
use super::watch::{self, Patience};

const AFTER: &str = "\
With a value, a new secret is made, which takes over kind, class, environments, allowed hosts, owner, tags and probe
from the outgoing one. Without one, --incoming names a secret that exists.

The new credential is tried out first. Then it gets its shares of the traffic, environment by environment, while its
answers are judged; a request that is refused with it is sent again with the outgoing one. A bad credential is rolled
back. The outgoing secret stays at hand until the last soak is over.

Waiting (--wait) ends with exit code 0 when the rotation is completed, or nothing is left but a deletion by hand; with 2
when it was rolled back, abandoned, or needs an operator; it goes on waiting while somebody has to advance it.

Examples:
  keyroll rotation start stripe_api_key --value-stdin --dry-run < new-key
  keyroll rotation start stripe_api_key --value-file new-key --wait --until promoted
  keyroll rotation start stripe_api_key --incoming stripe_api_key_v2 --environment staging --environment production \\
      --canary production=5%,50%,100% --canary-step 10m --soak 48h --advance automatic
  keyroll rotation start leaked_key --value-file new-key --reason compromised --yes";

/// `keyroll rotation start`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct StartArgs {
    /// The secret that is replaced
    outgoing: String,
    /// The secret that takes its place: an existing one, or the name of a new one [default: the next free name, such as x_v2]
    #[arg(long, value_name = "NAME")]
    incoming: Option<String>,
    /// Show what it would do, and start nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Wait for it, and tell what happens
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    value: ValueArgs,
}

/// Starts a rotation.
pub(super) async fn run(args: StartArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let plan = args.plan.wish()?;
    let incoming = incoming(&args.outgoing, args.incoming, &args.value, session).await?;
    let body = RotationStart { outgoing: args.outgoing, incoming, plan: Some(plan) };
    if args.dry_run {
        let (impact, value) = ask(&body, session).await?;
        match session.format {
            Format::Json | Format::Yaml => print::document(session.out, session.format, &value)?,
            Format::Name => session.out.line(&impact.incoming)?,
            Format::Table => session.out.data(impact::text(&impact).as_bytes())?,
        }
        session.out.flush()?;
        session.out.say("dry run: nothing was started");
        return impact::refused(&impact);
    }
    if session.asks() {
        // What is shown before a question is talk; the rotation that comes of it is the data.
        let (impact, _) = ask(&body, session).await?;
        session.out.say(&impact::text(&impact));
        impact::refused(&impact)?;
        session.confirm(&format!("Replace {} by {}?", impact.outgoing, impact.incoming))?;
    }
    let told = Told::by(session, Call::post(path::ROTATIONS).json(&body)?).await?;
    let id = &told.item.id;
    if args.wait {
        session.out.say(&format!("{id} is started"));
        return watch::follow(told, &args.patience, session).await;
    }
    session.out.say(&format!("{id} is started; to see how it goes: keyroll rotation get {id} --watch"));
    told.show(session, Extent::Brief)
}

/// The secret that takes the place: with a value it is new.
async fn incoming(
    outgoing: &str,
    name: Option<String>,
    value: &ValueArgs,
    session: &mut Session<'_>,
) -> Result<IncomingSecret, Fault> {
    let given = value.value_stdin || value.value_file.is_some();
    let value = match &name {
        // Where nobody can be asked, a name alone can only be that of a secret that exists.
        Some(name) if !given && (!session.out.is_interactive() || exists(name, session).await?) => None,
        Some(name) => Some(value.read(&format!("Value of {name} (not shown): "), session.out)?),
        None if !given && !session.out.is_interactive() => {
            return Err(Fault::Usage(
                "give the new value by --value-stdin or --value-file (there is no terminal to ask at), \
                 or name a secret that exists with --incoming"
                    .to_owned(),
            ));
        }
        None => Some(value.read(&format!("Value that replaces {outgoing} (not shown): "), session.out)?),
    };
    Ok(IncomingSecret { name, value, ..IncomingSecret::default() })
}

async fn exists(name: &str, session: &Session<'_>) -> Result<bool, Fault> {
    match session.send(Call::get(path::item(path::SECRETS, name))).await {
        Ok(_) => Ok(true),
        Err(Fault::Server(ClientError::Refused(problem))) if problem.status == 404 => Ok(false),
        Err(fault) => Err(fault),
    }
}

async fn ask(body: &RotationStart, session: &Session<'_>) -> Result<(RotationImpact, Value), Fault> {
    let call = Call::post(path::ROTATIONS).query(&DryRun { dry_run: true }).json(body)?;
    let reply = session.send(call).await?;
    Ok((reply.json()?, reply.json()?))
}
