//! From text to parts, once, when a route is saved.

use super::{Builtin, Part, Placed, Template};
use crate::name::NameError;

/// What is wrong with a template's text.
///
/// The texts name characters and rules and never quote the template: somebody may have pasted a value into it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateFault {
    /// `{{` without `}}` after it.
    #[error("this {{{{ has no }}}}")]
    Unclosed,
    /// Nothing, or only spaces, between the braces.
    #[error("there is no name between {{{{ and }}}}")]
    Empty,
    /// Three opening braces.
    #[error("{{{{{{ is ambiguous")]
    ThreeBraces,
    /// A word other than `secret` before a colon.
    #[error("only secret: may stand before a name, without spaces around the colon")]
    Prefix,
    /// A character that a secret's name does not have there.
    #[error("{found:?} may not stand here; {rule}")]
    Character {
        /// The character.
        found: char,
        /// The rule for names, in words.
        rule: &'static str,
    },
    /// Another rule for names is broken; [`NameError::Reserved`] for `{{secret}}` and `{{secret:timestamp}}`.
    #[error("the secret's name {0}")]
    Name(NameError),
    /// A literal character that the template's place does not allow.
    #[error("{found:?} may not stand in {place}; {rule}")]
    Literal {
        /// The character.
        found: char,
        /// The place, in words.
        place: &'static str,
        /// What is allowed there.
        rule: &'static str,
    },
    /// A built-in that the template's place does not allow.
    #[error("{{{{{word}}}}} may not stand in {place}, since it may hold a colon; use environment, route or client")]
    Builtin {
        /// The built-in's word.
        word: &'static str,
        /// The place, in words.
        place: &'static str,
    },
}

/// Why a text is not a template, or not one for its place: the column and the fault.
///
/// Its text is complete advice, for example `column 8: this {{ has no }}; write {{name}} …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {fault}{}", hint(fault))]
pub struct TemplateError {
    column: usize,
    fault: TemplateFault,
}

impl TemplateError {
    /// Where, in characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// What.
    #[must_use]
    pub fn fault(&self) -> &TemplateFault {
        &self.fault
    }

    /// The error for the character that begins at byte `offset` of `source`.
    pub(super) fn at(source: &str, offset: usize, fault: TemplateFault) -> Self {
        let before = source.char_indices().take_while(|(index, _)| *index < offset).count();
        Self { column: before + 1, fault }
    }
}

/// What may be written instead, where the fault is in the braces.
fn hint(fault: &TemplateFault) -> &'static str {
    match fault {
        TemplateFault::Literal { .. } | TemplateFault::Builtin { .. } => "",
        _ => {
            "; write {{name}} or {{secret:name}} for a secret, {{request_id}}, {{environment}}, {{route}}, {{client}} \
             or {{timestamp}} for a fact of the request, and \\{{ for two literal braces"
        }
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for the first mistake from the left: the column of the braces, or of the character inside
    /// them that is not allowed. Whether the secrets exist is not asked here.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut reader = Reader { source: text, parts: Vec::new(), literal: String::new(), begin: 0 };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if let Some(before) = before.strip_suffix('\\') {
                reader.literal.push_str(before);
                reader.literal.push_str("{{");
                rest = after;
                continue;
            }
            reader.literal.push_str(before);
            let inside = reader.offset(after);
            let opened = inside - "{{".len();
            if after.starts_with('{') {
                return Err(reader.fault(opened, TemplateFault::ThreeBraces));
            }
            let Some((placeholder, tail)) = after.split_once("}}") else {
                return Err(reader.fault(opened, TemplateFault::Unclosed));
            };
            let part = reader.placeholder(placeholder, opened)?;
            reader.end_literal(opened);
            reader.begin = reader.offset(tail);
            reader.parts.push(Placed { part, at: opened..reader.begin });
            rest = tail;
        }
        reader.literal.push_str(rest);
        reader.end_literal(text.len());
        Ok(Self { source: text.into(), parts: reader.parts })
    }
}

/// What was read so far, and the literal that is being read.
struct Reader<'a> {
    source: &'a str,
    parts: Vec<Placed>,
    literal: String,
    /// Where the source of `literal` begins, in bytes.
    begin: usize,
}

impl Reader<'_> {
    /// Where `tail`, the rest of the source from some place on, begins, in bytes.
    fn offset(&self, tail: &str) -> usize {
        self.source.len() - tail.len()
    }

    fn fault(&self, offset: usize, fault: TemplateFault) -> TemplateError {
        TemplateError::at(self.source, offset, fault)
    }

    fn end_literal(&mut self, end: usize) {
        if !self.literal.is_empty() {
            let part = Part::Literal(std::mem::take(&mut self.literal));
            self.parts.push(Placed { part, at: self.begin..end });
        }
    }

    /// Reads what stands between the braces; `opened` is where they are.
    fn placeholder(&self, inside: &str, opened: usize) -> Result<Part, TemplateError> {
        let word = inside.trim_matches(' ');
        if word.is_empty() {
            return Err(self.fault(opened, TemplateFault::Empty));
        }
        let spaces = inside.len() - inside.trim_start_matches(' ').len();
        let begin = opened + "{{".len() + spaces;
        let (name, begin) = match word.split_once(':') {
            Some(("secret", name)) => (name, begin + "secret:".len()),
            Some(_) => return Err(self.fault(begin, TemplateFault::Prefix)),
            None => match Builtin::ALL.into_iter().find(|builtin| builtin.as_str() == word) {
                Some(builtin) => return Ok(Part::Builtin(builtin)),
                None => (word, begin),
            },
        };
        name.parse().map(Part::Secret).map_err(|error| match error {
            NameError::Empty => self.fault(opened, TemplateFault::Empty),
            NameError::Character { found, at, rule } => {
                // The column says where; the position within the name would only confuse.
                let before: usize = name.chars().take(at.saturating_sub(1)).map(char::len_utf8).sum();
                self.fault(begin + before, TemplateFault::Character { found, rule })
            }
            other => self.fault(begin, TemplateFault::Name(other)),
        })
    }
}
