//! Templates against a slow reading of the rules that shares no code with them, on text full of braces.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not take for tests"
)]

#[path = "../../testkit/src/corpus.rs"]
mod corpus;

use std::collections::BTreeMap;

use model::name::SecretName;
use model::template::{Facts, Part, Place, Template, compile};
use proptest::prelude::*;

/// The rules, character by character. The error is the column of the braces at fault.
fn naive(text: &[char], column: usize) -> Result<Vec<Naive>, usize> {
    let (taken, first) = match text {
        [] => return Ok(Vec::new()),
        ['\\', '{', '{', ..] => (3, vec![Naive::Text('{'), Naive::Text('{')]),
        ['{', '{', inside @ ..] => {
            let length = (0..inside.len()).find(|at| inside[*at..].starts_with(&['}', '}'])).ok_or(column)?;
            let word: String = inside[..length].iter().collect();
            (2 + length + 2, vec![naive_word(&word).ok_or(column)?])
        }
        [c, ..] => (1, vec![Naive::Text(*c)]),
    };
    let mut all = first;
    all.extend(naive(&text[taken..], column + taken)?);
    Ok(all)
}

fn naive_word(word: &str) -> Option<Naive> {
    const WORDS: [&str; 5] = ["request_id", "environment", "route", "client", "timestamp"];
    let mut word = word;
    while let Some(shorter) = word.strip_prefix(' ').or(word.strip_suffix(' ')) {
        word = shorter;
    }
    if WORDS.contains(&word) {
        return Some(Naive::Builtin(word.to_owned()));
    }
    let name = word.strip_prefix("secret:").unwrap_or(word);
    let mut chars = name.chars();
    let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
        && name.len() <= 128
        && name != "secret"
        && !WORDS.contains(&name);
    good.then(|| Naive::Secret(name.to_owned()))
}

#[derive(Debug, PartialEq)]
enum Naive {
    Text(char),
    Secret(String),
    Builtin(String),
}

fn flat(template: &Template) -> Vec<Naive> {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.chars().map(Naive::Text).collect(),
        Part::Secret(name) => vec![Naive::Secret(name.to_string())],
        Part::Builtin(builtin) => vec![Naive::Builtin(builtin.as_str().to_owned())],
    };
    template.parts().flat_map(part).collect()
}

type Encode = fn(&str) -> String;

fn naive_fill(parts: &[Naive], values: &BTreeMap<String, String>, encode: Encode) -> String {
    let mut out = String::new();
    for part in parts {
        out.push_str(&encode(&match part {
            Naive::Text(c) => c.to_string(),
            Naive::Secret(name) => values[name].clone(),
            Naive::Builtin(word) => format!("the {word}"),
        }));
    }
    out
}

