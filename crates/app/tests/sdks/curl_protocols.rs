//! curl over its options, in HTTP/1.0, 1.1 and 2: what it is answered, and what the upstream saw; and `h2load`, which
//! sends many requests on one connection.
//!
//! Left out: `--parallel` together with `--http2-prior-knowledge`. curl before 8.0 fails in it against any server, with
//! "Error in the HTTP2 framing layer", where it uses a connection again; `h2load` does what it should do.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use testkit::{Answer, Recorded, Upstream};

use crate::peer::{CREDENTIAL, Stage};
use crate::program;

const ONE: &str = "--http1.1";
const TWO: &str = "--http2-prior-knowledge";

struct Row {
    what: &'static str,
    args: Vec<String>,
    /// The status, and the version that curl found.
    expected: (u16, &'static str),
    saw: fn(&Recorded) -> bool,
}

/// Runs curl; answers `status version` and what it wrote besides.
#[track_caller]
fn curl(stage: &Stage, path: &str, args: &[String]) -> (String, String) {
    let mut command = program::bounded(Path::new("curl"));
    command.args(["--silent", "--show-error", "--disable", "--max-time", "100", "--user"]);
    command.arg(format!("{}:", stage.key)).args(["--write-out", "\n|%{http_code} %{http_version}"]).args(args);
    let output = program::output(command.arg(format!("{}{path}", stage.node.gateway())));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    stage.node.transcript().add(&format!("curl {args:?}"), text.as_bytes());
    assert!(output.status.success(), "{args:?}: {output:?}");
    let (body, status) = text.rsplit_once("\n|").unwrap();
    (status.to_owned(), body.to_owned())
}

fn rows(file: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for (version, found) in [(ONE, "1.1"), (TWO, "2")] {
        let mut row = |what, args: &[&str], status, saw| {
            let args = [&[version], args].concat().iter().map(|arg| (*arg).to_owned()).collect();
            rows.push(Row { what, args, expected: (status, found), saw });
        };
        let at = format!("@{file}");
        row("GET", &[], 200, |seen| seen.method == "GET" && seen.body.is_empty());
        row("HEAD", &["--head"], 200, |seen| seen.method == "HEAD");
        row("OPTIONS", &["-X", "OPTIONS"], 200, |seen| seen.method == "OPTIONS");
        row("POST", &["-d", "a=1&b=2"], 201, |seen| seen.body == b"a=1&b=2" && length(seen) == Some(7));
        row("an empty POST", &["-d", ""], 201, |seen| seen.body.is_empty() && length(seen) == Some(0));
        row("POST of a file", &["--data-binary", &at], 201, |seen| {
            seen.body.len() == SIZE && length(seen) == Some(SIZE)
        });
        row("PUT of a file", &["-T", file], 201, |seen| seen.method == "PUT" && seen.body.len() == SIZE);
        row("PUT of what comes in", &["-T", file, "-H", "Transfer-Encoding: chunked"], 201, |seen| {
            seen.body.len() == SIZE
        });
        row(
            "PUT that asks first",
            &["-T", file, "-H", "Expect: 100-continue", "--expect100-timeout", "1"],
            201,
            |seen| seen.body.len() == SIZE && seen.header("expect").is_none(),
        );
        row("a form", &["-F", &format!("file={at}"), "-F", "a=1"], 201, |seen| {
            seen.body.len() > SIZE
                && seen.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data;"))
        });
        row("cookies", &["-b", "a=1; b=2"], 200, |seen| seen.all("cookie") == ["a=1; b=2"]);
        row("a range, which the guard does not ask for", &["-r", "2-4"], 200, |seen| seen.header("range").is_none());
        row("compression, which the guard does not ask for", &["--compressed"], 200, |seen| {
            seen.all("accept-encoding") == ["identity"]
        });
        row("a query", &["-G", "-d", "x=a+b", "--data-urlencode", "y=ä/&"], 200, |seen| {
            seen.target.to_ascii_uppercase().ends_with("X=A+B&Y=%C3%A4%2F%26")
        });
        row("a header of one connection", &["-H", "Keep-Alive: 5", "-H", "Proxy-Connection: close"], 200, |seen| {
            seen.header("keep-alive").is_none() && seen.header("proxy-connection").is_none()
        });
        row("another Authorization", &["-H", "X-Authorization: Bearer mine"], 200, |seen| {
            seen.all("authorization") == [format!("Bearer {CREDENTIAL}")]
        });
    }
    // Those that HTTP/2 has not, or that it calls malformed.
    rows.retain(|row| !(row.expected.1 == "2" && row.what == "a header of one connection"));
    let ask = |what, args: &[&str], expected, saw| Row {
        what,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        expected,
        saw,
    };
    rows.extend([
        ask("HTTP/1.0", &["--http1.0"], (200, "1.1"), |seen| seen.method == "GET"),
        ask("HTTP/1.0 with a body", &["--http1.0", "-d", "x"], (201, "1.1"), |seen| seen.body == b"x"),
        ask("HTTP/2 by an upgrade, which is not granted", &["--http2"], (200, "1.1"), no_upgrade),
        ask("the same with a body", &["--http2", "-d", "x"], (201, "1.1"), no_upgrade),
        ask("no connection kept", &["--http1.1", "-H", "Connection: close"], (200, "1.1"), |seen| {
            seen.header("connection").is_none()
        }),
    ]);
    rows
}

const SIZE: usize = 300_000;

fn length(seen: &Recorded) -> Option<usize> {
    seen.header("content-length")?.parse().ok()
}

fn no_upgrade(seen: &Recorded) -> bool {
    ["upgrade", "http2-settings", "connection"].iter().all(|name| seen.header(name).is_none())
}

#[test]
fn each_option_does_what_it_does_without_a_gateway() {
    let stage = Stage::start();
    let upstream = Upstream::start(|request| {
        let status = if request.method == "POST" || request.method == "PUT" { 201 } else { 200 };
        Answer::text(status, "0123456789")
    });
    stage.route("curl", &upstream.url());
    let file = stage.node.work_dir().join("file");
    fs::write(&file, vec![b'x'; SIZE]).unwrap();
    let mut wrong = Vec::new();
    for row in rows(file.to_str().unwrap()) {
        upstream.clear();
        let (status, body) = curl(&stage, "/curl/x", &row.args);
        // An HTTP/1.0 client is answered in its own version or in the highest one (RFC 9110 section 2.5).
        let (code, version) = row.expected;
        let own = if row.what.starts_with("HTTP/1.0") { "1" } else { version };
        let as_expected = [format!("{code} {version}"), format!("{code} {own}")].contains(&status);
        let whole = body.ends_with("0123456789") || row.what == "HEAD";
        let seen = upstream.records();
        let carried = seen.iter().all(|seen| seen.all("authorization") == [format!("Bearer {CREDENTIAL}")]);
        if !as_expected || !whole || !carried || seen.len() != 1 || !(row.saw)(&seen[0]) {
            let heads: Vec<_> = seen.iter().map(|seen| String::from_utf8_lossy(&seen.head).into_owned()).collect();
            wrong.push(format!("{} {:?}: {status}, {body:?}, {heads:?}", row.what, row.args));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for version in [ONE, TWO] {
        let args = |more: &[&str]| [&[version], more].concat().iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        upstream.clear();
        assert!(curl(&stage, "/curl/../curl/x", &args(&["--path-as-is"])).0.starts_with("400 "));
        assert!(curl(&stage, "/curl/x", &args(&["-X", "TRACE"])).0.starts_with("405 "));
        assert_eq!(upstream.count(), 0);
        assert!(curl(&stage, "/curl/../curl/x", &args(&[])).0.starts_with("200 "), "curl itself tidies the path");
        assert_eq!(upstream.last().target, "/x");
    }
    upstream.clear();
    let parallel = ["--http1.1", "--parallel", "--parallel-max", "20"].map(str::to_owned);
    let (_, said) = curl(&stage, "/curl/[1-60]", &parallel);
    assert_eq!((said.matches("|200 1.1").count(), upstream.count()), (59, 60), "the last is taken off");
    stage.assert_no_leak(&[]);
}

#[test]
fn many_requests_on_few_connections() {
    let stage = Stage::start();
    let upstream = Upstream::ok();
    stage.route("load", &upstream.url());
    upstream.clear();
    let mut command = program::bounded(Path::new("h2load"));
    command.args(["-n", "2000", "-c", "4", "-m", "50", "-H", &format!("keyroll-key: {}", stage.key)]);
    let output = program::output(command.arg(format!("{}/load/x", stage.node.gateway())));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"), "{said}");
    assert_eq!(upstream.count(), 2000);
}

const LARGE: usize = 256 * 1024 * 1024;

/// Reads what it is sent, and answers so much; keeps nothing.
fn sink() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(&stream));
        }
    });
    port
}

