//! The rules.

use testkit::frames::{END, END_HEADERS, PADDED, PREFACE, PRIORITIZED, block, frame, kind};

use super::Seen::{self, Answered, Connection, Nothing, Stream};
use super::{get, honest};
use crate::common::key;

pub(crate) const PROTOCOL: u32 = 0x1;
const FLOW: u32 = 0x3;
const CLOSED: u32 = 0x5;
const SIZE: u32 = 0x6;
const REFUSED: u32 = 0x7;
const COMPRESSION: u32 = 0x9;

/// A rule.
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) what: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// Any of these.
    pub(crate) expected: Vec<Seen>,
    /// Stream 1 is to have been answered before.
    pub(crate) after_an_answer: bool,
    /// Without preface and settings.
    pub(crate) bare: bool,
}

pub(crate) fn row(section: &'static str, what: &'static str, bytes: &[&[u8]], expected: &[Seen]) -> Row {
    let (bytes, expected) = (bytes.concat(), expected.to_vec());
    Row { section, what, bytes, expected, after_an_answer: false, bare: false }
}

/// An error of the connection, by this code.
fn connection(code: u32) -> [Seen; 1] {
    [Connection(Some(code))]
}

/// An error of the stream by this code, which a server may take for one of the connection (section 5.4).
fn stream(code: u32) -> [Seen; 2] {
    [Stream(code), Connection(Some(code))]
}

/// A frame whose length is wrong. The library says PROTOCOL_ERROR where it could say FRAME_SIZE_ERROR: it ends the
/// connection in either case.
fn sized() -> [Seen; 2] {
    [Connection(Some(SIZE)), Connection(Some(PROTOCOL))]
}

/// A header block that cannot be read. The library says PROTOCOL_ERROR where it could say COMPRESSION_ERROR.
fn undecodable() -> [Seen; 2] {
    [Connection(Some(COMPRESSION)), Connection(Some(PROTOCOL))]
}

/// A frame on a stream that is closed. The library says PROTOCOL_ERROR where it takes it for an error of the connection.
const CLOSED_STREAM: [Seen; 3] = [Stream(CLOSED), Connection(Some(CLOSED)), Connection(Some(PROTOCOL))];

/// A malformed request: a reset (section 8.1.1), an error of the connection, or a refusal by HTTP's means.
pub(crate) const MALFORMED: [Seen; 3] = [Stream(PROTOCOL), Connection(Some(PROTOCOL)), Answered(400)];

pub(crate) fn headers(flags: u8, block: &[u8]) -> Vec<u8> {
    frame(kind::HEADERS, flags, 1, block)
}

/// A head with these fields beside the honest ones.
pub(crate) fn with(more: &[(&str, &str)]) -> Vec<u8> {
    headers(END | END_HEADERS, &block(&honest(&key(1), more)))
}

/// A head of these fields and the key.
pub(crate) fn of(fields: &[(&str, &str)]) -> Vec<u8> {
    let key = key(1);
    headers(END | END_HEADERS, &block(&[fields, &[("keyroll-key", &key)]].concat()))
}

/// A POST whose body is to follow.
pub(crate) fn post(more: &[(&str, &str)]) -> Vec<u8> {
    let key = key(1);
    let mut fields = honest(&key, more);
    fields[0].1 = "POST";
    headers(END_HEADERS, &block(&fields))
}

