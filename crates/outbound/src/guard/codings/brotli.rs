//! The coding `br` (RFC 7932), without its extension for larger windows.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::Step;
use crate::guard::Unreadable;

pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())), ended: false }
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Unreadable> {
        if self.ended {
            return if input.is_empty() { Ok(Step { read: 0, written: 0 }) } else { Err(Unreadable::Damaged) };
        }
        let (mut input_left, mut read) = (input.len(), 0);
        let (mut out_left, mut written, mut total) = (out.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut read,
            input,
            &mut out_left,
            &mut written,
            out,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(Unreadable::Damaged),
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { read, written })
    }

    pub(super) fn may_end(&self) -> bool {
        self.ended
    }
}
