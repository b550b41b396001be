//! Reads the members of a body into the model's types, and collects everything that is wrong with them.

use std::fmt::Display;
use std::str::FromStr;

use api::list::{DEFAULT_LIMIT, MAX_LIMIT};
use model::problem::Finding;
use model::text::{Form, TextError, check};
use store::Page;

use crate::refusal::Refusal;

/// The members read so far, and what was wrong.
#[derive(Debug, Default)]
pub(crate) struct Members(Vec<Finding>);

impl Members {
    /// Reads a text; where it breaks the rule, notes so and answers `None`.
    pub(crate) fn read<T>(&mut self, pointer: &str, code: &'static str, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(Finding::new(pointer, code, error.to_string()));
                None
            }
        }
    }

    /// The same for a member that may be absent.
    pub(crate) fn read_opt<T>(&mut self, pointer: &str, code: &'static str, text: Option<&str>) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        text.and_then(|text| self.read(pointer, code, text))
    }

    /// The same for a list; what breaks the rule is left out of the answer.
    pub(crate) fn read_all<T, C>(&mut self, pointer: &str, code: &'static str, texts: &[String]) -> C
    where
        T: FromStr<Err: Display>,
        C: FromIterator<T>,
    {
        let each = texts.iter().enumerate();
        each.filter_map(|(index, text)| self.read(&format!("{pointer}/{index}"), code, text)).collect()
    }

    /// Notes a broken rule.
    pub(crate) fn note(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Notes a broken rule where it is broken.
    pub(crate) fn demand(&mut self, holds: bool, pointer: &str, code: &'static str, detail: &str) {
        if !holds {
            self.0.push(Finding::new(pointer, code, detail));
        }
    }

    /// Notes what was wrong with a part of the request that was read on its own; `at` is where it stands.
    pub(crate) fn take_over(&mut self, at: &str, part: Self) {
        self.0.extend(
            part.0.into_iter().map(|finding| Finding { pointer: format!("{at}{}", finding.pointer), ..finding }),
        );
    }

    /// Refuses the request where anything was wrong.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::members(self.0)) }
    }
}

/// The page that a list was asked for.
pub(crate) fn page(limit: Option<u32>, cursor: Option<String>) -> Result<Page, Refusal> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Refusal::member("/limit", "limit-invalid", "is not between 1 and 500"));
    }
    Ok(Page { limit: usize::try_from(limit).unwrap_or(50), cursor })
}

/// One page of a list that is short enough to be read whole; the cursor is the key that the page before ended with.
pub(crate) fn page_of<T>(
    all: Vec<T>,
    page: &Page,
    key: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let start = match &page.cursor {
        None => 0,
        Some(cursor) => {
            all.iter().position(|item| key(item) == cursor).map(|index| index + 1).ok_or_else(|| {
                Refusal::member("/cursor", "cursor-invalid", "is not a cursor that this list gave out")
            })?
        }
    };
    let more = all.len() > start.saturating_add(page.limit);
    let chosen: Vec<T> = all.into_iter().skip(start).take(page.limit).collect();
    let next = chosen.last().filter(|_| more).map(|item| key(item).to_owned());
    Ok((chosen, next))
}

/// The longest free text.
const LONGEST_TEXT: usize = 4096;

/// Notes a free text of several lines that breaks a rule.
pub(crate) fn free_text(members: &mut Members, pointer: &str, text: &str) {
    written(members, pointer, text, Form::Block);
}

/// The same for a text of one line.
pub(crate) fn line_text(members: &mut Members, pointer: &str, text: &str) {
    written(members, pointer, text, Form::Line);
}

fn written(members: &mut Members, pointer: &str, text: &str, form: Form) {
    match check(text, form, LONGEST_TEXT) {
        Ok(()) => {}
        Err(error @ TextError::TooLong(_)) => members.note(Finding::new(pointer, "text-too-long", error.to_string())),
        Err(error) => members.note(Finding::new(pointer, "text-invalid", error.to_string())),
    }
}
