//! The automaton against forms that are looked up one by one.

use proptest::prelude::*;

use super::*;

fn needles(forms: &[&str]) -> Needles {
    let mut all = Forms::default();
    for form in forms {
        all.add(form.as_bytes().to_vec());
    }
    Needles::new(&all)
}

/// How much of the end of `text` begins one of the forms, looked up one by one.
fn open_naively(forms: &[&str], text: &str) -> usize {
    let begins = |length: &usize| {
        let end = &text.as_bytes()[text.len() - length..];
        forms.iter().any(|form| form.len() > *length && form.as_bytes().starts_with(end))
    };
    (0..=text.len()).rev().find(begins).unwrap_or(0)
}

#[test]
fn what_overlaps_is_masked_as_a_whole() {
    let table: [(&[&str], &str, &str); 8] = [
        (&["abcdefgh"], "abcdefgh", "********"),
        (&["abcdefgh"], "abcdefg", "abcdefg"),
        (&["abcdefgh"], "abcdabcdefghabcdefgh!", "abcd****************!"),
        (&["abcdefgh", "ghabcdef"], "-abcdefghabcdefgh-", "-****************-"),
        (&["abcdefgh", "efghijkl"], "xabcdefghijklx", "x************x"),
        (&["cdefghij", "abcdefghijkl"], "abcdefghijkl", "************"),
        (&["cdefghij", "abcdefghijkl"], "abcdefghijkm", "ab********km"),
        (&["aaaaaaaa"], "aaaaaaa aaaaaaaaaa", "aaaaaaa **********"),
    ];
    for (forms, text, expected) in table {
        let needles = needles(forms);
        let mut bytes = text.as_bytes().to_vec();
        assert_eq!(needles.mask(&mut bytes), text != expected, "{forms:?} in {text}");
        assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{forms:?}");
    }
}

#[test]
fn a_form_that_was_read_whole_is_open_only_where_it_goes_on() {
    for (forms, text, expected) in [
        (&["abcdefgh", "abcdefghij"][..], "abcdefgh", 8),
        (&["abcdefgh"], "abcdefgh", 0),
        (&["abcdefga"], "abcdefga", 1),
        (&["abcdefgh", "efghijkl"], "abcdefgh", 4),
        // The end of the first is the second, whose end begins the third.
        (&["zzabcdefgh", "abcdefgh", "ghijklmn"], "zzabcdefgh", 2),
        (&["abcdefgh"], "abcdefg", 7),
        (&["abcdefgh"], "event: x\n\n", 0),
    ] {
        let needles = needles(forms);
        let mut cursor = needles.start();
        text.bytes().for_each(|byte| {
            needles.step(&mut cursor, byte);
        });
        assert_eq!(needles.open(cursor), expected, "{forms:?} after {text}");
        assert_eq!(open_naively(forms, text), expected);
    }
}

