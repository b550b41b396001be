//! Controls: a search that cannot find a value where one stands proves nothing by finding none.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use super::forms::forms;
use super::{LeakWatch, Sink};

/// Has characters that every form writes differently, and is long enough for the middle form.
const CONTROL: &str = "control/plant+of \"the\" watch: ü&=%41 and its end";

/// Plants the control in a sink of this kind and searches it.
///
/// # Panics
/// When the search does not find what stands there.
pub(super) fn prove(kind: Sink) {
    match kind {
        Sink::Bytes => every_form(),
        Sink::Folder => folder(),
        Sink::Process => process(),
    }
}

fn watch() -> LeakWatch {
    let mut watch = LeakWatch::new();
    watch.plant("control", CONTROL);
    watch
}

fn every_form() {
    for (form, bytes) in forms(CONTROL) {
        let mut watch = watch();
        watch.search_bytes("control", &[b"before ".as_slice(), &bytes, b" after"].concat());
        assert!(!watch.findings().is_empty(), "the control in the form {form:?} was not found");
    }
}

/// A nested file, and a database whose latest row is in the write-ahead log only.
fn folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nested = folder.path().join("a/b");
    fs::create_dir_all(&nested).expect("nested folders");
    fs::write(nested.join("file"), CONTROL).expect("a file");
    let database = rusqlite::Connection::open(folder.path().join("d.db")).expect("a database");
    database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (v TEXT) STRICT;").expect("a table");
    database.execute("INSERT INTO t VALUES (?1)", [CONTROL]).expect("a row");

    let mut watch = watch();
    watch.search_dir(folder.path());
    for place in ["a/b/file", "d.db-wal"] {
        let seen = watch.findings().iter().any(|f| f.contains(place));
        assert!(seen, "the control in {place} was not found");
    }
}

/// A process with the control in its environment and as an argument; it waits for its input.
fn process() {
    let mut child = Command::new("/bin/sh")
        .args(["-c", "echo; read line", CONTROL])
        .env_clear()
        .env("CONTROL", CONTROL)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    // `spawn` returns while the kernel is still putting the new environment in place; once the shell speaks it is there.
    let said = child.stdout.as_mut().map(|out| out.read_exact(&mut [0]));
    assert!(said.is_some_and(|said| said.is_ok()), "the shell did not start");
    let mut watch = watch();
    watch.search_proc(child.id());
    drop(child.stdin.take());
    let _ = child.wait();
    for place in ["environ", "cmdline"] {
        let seen = watch.findings().iter().any(|f| f.contains(place));
        assert!(seen, "the control in a process's {place} was not found");
    }
}
