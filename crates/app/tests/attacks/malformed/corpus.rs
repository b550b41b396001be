//! Requests that are malformed, ambiguous, or only unusual.
//!
//! In the texts, `{h}` is `Host` and the client's key, `{x}` is the name of the case, which every target holds,
//! `{after}` that of the request that may be hidden in it, `{a*9}` is that text so many times, `{lines*9}` so many
//! header lines, and `{0xff}` a byte.

/// One of them.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// Why it is passed on although nginx and HAProxy both refuse it.
    pub(crate) why: Option<&'static str>,
}

const fn case(name: &'static str, text: &'static str) -> Case {
    Case { name, text, why: None }
}

const fn passed(name: &'static str, text: &'static str, why: &'static str) -> Case {
    Case { name, text, why: Some(why) }
}

/// Groups of cases, each under a heading.
pub(crate) const CORPUS: &[(&str, &[Case])] = &[
    ("Nothing wrong", HONEST),
    ("Length", LENGTH),
    ("Transfer-Encoding", CODING),
    ("Chunks and trailers", CHUNKS),
    ("Lines and header fields", LINES),
    ("Host", HOST),
    ("Request line", REQUEST_LINE),
    ("Sizes and numbers", SIZES),
    ("Connection, Expect, Upgrade", CONNECTION),
];