pub(crate) fn data(flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, 1, payload)
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(kind::SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn number(kind: u8, stream: u32, number: u32) -> Vec<u8> {
    frame(kind, 0, stream, &number.to_be_bytes())
}

pub(crate) fn rows() -> Vec<Row> {
    [preface(), frames(), blocks(), states(), kinds(), settings(), flow(), super::messages::rows()]
        .into_iter()
        .flatten()
        .collect()
}

fn preface() -> Vec<Row> {
    let bare = |what, bytes: &[&[u8]], expected: &[Seen]| Row { bare: true, ..row("3.4", what, bytes, expected) };
    let settings = frame(kind::SETTINGS, 0, 0, &[]);
    vec![
        bare("an honest beginning", &[PREFACE, &settings], &[Nothing]),
        bare("a wrong preface", &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r!", &settings], &connection(PROTOCOL)),
        bare(
            "a ping before the settings",
            &[PREFACE, &frame(kind::PING, 0, 0, &[0; 8]), &settings],
            &connection(PROTOCOL),
        ),
        bare("a request before the settings", &[PREFACE, &get(1), &settings], &connection(PROTOCOL)),
    ]
}

fn frames() -> Vec<Row> {
    let (get, large) = (get(1), vec![0; 16_385]);
    let reserved: Vec<u8> =
        get.iter().enumerate().map(|(at, byte)| if at == 5 { byte | 0x80 } else { *byte }).collect();
    vec![
        row("4.1", "a frame of an unknown kind", &[&frame(0xfa, 0xff, 0, b"what")], &[Nothing]),
        row("4.1", "the same on a stream that is idle", &[&frame(0xfa, 0, 3, b"what")], &[Nothing]),
        row("4.1", "flags that mean nothing", &[&frame(kind::PING, 0xfe, 0, &[0; 8])], &[Nothing]),
        row("4.1", "the reserved bit is set", &[&reserved], &[Answered(200)]),
        row("4.2", "DATA of 16,384 bytes", &[&post(&[]), &data(END, &large[1..])], &[Answered(200)]),
        row(
            "4.2",
            "DATA of 16,385 bytes",
            &[&post(&[]), &data(END, &large)],
            &[Stream(SIZE), Connection(Some(SIZE)), Connection(Some(PROTOCOL))],
        ),
        row("4.2", "HEADERS of 16,385 bytes", &[&headers(END_HEADERS, &large)], &sized()),
        row("4.2", "SETTINGS of 16,386 bytes", &[&frame(kind::SETTINGS, 0, 0, &vec![0; 16_386])], &sized()),
        row(
            "4.2",
            "an unknown frame of 16,385 bytes",
            &[&frame(0xfa, 0, 0, &large)],
            &[Nothing, Connection(Some(SIZE))],
        ),
    ]
}

fn blocks() -> Vec<Row> {
    let key = key(1);
    let whole = block(&honest(&key, &[]));
    let (first, second) = whole.split_at(whole.len() / 2);
    let (begin, end) = (headers(END, first), frame(kind::CONTINUATION, END_HEADERS, 1, second));
    let between = |frame: &[u8]| [&begin, frame, &end].concat();
    let bad = |bytes: &[u8]| headers(END | END_HEADERS, &[&whole, bytes].concat());
    let pieces: Vec<Vec<u8>> = whole[1..].chunks(60).map(|piece| frame(kind::CONTINUATION, 0, 1, piece)).collect();
    let last = frame(kind::CONTINUATION, END_HEADERS, 1, &[]);
    vec![
        row("4.3", "a head in two pieces", &[&begin, &end], &[Answered(200)]),
        row("6.10", "a head in many pieces", &[&headers(END, &whole[..1]), &pieces.concat(), &last], &[Answered(200)]),
        row("4.3", "a ping within a head", &[&between(&frame(kind::PING, 0, 0, &[0; 8]))], &connection(PROTOCOL)),
        row(
            "4.3",
            "a priority within a head",
            &[&between(&frame(kind::PRIORITY, 0, 1, &[0; 5]))],
            &connection(PROTOCOL),
        ),
        row("4.3", "another head within a head", &[&between(&get(3))], &connection(PROTOCOL)),
        row("5.5", "an unknown frame within a head", &[&between(&frame(0xfa, 0, 1, &[]))], &connection(PROTOCOL)),
        row(
            "6.10",
            "another stream's rest",
            &[&begin, &frame(kind::CONTINUATION, 4, 3, second)],
            &connection(PROTOCOL),
        ),
        row("6.10", "a rest of stream 0", &[&begin, &frame(kind::CONTINUATION, 4, 0, second)], &connection(PROTOCOL)),
        row("6.10", "a rest without a beginning", &[&end], &connection(PROTOCOL)),
        row("6.10", "a rest after the end", &[&headers(END_HEADERS, &whole), &end], &connection(PROTOCOL)),
        row("6.10", "a rest after DATA", &[&post(&[]), &data(0, b"x"), &end], &connection(PROTOCOL)),
        row("7541 2.3.3", "index 0", &[&bad(&[0x80])], &undecodable()),
        row("7541 2.3.3", "an index beyond the table", &[&bad(&[0xff, 0x20])], &undecodable()),
        row(
            "7541 4.2",
            "a table larger than allowed",
            &[&headers(5, &[&[0x3f, 0xff, 0xff, 0x7f], &*whole].concat())],
            &undecodable(),
        ),
        row("7541 4.2", "a table's size behind a field", &[&bad(&[0x20])], &undecodable()),
        row(
            "7541 5.1",
            "a number without an end",
            &[&bad(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
            &undecodable(),
        ),
        row("7541 5.2", "a string longer than the block", &[&bad(&[0x00, 0x05, b'a'])], &undecodable()),
        row(
            "7541 5.2",
            "Huffman's padding is too long",
            &[&bad(&[0x00, 0x82, 0x1f, 0xff, 0x01, b'a'])],
            &undecodable(),
        ),
        row("7541 5.2", "Huffman's padding is of zeros", &[&bad(&[0x00, 0x81, 0x18, 0x01, b'a'])], &undecodable()),
        row(
            "7541 5.2",
            "Huffman's end of a string",
            &[&bad(&[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, b'a'])],
            &undecodable(),
        ),
    ]
}

fn states() -> Vec<Row> {
    let later = |section, what, bytes: &[&[u8]], expected: &[Seen]| Row {
        after_an_answer: true,
        ..row(section, what, bytes, expected)
    };
    let reset = number(kind::RST_STREAM, 1, 8);
    let many: Vec<u8> = (0..129)
        .flat_map(|at| {
            let key = key(1);
            let mut fields = honest(&key, &[]);
            fields[0].1 = "POST";
            frame(kind::HEADERS, END_HEADERS, 2 * at + 1, &block(&fields))
        })
        .collect();
    let dependent = |stream: u32| [&stream.to_be_bytes()[..], &[15]].concat();
    vec![
        row("5.1", "DATA on an idle stream", &[&data(0, b"x")], &connection(PROTOCOL)),
        row("5.1", "RST_STREAM on an idle stream", &[&reset], &connection(PROTOCOL)),
        row("5.1", "WINDOW_UPDATE on an idle stream", &[&number(kind::WINDOW_UPDATE, 1, 9)], &connection(PROTOCOL)),
        row("5.1", "PRIORITY on an idle stream", &[&frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 9])], &[Nothing]),
        row("5.1", "DATA after the end", &[&get(1), &data(0, b"x")], &CLOSED_STREAM),
        row("5.1", "HEADERS after the end", &[&get(1), &get(1)], &CLOSED_STREAM),
        row("5.1", "WINDOW_UPDATE after the end", &[&get(1), &number(kind::WINDOW_UPDATE, 1, 9)], &[Answered(200)]),
        row(
            "5.1",
            "DATA after a reset",
            &[&post(&[]), &reset, &data(0, b"x")],
            &[Stream(CLOSED), Connection(Some(CLOSED)), Nothing],
        ),
        row("5.1", "HEADERS after a reset", &[&post(&[]), &reset, &get(1)], &CLOSED_STREAM),
        later("5.1", "DATA after the answer", &[&data(0, b"x")], &CLOSED_STREAM),
        later(
            "5.1",
            "HEADERS after the answer",
            &[&get(1)],
            &[Stream(CLOSED), Connection(Some(CLOSED)), Connection(Some(PROTOCOL))],
        ),
        later("5.1", "WINDOW_UPDATE after the answer", &[&number(kind::WINDOW_UPDATE, 1, 9)], &[Nothing]),
        later("5.1", "RST_STREAM after the answer", &[&reset], &[Nothing]),
        later("5.1", "PRIORITY after the answer", &[&frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 9])], &[Nothing]),
        row("5.1.1", "an even stream", &[&get(2)], &connection(PROTOCOL)),
        row(
            "5.1.1",
            "a stream below the last",
            &[&get(5), &get(3)],
            &[Connection(Some(PROTOCOL)), Connection(Some(CLOSED)), Stream(CLOSED)],
        ),
        row(
            "5.1.2",
            "more streams than are allowed",
            &[&many, &(0..10).flat_map(|at| number(kind::RST_STREAM, 2 * at + 1, 8)).collect::<Vec<_>>()],
            &[Stream(REFUSED), Stream(PROTOCOL)],
        ),
        row(
            "5.3.1",
            "HEADERS that depend on themselves",
            &[&headers(END | END_HEADERS | PRIORITIZED, &[dependent(1), block(&honest(&key(1), &[]))].concat())],
            &[Stream(PROTOCOL), Connection(Some(PROTOCOL)), Answered(200)],
        ),
        row(
            "5.3.1",
            "PRIORITY that depends on itself",
            &[&frame(kind::PRIORITY, 0, 1, &dependent(1))],
            &[Stream(PROTOCOL), Connection(Some(PROTOCOL)), Nothing],
        ),
        row(
            "6.2",
            "HEADERS with a priority",
            &[&headers(END | END_HEADERS | PRIORITIZED, &[dependent(0), block(&honest(&key(1), &[]))].concat())],
            &[Answered(200)],
        ),
    ]
}

