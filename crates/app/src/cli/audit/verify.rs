//! `keyroll audit verify`: every sequence number and every hash, computed on this side of the wire.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use api::audit::{CheckpointItem, ExportEnd, SIZE_HEADER};
use api::client::Call;
use api::path;
use clap::Args;
use envelope::{Checkpoint, NoteError, Verifier};
use serde_json::{Value, json};
use store::Tree;

use super::super::fault::Fault;
use super::super::out::Out;
use super::super::print;
use super::super::session::{Format, Session};

/// `keyroll audit verify`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct VerifyArgs {
    /// Check this export instead of asking the server
    #[arg(long, value_name = "FILE", requires = "public_key")]
    export: Option<PathBuf>,
    /// The public key that checkpoints are signed by (`keyroll audit checkpoint --public-key`)
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// An earlier checkpoint that the audit has to fit; may be given several times
    #[arg(long, value_name = "FILE", requires = "public_key")]
    checkpoint: Vec<PathBuf>,
}

const AFTER: &str = "\
Every hash is computed anew on this machine, and the root of the tree over them is held against the signed
checkpoint at the end, so that the server's word is not taken for anything. Without --export the audit is fetched,
and without --public-key the server's own key is believed. Whoever can rewrite the database and use its keys can
sign anew: against that, keep the key and some checkpoints where the node cannot write, and give them with
--public-key and --checkpoint. Exit code 2 where something is wrong.

Examples:
  keyroll audit verify -o json
  keyroll audit verify --export audit.ndjson --public-key audit.pub --checkpoint 2026-11-01";

/// Whether the check needs no server.
pub(crate) fn is_offline(args: &VerifyArgs) -> bool {
    args.export.is_some()
}

/// Checks an export that is at hand.
pub(crate) fn offline(args: &VerifyArgs, format: Format, out: &mut Out) -> Result<(), Fault> {
    let Some(path) = &args.export else { return Ok(()) };
    let mut check = args.check(None)?;
    let fault = |source| Fault::File { path: path.clone(), source };
    let mut file = File::open(path).map_err(fault)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut piece).map_err(fault)?;
        if count == 0 {
            break;
        }
        check.take(piece.get(..count).unwrap_or_default());
    }
    tell(check, None, format, out)
}

/// Fetches the audit as it is stored and checks it.
pub(super) async fn run(args: VerifyArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let given: CheckpointItem = session.send(Call::get(path::AUDIT_CHECKPOINT)).await?.json()?;
    let mut check = args.check(Some(&given.public_key))?;
    let mut answer = session.client.stream(Call::get(path::AUDIT_EXPORT)).await?;
    let promised: u64 = answer.header(SIZE_HEADER).and_then(|size| size.parse().ok()).unwrap_or_default();
    while let Some(piece) = answer.chunk().await? {
        check.take(&piece);
    }
    tell(check, Some(promised), session.format, session.out)
}

fn tell(check: Check, promised: Option<u64>, format: Format, out: &mut Out) -> Result<(), Fault> {
    let size = promised.unwrap_or(check.sound);
    let (sound, fault) = check.end(promised);
    let told = json!({"size": size, "sound": sound, "fault": fault.map(|problem| json!({"sequence": sound + 1, "problem": problem}))});
    match format {
        Format::Json | Format::Yaml => print::document(out, format, &told)?,
        Format::Table if fault.is_none() => {
            out.line(&format!("{sound} events, none missing; every hash is right, and the checkpoint fits"))?;
        }
        Format::Table => out.line(&format!("{sound} events are in order, then the fault begins"))?,
        Format::Name => out.line(&sound.to_string())?,
    }
    fault.map_or(Ok(()), |problem| Err(Fault::Audit { sequence: sound + 1, problem }))
}

impl VerifyArgs {
    /// What is to be found: `own` is the server's key, which counts where none is given.
    fn check(&self, own: Option<&str>) -> Result<Check, Fault> {
        let read =
            |path: &PathBuf| std::fs::read_to_string(path).map_err(|source| Fault::File { path: path.clone(), source });
        let text = match (&self.public_key, own) {
            (Some(path), _) => read(path)?,
            (None, own) => own.unwrap_or_default().to_owned(),
        };
        let verifier = Verifier::parse(&text).map_err(|error| Fault::Usage(error.to_string()))?;
        let mut earlier = Vec::new();
        for path in &self.checkpoint {
            let open = verifier.open(&read(path)?);
            earlier.push(open.map_err(|error| Fault::Usage(format!("{}: {error}", path.display())))?);
        }
        let (rest, tree) = (Vec::new(), Tree::default());
        Ok(Check { rest, sound: 0, tree, fault: None, verifier, earlier, ended: false })
    }
}

