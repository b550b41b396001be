//! Which heads everybody reads alike, and which are refused.

use super::*;

/// Checks `text` in pieces of every size; whether a line feed was found.
fn finds(text: &str) -> bool {
    let found: Vec<bool> = (1..=text.len())
        .map(|size| {
            let mut heads = Heads::new();
            let mut bytes = text.as_bytes().to_vec();
            let mut kept = 0;
            for piece in bytes.chunks_mut(size) {
                kept += heads.check(piece);
            }
            assert_eq!(heads.is_refused(), kept < bytes.len() || bytes.last() == Some(&0));
            assert_eq!(heads.is_refused(), bytes.get(kept - 1) == Some(&0), "it ends with what was overwritten");
            assert_eq!(
                bytes.iter().zip(text.bytes()).filter(|(a, b)| *a != b).count(),
                usize::from(heads.is_refused())
            );
            heads.is_refused()
        })
        .collect();
    assert!(found.iter().all(|one| *one == found[0]), "{text:?} depends on how it is cut");
    found[0]
}

#[test]
fn bare_line_feeds() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na\nb\nc";
    let chunked = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x=\"1\"\r\na\nb\r\n1\r\n\n\r\n0\r\n";
    let bad = "GET / HTTP/1.1\nHost: a\r\n\r\n";
    for (text, found) in [
        (get.to_owned(), false),
        (format!("\r\n{get}{get}"), false),
        (post.to_owned(), false),
        (format!("{chunked}\r\n{post}{get}"), false),
        (format!("{chunked}A: b\r\n\r\n{get}"), false),
        (bad.to_owned(), true),
        ("GET / HTTP/1.1\r\nX: a\nHost: b\r\n\r\n".to_owned(), true),
        ("GET / HTTP/1.1\r\nHost: b\r\n\n".to_owned(), true),
        (format!("\n{get}"), true),
        (format!("{get}{bad}"), true),
        (format!("{post}{bad}"), true),
        (format!("{chunked}\r\n{bad}"), true),
        (format!("{chunked}A: b\nC: d\r\n\r\n"), true),
    ] {
        assert_eq!(finds(&text), found, "{text:?}");
    }
}

#[test]
fn long_and_broken_lengths() {
    let bad = "GET / HTTP/1.1\nHost: a\r\n\r\n";
    let (spaces, zeros) = (" ".repeat(200), "0".repeat(200));
    // The value of Content-Length, and whether a body of five bytes is passed over with it.
    for (value, five) in [
        ("5", true),
        (" 5 ", true),
        ("\t5", true),
        (&format!("{spaces}5{spaces}"), true),
        (&format!("{spaces}{zeros}5"), true),
        ("", false),
        (&spaces, false),
        ("5, 5", false),
        ("5 5", false),
        ("+5", false),
        ("-5", false),
        ("0x5", false),
        ("18446744073709551616", false),
    ] {
        let post = format!("POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:{value}\r\n\r\na\nb\nc");
        assert_eq!(finds(&post), !five, "{value:?}");
        assert!(finds(&format!("{post}{bad}")), "{value:?}: what follows is looked at");
    }
    for name in ["X-Content-Length", "Content-Lengths", "Content", "Content_Length"] {
        let post = format!("POST / HTTP/1.1\r\n{name}: 5\r\n\r\n");
        assert!(!finds(&post) && finds(&format!("{post}a\nb\nc")), "{name}");
    }
    let chunks = format!("POST / HTTP/1.1\r\nTransfer-Encoding:{spaces}chunked\r\n\r\n{zeros}1\r\n\n\r\n0\r\n\r\n");
    assert!(!finds(&chunks) && finds(&format!("{chunks}{bad}")));
    assert!(finds("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"));
    assert!(finds("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"));
}

#[test]
fn fragments() {
    assert!(finds("GET /a#b HTTP/1.1\r\n\r\n"));
    assert!(!finds("GET /a%23b HTTP/1.1\r\nX: #\r\n\r\n"));
}

#[test]
fn the_end_of_a_request() {
    for (text, between) in [
        ("", true),
        ("\r\n", true),
        ("G", false),
        ("GET / HTTP/1.1\r\n", false),
        ("GET / HTTP/1.1\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", false),
        ("GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", true),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", false),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true),
    ] {
        let mut heads = Heads::new();
        heads.check(&mut text.as_bytes().to_vec());
        assert_eq!(heads.is_between(), between, "{text:?}");
    }
}