const HONEST: &[Case] = &[
    case("GET", "GET /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("POST with a length", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\n\r\nhello"),
    case("POST in chunks", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case("GET with a body", "GET /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\n\r\nhello"),
    case("HTTP/1.0", "GET /r/{x} HTTP/1.0\r\n{h}\r\n"),
];

const LENGTH: &[Case] = &[
    case("two lengths, equal", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    case("two lengths, different", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    case("a list, equal", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5, 5\r\n\r\nhello"),
    case("a list, different", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5, 6\r\n\r\nhello!"),
    case("plus", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: +5\r\n\r\nhello"),
    case("minus", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: -5\r\n\r\nhello"),
    case("hexadecimal", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 0x5\r\n\r\nhello"),
    case("a leading zero", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 05\r\n\r\nhello"),
    case("space around", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length:   5   \r\n\r\nhello"),
    case("space within", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5 5\r\n\r\nhello"),
    case("a vertical tab", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: {0x0b}5\r\n\r\nhello"),
    case("letters", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: five\r\n\r\nhello"),
    case("empty", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length:\r\n\r\n"),
    case("beyond 64 bits", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 18446744073709551621\r\n\r\nhello"),
    case("an underscore", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\nContent_Length: 0\r\n\r\nhello"),
    case("shorter than the body", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 4\r\n\r\nhello"),
    case("longer than the body", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 6\r\n\r\nhello"),
];

const CODING: &[Case] = &[
    case(
        "length, then chunked",
        "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    case(
        "chunked, then length",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "chunked that hides a request behind a length",
        "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /r/{after} HTTP/1.1\r\n{h}\r\n",
    ),
    case("capitals", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case(
        "twice in two lines",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "twice in one line",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "identity, then chunked",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "chunked, then another",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 5\r\n\r\nhello",
    ),
    case("gzip, chunked", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case("chunked, gzip", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case("identity", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello"),
    case("xchunked", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello"),
    case("a parameter", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked;q=1\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case("quotes", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: \"chunked\"\r\nContent-Length: 5\r\n\r\nhello"),
    case("a tab before", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding:\tchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case(
        "white space after",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked \t\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a vertical tab before",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: {0x0b}chunked\r\nContent-Length: 5\r\n\r\nhello",
    ),
    case("a comma after", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked,\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case("a comma before", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: ,chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case("empty beside a length", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello"),
    case("folded", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    case(
        "a space before the colon",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    case(
        "an underscore beside a length",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    case("in HTTP/1.0", "POST /r/{x} HTTP/1.0\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    case(
        "in HTTP/1.0 beside a length",
        "POST /r/{x} HTTP/1.0\r\n{h}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
];

const CHUNKS: &[Case] = &[
    case("an extension", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"),
    case(
        "a bare LF in an extension",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a bare CR in an extension",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a bare LF after the size",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a bare LF after the data",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
    ),
    case(
        "a space after the size",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a space before the size",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
    ),
    case("a size with 0x", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    case("a size with a sign", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"),
    case(
        "a size with an underscore",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a size beyond 64 bits",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "a size with many zeros",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n{0*32}5\r\nhello\r\n0\r\n\r\n",
    ),
    case("an empty size", "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n"),
    case(
        "data longer than the size",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    ),
    case(
        "junk after the last chunk",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX\r\n\r\n",
    ),
    case(
        "a trailer",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    ),
    case(
        "trailers that frame",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\nHost: b\r\n\r\n",
    ),
    case(
        "a trailer that signs in",
        "POST /r/{x} HTTP/1.1\r\n{h}Trailer: Authorization\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nAuthorization: theirs\r\n\r\n",
    ),
    case(
        "a folded trailer",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n 2\r\n\r\n",
    ),
    case(
        "a bare LF in a trailer",
        "POST /r/{x} HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\nX-B: 2\r\n\r\n",
    ),
];

const LINES: &[Case] = &[
    case("bare LF everywhere", "GET /r/{x} HTTP/1.1\nHost: gateway.test\nKeyroll-Key: {key}\n\n"),
    case("a bare LF", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a\nX-B: b\r\n\r\n"),
    case("a bare LF before the body", "POST /r/{x} HTTP/1.1\r\n{h}Content-Length: 5\r\n\nhello"),
    case("a bare CR", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a\rX-B: b\r\n\r\n"),
    case("CR twice", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a\r\r\n\r\n"),
    case("folding", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a\r\n b\r\n\r\n"),
    case("folding of the first header", "GET /r/{x} HTTP/1.1\r\n X-A: a\r\n{h}\r\n"),
    case("NUL in a value", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a{0x00}b\r\n\r\n"),
    case("NUL in a name", "GET /r/{x} HTTP/1.1\r\n{h}X{0x00}A: a\r\n\r\n"),
    case("a control character in a value", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a{0x01}b\r\n\r\n"),
    case("DEL in a value", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a{0x7f}b\r\n\r\n"),
    case("a tab in a value", "GET /r/{x} HTTP/1.1\r\n{h}X-A: a\tb\r\n\r\n"),
    case("UTF-8 in a value", "GET /r/{x} HTTP/1.1\r\n{h}X-A: {0xc3}{0xa4}\r\n\r\n"),
    case("a byte above ASCII in a value", "GET /r/{x} HTTP/1.1\r\n{h}X-A: {0xe4}\r\n\r\n"),
    case("a byte above ASCII in a name", "GET /r/{x} HTTP/1.1\r\n{h}X{0xe4}A: a\r\n\r\n"),
    case("a space before the colon", "GET /r/{x} HTTP/1.1\r\n{h}X-A : a\r\n\r\n"),
    case("a space within a name", "GET /r/{x} HTTP/1.1\r\n{h}X A: a\r\n\r\n"),
    case("an empty name", "GET /r/{x} HTTP/1.1\r\n{h}: a\r\n\r\n"),
    case("a line without a colon", "GET /r/{x} HTTP/1.1\r\n{h}X-A\r\n\r\n"),
    case("a name with a slash", "GET /r/{x} HTTP/1.1\r\n{h}X/A: a\r\n\r\n"),
    case("a name with an underscore", "GET /r/{x} HTTP/1.1\r\n{h}X_A: a\r\n\r\n"),
    case("an empty value", "GET /r/{x} HTTP/1.1\r\n{h}X-A:\r\n\r\n"),
];

const HOST: &[Case] = &[
    case("none", "GET /r/{x} HTTP/1.1\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("none in HTTP/1.0", "GET /r/{x} HTTP/1.0\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("two, equal", "GET /r/{x} HTTP/1.1\r\n{h}Host: gateway.test\r\n\r\n"),
    case("two, different", "GET /r/{x} HTTP/1.1\r\n{h}Host: other.test\r\n\r\n"),
    case("empty", "GET /r/{x} HTTP/1.1\r\nHost:\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a user", "GET /r/{x} HTTP/1.1\r\nHost: u@gateway.test\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a path", "GET /r/{x} HTTP/1.1\r\nHost: gateway.test/a\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a space", "GET /r/{x} HTTP/1.1\r\nHost: gateway.test other.test\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a list", "GET /r/{x} HTTP/1.1\r\nHost: gateway.test, other.test\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a port that is none", "GET /r/{x} HTTP/1.1\r\nHost: gateway.test:x\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a fragment", "GET /r/{x} HTTP/1.1\r\nHost: gateway.test#a\r\nKeyroll-Key: {key}\r\n\r\n"),
];

const REQUEST_LINE: &[Case] = &[
    case("absolute-form", "GET http://gateway.test/r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("absolute-form, another host", "GET http://other.test/r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("absolute-form, a user", "GET http://u@gateway.test/r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("absolute-form, another scheme", "GET ftp://gateway.test/r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("absolute-form without Host", "GET http://gateway.test/r/{x} HTTP/1.1\r\nKeyroll-Key: {key}\r\n\r\n"),
    case("a fragment", "GET /r/{x}#a HTTP/1.1\r\n{h}\r\n"),
    case("two spaces", "GET  /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("tabs", "GET\t/r/{x}\tHTTP/1.1\r\n{h}\r\n"),
    case("a space in the target", "GET /r/{x} b HTTP/1.1\r\n{h}\r\n"),
    case("a space at the end", "GET /r/{x} HTTP/1.1 \r\n{h}\r\n"),
    case("a control character in the target", "GET /r/{x}{0x01} HTTP/1.1\r\n{h}\r\n"),
    case("a NUL in the target", "GET /r/{x}{0x00}b HTTP/1.1\r\n{h}\r\n"),
    case("a byte above ASCII in the target", "GET /r/{x}{0xe4} HTTP/1.1\r\n{h}\r\n"),
    case("a backslash", "GET /r/{x}\\..\\b HTTP/1.1\r\n{h}\r\n"),
    case("quotes and braces", "GET /r/{x}\"<>^`|\"?{}[] HTTP/1.1\r\n{h}\r\n"),
    case("dot segments", "GET /r/{x}/../b HTTP/1.1\r\n{h}\r\n"),
    case("encoded dot segments", "GET /r/{x}/%2e%2e%2fb HTTP/1.1\r\n{h}\r\n"),
    case("broken encoding", "GET /r/{x}%2 HTTP/1.1\r\n{h}\r\n"),
    case("no slash", "GET r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("two slashes", "GET //r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("a method in small letters", "get /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("an unknown method", "PROPFIND /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("a method that is no token", "GE(T /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("TRACE", "TRACE /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("CONNECT", "CONNECT {x}.test:443 HTTP/1.1\r\n{h}\r\n"),
    case("HTTP/0.9", "GET /r/{x}\r\n"),
    case("HTTP/0.9, said", "GET /r/{x} HTTP/0.9\r\n{h}\r\n"),
    case("HTTP/1.2", "GET /r/{x} HTTP/1.2\r\n{h}\r\n"),
    case("HTTP/1.10", "GET /r/{x} HTTP/1.10\r\n{h}\r\n"),
    case("HTTP/2.0", "GET /r/{x} HTTP/2.0\r\n{h}\r\n"),
    case("http/1.1", "GET /r/{x} http/1.1\r\n{h}\r\n"),
    case("a blank line before", "\r\nGET /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("five blank lines before", "\r\n\r\n\r\n\r\n\r\nGET /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("a bare LF before", "\nGET /r/{x} HTTP/1.1\r\n{h}\r\n"),
    case("a space before", " GET /r/{x} HTTP/1.1\r\n{h}\r\n"),
];

const SIZES: &[Case] = &[
    case("a header of 6 KiB", "GET /r/{x} HTTP/1.1\r\n{h}X-A: {a*6144}\r\n\r\n"),
    case("a header of 8 KiB", "GET /r/{x} HTTP/1.1\r\n{h}X-A: {a*8192}\r\n\r\n"),
    passed(
        "a header of 16 KiB",
        "GET /r/{x} HTTP/1.1\r\n{h}X-A: {a*16384}\r\n\r\n",
        "tokens of this size are in use; a head may have 64 KiB",
    ),
    case("a header of 64 KiB", "GET /r/{x} HTTP/1.1\r\n{h}X-A: {a*65536}\r\n\r\n"),
    case("90 headers", "GET /r/{x} HTTP/1.1\r\n{h}{lines*90}\r\n"),
    case("101 headers", "GET /r/{x} HTTP/1.1\r\n{h}{lines*101}\r\n"),
    case("1,000 headers", "GET /r/{x} HTTP/1.1\r\n{h}{lines*1000}\r\n"),
    case("a target of 6 KiB", "GET /r/{x}?{a*6144} HTTP/1.1\r\n{h}\r\n"),
    passed(
        "a target of 16 KiB",
        "GET /r/{x}?{a*16384} HTTP/1.1\r\n{h}\r\n",
        "queries of this size are in use; a head may have 64 KiB",
    ),
    case("a target of 70 KiB", "GET /r/{x}?{a*71680} HTTP/1.1\r\n{h}\r\n"),
];

const CONNECTION: &[Case] = &[
    case("Connection names Host", "GET /r/{x} HTTP/1.1\r\n{h}Connection: host\r\n\r\n"),
    case(
        "Connection names a length",
        "POST /r/{x} HTTP/1.1\r\n{h}Connection: content-length\r\nContent-Length: 5\r\n\r\nhello",
    ),
    case(
        "Connection names the coding",
        "POST /r/{x} HTTP/1.1\r\n{h}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    case("Connection names a header", "GET /r/{x} HTTP/1.1\r\n{h}Connection: x-a\r\nX-A: a\r\n\r\n"),
    case("Connection that is no list", "GET /r/{x} HTTP/1.1\r\n{h}Connection: ,;(x\r\n\r\n"),
    case("Expect: 100-continue", "POST /r/{x} HTTP/1.1\r\n{h}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"),
    case("Expect: another", "POST /r/{x} HTTP/1.1\r\n{h}Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello"),
    case("Expect: two", "POST /r/{x} HTTP/1.1\r\n{h}Expect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello"),
    case("Upgrade that nobody asks for", "GET /r/{x} HTTP/1.1\r\n{h}Upgrade: websocket\r\n\r\n"),
    case(
        "Upgrade to h2c",
        "GET /r/{x} HTTP/1.1\r\n{h}Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    ),
    case("Upgrade that is not granted", "GET /r/{x} HTTP/1.1\r\n{h}Connection: upgrade\r\nUpgrade: example\r\n\r\n"),
    case(
        "Upgrade with a body",
        "POST /r/{x} HTTP/1.1\r\n{h}Connection: upgrade\r\nUpgrade: example\r\nContent-Length: 5\r\n\r\nhello",
    ),
    case(
        "Proxy headers",
        "GET /r/{x} HTTP/1.1\r\n{h}Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\n\r\n",
    ),
    case("TE", "GET /r/{x} HTTP/1.1\r\n{h}TE: trailers, gzip\r\nConnection: te\r\n\r\n"),
];

/// The bytes of a text, for this number of a case and this key.
pub(crate) fn bytes(text: &str, number: usize, key: &str) -> Vec<u8> {
    let text = text.replace("{h}", "Host: gateway.test\r\nKeyroll-Key: {key}\r\n");
    let text =
        text.replace("{x}", &name(number)).replace("{key}", key).replace("{after}", &format!("hidden-{number:03}"));
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, from)) = rest.split_once('{') {
        bytes.extend_from_slice(before.as_bytes());
        let (inner, after) = from.split_once('}').unwrap();
        match inner.split_once('*') {
            Some(("lines", count)) => {
                bytes.extend((0..count.parse().unwrap()).flat_map(|n: u32| format!("X-{n}: 1\r\n").into_bytes()));
            }
            Some((unit, count)) => bytes.extend(unit.repeat(count.parse().unwrap()).into_bytes()),
            None => match inner.strip_prefix("0x") {
                Some(byte) => bytes.push(u8::from_str_radix(byte, 16).unwrap()),
                None => bytes.extend_from_slice(format!("{{{inner}}}").as_bytes()),
            },
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// What the target of a case holds.
pub(crate) fn name(number: usize) -> String {
    format!("case-{number:03}")
}
