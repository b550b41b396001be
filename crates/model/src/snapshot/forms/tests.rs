//! Values and the spellings that must be among their forms.

use base64::engine::general_purpose::STANDARD;

use super::*;

fn forms(value: &str) -> Forms {
    let mut forms = Forms::default();
    forms.add_all(value);
    forms
}

fn has(forms: &Forms, text: &str) -> bool {
    forms.iter().any(|form| text.as_bytes() == form)
}

#[test]
fn every_spelling_is_among_the_forms() {
    let value = "P/ä \"+x?~12>&'\\";
    let forms = forms(value);
    for (habit, text) in [
        ("as inserted", value),
        ("header names", "p/ä \"+x?~12>&'\\"),
        ("RFC 3986", "P%2F%C3%A4%20%22%2Bx%3F~12%3E%26%27%5C"),
        ("lower hex", "P%2f%c3%a4%20%22%2bx%3f~12%3e%26%27%5c"),
        ("with plus", "P%2F%C3%A4+%22%2Bx%3F~12%3E%26%27%5C"),
        ("form", "P%2F%C3%A4+%22%2Bx%3F%7E12%3E%26%27%5C"),
        ("form, lower hex", "P%2f%c3%a4+%22%2bx%3f%7e12%3e%26%27%5c"),
        ("encodeURIComponent", "P%2F%C3%A4%20%22%2Bx%3F~12%3E%26'%5C"),
        ("quote", "P/%C3%A4%20%22%2Bx%3F~12%3E%26%27%5C"),
        ("a written query", "P/%C3%A4%20%22+x?~12%3E&'\\"),
        ("slash", "P\\/ä \\\"+x?~12>&'\\\\"),
        ("Python", "P/\\u00e4 \\\"+x?~12>&'\\\\"),
        ("PHP", "P\\/\\u00e4 \\\"+x?~12>&'\\\\"),
        ("Go", "P/ä \\\"+x?~12\\u003e\\u0026'\\\\"),
        ("Gson", "P/ä \\\"+x?~12\\u003e\\u0026\\u0027\\\\"),
        (".NET", "P/\\u00E4 \\u0022\\u002Bx?~12\\u003E\\u0026\\u0027\\\\"),
    ] {
        assert!(has(&forms, text), "{habit}: {text}");
    }
    assert!(!has(&forms, "P/ä \"+x?~12>&'"));
}

#[test]
fn json_is_what_serde_json_writes() {
    let value = "\u{1}\u{8}\u{c}\t\n\r\u{1f}\u{7f}\"\\/äß😀\u{2028}";
    let written = serde_json::to_string(value).unwrap();
    let forms = forms(value);
    assert!(has(&forms, written.trim_start_matches('"').strip_suffix('"').unwrap()));
    assert!(has(&forms, "\\u0001\\b\\f\\t\\n\\r\\u001f\\u007f\\\"\\\\/\\u00e4\\u00df\\ud83d\\ude00\\u2028"));
}

#[test]
fn base64_is_found_wherever_the_value_stands() {
    let value = "a>?ÿÿ>>?~~key";
    let forms = forms(value);
    let found = |text: &str| {
        let lengths = forms.iter().filter(|form| text.as_bytes().windows(form.len()).any(|window| window == *form));
        lengths.map(<[u8]>::len).max().unwrap_or(0)
    };
    for before in ["", "u", "us", "user:", "a bit more before"] {
        for after in ["", ":", "xy", "and after"] {
            let text = format!("{before}{value}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                assert!(found(&encoded) >= value.len() * 8 / 6 - 2, "{encoded}");
            }
        }
    }
    assert_eq!(found(&STANDARD.encode("something else altogether, and longer")), 0);
}

#[test]
fn a_plain_value_has_few_forms_and_a_short_one_none() {
    assert_eq!(forms("sk_live_4242").iter().count(), 4, "as inserted, and three alignments");
    assert_eq!(forms("sk_LIVE_4242").iter().count(), 5, "and in lower case");
    let mut short = Forms::default();
    short.add(b"1234567".to_vec());
    assert!(short.is_empty());
    short.add(b"12345678".to_vec());
    assert!(!short.is_empty());
    assert_eq!(format!("{short:?}"), "Forms(1)");
}