fn serve(stream: &TcpStream) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length =
            head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let length: u64 = length.unwrap_or(0);
        let read = std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).ok()?;
        let size = if head.starts_with("GET /down") { LARGE } else { 0 };
        write!(writer, "HTTP/1.1 200 OK\r\nX-Read: {read}\r\nContent-Length: {size}\r\n\r\n").ok()?;
        let piece = vec![b'.'; 1 << 20];
        (0..size >> 20).try_for_each(|_| writer.write_all(&piece)).ok()?;
    }
}

fn memory(stage: &Stage) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.node.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn large_bodies_take_no_memory() {
    let stage = Stage::start();
    stage.route("large", &format!("http://127.0.0.1:{}", sink()));
    let file = stage.node.work_dir().join("large");
    fs::File::create(&file).unwrap().set_len(LARGE as u64).unwrap();
    let before = memory(&stage);
    for version in [ONE, TWO] {
        let up = ["-T", file.to_str().unwrap(), "-D", "-", version].map(str::to_owned);
        let (status, said) = curl(&stage, "/large/up", &up);
        assert!(
            status.starts_with("200 ") && said.to_ascii_lowercase().contains(&format!("x-read: {LARGE}")),
            "{said}"
        );
        let down = ["-o", "/dev/null", "--write-out", "%{size_download}\n|%{http_code} 0", version].map(str::to_owned);
        assert_eq!(curl(&stage, "/large/down", &down), ("200 0".to_owned(), LARGE.to_string()));
        let grown = memory(&stage).saturating_sub(before);
        assert!(grown < 32 * 1024 * 1024, "{version}: {grown}");
    }
}
