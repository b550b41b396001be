//! The coding `gzip` (RFC 1952): members one after the other, each with its check sum.

use flate2::{Crc, Decompress};

use super::Step;
use super::deflate::inflate_step;
use crate::guard::Unreadable;

pub(super) struct Gzip {
    at: At,
    inflate: Decompress,
    crc: Crc,
}

/// Where in a member the next byte belongs.
enum At {
    /// In the part of the head that each member has, of which these were read.
    Head(Vec<u8>),
    /// In the optional parts of the head, of which these flags are still to come.
    ExtraLength {
        flags: u8,
        low: Option<u8>,
    },
    Skip {
        flags: u8,
        left: u16,
    },
    Text {
        flags: u8,
    },
    Body,
    /// In the check sum and length.
    Tail(Vec<u8>),
    /// Behind a member: the end, or the next one.
    Between,
}

const HEAD: usize = 10;
const TAIL: usize = 8;

const HEAD_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

impl At {
    /// The next optional part of a head, in the order in which they stand.
    fn behind(flags: u8) -> Self {
        if flags & EXTRA != 0 {
            Self::ExtraLength { flags: flags & !EXTRA, low: None }
        } else if flags & NAME != 0 {
            Self::Text { flags: flags & !NAME }
        } else if flags & COMMENT != 0 {
            Self::Text { flags: flags & !COMMENT }
        } else if flags & HEAD_CRC != 0 {
            Self::Skip { flags: flags & !HEAD_CRC, left: 2 }
        } else {
            Self::Body
        }
    }
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { at: At::Head(Vec::new()), inflate: Decompress::new(false), crc: Crc::new() }
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Unreadable> {
        let mut read = 0_usize;
        loop {
            if matches!(self.at, At::Body) {
                let (step, ended) = inflate_step(&mut self.inflate, input.get(read..).unwrap_or_default(), out)?;
                self.crc.update(out.get(..step.written).unwrap_or_default());
                read = read.saturating_add(step.read);
                if ended {
                    self.at = At::Tail(Vec::new());
                }
                // The end of a member may be seen without a byte read or written: what follows it is no less there.
                if step.written > 0 || !ended {
                    return Ok(Step { read, written: step.written });
                }
            }
            let Some(byte) = input.get(read) else { return Ok(Step { read, written: 0 }) };
            self.frame(*byte)?;
            read = read.saturating_add(1);
        }
    }

    pub(super) fn may_end(&self) -> bool {
        matches!(self.at, At::Between)
    }

    /// One byte of what is around the compressed bytes.
    fn frame(&mut self, byte: u8) -> Result<(), Unreadable> {
        match &mut self.at {
            At::Between => {
                self.inflate.reset(false);
                self.crc.reset();
                self.at = At::Head(vec![byte]);
            }
            At::Head(head) => {
                head.push(byte);
                if head.len() == HEAD {
                    let flags = match head.as_slice() {
                        [0x1f, 0x8b, 8, flags, ..] if flags & RESERVED == 0 => *flags,
                        _ => return Err(Unreadable::Damaged),
                    };
                    self.at = At::behind(flags);
                }
            }
            At::ExtraLength { flags, low: None } => self.at = At::ExtraLength { flags: *flags, low: Some(byte) },
            At::ExtraLength { flags, low: Some(low) } => {
                let (flags, left) = (*flags, u16::from_le_bytes([*low, byte]));
                self.at = if left == 0 { At::behind(flags) } else { At::Skip { flags, left } };
            }
            At::Skip { flags, left: 1 } => self.at = At::behind(*flags),
            At::Skip { left, .. } => *left = left.saturating_sub(1),
            At::Text { flags } => {
                if byte == 0 {
                    self.at = At::behind(*flags);
                }
            }
            At::Tail(tail) => {
                tail.push(byte);
                if tail.len() == TAIL {
                    let expected = [self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()].concat();
                    if *tail != expected {
                        return Err(Unreadable::Damaged);
                    }
                    self.at = At::Between;
                }
            }
            At::Body => {}
        }
        Ok(())
    }
}
