//! `keyroll login`: checks a token and stores it with the server's address.

use std::path::PathBuf;

use api::client::Call;
use api::path;
use clap::Args;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::out::Out;
use super::profile::{self, Profile};
use super::session::{Globals, Target, Variables};
use super::value;

const AFTER: &str = "\
The token is read from stdin, or asked for without an echo; it is stored in
$XDG_CONFIG_HOME/keyroll/profile.toml (else ~/.config/keyroll/profile.toml), readable by you alone.

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
    let mut target =
        Target::choose(&globals, &Variables { addr: variables.addr.clone(), ..Variables::default() }, None);
    let token = token(args.token_stdin, &target.address, out)?;
    target.token = Some(token.clone());
    // The cheapest question that any role may ask: it shows that the token is good and that this is a Keyroll.
    target.client(30)?.call(Call::get(format!("{}?limit=1", path::SECRETS))).await?;
    profile::store(file, &Profile { address: target.address.clone(), token, cacert: target.cacert })?;
    out.say(&format!("signed in to {}; stored in {}", target.address, file.display()));
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
