//! Finds the spellings of injected values in a stream of bytes, each byte looked at once.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::packed::{self, Searcher};
use aho_corasick::{Anchored, Input};

use self::tails::{Node, Tails};
use super::forms::Forms;

mod tails;

/// By how many of its first bytes a longer form is recognised. Not even certificates of one issuer have as many in
/// common, and an automaton of whole forms would take 25 bytes of memory for each byte of a value's every spelling.
const WINDOW: usize = 256;

/// The [`Forms`] of a binding as an automaton, for answers of any length.
///
/// A form of up to 256 bytes is found where it stands as a whole. A longer one is found by its first 256 bytes and
/// counts from there for as long as what is read goes on as the form does, be it to its end or not.
///
/// It takes about 25 bytes of memory for each byte of such a beginning, one for each byte of the rest (some twenty where
/// a value repeats itself), and a few KiB: 0.4 MiB for 64 KiB of letters and digits, 2 MiB where every habit of encoding
/// spells the value otherwise.
/// The automaton has its own copy of the beginnings, which its crate gives no way to zeroize: it is gone when the
/// memory is used again, not when the snapshot is dropped.
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
    /// How the longer forms go on.
    tails: Tails,
}

/// Where in the forms a stream of bytes has got to.
#[derive(Debug, Clone, Copy)]
pub struct Cursor {
    state: Option<StateID>,
    /// How far a longer form has been read beyond its beginning.
    tail: Option<Node>,
}

impl Needles {
    pub(super) fn new(forms: &Forms) -> Self {
        Self::with_window(forms, WINDOW)
    }

    fn with_window(forms: &Forms, window: usize) -> Self {
        let longest = forms.iter().map(|form| form.len().min(window)).max().unwrap_or(0);
        Self { machine: Machine::new(forms, window), longest }
    }

    /// The length of the longest form, or of the beginning by which it is recognised, in bytes.
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
        Cursor { state: self.machine.as_ref().map(|machine| machine.start), tail: None }
    }

    /// Reads one byte. Answers how many bytes, up to this one, belong to a form that was found; 0 where it is none.
    pub fn step(&self, cursor: &mut Cursor, byte: u8) -> usize {
        let (Some(machine), Some(state)) = (&self.machine, cursor.state) else { return usize::MAX };
        machine.step(state, cursor, byte)
    }

    /// How many of the last bytes that were read could go on to become a form: less than [`Self::longest`]. While a
    /// longer form goes on it is 1 at least, so that whoever keeps back so much also keeps the cursor.
    #[must_use]
    pub fn open(&self, cursor: Cursor) -> usize {
        let (Some(machine), Some(state)) = (&self.machine, cursor.state) else { return 0 };
        machine.open_at(state).max(usize::from(cursor.tail.is_some()))
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
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            let length = self.step(cursor, *byte);
            if length > 0 {
                let end = at.saturating_add(1);
                let mut start = end.saturating_sub(length);
                while let Some(before) = found.pop_if(|before| before.end >= start) {
                    start = start.min(before.start);
                }
                found.push(start..end);
            }
        }
        for occurrence in &found {
            if let Some(hidden) = bytes.get_mut(occurrence.clone()) {
                hidden.fill(b'*');
            }
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
    fn new(forms: &Forms, window: usize) -> Option<Self> {
        let beginnings: BTreeSet<&[u8]> = forms.iter().map(|form| form.get(..window).unwrap_or(form)).collect();
        let beginnings: Vec<&[u8]> = beginnings.into_iter().collect();
        // Of the kinds of match only the standard one, which is the default, finds what overlaps.
        let nfa = NFA::builder().prefilter(false).build(&beginnings).ok()?;
        let start = nfa.start_state(Anchored::No).ok()?;
        let quick = packed::Config::new().builder().extend(&beginnings).build();
        let longer: Vec<&[u8]> = forms.iter().filter(|form| form.len() > window).collect();
        let tails = Tails::new(&beginnings, &longer, window)?;
        let mut machine = Self { nfa, start, quick, open: Vec::new(), tails };
        machine.find_back(&beginnings, &longer, window);
        machine.find_open(beginnings);
        Some(machine)
    }

    fn step(&self, state: StateID, cursor: &mut Cursor, byte: u8) -> usize {
        let state = self.nfa.next_state(Anchored::No, state, byte);
        cursor.state = Some(state);
        let mut tail = cursor.tail.and_then(|node| self.tails.after(node, byte));
        let mut length = 0;
        if self.nfa.is_match(state) {
            for index in 0..self.nfa.match_len(state) {
                let found = self.nfa.match_pattern(state, index);
                length = length.max(self.nfa.pattern_len(found));
                // Where a longer form already goes on, it is known which beginnings its own end holds.
                tail = tail.or_else(|| self.tails.of(found.as_usize()));
            }
        }
        cursor.tail = tail.and_then(|node| self.tails.lasting(node));
        length.max(usize::from(tail.is_some()))
    }

    /// Finds out where the end of what was read of a longer form begins one, too. The reader of a form leaves its first
    /// byte out. All readers go on together: where a shorter text leads is known before a longer one needs it.
    fn find_back(&mut self, beginnings: &[&[u8]], longer: &[&[u8]], window: usize) {
        let begin = Cursor { state: Some(self.start), tail: None };
        let mut readers: Vec<(&[u8], Cursor, Option<Node>)> = longer.iter().map(|form| (*form, begin, None)).collect();
        let mut read = 0_usize;
        while !readers.is_empty() {
            readers.retain_mut(|(form, cursor, node)| {
                let (Some(byte), Some(state)) = (form.get(read), cursor.state) else { return false };
                if read > 0 {
                    self.step(state, cursor, *byte);
                }
                *node = match node {
                    Some(before) => self.tails.child(*before, *byte),
                    None => form
                        .get(..window)
                        .filter(|beginning| beginning.len() == read.saturating_add(1))
                        .and_then(|beginning| beginnings.binary_search(&beginning).ok())
                        .and_then(|pattern| self.tails.of(pattern)),
                };
                if let (Some(node), Some(back)) = (*node, cursor.tail) {
                    self.tails.set_back(node, back);
                }
                true
            });
            read = read.saturating_add(1);
        }
    }

    fn find_open(&mut self, mut whole: Vec<&[u8]>) {
        let walk = |from: StateID, byte: &u8| self.nfa.next_state(Anchored::No, from, *byte);
        // What has been read of a form leads to a state of its own, whatever came before.
        let mut open: Vec<(StateID, u32)> = Vec::new();
        for form in &whole {
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
}

#[cfg(test)]
mod tests;
