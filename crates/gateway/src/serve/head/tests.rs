//! Which heads everybody reads alike, and which are refused.

use super::*;

/// Checks `text` in pieces of every size; whether a line feed was found.
fn finds(text: &str) -> bool {
    let found: Vec<bool> = (1..=text.len())
        .map(|size| {
            let mut heads = Heads::new();
            let mut bytes = text.as_bytes().to_vec();
            for piece in bytes.chunks_mut(size) {
                heads.check(piece);
            }
            bytes != text.as_bytes()
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
