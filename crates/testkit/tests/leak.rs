//! The leak watch finds what is planted, wherever and in whatever form, and nothing else.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use testkit::leak::{Form, forms};
use testkit::{LeakWatch, Transcript};

const VALUE: &str = "postgres://app:p@ss/w%rd+\"q\"@db.internal:5432/orders?x=ü";

fn watch() -> LeakWatch {
    let mut watch = LeakWatch::new();
    watch.plant("database_url", VALUE);
    watch
}

#[test]
fn writes_the_forms_as_others_do() {
    let table: &[(Form, &str, &str)] = &[
        (Form::Plain, "Aladdin:open sesame", "Aladdin:open sesame"),
        (Form::Percent, "Aladdin:open sesame", "Aladdin%3Aopen%20sesame"),
        (Form::Percent, "Aladdin:open sesame", "Aladdin%3aopen%20sesame"),
        (Form::Percent, "ab:d", "%61%62%3A%64"),
        (Form::Json, "a \"b\" \\ /\t", "a \\\"b\\\" \\\\ /\\t"),
        (Form::Json, "a/é", "a\\/\\u00e9"),
        // RFC 7617: the user-pass of the example is QWxhZGRpbjpvcGVuIHNlc2FtZQ==.
        (Form::Base64(0), "Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZ"),
        // The password alone stands in it at offset 8 mod 3 = 2.
        (Form::Base64(2), "open sesame", "vcGVuIHNlc2FtZ"),
        // "u:open sesame" is dTpvcGVuIHNlc2FtZQ==, the password at offset 2; ":open sesame" at 1.
        (Form::Base64(1), "open sesame", "9wZW4gc2VzYW1l"),
        (Form::Base64Url(0), "a?>b~~~", "YT8-Yn5-f"),
        (Form::Hex, "Az", "417a"),
        (Form::Hex, "Az", "417A"),
        (Form::Utf16, "ab", "a\0b\0"),
    ];
    for (form, value, written) in table {
        let all = forms(value);
        let there = all.iter().any(|(f, b)| f == form && b == written.as_bytes());
        let same: Vec<_> = all.iter().filter(|(f, _)| f == form).map(|(_, b)| String::from_utf8_lossy(b)).collect();
        // A form equal to an earlier one is listed once, under the earlier name.
        let earlier = all.iter().any(|(_, b)| b == written.as_bytes());
        assert!(there || earlier, "{form:?} of {value}: {same:?} lacks {written}");
    }
}

#[test]
fn finds_every_form_between_other_bytes_and_says_where() {
    for (form, bytes) in forms(VALUE) {
        let mut watch = watch();
        let sink = [b"\xff\x00noise:".as_slice(), &bytes, b"\xfe\n"].concat();
        watch.search_bytes("sink", &sink);
        let text = watch.findings().join("\n");
        assert!(text.contains("sink: database_url at byte"), "{form:?} was not found");
        assert!(!text.contains("p@ss"), "a finding must not show the value: {text}");
    }
    let mut watch = watch();
    watch.search_bytes("sink", b"\xff\x00noise: database_url postgres://app \xfe\n");
    watch.assert_clean();
}

#[test]
fn finds_a_value_at_the_very_start_and_end_and_shortened() {
    for sink in [
        VALUE.to_owned(),
        format!("{VALUE}!"),
        format!("!{VALUE}"),
        // Cut at either end, as a log line would be.
        VALUE[8..].to_owned(),
        VALUE[..VALUE.len() - 8].to_owned(),
    ] {
        let mut watch = watch();
        watch.search_bytes("sink", sink.as_bytes());
        assert!(!watch.findings().is_empty(), "not found in {sink}");
    }
}

#[test]
fn searches_nested_files_names_and_a_database_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let nested = folder.path().join("run/deep");
    fs::create_dir_all(&nested).unwrap();
    fs::write(nested.join("clean"), "nothing").unwrap();
    let mut clean = watch();
    clean.search_dir(folder.path());
    clean.assert_clean();

    fs::write(nested.join("dirty"), format!("x{VALUE}x")).unwrap();
    let database = rusqlite::Connection::open(folder.path().join("d.db")).unwrap();
    database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (v TEXT);").unwrap();
    database.execute("INSERT INTO t VALUES (?1)", [VALUE]).unwrap();
    let mut dirty = watch();
    dirty.search_dir(folder.path());
    let found = dirty.findings().join("\n");
    assert!(found.contains("run/deep/dirty") && found.contains("d.db-wal"), "{found}");
    assert!(catch_unwind(AssertUnwindSafe(|| dirty.assert_clean())).is_err());

    // Once closed, the log has gone into the database itself.
    database.close().unwrap();
    let mut closed = watch();
    closed.search_dir(&folder.path().join("d.db"));
    assert_eq!(closed.findings().iter().filter(|f| f.contains("Plain")).count(), 1);
}

#[test]
fn searches_environment_and_arguments_of_a_process() {
    for (env, arg, dirty) in [("x", "x", false), (VALUE, "x", true), ("x", VALUE, true)] {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "read line", arg])
            .env("SECRET", env)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut watch = watch();
        watch.search_proc(child.id());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(!watch.findings().is_empty(), dirty, "{:?}", watch.findings());
    }
}

#[test]
fn a_search_of_nothing_is_not_clean() {
    let empty = tempfile::tempdir().unwrap();
    type Search<'a> = &'a dyn Fn(&mut LeakWatch);
    let cases: [(&str, Search<'_>); 5] = [
        ("nothing was searched", &|_| {}),
        ("no file to search", &|w| _ = w.search_dir(empty.path())),
        ("no file to search", &|w| _ = w.search_dir(&empty.path().join("absent"))),
        ("nothing in it", &|w| _ = w.search_transcript(&Transcript::new())),
        ("cannot be searched", &|w| _ = w.search_proc(u32::MAX)),
    ];
    for (reason, search) in cases {
        let mut watch = watch();
        search(&mut watch);
        let panic = catch_unwind(AssertUnwindSafe(|| watch.assert_clean())).unwrap_err();
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()))
            .unwrap();
        let known = text.contains(reason) || watch.findings().join("").contains(reason);
        assert!(known, "expected {reason}, got {text}");
    }
}

#[test]
fn the_positive_twin_must_be_there() {
    let mut watch = watch();
    watch.require("record", VALUE.as_bytes(), "database_url");
    assert!(watch.findings().is_empty());
    watch.require("record", b"something else", "database_url");
    assert_eq!(watch.findings(), ["record: database_url should be here and is not"]);
}

#[test]
fn searches_what_was_answered() {
    let transcript = Transcript::new();
    transcript.add("GET /v1/secrets", b"{}");
    let mut clean = watch();
    clean.search_transcript(&transcript);
    clean.assert_clean();
    transcript.clone().add("stderr of keyroll secret get", VALUE.as_bytes());
    let mut dirty = watch();
    dirty.search_transcript(&transcript);
    assert!(dirty.findings()[0].starts_with("stderr of keyroll secret get: database_url"));
}