/// The events that were looked at so far.
struct Check {
    /// The beginning of a line whose end is still to come.
    rest: Vec<u8>,
    sound: u64,
    tree: Tree,
    fault: Option<&'static str>,
    verifier: Verifier,
    /// Checkpoints from before, which the same events have to fit.
    earlier: Vec<Checkpoint>,
    /// Whether the checkpoint at the end was seen.
    ended: bool,
}

impl Check {
    fn take(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let whole = std::mem::take(&mut self.rest);
        let mut lines = whole.split(|byte| *byte == b'\n');
        // `split` gives at least one piece: what stands behind the last line break.
        self.rest = lines.next_back().map(<[u8]>::to_vec).unwrap_or_default();
        for line in lines.filter(|line| !line.is_empty()) {
            self.line(line);
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        self.fault = if self.ended {
            Some("stands behind the checkpoint")
        } else if line.starts_with(br#"{"checkpoint":"#) {
            self.ended = true;
            self.end_fault(line)
        } else {
            match leaf(line, self.sound + 1) {
                Ok(leaf) => {
                    self.tree.push(leaf);
                    self.sound += 1;
                    self.earlier_fault()
                }
                Err(problem) => Some(problem),
            }
        };
    }

    /// Whether the events so far are those that an earlier checkpoint was made of.
    fn earlier_fault(&self) -> Option<&'static str> {
        let differs = |earlier: &&Checkpoint| earlier.size == self.sound && earlier.root != self.tree.root();
        self.earlier.iter().find(differs).map(|_| "or one before it is not what an earlier checkpoint was made of")
    }

    fn end_fault(&self, line: &[u8]) -> Option<&'static str> {
        let Ok(ExportEnd { checkpoint }) = serde_json::from_slice(line) else { return Some("is not a checkpoint") };
        match self.verifier.open(&checkpoint) {
            Err(NoteError::Unsigned) => Some("is a checkpoint by another key"),
            Err(_) => Some("is a checkpoint whose signature is not right"),
            Ok(read) if read.size > self.sound => Some("is missing: the checkpoint is of more"),
            Ok(read) if read.size < self.sound || read.root != self.tree.root() => {
                Some("is a checkpoint of other events")
            }
            Ok(_) => None,
        }
    }

    /// How many events are sound, and what is wrong with the next one.
    fn end(mut self, promised: Option<u64>) -> (u64, Option<&'static str>) {
        if !self.rest.is_empty() {
            self.fault = self.fault.or(Some("is cut off"));
        }
        if let Some(promised) = promised {
            self.fault = self.fault.or((self.sound < promised).then_some("is missing"));
            self.fault = self.fault.or((self.sound > promised).then_some("is one more than was promised"));
        }
        if self.earlier.iter().any(|earlier| earlier.size > self.sound) {
            self.fault = self.fault.or(Some("is missing: an earlier checkpoint is of more"));
        }
        let fault = self.fault.or((!self.ended).then_some("is missing, or the checkpoint is"));
        (self.sound, fault)
    }
}

/// The leaf of a line that has to hold the event of this number, or what is wrong with it.
fn leaf(line: &[u8], expected: u64) -> Result<[u8; 32], &'static str> {
    // Taken apart by hand: the hash is over the record's very bytes, which reading it as JSON would lose.
    let parts = line
        .strip_prefix(br#"{"leaf_hash":""#)
        .and_then(|rest| rest.split_at_checked(64))
        .and_then(|(hash, rest)| Some((hash, rest.strip_prefix(br#"","record":"#)?.strip_suffix(b"}")?)));
    let Some((hash, record)) = parts else { return Err("is not written as an event is") };
    let Ok(value) = serde_json::from_slice::<Value>(record) else { return Err("is not JSON") };
    let found = value.get("sequence").and_then(Value::as_u64);
    if found != Some(expected) {
        return Err(if found > Some(expected) { "is missing" } else { "stands out of its order" });
    }
    let leaf = store::leaf_hash(record);
    let text: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
    if text.as_bytes() == hash { Ok(leaf) } else { Err("does not match its hash") }
}

#[cfg(test)]
mod tests;
