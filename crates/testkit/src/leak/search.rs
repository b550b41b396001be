//! One pass over the bytes for all forms of all values, fast enough for a trace log in debug.

use super::forms::{Form, forms};

/// What is searched for, filed under the first two bytes.
#[derive(Default)]
pub(super) struct Needles {
    list: Vec<Needle>,
    by_start: std::collections::HashMap<[u8; 2], Vec<usize>>,
}

struct Needle {
    name: String,
    form: Form,
    bytes: Vec<u8>,
}

/// A form of a value, and the first byte where it stands.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) form: Form,
    pub(super) at: usize,
}

impl Needles {
    pub(super) fn add(&mut self, name: &str, value: &str) {
        for (form, bytes) in forms(value) {
            self.by_start.entry([bytes[0], bytes[1]]).or_default().push(self.list.len());
            self.list.push(Needle { name: name.to_owned(), form, bytes });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each form that stands somewhere in these bytes, with its first place.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let mut starts = vec![false; 1 << 16];
        for start in self.by_start.keys() {
            starts[usize::from(u16::from_be_bytes(*start))] = true;
        }
        let mut first: Vec<Option<usize>> = vec![None; self.list.len()];
        let mut pair = 0_u16;
        for (at, byte) in bytes.iter().enumerate() {
            pair = (pair << 8) | u16::from(*byte);
            if !starts[usize::from(pair)] || at == 0 {
                continue;
            }
            let start = at - 1;
            for index in &self.by_start[&pair.to_be_bytes()] {
                if first[*index].is_none() && bytes[start..].starts_with(&self.list[*index].bytes) {
                    first[*index] = Some(start);
                }
            }
        }
        let hits = first.into_iter().zip(&self.list);
        hits.filter_map(|(at, n)| Some(Found { name: n.name.clone(), form: n.form, at: at? })).collect()
    }
}

impl std::fmt::Debug for Needles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Needles").field("forms", &self.list.len()).finish_non_exhaustive()
    }
}
