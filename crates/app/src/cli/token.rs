//! `keyroll token`: who may call the admin API.

use api::client::Call;
use api::path;
use api::token::TokenCreate;
use clap::{Args, Subcommand};

use super::fault::Fault;
use super::list;
use super::session::Session;
use super::table::{Cell, Column, View};
use super::words::{self, ROLES};

/// The verbs of admin tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token; it is shown this once
    Create(CreateArgs),
    /// List tokens; never the tokens themselves
    #[command(after_help = "Example:\n  keyroll token list")]
    List,
    /// End a token at once
    #[command(after_help = "Example:\n  keyroll token revoke ci")]
    Revoke {
        /// Its name
        name: String,
    },
}

/// `keyroll token create`
#[derive(Debug, Args)]
#[command(
    after_help = "Roles: viewer sees metadata; auditor sees the audit too; developer changes what is not protected;\n\
                        operator changes what is protected too; admin does everything. -o name prints the token alone.\n\n\
                        Examples:\n  keyroll token create ci --role developer --expires-at 2027-03-01T00:00:00Z\n  \
                        (umask 077; keyroll token create backup --role auditor -o name > backup.token)"
)]
pub(crate) struct CreateArgs {
    /// A name to recognise it by
    name: String,
    /// What its bearer may do
    #[arg(long, value_parser = ROLES)]
    role: String,
    /// When it ends [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

const VIEW: View = View {
    name: "/name",
    columns: &[
        Column("NAME", Cell::At("/name")),
        Column("ROLE", Cell::At("/role")),
        Column("CREATED", Cell::At("/created_at")),
        Column("EXPIRES", Cell::At("/expires_at")),
        Column("REVOKED", Cell::At("/revoked_at")),
    ],
    details: &[
        Column("Name", Cell::At("/name")),
        Column("Token", Cell::At("/token")),
        Column("Role", Cell::At("/role")),
        Column("Created", Cell::At("/created_at")),
        Column("Expires", Cell::At("/expires_at")),
    ],
};

/// A token that was made. `-o name` prints the token itself: there is no second chance to see it.
const MADE: View = View { name: "/token", columns: VIEW.columns, details: VIEW.details };

/// Does what the verb says.
pub(super) async fn run(command: TokenCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        TokenCommand::Create(args) => {
            let body = TokenCreate { name: args.name, role: words::typed(args.role)?, expires_at: args.expires_at };
            session.show(Call::post(path::TOKENS).json(&body)?, &MADE).await?;
            session.out.say("The token is shown this once; only a digest of it is stored.");
            Ok(())
        }
        TokenCommand::List => list::show_all(session, path::TOKENS, &VIEW).await,
        TokenCommand::Revoke { name } => {
            let call = Call::delete(path::item(path::TOKENS, &name));
            let question = format!("End the token {name}?");
            session.remove(call, &question, &format!("token {name} is revoked"), &name).await
        }
    }
}
