//! The command line: one file per noun; client commands go through the admin API and nothing else.

mod audit;
mod client;
mod completion;
mod doctor;
mod env;
mod fault;
mod health;
mod key;
mod lint;
mod list;
mod login;
mod node;
mod out;
mod print;
mod process;
mod profile;
mod rotation;
mod route;
mod secret;
mod session;
mod table;
mod token;
mod value;
mod version;
mod wait;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub(crate) use out::Out;
pub(crate) use process::{
    ConfigArgs, ConfigCommand, DatabaseCommand, DemoArgs, MoveArgs, PrintArgs, ReferenceArgs, ServeArgs,
};
pub(crate) use session::Format;

use fault::Fault;
use session::{Noun, Session, Variables};

const ABOUT: &str = "\
A self-hosted gateway that keeps API credentials, adds them to outgoing requests on the server side,
and replaces them without downtime.";

const AFTER: &str = "\
First steps:
  keyroll serve                                            start on an empty directory
  keyroll login --token-stdin < keyroll-data/admin-token   sign in with the token of the first start
  keyroll secret create stripe_api_key                     store a secret; asks for its value
  keyroll route create payments --upstream https://api.stripe.com \\
      --header 'Authorization=Bearer {{stripe_api_key}}' --environment production

Client commands read KEYROLL_ADDR, KEYROLL_TOKEN and KEYROLL_CACERT, or what `keyroll login` has stored.
Exit codes: 0 done, 1 local mistake, 2 the server refused or failed, 3 not found, 4 denied, 5 conflict, 6 timed out.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "keyroll", version, about = ABOUT, after_help = AFTER, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway and the admin API
    Serve(ServeArgs),
    /// Show a credential being rotated under traffic, on throw-away data
    Demo(DemoArgs),
    /// What an operator does through the admin API.
    #[command(flatten)]
    Client(ClientCommand),
    /// Check, show and describe the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Move the database to another engine
    #[command(subcommand)]
    Database(DatabaseCommand),
    /// Write the reference pages that are generated from the code
    #[command(hide = true)]
    Reference(ReferenceArgs),
}

/// The commands that talk to the admin API, and the few that need no server.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Secrets: values that are written once and never shown
    Secret(Noun<secret::SecretCommand>),
    /// Routes: where requests go and what is added to them
    Route(Noun<route::RouteCommand>),
    /// Rotations: what is replaced, and when
    Rotation(Noun<rotation::RotationCommand>),
    /// Clients: the applications that call the gateway, and their keys
    Client(Noun<client::ClientCommand>),
    /// Environments: the stages that a change reaches one after the other
    Env(Noun<env::EnvCommand>),
    /// The audit: who changed what, and when
    Audit(Noun<audit::AuditCommand>),
    /// Nodes: the processes that share a database, and what each serves
    Node(Noun<node::NodeCommand>),
    /// Admin tokens: who may call the admin API
    Token(Noun<token::TokenCommand>),
    /// Key-encryption keys: what wraps the keys of secrets, and how one replaces another
    Key(Noun<key::KeyCommand>),
    /// Sign in: check a token and store it with the server's address
    Login(login::LoginArgs),
    /// Look at configuration, database, keys, clocks, nodes and upstreams; say what to do
    Doctor(doctor::DoctorArgs),
    /// List what can be tidied about secrets: names, and habits that make a leak or an outage more likely
    Lint(lint::LintArgs),
    /// Ask a node whether it should get work
    Health(health::HealthArgs),
    /// Forget the token that `keyroll login` stored
    Logout(login::LogoutArgs),
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
    /// Print the version, with --server the server's too
    Version(version::VersionArgs),
}

/// Reads the command line; help and mistakes are printed here and end with their exit code.
///
/// # Errors
/// The exit code: 0 after help and version, 1 after a mistake.
pub(crate) fn parse<I, T>(arguments: I) -> Result<Cli, ExitCode>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    Cli::try_parse_from(arguments).map_err(|error| {
        // A closed pipe is no reason to fail otherwise than the mistake itself.
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
            _ => ExitCode::from(fault::LOCAL),
        }
    })
}

/// Does what a client command says. Data goes to stdout, talk to stderr.
pub(crate) async fn run_client(command: ClientCommand, out: &mut Out) -> ExitCode {
    ExitCode::from(work(command, out, &Variables::read()).await)
}

/// The same with the environment passed in; answers the exit code.
async fn work(command: ClientCommand, out: &mut Out, variables: &Variables) -> u8 {
    let json = command.wants_json();
    let done = dispatch(command, out, variables).await;
    // What was already written is data, whatever happened afterwards.
    match done.and(out.flush()) {
        Ok(()) => 0,
        Err(fault) => {
            out.fault(&fault, json);
            fault.code()
        }
    }
}

impl ClientCommand {
    /// Whether a refusal is to be told as the problem document.
    fn wants_json(&self) -> bool {
        match self {
            Self::Secret(noun) => noun.globals.is_json(),
            Self::Route(noun) => noun.globals.is_json(),
            Self::Rotation(noun) => noun.globals.is_json(),
            Self::Client(noun) => noun.globals.is_json(),
            Self::Env(noun) => noun.globals.is_json(),
            Self::Audit(noun) => noun.globals.is_json(),
            Self::Node(noun) => noun.globals.is_json(),
            Self::Token(noun) => noun.globals.is_json(),
            Self::Key(noun) => noun.globals.is_json(),
            Self::Health(args) => args.globals.is_json(),
            Self::Version(args) => args.globals.is_json(),
            Self::Doctor(args) => args.globals.is_json(),
            Self::Lint(args) => args.globals.is_json(),
            Self::Login(_) | Self::Logout(_) | Self::Completion(_) => false,
        }
    }
}

async fn dispatch(command: ClientCommand, out: &mut Out, variables: &Variables) -> Result<(), Fault> {
    match command {
        ClientCommand::Secret(noun) => {
            secret::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await
        }
        ClientCommand::Route(noun) => route::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await,
        ClientCommand::Rotation(noun) => {
            rotation::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await
        }
        ClientCommand::Client(noun) => {
            client::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await
        }
        ClientCommand::Env(noun) => env::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await,
        // It needs a file and no server.
        ClientCommand::Audit(Noun { command: audit::AuditCommand::Verify(args), globals })
            if audit::is_offline(&args) =>
        {
            audit::offline(&args, globals.output, out)
        }
        ClientCommand::Audit(noun) => audit::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await,
        ClientCommand::Node(noun) => node::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await,
        ClientCommand::Token(noun) => token::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await,
        // It needs a file and no server.
        ClientCommand::Key(Noun { command: key::KeyCommand::Generate(args), globals }) => {
            key::generate(&args, globals.output, out)
        }
        ClientCommand::Key(noun) => key::run(noun.command, &mut Session::open(noun.globals, variables, out)?).await,
        ClientCommand::Login(args) => login::run(args, variables, out).await,
        ClientCommand::Doctor(args) => doctor::run(args, variables, out).await,
        ClientCommand::Lint(args) => lint::run(args, variables, out).await,
        ClientCommand::Health(args) => health::run(args, variables, out).await,
        ClientCommand::Logout(args) => login::forget(args, variables, out),
        ClientCommand::Completion(args) => completion::run(&args, out),
        ClientCommand::Version(args) => version::run(args, variables, out).await,
    }
}

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod tests;
