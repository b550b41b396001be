//! The codings of an answer undone while it streams, in pieces of bounded size whatever they unpack to.

mod brotli;
mod deflate;
mod gzip;

use std::fmt;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use self::brotli::Brotli;
use self::deflate::Deflate;
use self::gzip::Gzip;
use super::Unreadable;

/// So many codings one upon the other are undone; nobody has a use for more, and each takes memory.
const MOST: usize = 3;
/// The longest piece that comes out at once.
const PIECE: usize = 16 * 1024;

/// What one look at the input did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    read: usize,
    written: usize,
}

/// One coding, undone.
enum Undo {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Brotli),
}

impl Undo {
    /// The coding of this name (RFC 9110 section 8.4.1); `None` where it is not known.
    fn of(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip(Gzip::new())),
            b"deflate" => Some(Self::Deflate(Deflate::new())),
            b"br" => Some(Self::Brotli(Brotli::new())),
            _ => None,
        }
    }

    /// Reads as much as it can and writes as much as fits. Where it does neither, it waits for more.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Unreadable> {
        match self {
            Self::Gzip(gzip) => gzip.step(input, out),
            Self::Deflate(deflate) => deflate.step(input, out),
            Self::Brotli(brotli) => brotli.step(input, out),
        }
    }

    /// Whether the input may end where it has got to.
    fn may_end(&self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.may_end(),
            Self::Deflate(deflate) => deflate.may_end(),
            Self::Brotli(brotli) => brotli.may_end(),
        }
    }
}

struct Stage {
    undo: Undo,
    input: Bytes,
}

/// All codings of one answer.
///
/// What it takes of memory does not depend on what comes: a piece for each coding, 32 KiB for what gzip and deflate
/// refer back to, and up to 16 MiB for brotli, as far as the answer is that long. Brotli's extension for larger windows
/// is not read.
pub(super) struct Codings {
    /// The one that was applied last comes first.
    stages: Vec<Stage>,
    scratch: Box<[u8]>,
    begun: bool,
}

impl Codings {
    /// The codings that the headers name; `None` where there are none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Unreadable> {
        let values = headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
        let names = values.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
        let mut stages = Vec::new();
        for name in names.filter(|name| !name.eq_ignore_ascii_case(b"identity")) {
            if stages.len() == MOST {
                return Err(Unreadable::Coding);
            }
            stages.push(Stage { undo: Undo::of(name).ok_or(Unreadable::Coding)?, input: Bytes::new() });
        }
        stages.reverse();
        let scratch = vec![0; PIECE].into_boxed_slice();
        Ok((!stages.is_empty()).then_some(Self { stages, scratch, begun: false }))
    }

    /// Takes the next piece of the answer. [`Self::pull`] must have given all that came of the one before.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.begun |= !piece.is_empty();
        if let Some(first) = self.stages.first_mut() {
            first.input = piece;
        }
    }

    /// Gives the next piece of what it is without its codings; `None` until more is pushed.
    pub(super) fn pull(&mut self) -> Result<Option<Bytes>, Unreadable> {
        pull(&mut self.stages, &mut self.scratch)
    }

    /// The answer has ended and all was pulled. Nothing at all is a whole answer too.
    pub(super) fn end(&self) -> Result<(), Unreadable> {
        if self.begun && !self.stages.iter().all(|stage| stage.undo.may_end()) {
            return Err(Unreadable::Damaged);
        }
        Ok(())
    }
}

impl fmt::Debug for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codings({})", self.stages.len())
    }
}

/// The next piece that the last of the stages writes, fed by those before it.
fn pull(stages: &mut [Stage], scratch: &mut [u8]) -> Result<Option<Bytes>, Unreadable> {
    let Some((last, before)) = stages.split_last_mut() else { return Ok(None) };
    loop {
        let Step { read, written } = last.undo.step(&last.input, scratch)?;
        last.input.advance(read.min(last.input.len()));
        if let Some(piece) = scratch.get(..written)
            && !piece.is_empty()
        {
            return Ok(Some(Bytes::copy_from_slice(piece)));
        }
        if read > 0 {
            continue;
        }
        if !last.input.is_empty() {
            return Err(Unreadable::Damaged);
        }
        match pull(before, scratch)? {
            Some(piece) => last.input = piece,
            None => return Ok(None),
        }
    }
}
