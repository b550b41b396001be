//! Finds codes in Rust sources: by the calls that take them, and by their form.

use axum::http::StatusCode;

/// What is known about a code where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It meets its status there.
    Under(u16),
    /// A text of the form of a code that no known call takes.
    Alone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

impl Token {
    fn has_spaces(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains(' '))
    }
}

/// Two words or more in small letters, with hyphens between.
pub(crate) fn is_code(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.contains('-') && text.split('-').all(word)
}

/// The codes of a source without its tests, in the order in which they stand.
pub(crate) fn scan(source: &str) -> Vec<(String, Place)> {
    let tokens = before_tests(tokens(source));
    let mut places: Vec<Option<(String, Place)>> = tokens
        .iter()
        .map(|token| match token {
            Token::Text(text) if is_code(text) => Some((text.clone(), Place::Alone)),
            _ => None,
        })
        .collect();
    for at in 0..tokens.len() {
        let Some((text_at, status, ending)) = taken(&tokens, at) else { continue };
        // A sentence is for people.
        if let Some(Token::Text(text)) = tokens.get(text_at).filter(|token| !token.has_spaces()) {
            places[text_at] = Some((format!("{text}{ending}"), Place::Under(status)));
        }
    }
    places.into_iter().flatten().collect()
}

/// Where the word at `at` is one after which a code stands: the code's place, its status, and what is added to it.
fn taken(tokens: &[Token], at: usize) -> Option<(usize, u16, &'static str)> {
    let Token::Word(word) = &tokens[at] else { return None };
    let mark = |at: usize, mark: char| tokens.get(at) == Some(&Token::Mark(mark));
    let pathed = at >= 3 && mark(at - 1, ':') && mark(at - 2, ':');
    let owner = match tokens.get(at.wrapping_sub(3)) {
        Some(Token::Word(owner)) if pathed => owner.as_str(),
        _ if at > 0 && mark(at - 1, '.') => ".",
        _ => return None,
    };
    if owner == "StatusCode" {
        let refused = status(word).filter(|status| *status >= 400)?;
        return mark(at + 1, ',').then_some((at + 2, refused, ""));
    }
    let (argument, status, ending) = match (owner, word.as_str()) {
        ("Finding", "new") | ("Refusal" | "Self", "member") | (".", "read" | "read_opt" | "read_all") => (1, 422, ""),
        (".", "demand") => (2, 422, ""),
        ("Refusal" | "Self", "conflict") => (0, 409, ""),
        ("Refusal" | "Self", "not_found") => (0, 404, "-not-found"),
        _ => return None,
    };
    mark(at + 1, '(').then(|| Some((nth_argument(tokens, at + 1, argument)?, status, ending)))?
}

/// The place of an argument that is one token. `open` is the place of the parenthesis.
fn nth_argument(tokens: &[Token], open: usize, wanted: usize) -> Option<usize> {
    let (mut depth, mut argument, mut first) = (0, 0, open + 1);
    for (at, token) in tokens.iter().enumerate().skip(open) {
        let Token::Mark(mark) = token else { continue };
        let ends = match mark {
            '(' | '[' | '{' => {
                depth += 1;
                false
            }
            ')' | ']' | '}' => {
                depth -= 1;
                depth == 0
            }
            ',' => depth == 1,
            _ => false,
        };
        if ends && argument == wanted {
            return (at == first + 1).then_some(first);
        }
        if ends {
            (argument, first) = (argument + 1, at + 1);
        }
        if depth == 0 {
            return None;
        }
    }
    None
}

/// The number of a constant of [`StatusCode`].
fn status(constant: &str) -> Option<u16> {
    let named = |status: &StatusCode| {
        status.canonical_reason().is_some_and(|reason| reason.to_uppercase().replace([' ', '-'], "_") == constant)
    };
    (100..600).filter_map(|number| StatusCode::from_u16(number).ok()).find(named).map(|status| status.as_u16())
}