fn kinds() -> Vec<Row> {
    let padded = |pad: u8| [&[pad][..], &block(&honest(&key(1), &[])), &[0; 3]].concat();
    vec![
        row("6.1", "DATA on stream 0", &[&frame(kind::DATA, 0, 0, b"x")], &connection(PROTOCOL)),
        row(
            "6.1",
            "padded DATA",
            &[&post(&[("content-length", "1")]), &data(END | PADDED, b"\x02x\0\0")],
            &[Answered(200)],
        ),
        row(
            "6.1",
            "padding of all of DATA and more",
            &[&post(&[]), &data(END | PADDED, b"\x04x\0\0")],
            &connection(PROTOCOL),
        ),
        row("6.2", "HEADERS on stream 0", &[&get(0)], &connection(PROTOCOL)),
        row("6.2", "padded HEADERS", &[&headers(END | END_HEADERS | PADDED, &padded(3))], &[Answered(200)]),
        row(
            "6.2",
            "padding of all of HEADERS and more",
            &[&headers(END | END_HEADERS | PADDED, &padded(255)[..100])],
            &connection(PROTOCOL),
        ),
        row("6.3", "PRIORITY on stream 0", &[&frame(kind::PRIORITY, 0, 0, &[0; 5])], &connection(PROTOCOL)),
        row(
            "6.3",
            "PRIORITY of 4 bytes",
            &[&frame(kind::PRIORITY, 0, 1, &[0; 4])],
            &[Stream(SIZE), Connection(Some(SIZE)), Connection(Some(PROTOCOL))],
        ),
        row("6.4", "RST_STREAM on stream 0", &[&number(kind::RST_STREAM, 0, 8)], &connection(PROTOCOL)),
        row("6.4", "RST_STREAM of 3 bytes", &[&post(&[]), &frame(kind::RST_STREAM, 0, 1, &[0; 3])], &sized()),
        row(
            "6.6",
            "PUSH_PROMISE from a client",
            &[&frame(kind::PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])],
            &connection(PROTOCOL),
        ),
        row("6.7", "an answer to no PING", &[&frame(kind::PING, END, 0, &[0; 8])], &[Nothing]),
        row("6.7", "PING on a stream", &[&frame(kind::PING, 0, 1, &[0; 8])], &connection(PROTOCOL)),
        row("6.7", "PING of 6 bytes", &[&frame(kind::PING, 0, 0, &[0; 6])], &sized()),
        row("6.8", "GOAWAY on a stream", &[&frame(kind::GOAWAY, 0, 1, &[0; 8])], &connection(PROTOCOL)),
        row("7", "a reset with an unknown code", &[&post(&[]), &number(kind::RST_STREAM, 1, 0xff)], &[Nothing]),
    ]
}

