//! What every client command shares: the server, the token, the output format, the confirmation.

use std::path::PathBuf;
use std::time::Duration;

use api::client::{Call, Client, Reply};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::fault::Fault;
use super::out::Out;
use super::print;
use super::profile::{self, Profiles};
use super::table::View;

/// Where the server is when nobody says otherwise.
pub(super) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8081";

/// A noun with its verbs and the options that all of them have.
#[derive(Debug, Args)]
pub(crate) struct Noun<C: Subcommand> {
    /// The options.
    #[command(flatten)]
    pub(super) globals: Globals,
    /// The verb.
    #[command(subcommand)]
    pub(super) command: C,
}

/// Options of every client command.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Globals {
    /// Address of the admin API [env: KEYROLL_ADDR] [default: the profile's, else http://127.0.0.1:8081]
    #[arg(long, global = true, value_name = "URL", help_heading = "Server")]
    pub(super) addr: Option<String>,
    /// PEM file with the certificates that may sign the server's [env: KEYROLL_CACERT] [default: the system's]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Server")]
    pub(super) cacert: Option<PathBuf>,
    /// How many seconds to wait for an answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, help_heading = "Server")]
    pub(super) timeout: u64,
    /// Form of the data on stdout
    #[arg(short, long, global = true, value_enum, default_value_t, help_heading = "Output")]
    pub(super) output: Format,
    /// Do not ask for a confirmation (it is asked for on a terminal only)
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(super) yes: bool,
}

/// The option of verbs that change something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct DryRun {
    /// Judge the change and show what it would lead to, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl DryRun {
    /// The call as it is, or the call to try it.
    fn on(self, call: Call) -> Call {
        if self.dry_run { call.query(&json!({"dry_run": true})) } else { call }
    }
}

/// Form of the data on stdout. Plain comments at the words keep the help to one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // Aligned columns for a person
    #[default]
    Table,
    // The server's JSON
    Json,
    // The same as YAML
    Yaml,
    // Names alone, one a line
    Name,
}

impl Globals {
    /// Whether the output is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.output == Format::Json
    }
}

/// What the environment says, read once.
#[derive(Default)]
pub(super) struct Variables {
    /// `KEYROLL_ADDR`
    pub(super) addr: Option<String>,
    /// `KEYROLL_TOKEN`
    pub(super) token: Option<Zeroizing<String>>,
    /// `KEYROLL_CACERT`
    pub(super) cacert: Option<PathBuf>,
    /// Where the profile lies.
    pub(super) profile: Option<PathBuf>,
}

impl Variables {
    /// The process's environment; an empty variable counts as absent.
    pub(super) fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Self {
            addr: text("KEYROLL_ADDR"),
            token: text("KEYROLL_TOKEN").map(Zeroizing::new),
            cacert: text("KEYROLL_CACERT").map(PathBuf::from),
            profile: profile::path(text("XDG_CONFIG_HOME"), text("HOME")),
        }
    }
}

/// Where to call and as whom.
pub(super) struct Target {
    /// The server's address.
    pub(super) address: String,
    /// The token.
    pub(super) token: Option<Zeroizing<String>>,
    /// The certificates that may sign the server's.
    pub(super) cacert: Option<PathBuf>,
}

impl Target {
    /// Flag over environment over profile over default.
    pub(super) fn choose(globals: &Globals, variables: &Variables, profiles: Profiles) -> Self {
        let asked = globals.addr.clone().or_else(|| variables.addr.clone());
        // A stored token goes to the server that it was stored for and to no other.
        let profile = profiles.find(asked.as_deref());
        let (known, token, cacert) = match profile {
            Some(profile) => (Some(profile.address), Some(profile.token), profile.cacert),
            None => (None, None, None),
        };
        Self {
            address: asked.or(known).unwrap_or_else(|| DEFAULT_ADDRESS.to_owned()),
            token: variables.token.clone().or(token),
            cacert: globals.cacert.clone().or_else(|| variables.cacert.clone()).or(cacert),
        }
    }

    /// A client for it.
    pub(super) fn client(&self, timeout: u64) -> Result<Client, Fault> {
        let pem = match &self.cacert {
            Some(path) => Some(std::fs::read(path).map_err(|source| Fault::File { path: path.clone(), source })?),
            None => None,
        };
        let token = self.token.as_ref().map(|token| token.trim());
        Ok(Client::new(&self.address, token, pem.as_deref())?.with_timeout(Duration::from_secs(timeout)))
    }
}

/// One client command at work.
pub(super) struct Session<'a> {
    /// The server.
    pub(super) client: Client,
    /// The streams.
    pub(super) out: &'a mut Out,
    /// Form of the data on stdout.
    pub(super) format: Format,
    yes: bool,
}

