//! Kept inputs that a parser was once wrong about, or could be: replayed, and changed at random for as long as wanted.
//!
//! Crates that do not use the rest of the test kit take this file in by its path.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![allow(
    unreachable_pub,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "taken in by tests, and speaks to who runs them"
)]

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, Instant};

/// The files of a folder by name, in the order of their names.
///
/// # Panics
/// When the folder cannot be read, or is empty: a corpus that is not found proves nothing.
pub fn inputs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut inputs: Vec<(String, Vec<u8>)> = files
        .map(|file| {
            let path = file.expect("a folder can be listed").path();
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a file can be read"))
        })
        .collect();
    assert!(!inputs.is_empty(), "{folder} is empty");
    inputs.sort();
    inputs
}

/// Shows changed inputs to `check` for a minute, or for `KEYROLL_MUTATE_SECONDS`. `words` are what is worth inserting.
/// What made it panic is printed, to be kept as a file of the corpus.
pub fn mutate(folder: &str, words: &[&[u8]], mut check: impl FnMut(&[u8])) {
    let seconds = std::env::var("KEYROLL_MUTATE_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(60));
    let kept: Vec<Vec<u8>> = inputs(folder).into_iter().map(|(_, input)| input).collect();
    let mut random = Random(RandomState::new().build_hasher().finish() | 1);
    let until = Instant::now() + time;
    let mut number = 0_u64;
    while Instant::now() < until {
        let mut input = random.pick(&kept).clone();
        for _ in 0..=random.below(4) {
            random.change(&mut input, &kept, words);
        }
        let shown = Shown(&input);
        check(shown.0);
        number += 1;
    }
    println!("{folder}: {number} changed inputs");
}

/// Prints an input when its check panics.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was: {}", self.0.escape_ascii());
        }
    }
}

/// Numbers that look random (xorshift); no secret depends on them.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn change(&mut self, input: &mut Vec<u8>, kept: &[Vec<u8>], words: &[&[u8]]) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(8)).min(input.len());
        match self.below(7) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < end => drop(input.drain(at..end)),
            2 if at < end => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            3 => input.truncate(at),
            4 => {
                let other = self.pick(kept).clone();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ if !words.is_empty() => {
                let word = self.pick(words).to_vec();
                input.splice(at..at, word);
            }
            _ => {}
        }
    }
}