fn settings() -> Vec<Row> {
    vec![
        row("6.5", "SETTINGS on a stream", &[&frame(kind::SETTINGS, 0, 1, &[])], &connection(PROTOCOL)),
        row("6.5", "SETTINGS of 5 bytes", &[&frame(kind::SETTINGS, 0, 0, &[0; 5])], &sized()),
        row(
            "6.5",
            "an acknowledgement with settings",
            &[&frame(kind::SETTINGS, END, 0, &[0, 4, 0, 0, 1, 0])],
            &sized(),
        ),
        row("6.5.2", "an unknown setting", &[&setting(0xfafa, 1)], &[Nothing]),
        row("6.5.2", "ENABLE_PUSH of 2", &[&setting(2, 2)], &connection(PROTOCOL)),
        // The library says PROTOCOL_ERROR.
        row(
            "6.5.2",
            "a window of 2^31",
            &[&setting(4, 1 << 31)],
            &[Connection(Some(FLOW)), Connection(Some(PROTOCOL))],
        ),
        row("6.5.2", "frames of 16,383 bytes", &[&setting(5, 16_383)], &connection(PROTOCOL)),
        row("6.5.2", "frames of 2^24 bytes", &[&setting(5, 1 << 24)], &connection(PROTOCOL)),
        row("6.5.2", "frames of 2^24 - 1 bytes", &[&setting(5, (1 << 24) - 1)], &[Nothing]),
        row(
            "6.5.3",
            "the same setting twice",
            &[&frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1, 0, 4, 0, 0, 255, 255])],
            &[Nothing],
        ),
    ]
}