fn naive_percent(text: &str) -> String {
    let kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    let byte = |byte: u8| match char::from(byte) {
        c if kept.contains(c) => c.to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

const FACTS: Facts<'static> = Facts {
    request_id: "the request_id",
    environment: "the environment",
    route: "the route",
    client: "the client",
    timestamp: "the timestamp",
};

/// Text with many braces, backslashes and near misses.
fn wild() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec!["{", "}", "{{", "}}", "\\", " ", ":", "secret:", "secret", "a", "b_1", "é"])
            .prop_map(str::to_owned),
        8 => prop::sample::select(vec![
            "{{a}}", "{{ b_1 }}", "{{secret:a}}", "{{ secret:C}}", "{{route}}", "{{request_id}}", "\\{{a}}", "$1", "a}}",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn values() -> impl Strategy<Value = BTreeMap<String, String>> {
    let value = || prop_oneof![wild(), any::<String>()];
    (value(), value(), value())
        .prop_map(|(a, b, c)| [("a", a), ("b_1", b), ("C", c)].map(|(name, value)| (name.to_owned(), value)).into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parsing_agrees_with_the_oracle(text in wild()) {
        let chars: Vec<char> = text.chars().collect();
        match (Template::parse(&text), naive(&chars, 1)) {
            (Ok(template), Ok(parts)) => {
                prop_assert_eq!(flat(&template), parts);
                prop_assert_eq!(template.to_string(), text);
                let neighbours: Vec<_> = template.parts().map(|part| matches!(part, Part::Literal(_))).collect();
                prop_assert!(!neighbours.windows(2).any(|pair| pair == [true, true]));
            }
            (Err(error), Err(braces)) => {
                // Either the braces themselves, or a character between them.
                prop_assert!(error.column() >= braces && error.column() <= chars.len());
                let before = if error.column() == braces { 0 } else { error.column() - braces };
                let between: String = chars[braces - 1..braces - 1 + before].iter().skip(2).collect();
                prop_assert!(!between.contains("}}"));
            }
            (ours, oracle) => prop_assert!(false, "{ours:?} but {oracle:?}"),
        }
    }

    #[test]
    fn arbitrary_text_never_panics_and_comes_back(text in any::<String>()) {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(template.source(), &text);
            for place in [Place::Header, Place::Query, Place::Body, Place::BasicUsername, Place::BasicPassword] {
                let _ = template.check(place);
                let _ = compile(&template, place, |_| Some("x"));
            }
        }
    }

    #[test]
    fn filling_agrees_with_the_oracle(text in wild(), values in values()) {
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let known = template.secrets().all(|name| values.contains_key(name.as_str()));
        let lookup = |name: &SecretName| values.get(name.as_str()).map(String::as_str);
        let parts = naive(&text.chars().collect::<Vec<_>>(), 1).unwrap();
        let places: [(Place, Encode); 3] =
            [(Place::Header, str::to_owned), (Place::Body, str::to_owned), (Place::Query, naive_percent)];
        for (place, encode) in places {
            let admitted = template.check(place).is_ok()
                && template.secrets().all(|name| lookup(name).is_some_and(|value| place.admits(value).is_ok()));
            match compile(&template, place, lookup) {
                Ok(compiled) => {
                    let mut out = Vec::new();
                    compiled.fill(&FACTS, &mut out);
                    prop_assert!(known && admitted);
                    prop_assert_eq!(String::from_utf8(out).unwrap(), naive_fill(&parts, &values, encode));
                }
                Err(error) => prop_assert!(!known || !admitted, "{error}"),
            }
        }
    }

    #[test]
    fn replacing_touches_that_name_only(text in wild()) {
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let (from, to): (SecretName, SecretName) = ("a".parse().unwrap(), "successor_v2".parse().unwrap());
        let Some(replaced) = template.replace(&from, &to) else {
            prop_assert!(!template.mentions(&from));
            return Ok(());
        };
        prop_assert!(template.mentions(&from) && !replaced.mentions(&from));
        let mut wanted = flat(&template);
        for part in &mut wanted {
            if *part == Naive::Secret("a".to_owned()) {
                *part = Naive::Secret("successor_v2".to_owned());
            }
        }
        prop_assert_eq!(flat(&replaced), wanted);
        prop_assert_eq!(flat(&Template::parse(replaced.source()).unwrap()), flat(&replaced));
        if !text.contains("successor_v2") {
            let back = replaced.replace(&to, &from).unwrap();
            prop_assert_eq!(back.source(), &text);
        }
    }
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/template");

/// Parsing says what the oracle says, and what is filled in is what it fills in, values full of braces included.
fn agrees(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let chars: Vec<char> = text.chars().collect();
    let (template, parts) = match (Template::parse(&text), naive(&chars, 1)) {
        (Ok(template), Ok(parts)) => (template, parts),
        (Err(error), Err(braces)) => {
            assert!(error.column() >= braces && error.column() <= chars.len(), "{text:?}: {error}");
            return;
        }
        (ours, oracle) => panic!("{text:?}: {ours:?} but {oracle:?}"),
    };
    assert_eq!(flat(&template), parts, "{text:?}");
    assert_eq!(template.source(), text);
    let value = "$1{{a}}\\{{";
    let values = template.secrets().map(|name| (name.to_string(), value.to_owned())).collect();
    if let Ok(compiled) = compile(&template, Place::Body, |_| Some(value)) {
        let mut out = Vec::new();
        compiled.fill(&FACTS, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), naive_fill(&parts, &values, str::to_owned), "{text:?}");
    }
}

#[test]
fn kept_templates_agree_with_the_oracle() {
    let all = corpus::inputs(FOLDER);
    for (_, input) in &all {
        agrees(input);
    }
    let good = all.iter().filter(|(_, input)| Template::parse(&String::from_utf8_lossy(input)).is_ok()).count();
    assert!(good > 12 && all.len() - good > 12, "{good} of {}", all.len());
}

#[test]
#[ignore = "soak"]
fn changed_templates_agree_with_the_oracle() {
    let words: [&[u8]; 10] =
        [b"{{", b"}}", b"{", b"}", b"\\", b" ", b"secret:", b"{{a}}", b"{{route}}", "\u{e9}".as_bytes()];
    corpus::mutate(FOLDER, &words, agrees);
}