#[test]
fn many_forms_are_found_as_few_are() {
    // More than vector instructions take at once.
    let forms: Vec<String> = (0..300).map(|index| format!("value-{index:04}-end")).collect();
    let needles = needles(&forms.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(needles.occur_in(b"... value-0299-end ..."));
    assert!(!needles.occur_in(b"... value-0300-end ..."));
    assert_eq!(needles.longest(), 14);
    assert_eq!(format!("{needles:?}"), "Needles");
}

#[test]
fn a_long_form_is_hidden_as_far_as_it_goes_on() {
    // Of the first one's beginning another one goes on otherwise; the second repeats itself; the third is not long.
    let forms = ["abcdefgh", "abcdefGH!", "abcabcabcabcx", "gh"].map(|form| form.as_bytes().to_vec());
    let mut all = Forms::default();
    forms.into_iter().for_each(|form| all.0.push(form.into()));
    let needles = Needles::with_window(&all, 4);
    assert_eq!(needles.longest(), 4);
    for (text, expected) in [
        ("-abcdefgh-", "-********-"),
        ("-abcdefGH!-", "-*********-"),
        ("-abcdefgH!-", "-*******H!-"),
        ("-abcdef-gh-", "-******-**-"),
        ("-abc-", "-abc-"),
        ("-abcdabcdefgh-", "-************-"),
        // What breaks off is the beginning of another.
        ("-abcabcdefgh-", "-***********-"),
        ("-abcabcabcabcabcabcx-", "-*******************-"),
        ("-abcabcabcabcy-", "-************y-"),
    ] {
        let mut bytes = text.as_bytes().to_vec();
        assert_eq!(needles.mask(&mut bytes), text != expected);
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        // In pieces of one byte, as a body may come.
        let (mut cursor, mut out, mut held) = (needles.start(), Vec::new(), Vec::new());
        for byte in text.bytes() {
            held.push(byte);
            let read = held.len() - 1;
            needles.mask_on(&mut cursor, &mut held, read);
            let open = needles.open(cursor);
            assert!(open < needles.longest());
            out.extend(held.drain(..held.len() - open));
        }
        out.append(&mut held);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
    let mut cursor = needles.start();
    for byte in "-abcdefgh".bytes() {
        needles.step(&mut cursor, byte);
    }
    assert_eq!(needles.open(cursor), 0, "nothing is kept back behind the end of a form");
}

#[test]
fn it_takes_no_more_memory_than_it_says() {
    for length in [20, 200, 4 * 1024, 64 * 1024] {
        let mut forms = Forms::default();
        // Letters and digits that do not repeat themselves, as those of a real value.
        let mut state = 1_u32;
        let letters = std::iter::from_fn(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_digit(state >> 24 & 31, 32)
        });
        forms.add_all(&letters.take(length).collect::<String>());
        let machine = Needles::new(&forms).machine.unwrap();
        let quick = machine.quick.as_ref().map_or(0, Searcher::memory_usage);
        let open = machine.open.capacity() * size_of::<(StateID, u32)>();
        let taken = machine.nfa.memory_usage() + quick + open + machine.tails.memory_usage();
        let beginnings: usize = forms.iter().map(|form| form.len().min(WINDOW)).sum();
        let rest: usize = forms.iter().map(|form| form.len().saturating_sub(WINDOW)).sum();
        assert!(taken <= 8 * 1024 + 25 * beginnings + rest, "{taken} bytes for {beginnings} and {rest}");
    }
}

#[test]
fn without_an_automaton_everything_is_found() {
    let broken = Needles { machine: None, longest: 8 };
    let mut bytes = b"anything".to_vec();
    assert!(broken.occur_in(&bytes) && broken.mask(&mut bytes));
    assert_eq!(bytes, b"********");
    assert!(!broken.occur_in(b""));
}

proptest! {
    // Of two letters, so that forms begin, end and overlap in each other.
    #[test]
    fn as_if_looked_up_one_by_one(
        forms in proptest::collection::vec("[ab]{8,12}", 1..5),
        text in "[ab]{0,60}",
    ) {
        let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
        let needles = needles(&forms);
        let mut expected = text.as_bytes().to_vec();
        for form in &forms {
            for (at, window) in text.as_bytes().windows(form.len()).enumerate() {
                if window == form.as_bytes() {
                    expected[at..at + form.len()].fill(b'*');
                }
            }
        }
        let found = expected != text.as_bytes();
        let mut bytes = text.as_bytes().to_vec();
        prop_assert_eq!(needles.occur_in(&bytes), found);
        prop_assert_eq!(needles.mask(&mut bytes), found);
        prop_assert_eq!(bytes, expected);
        let mut cursor = needles.start();
        for byte in text.bytes() {
            needles.step(&mut cursor, byte);
        }
        prop_assert_eq!(needles.open(cursor), open_naively(&forms, &text));
        if !found {
            prop_assert_eq!(needles.open(needles.after(text.as_bytes())), needles.open(cursor));
        }
    }

    // The same with what is found by its beginning: hidden as far as it goes on.
    #[test]
    fn longer_ones_as_if_looked_up_one_by_one(
        forms in proptest::collection::vec("[ab]{1,24}", 1..6),
        text in "[ab]{0,80}",
        window in 1usize..8,
        pieces in proptest::collection::vec(1usize..9, 1..9),
    ) {
        let mut all = Forms::default();
        forms.iter().for_each(|form| all.0.push(form.as_bytes().to_vec().into()));
        let needles = Needles::with_window(&all, window);
        let mut expected = text.as_bytes().to_vec();
        for form in &forms {
            for at in 0..text.len() {
                let alike = form.bytes().zip(text[at..].bytes()).take_while(|(form, text)| form == text).count();
                if alike >= form.len().min(window) {
                    expected[at..at + alike].fill(b'*');
                }
            }
        }
        let found = expected != text.as_bytes();
        let mut bytes = text.as_bytes().to_vec();
        prop_assert_eq!(needles.occur_in(&bytes), found);
        prop_assert_eq!(needles.mask(&mut bytes), found);
        prop_assert_eq!(&bytes, &expected);

        let (mut cursor, mut out, mut held) = (needles.start(), Vec::new(), Vec::new());
        let mut rest = text.as_bytes();
        for length in pieces.iter().cycle().take(80) {
            let (piece, left) = rest.split_at(rest.len().min(*length));
            rest = left;
            let read = held.len();
            held.extend_from_slice(piece);
            needles.mask_on(&mut cursor, &mut held, read);
            let open = needles.open(cursor);
            prop_assert!(open < needles.longest().max(2));
            out.extend(held.drain(..held.len() - open));
            if open == 0 {
                // As the guard does that keeps nothing back.
                cursor = needles.start();
            }
        }
        out.append(&mut held);
        prop_assert_eq!(out, expected);
    }
}