/// What stands before `#[cfg(test)] mod`.
fn before_tests(mut tokens: Vec<Token>) -> Vec<Token> {
    let word = |text: &str| Token::Word(text.to_owned());
    let mark = Token::Mark;
    let begin = [mark('#'), mark('['), word("cfg"), mark('('), word("test"), mark(')'), mark(']'), word("mod")];
    if let Some(at) = tokens.windows(begin.len()).position(|window| window == begin) {
        tokens.truncate(at);
    }
    tokens
}

/// Words, texts and marks, without comments.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&found) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match found {
            '/' if next == Some('/') => at += chars[at..].iter().take_while(|c| **c != '\n').count(),
            '"' => {
                let (text, length) = text(&chars[at + 1..]);
                tokens.push(Token::Text(text));
                at += 1 + length;
            }
            // A character, not a lifetime: its quotes and braces are no marks.
            '\'' if next == Some('\\') => at += 3 + chars[at + 3..].iter().take_while(|c| **c != '\'').count() + 1,
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 3,
            _ if found.is_alphanumeric() || found == '_' => {
                let word: String = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                at += word.chars().count();
                tokens.push(Token::Word(word));
            }
            _ => {
                if !found.is_whitespace() {
                    tokens.push(Token::Mark(found));
                }
                at += 1;
            }
        }
    }
    tokens
}

/// The text that begins here, and how far it reaches with its closing quote.
fn text(chars: &[char]) -> (String, usize) {
    let mut text = String::new();
    let mut at = 0;
    while let Some(&found) = chars.get(at) {
        match found {
            '"' => break,
            '\\' => {
                text.extend(chars.get(at + 1));
                at += 2;
            }
            _ => {
                text.push(found);
                at += 1;
            }
        }
    }
    (text, at + 1)
}

#[test]
fn codes_are_found_wherever_they_are_taken() {
    let under = |code: &str, status| vec![(code.to_owned(), Place::Under(status))];
    let table = [
        (r#"Refusal::new(StatusCode::NOT_FOUND, "a-b", "A, b", detail)"#, under("a-b", 404)),
        (r#"Self::new(StatusCode::BAD_REQUEST, "one", "Title")"#, under("one", 400)),
        ("(\n StatusCode::PAYLOAD_TOO_LARGE,\n \"a-b\",\n)", under("a-b", 413)),
        (r#"Refusal::conflict("a-b", "Title", detail)"#, under("a-b", 409)),
        (r#"Refusal::not_found("thing", name, None)"#, under("thing-not-found", 404)),
        (r#"Refusal::member(format!("/a/{}", f(x, y)), "word", detail)"#, under("word", 422)),
        (r#"Finding::new(format!("/{index}"), "a-b", error.to_string())"#, under("a-b", 422)),
        (r#"members.read_opt("/to", "a-b", text.as_deref())"#, under("a-b", 422)),
        (r#"members.demand(a(b, c) && d, &pointer, "a-b", "is not so-and so")"#, under("a-b", 422)),
        (r#"members.demand(!text.contains('"'), "/x", "a-b", "d")"#, under("a-b", 422)),
        (r#"match x { Self::Empty => "a-b2" }"#, vec![("a-b2".to_owned(), Place::Alone)]),
    ];
    for (source, expected) in table {
        assert_eq!(scan(source), expected, "{source}");
    }
    for nothing in [
        "// Refusal::conflict(\"a-b\", x)\n",
        r#"Refusal::new(status, code, "Title", "detail")"#,
        r#"Finding::new(pointer, error.code(), "a detail - here")"#,
        r#"store.read().await"#,
        r#"(StatusCode::OK, "ready")"#,
        r#"(StatusCode::SERVICE_UNAVAILABLE, "not ready")"#,
        r#"f("/a-b", "A-b", "a_b", "-", "a-", "one")"#,
        "#[cfg(test)]\nmod tests { const A: &str = \"a-b\"; }",
    ] {
        assert_eq!(scan(nothing), [], "{nothing}");
    }
}