impl<'a> Session<'a> {
    /// Finds server and token; a token there must be.
    pub(super) fn open(globals: Globals, variables: &Variables, out: &'a mut Out) -> Result<Self, Fault> {
        let profiles = profile::load(variables.profile.as_deref(), out)?;
        let target = Target::choose(&globals, variables, profiles);
        if target.token.is_none() {
            return Err(Fault::Usage(format!(
                "there is no token for {}: sign in with `keyroll login`, or set KEYROLL_TOKEN \
                 (the first start wrote one to admin-token in the data directory)",
                target.address
            )));
        }
        Ok(Self { client: target.client(globals.timeout)?, out, format: globals.output, yes: globals.yes })
    }

    /// Sends a call and reads its answer.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, Fault> {
        Ok(self.client.call(call).await?)
    }

    /// Sends a call whose answer is one thing, and shows it.
    pub(super) async fn show(&mut self, call: Call, view: &View) -> Result<Value, Fault> {
        let item: Value = self.send(call).await?.json()?;
        print::item(self.out, self.format, view, &item)?;
        Ok(item)
    }

    /// The same for a call that changes something, or that is only tried.
    pub(super) async fn change(&mut self, call: Call, view: &View, dry_run: DryRun) -> Result<Value, Fault> {
        let item = self.show(dry_run.on(call), view).await?;
        if dry_run.dry_run {
            self.out.say("dry run: nothing was changed");
        }
        Ok(item)
    }

    /// Asks, where a person sits at a terminal and did not say `--yes`.
    pub(super) fn confirm(&mut self, question: &str) -> Result<(), Fault> {
        if self.yes || !self.out.is_interactive() || self.out.ask(question)? { Ok(()) } else { Err(Fault::Declined) }
    }

    /// Whether a confirmation would be asked.
    pub(super) fn asks(&self) -> bool {
        !self.yes && self.out.is_interactive()
    }

    /// Sends a call without an answer, after asking, and says what was done.
    pub(super) async fn remove(&mut self, call: Call, question: &str, done: &str, name: &str) -> Result<(), Fault> {
        self.confirm(question)?;
        self.send(call).await?;
        self.removed(done, name)
    }

    /// The same where it may be tried: without a question then, since nothing is at stake.
    pub(super) async fn remove_or_try(
        &mut self,
        call: Call,
        dry_run: DryRun,
        [what, name]: [&str; 2],
        question: &str,
    ) -> Result<(), Fault> {
        if !dry_run.dry_run {
            return self.remove(call, question, &format!("{what} {name} is deleted"), name).await;
        }
        self.send(dry_run.on(call)).await?;
        self.removed(&format!("dry run: {what} {name} would be deleted"), name)
    }

    fn removed(&mut self, done: &str, name: &str) -> Result<(), Fault> {
        if self.format == Format::Name {
            self.out.line(name)?;
        }
        self.out.say(done);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_over_environment_over_profile_and_the_stored_token_stays_with_its_server() {
        let profile = |address: &str, token: &str| profile::Profile {
            address: address.to_owned(),
            token: Zeroizing::new(token.to_owned()),
            cacert: None,
        };
        let profiles = || {
            let earlier = Profiles::default().with(profile("http://earlier:1", "krt_earlier"));
            earlier.with(profile("http://stored:1", "krt_stored"))
        };
        let variables = |addr: Option<&str>, token: Option<&str>| Variables {
            addr: addr.map(str::to_owned),
            token: token.map(|token| Zeroizing::new(token.to_owned())),
            ..Variables::default()
        };
        for (flag, addr, token, address, used) in [
            (None, None, None, "http://stored:1", Some("krt_stored")),
            (None, None, Some("krt_env"), "http://stored:1", Some("krt_env")),
            (None, Some("http://other:1"), None, "http://other:1", None),
            (None, Some("http://earlier:1"), None, "http://earlier:1", Some("krt_earlier")),
            (None, Some("http://other:1"), Some("krt_env"), "http://other:1", Some("krt_env")),
            (Some("http://flag:1"), Some("http://other:1"), None, "http://flag:1", None),
            (Some("http://stored:1/"), None, None, "http://stored:1/", Some("krt_stored")),
        ] {
            let globals = Globals { addr: flag.map(str::to_owned), ..Globals::default() };
            let target = Target::choose(&globals, &variables(addr, token), profiles());
            assert_eq!((target.address.as_str(), target.token.as_ref().map(|token| token.as_str())), (address, used));
        }
        let target = Target::choose(&Globals::default(), &Variables::default(), Profiles::default());
        assert_eq!((target.address.as_str(), target.token.is_none()), (DEFAULT_ADDRESS, true));
    }
}
