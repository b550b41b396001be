//! From parts and values to runs of text that only need copying, once, when a snapshot is built.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::fill::encode;
use super::{Builtin, Part, Place, Refusal, Template, TemplateError};
use crate::name::SecretName;

/// Why a template cannot be compiled. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A placeholder names a secret that the caller's lookup does not have.
    #[error("there is no secret {name}")]
    Missing {
        /// The secret's name.
        name: SecretName,
    },
    /// A secret's value may not stand in this place.
    #[error("the value of {name} {refusal}")]
    Refused {
        /// The secret's name.
        name: SecretName,
        /// What is in the way.
        refusal: Refusal,
    },
    /// The template itself does not fit the place.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// A template with its values put in and encoded for its place: text to copy, and built-ins to fill in.
///
/// It holds plaintext, so it is zeroed when dropped, has a blank `Debug`, and no `Clone`, `PartialEq` or `Display`.
///
/// ```compile_fail
/// fn copy(compiled: &model::template::Compiled) -> model::template::Compiled {
///     compiled.clone()
/// }
/// ```
pub struct Compiled {
    pub(super) form: Form,
    pub(super) runs: Vec<Run>,
}

/// How text is written in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is; a built-in's control characters, which no caller should hand over, become `_`.
    Header,
    /// Percent-encoded but for the unreserved characters of RFC 3986, section 2.3.
    Percent,
    /// As it is; the JSON writer escapes it.
    Body,
    /// `Basic ` and the Base64 of all runs, which are `user:password`.
    Basic,
}

/// A stretch of a compiled template.
pub(super) enum Run {
    /// Finished text. Never two in a row.
    Fixed(Zeroizing<String>),
    /// To be filled in per request.
    Builtin(Builtin),
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compiled(…)")
    }
}

/// Puts the values into a template and encodes it for `place`.
///
/// `lookup` answers a secret's value, in the plain, where there is one. Header: as it is. Query: literal text and
/// values alike percent-encoded but for `A–Z a–z 0–9 - . _ ~` (a space is `%20`). Body: as it is, to be written by a
/// JSON writer. For the two parts of basic authentication use [`compile_basic`]; here they give the part itself.
///
/// # Errors
///
/// [`CompileError`] where a secret is missing, a value may not stand there, or the template does not fit the place.
pub fn compile<'a>(
    template: &Template,
    place: Place,
    lookup: impl Fn(&SecretName) -> Option<&'a str>,
) -> Result<Compiled, CompileError> {
    let form = match place {
        Place::Query => Form::Percent,
        Place::Body => Form::Body,
        Place::Header | Place::BasicUsername | Place::BasicPassword => Form::Header,
    };
    Ok(Compiled { form, runs: runs(&resolve(template, place, lookup)?, form) })
}

/// Makes the header value of basic authentication (RFC 7617): `Basic ` and the Base64 of `user:password` in UTF-8.
///
/// Without built-ins the value is finished here; otherwise it is encoded anew for each request.
///
/// # Errors
///
/// As [`compile`]; a colon in the user name, in its literal text or in a value, is refused.
pub fn compile_basic<'a>(
    username: &Template,
    password: &Template,
    lookup: impl Fn(&SecretName) -> Option<&'a str>,
) -> Result<Compiled, CompileError> {
    let mut pieces = resolve(username, Place::BasicUsername, &lookup)?;
    pieces.push(Piece::Fixed(":"));
    pieces.extend(resolve(password, Place::BasicPassword, &lookup)?);
    let mut runs = runs(&pieces, Form::Basic);
    if let [Run::Fixed(plain)] = runs.as_slice() {
        let finished = basic(plain);
        runs = vec![Run::Fixed(finished)];
        return Ok(Compiled { form: Form::Header, runs });
    }
    Ok(Compiled { form: Form::Basic, runs })
}

/// `Basic ` and the Base64 of `user:password`.
pub(super) fn basic(plain: &str) -> Zeroizing<String> {
    let encoded = plain.len().div_ceil(3).saturating_mul(4);
    let mut out = Zeroizing::new(String::with_capacity("Basic ".len() + encoded));
    out.push_str("Basic ");
    STANDARD.encode_string(plain, &mut out);
    out
}

/// A part whose value was looked up.
enum Piece<'a> {
    Fixed(&'a str),
    Builtin(Builtin),
}

fn resolve<'a, 'p>(
    template: &'p Template,
    place: Place,
    lookup: impl Fn(&SecretName) -> Option<&'a str>,
) -> Result<Vec<Piece<'p>>, CompileError>
where
    'a: 'p,
{
    template.check(place)?;
    let piece = |part: &'p Part| match part {
        Part::Literal(text) => Ok(Piece::Fixed(text)),
        Part::Builtin(builtin) => Ok(Piece::Builtin(*builtin)),
        Part::Secret(name) => {
            let value = lookup(name).ok_or_else(|| CompileError::Missing { name: name.clone() })?;
            place.admits(value).map_err(|refusal| CompileError::Refused { name: name.clone(), refusal })?;
            Ok(Piece::Fixed(value))
        }
    };
    template.parts().map(piece).collect()
}

/// Encodes the pieces and joins neighbouring text.
fn runs(pieces: &[Piece<'_>], form: Form) -> Vec<Run> {
    let same = |a: &Piece<'_>, b: &Piece<'_>| matches!((a, b), (Piece::Fixed(_), Piece::Fixed(_)));
    let mut runs = Vec::new();
    for group in pieces.chunk_by(same) {
        let texts = || {
            group.iter().filter_map(|piece| match piece {
                Piece::Fixed(text) => Some(*text),
                Piece::Builtin(_) => None,
            })
        };
        if let [Piece::Builtin(builtin)] = group {
            runs.push(Run::Builtin(*builtin));
            continue;
        }
        // The length is counted first: a string that grows leaves copies behind that nobody zeroes.
        let mut length = 0;
        texts().for_each(|text| encode(form, text, &mut |piece| length += piece.len()));
        let mut run = Zeroizing::new(String::with_capacity(length));
        texts().for_each(|text| encode(form, text, &mut |piece| run.push_str(piece)));
        runs.push(Run::Fixed(run));
    }
    runs
}
