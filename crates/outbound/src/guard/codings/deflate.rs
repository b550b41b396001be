//! The coding `deflate`: zlib (RFC 1950) as it should be, or the bare format (RFC 1951) that some servers send.

use flate2::{Decompress, FlushDecompress, Status};

use super::Step;
use crate::guard::Unreadable;

pub(super) struct Deflate {
    /// Made when the first byte says which of the two it is.
    inflate: Option<Decompress>,
    ended: bool,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self { inflate: None, ended: false }
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Unreadable> {
        let first = match (input.first(), &self.inflate) {
            (Some(_), _) if self.ended => return Err(Unreadable::Damaged),
            (None, None) => return Ok(Step { read: 0, written: 0 }),
            (first, _) => first,
        };
        // A bare stream that begins so would be a stored block with its padding filled, which no encoder writes.
        let zlib = first.is_some_and(|first| first & 0x8f == 0x08);
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(zlib));
        let (step, ended) = inflate_step(inflate, input, out)?;
        self.ended |= ended;
        Ok(step)
    }

    pub(super) fn may_end(&self) -> bool {
        self.ended
    }
}

/// One step of the bare format, and whether it has come to its end.
pub(super) fn inflate_step(inflate: &mut Decompress, input: &[u8], out: &mut [u8]) -> Result<(Step, bool), Unreadable> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, out, FlushDecompress::None).map_err(|_| Unreadable::Damaged)?;
    let since = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
    let step = Step { read: since(inflate.total_in(), read), written: since(inflate.total_out(), written) };
    Ok((step, status == Status::StreamEnd))
}
