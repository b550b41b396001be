//! Arguments of the commands that are the server itself: serve, demo, config, key, reference.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

/// Where the configuration comes from, and what overrides it. Text here: all mistakes are reported together.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file [default: $KEYROLL_CONFIG, ./keyroll.toml, /etc/keyroll/keyroll.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Directory of the database and the keys [default: $STATE_DIRECTORY, ./keyroll-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the gateway; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) gateway_listen: Option<String>,
    /// Address of the admin API; port 0 picks a free one [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin_listen: Option<String>,
    /// Database: sqlite:PATH, or postgres://USER@HOST/NAME for several nodes (give one with a password by
    /// KEYROLL_DATABASE__URL_FILE: arguments can be seen by other users) [default: sqlite:DATA/keyroll.db]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// File of the key that all secrets are sealed under, best kept away from the database [default: DATA/kek]
    #[arg(long, value_name = "FILE")]
    pub(crate) kek_file: Option<String>,
    /// What this node does: all, gateway (traffic alone) or control (the admin API alone) [default: all]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
}

const SERVE_AFTER: &str = "\
Every setting can also come from the environment (KEYROLL_SECTION__KEY) or from the configuration file;
`keyroll config show` tells which value holds and where it comes from.

Examples:
  keyroll serve --data-dir /var/lib/keyroll --admin-listen 127.0.0.1:9081
  keyroll serve --data-dir /var/lib/keyroll --take-over";

/// `keyroll serve`
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = SERVE_AFTER)]
pub(crate) struct ServeArgs {
    /// Configuration and what overrides it.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Take over from the process that runs on the same data directory, without a failed request; start as usual where
    /// none runs
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// What can be done with a database as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Move everything from the file of one node into a database that several nodes can share
    Move(MoveArgs),
}

const MOVE_AFTER: &str = "\
The node must be stopped. The copy is one transaction; afterwards its rows are counted again, and every secret is
opened from it. Broken off at any point, give the command again.

Example:
  keyroll database move --data-dir /var/lib/keyroll --to-file /etc/keyroll/database-url";

/// `keyroll database move`
#[derive(Debug, Clone, Args)]
#[command(after_help = MOVE_AFTER)]
pub(crate) struct MoveArgs {
    /// Where the database is now.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The new database: postgres://USER@HOST/NAME, empty
    #[arg(long, value_name = "URL", conflicts_with = "to_file", required_unless_present = "to_file")]
    pub(crate) to: Option<String>,
    /// The same from a file, for a URL with a password: arguments can be seen by other users
    #[arg(long, value_name = "FILE")]
    pub(crate) to_file: Option<PathBuf>,
    /// Only read, and tell whether everything can be opened
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for a confirmation (it is asked for on a terminal only)
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `keyroll demo`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  keyroll demo --exit")]
pub(crate) struct DemoArgs {
    /// End when the show is over, in under a minute; otherwise keep running until Ctrl-C
    #[arg(long)]
    pub(crate) exit: bool,
    /// Leave out what the gateway is there for, to prove that the demo would notice
    #[arg(long, hide = true)]
    pub(crate) break_injection: bool,
    /// Address of the gateway; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) gateway_listen: std::net::SocketAddr,
    /// Address of the admin API; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) admin_listen: std::net::SocketAddr,
}

/// `keyroll config`
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report all mistakes in the configuration at once
    #[command(after_help = "Example:\n  keyroll config check --config keyroll.toml")]
    Check(PrintArgs),
    /// Print the configuration that holds, each value with its origin
    #[command(after_help = "-o name prints the names of the settings that somebody set.\n\n\
                            Examples:\n  KEYROLL_LOG__LEVEL=debug keyroll config show\n  keyroll config show -o json")]
    Show(PrintArgs),
    /// Print the JSON Schema of the configuration file
    #[command(after_help = "Example:\n  keyroll config schema > keyroll.schema.json")]
    Schema,
}

/// Which configuration, and how it is printed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PrintArgs {
    /// Configuration and what overrides it.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Form of the data on stdout; a table is written as TOML
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// `keyroll reference`
#[derive(Debug, Clone, Args)]
pub(crate) struct ReferenceArgs {
    /// Directory to write the pages into
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write what a package installs instead: man pages and completion scripts
    #[arg(long)]
    pub(crate) installed: bool,
}
