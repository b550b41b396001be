//! `keyroll secret edit`: everything but the value.

use api::client::Call;
use api::path;
use api::secret::SecretPatch;
use clap::{ArgGroup, Args};

use super::super::fault::Fault;
use super::super::session::{DryRun, Session};
use super::super::words::{self, CLASSES, KINDS};
use super::show;

const CLEARABLE: [&str; 7] =
    ["description", "owner", "tags", "environments", "allowed-hosts", "expires-at", "rotate-every"];

const AFTER: &str = "\
What is not given stays. A list that is given replaces the whole list.

Examples:
  keyroll secret edit stripe_api_key --owner payments --tag pci --tag eu
  keyroll secret edit stripe_api_key --clear expires-at";

/// `keyroll secret edit`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
#[command(group = ArgGroup::new("change").multiple(true).required(true).args(["kind", "class", "description", "owner", "tag", "environment",
    "allowed_host", "sensitive", "expires_at", "strict_expiry", "rotate_every", "clear"]))]
pub(crate) struct EditArgs {
    /// Its name
    name: String,
    /// What it is
    #[arg(long, value_parser = KINDS)]
    kind: Option<String>,
    /// How critical it is
    #[arg(long, value_parser = CLASSES)]
    class: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The team that answers for it
    #[arg(long, value_name = "TEAM")]
    owner: Option<String>,
    /// A label; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// An environment where it may be used; may be given several times
    #[arg(short, long, value_name = "ENV")]
    environment: Vec<String>,
    /// An upstream host that it may be sent to; may be given several times
    #[arg(long, value_name = "HOST")]
    allowed_host: Vec<String>,
    /// Whether it is kept out of answers
    #[arg(long, value_name = "true|false")]
    sensitive: Option<bool>,
    /// When the provider ends it, such as 2027-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Whether it is no longer used after that time
    #[arg(long, value_name = "true|false")]
    strict_expiry: Option<bool>,
    /// How often it is to be replaced, such as 30d
    #[arg(long, value_name = "SPAN")]
    rotate_every: Option<String>,
    /// Take something away; may be given several times
    #[arg(long, value_name = "WHAT", value_parser = CLEARABLE)]
    clear: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Edits a secret's metadata.
pub(super) async fn run(args: EditArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let dry_run = args.dry_run;
    let (name, body) = patch(args)?;
    session.change(Call::patch(path::item(path::SECRETS, &name)).json(&body)?, &show::VIEW, dry_run).await.map(drop)
}

fn patch(args: EditArgs) -> Result<(String, SecretPatch), Fault> {
    let mut body = SecretPatch {
        kind: words::optional(args.kind)?,
        class: words::optional(args.class)?,
        description: args.description.map(Some),
        owner: args.owner.map(Some),
        tags: words::list(args.tag).map(Some),
        environments: words::list(args.environment).map(Some),
        allowed_hosts: words::list(args.allowed_host).map(Some),
        sensitive: args.sensitive,
        expires_at: args.expires_at.map(Some),
        strict_expiry: args.strict_expiry,
        rotate_every: args.rotate_every.map(Some),
        ..SecretPatch::default()
    };
    for what in &args.clear {
        let free = match what.as_str() {
            "description" => body.description.replace(None).is_none(),
            "owner" => body.owner.replace(None).is_none(),
            "tags" => body.tags.replace(None).is_none(),
            "environments" => body.environments.replace(None).is_none(),
            "allowed-hosts" => body.allowed_hosts.replace(None).is_none(),
            "expires-at" => body.expires_at.replace(None).is_none(),
            _ => body.rotate_every.replace(None).is_none(),
        };
        if !free {
            return Err(Fault::Usage(format!("{what} is both given and cleared")));
        }
    }
    Ok((args.name, body))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: EditArgs,
    }

    fn body(line: &[&str]) -> Result<serde_json::Value, String> {
        let line = Line::try_parse_from(["edit", "name"].iter().chain(line)).map_err(|error| error.to_string())?;
        let (_, body) = patch(line.args).map_err(|fault| fault.to_string())?;
        Ok(serde_json::to_value(body).unwrap())
    }

    #[test]
    fn flags_become_a_merge_patch() {
        for (line, expected) in [
            (&["--owner", "pay"][..], json!({"owner": "pay"})),
            (&["--tag", "a", "--tag", "b"], json!({"tags": ["a", "b"]})),
            (&["--clear", "expires-at", "--clear", "tags"], json!({"expires_at": null, "tags": null})),
            (&["--sensitive", "false", "--class", "critical"], json!({"sensitive": false, "class": "critical"})),
        ] {
            assert_eq!(body(line).unwrap(), expected);
        }
        for line in [&[][..], &["--clear", "value"], &["--owner", "x", "--clear", "owner"], &["--kind", "key"]] {
            assert!(body(line).is_err(), "{line:?}");
        }
    }
}
