//! Finds the spellings of injected values in a stream of bytes, each byte looked at once.

use std::fmt;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::packed::{self, Searcher};
use aho_corasick::{Anchored, Input};

use super::forms::Forms;

/// The [`Forms`] of a binding as an automaton, for answers of any length.
///
/// It takes about 25 bytes of memory for each byte of a form, and a few KiB; a value of letters and digits alone has
/// some six times its length in forms. The automaton has its own copy of the forms, which its crate gives no way to
/// zeroize: it is gone when the memory is used again, not when the snapshot is dropped.
///
/// Where the automaton cannot be made (forms of gigabytes), everything counts as found: nothing passes unread.
pub struct Needles {
    machine: Option<Machine>,
    longest: usize,
}

struct Machine {
    nfa: NFA,
    start: StateID,
    /// Answers by vector instructions whether there is anything to find; not every processor or set of forms has it.
    quick: Option<Searcher>,
    /// How many of the bytes just read could go on to become a form, by state and in its order. Most are none: left out.
    open: Vec<(StateID, u32)>,
}

/// Where in the forms a stream of bytes has got to.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(Option<StateID>);

impl Needles {
    pub(super) fn new(forms: &Forms) -> Self {
        let longest = forms.iter().map(<[u8]>::len).max().unwrap_or(0);
        Self { machine: Machine::new(forms), longest }
    }

    /// The length of the longest form, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Whether any form occurs in `bytes`.
    #[must_use]
    pub fn occur_in(&self, bytes: &[u8]) -> bool {
        let Some(machine) = &self.machine else { return !bytes.is_empty() };
        match &machine.quick {
            Some(quick) => quick.find(bytes).is_some(),
            // The automaton takes every kind of search, so that an error cannot come; it would count as found.
            None => machine.nfa.try_find(&Input::new(bytes).earliest(true)).map_or(true, |found| found.is_some()),
        }
    }

    /// Before the first byte of a stream.
    #[must_use]
    pub fn start(&self) -> Cursor {
        Cursor(self.machine.as_ref().map(|machine| machine.start))
    }

    /// Reads one byte. Answers the length of the longest form that ends with it, 0 where none does.
    pub fn step(&self, cursor: &mut Cursor, byte: u8) -> usize {
        let (Some(machine), Some(state)) = (&self.machine, &mut cursor.0) else { return usize::MAX };
        *state = machine.nfa.next_state(Anchored::No, *state, byte);
        if machine.nfa.is_match(*state) { machine.longest_at(*state) } else { 0 }
    }

    /// How many of the last bytes that were read could go on to become a form: less than the longest one has.
    #[must_use]
    pub fn open(&self, cursor: Cursor) -> usize {
        let (Some(machine), Some(state)) = (&self.machine, cursor.0) else { return 0 };
        machine.open_at(state)
    }

    /// Where a stream has got to that ends in `bytes`, where none of the forms occurs in it.
    #[must_use]
    pub fn after(&self, bytes: &[u8]) -> Cursor {
        // What is not found whole cannot have begun further back.
        let from = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let mut cursor = self.start();
        for byte in bytes.get(from..).unwrap_or_default() {
            self.step(&mut cursor, *byte);
        }
        cursor
    }

    /// Replaces every occurrence of every form in `bytes` by `*`, those that overlap included. Answers whether there
    /// was any.
    pub fn mask(&self, bytes: &mut [u8]) -> bool {
        self.occur_in(bytes) && self.mask_on(&mut self.start(), bytes, 0)
    }

    /// The same for the end of a stream that `cursor` has followed to `bytes[from]`. An occurrence that began before
    /// `bytes` is masked from there on. What is masked may be read no second time: the cursor knows what it was.
    pub fn mask_on(&self, cursor: &mut Cursor, bytes: &mut [u8], from: usize) -> bool {
        let mut found = Vec::new();
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            let length = self.step(cursor, *byte);
            if length > 0 {
                let end = at.saturating_add(1);
                found.push(end.saturating_sub(length)..end);
            }
        }
        // From the last one on, so that bytes which many of them share are written once.
        let mut masked = bytes.len();
        for occurrence in found.iter().rev() {
            if let Some(hidden) = bytes.get_mut(occurrence.start..occurrence.end.min(masked)) {
                hidden.fill(b'*');
            }
            masked = masked.min(occurrence.start);
        }
        !found.is_empty()
    }
}

impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Needles")
    }
}

impl Machine {
    fn new(forms: &Forms) -> Option<Self> {
        // Of the kinds of match only the standard one, which is the default, finds what overlaps.
        let nfa = NFA::builder().prefilter(false).build(forms.iter()).ok()?;
        let start = nfa.start_state(Anchored::No).ok()?;
        let quick = packed::Config::new().builder().extend(forms.iter()).build();
        let mut machine = Self { nfa, start, quick, open: Vec::new() };
        machine.find_open(forms);
        Some(machine)
    }

    fn find_open(&mut self, forms: &Forms) {
        let walk = |from: StateID, byte: &u8| self.nfa.next_state(Anchored::No, from, *byte);
        // What has been read of a form leads to a state of its own, whatever came before.
        let mut open: Vec<(StateID, u32)> = Vec::new();
        for form in forms.iter() {
            let mut state = self.start;
            for (byte, read) in form.iter().take(form.len().saturating_sub(1)).zip(1..) {
                state = walk(state, byte);
                open.push((state, read));
            }
        }
        open.sort_unstable();
        open.dedup();
        // A form that no other form goes on from: what could go on is the longest end of it that begins a form. The
        // shorter forms come first, since such an end may be one of them.
        let mut whole: Vec<&[u8]> = forms.iter().collect();
        whole.sort_unstable_by_key(|form| form.len());
        for form in whole {
            let state = form.iter().fold(self.start, walk);
            let end = form.get(1..).unwrap_or_default().iter().fold(self.start, walk);
            if let Err(at) = open.binary_search_by_key(&state, |(state, _)| *state)
                && let Ok(end) = open.binary_search_by_key(&end, |(state, _)| *state)
                && let Some((_, length)) = open.get(end).copied()
            {
                open.insert(at, (state, length));
            }
        }
        open.shrink_to_fit();
        self.open = open;
    }

    fn open_at(&self, state: StateID) -> usize {
        let at = self.open.binary_search_by_key(&state, |(state, _)| *state);
        at.ok().and_then(|at| self.open.get(at)).and_then(|(_, length)| usize::try_from(*length).ok()).unwrap_or(0)
    }

    fn longest_at(&self, state: StateID) -> usize {
        let forms = (0..self.nfa.match_len(state)).map(|index| self.nfa.match_pattern(state, index));
        forms.map(|form| self.nfa.pattern_len(form)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
