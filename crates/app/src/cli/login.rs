//! `keyroll login` and `keyroll logout`: a token is checked and stored with its server's address, and forgotten.

use std::path::PathBuf;

use api::client::Call;
use api::path;
use clap::Args;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::out::Out;
use super::profile::{self, Profile, Profiles};
use super::session::{Globals, Target, Variables};
use super::value;

const AFTER: &str = "\
The token is read from stdin, or asked for without an echo; it is stored in
$XDG_CONFIG_HOME/keyroll/profile.toml (else ~/.config/keyroll/profile.toml), readable by you alone.
Several servers can be stored. Commands go to the one of the latest sign-in; --addr or KEYROLL_ADDR names
another one, and its own token is sent there. KEYROLL_TOKEN goes before a stored token.

Examples:
  keyroll login --token-stdin < keyroll-data/admin-token
  keyroll login --addr https://keys.example --cacert ca.pem";

/// `keyroll login`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct LoginArgs {
    /// Address of the admin API [env: KEYROLL_ADDR] [default: http://127.0.0.1:8081]
    #[arg(long, value_name = "URL")]
    addr: Option<String>,
    /// PEM file with the certificates that may sign the server's [env: KEYROLL_CACERT]
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Read the token from stdin
    #[arg(long)]
    token_stdin: bool,
}

/// Signs in.
pub(super) async fn run(args: LoginArgs, variables: &Variables, out: &mut Out) -> Result<(), Fault> {
    let Some(file) = &variables.profile else {
        return Err(Fault::Usage("there is no place for a profile: set HOME or XDG_CONFIG_HOME".to_owned()));
    };
    // A path that is stored has to mean the same from every directory.
    let cacert = args.cacert.or_else(|| variables.cacert.clone()).map(std::path::absolute).transpose()?;
    let globals = Globals { addr: args.addr, cacert, ..Globals::default() };
    let mut target = Target::choose(
        &globals,
        &Variables { addr: variables.addr.clone(), ..Variables::default() },
        Profiles::default(),
    );
    let token = token(args.token_stdin, &target.address, out)?;
    target.token = Some(token.clone());
    // The cheapest question that any role may ask: it shows that the token is good and that this is a Keyroll.
    target.client(30)?.call(Call::get(format!("{}?limit=1", path::SECRETS))).await?;
    let profiles = profile::load(Some(file), out)?;
    profile::store(file, &profiles.with(Profile { address: target.address.clone(), token, cacert: target.cacert }))?;
    out.say(&format!("signed in to {}; stored in {}", target.address, file.display()));
    Ok(())
}

/// `keyroll logout`
#[derive(Debug, Args)]
#[command(after_help = "The token itself stays valid: end it with `keyroll token revoke NAME`.\n\n\
                        Examples:\n  keyroll logout\n  keyroll logout --addr https://keys.example")]
pub(crate) struct LogoutArgs {
    /// The server whose token is forgotten [env: KEYROLL_ADDR] [default: that of the latest sign-in]
    #[arg(long, value_name = "URL")]
    addr: Option<String>,
}

/// Forgets a stored token.
pub(super) fn forget(args: LogoutArgs, variables: &Variables, out: &mut Out) -> Result<(), Fault> {
    let asked = args.addr.or_else(|| variables.addr.clone());
    let profiles = profile::load(variables.profile.as_deref(), out)?;
    let found = profiles.clone().find(asked.as_deref());
    let (Some(file), Some(found)) = (&variables.profile, found) else {
        let place = asked.map(|address| format!(" for {address}")).unwrap_or_default();
        return Err(Fault::Usage(format!("no token is stored{place}")));
    };
    profile::store(file, &profiles.without(&found.address))?;
    out.say(&format!("the token for {} is forgotten here", found.address));
    Ok(())
}

fn token(from_stdin: bool, address: &str, out: &mut Out) -> Result<Zeroizing<String>, Fault> {
    let text = if from_stdin {
        let bytes = value::read_all(out.stdin())?;
        value::clean(&bytes, false).map_err(|_| Fault::Usage("stdin holds no token".to_owned()))?
    } else if out.is_interactive() {
        Zeroizing::new(rpassword::prompt_password(format!("Admin token for {address} (not shown): "))?)
    } else {
        return Err(Fault::Usage("give the token by --token-stdin (there is no terminal to ask at)".to_owned()));
    };
    let text = Zeroizing::new(text.trim().to_owned());
    if text.is_empty() { Err(Fault::Usage("no token was given".to_owned())) } else { Ok(text) }
}
