//! `keyroll audit export`: the whole audit, byte for byte as it is stored.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use api::audit::SIZE_HEADER;
use api::client::Call;
use api::path;
use clap::Args;

use super::super::fault::Fault;
use super::super::session::Session;

/// `keyroll audit export`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll audit export --file audit.ndjson")]
pub(crate) struct ExportArgs {
    /// Write to this file, which must not exist yet, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Piece by piece, since an audit may be larger than the memory; and counted, since one may have been cut.
pub(super) async fn run(args: ExportArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let mut answer = session.client.stream(Call::get(path::AUDIT_EXPORT)).await?;
    let promised: Option<u64> = answer.header(SIZE_HEADER).and_then(|size| size.parse().ok());
    let (mut found, mut events) = (0, Events::default());
    if let Some(path) = args.file {
        let fault = |source| Fault::File { path: path.clone(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(fault)?;
        while let Some(piece) = answer.chunk().await? {
            found += events.count(&piece);
            file.write_all(&piece).map_err(fault)?;
        }
        file.sync_all().map_err(fault)?;
        session.out.say(&format!("{found} events written to {}", path.display()));
    } else {
        while let Some(piece) = answer.chunk().await? {
            found += events.count(&piece);
            session.out.data(&piece)?;
        }
    }
    match promised {
        Some(promised) if promised != found => Err(Fault::Incomplete { found, promised }),
        _ => Ok(()),
    }
}

/// Counts the lines that hold events; the last line of an export holds its checkpoint.
#[derive(Default)]
struct Events {
    /// How the line begins that is being read.
    begin: Vec<u8>,
}

impl Events {
    const END: &[u8] = br#"{"checkpoint":"#;

    fn count(&mut self, piece: &[u8]) -> u64 {
        let mut found = 0;
        for byte in piece {
            if *byte == b'\n' {
                found += u64::from(!self.begin.starts_with(Self::END));
                self.begin.clear();
            } else if self.begin.len() < Self::END.len() {
                self.begin.push(*byte);
            }
        }
        found
    }
}