fn flow() -> Vec<Row> {
    let update = |stream, size| number(kind::WINDOW_UPDATE, stream, size);
    let most = (1 << 31) - 1;
    let chunk = data(0, &[0; 16_384]);
    let stuck = headers_of_stuck();
    vec![
        row("6.9", "0 more for the connection", &[&update(0, 0)], &connection(PROTOCOL)),
        row("6.9", "0 more for a stream", &[&post(&[]), &update(1, 0)], &stream(PROTOCOL)),
        row("6.9", "WINDOW_UPDATE of 3 bytes", &[&frame(kind::WINDOW_UPDATE, 0, 0, &[0; 3])], &sized()),
        row("6.9.1", "the connection's window overflows", &[&update(0, most), &update(0, most)], &connection(FLOW)),
        row("6.9.1", "a stream's window overflows", &[&post(&[]), &update(1, most), &update(1, most)], &stream(FLOW)),
        row(
            "6.9.2",
            "new settings let it overflow",
            &[&setting(4, 100), &post(&[]), &update(1, most - 100), &setting(4, 101)],
            &connection(FLOW),
        ),
        row("6.9", "more than the window of a stream that nobody reads", &[&stuck, &chunk.repeat(1500)], &stream(FLOW)),
    ]
}

/// A POST to an upstream that reads nothing.
fn headers_of_stuck() -> Vec<u8> {
    let key = key(1);
    let mut fields = honest(&key, &[]);
    (fields[0].1, fields[3].1) = ("POST", "/stuck/x");
    headers(END_HEADERS, &block(&fields))
}
