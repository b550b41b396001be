//! The demo, as somebody who has nothing but the binary sees it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

const BINARY: &str = env!("CARGO_BIN_EXE_keyroll");

/// Started in an empty directory, which is all that it may write to.
fn start(dir: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.arg("demo").args(args).current_dir(dir).env_clear().env("TMPDIR", dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn a_good_key_is_promoted_and_a_wrong_one_rolled_back_without_a_failed_request() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = start(dir.path(), &["--exit"]).wait_with_output().unwrap();
    let took = begun.elapsed();
    let (story, fault) = told(&output);
    println!("{story}{fault}\n{took:?}");
    assert_eq!(output.status.code(), Some(0));
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!(fault, "");

    let counted: Vec<&str> = story.lines().filter(|line| line.contains(", failed ")).collect();
    assert!(counted.len() > 20 && counted.iter().all(|line| line.ends_with(", failed 0")), "{counted:?}");
    // What happens, in its order.
    let mut rest = story.as_str();
    for sentence in [
        "admin API http://127.0.0.1:",
        "The impact of a rotation",
        "staging      promoted",
        "production   waits for an operator's advance",
        "production     5% of the traffic gets stripe_api_key_v2",
        "production    50% of the traffic gets stripe_api_key_v2",
        "production   100% of the traffic gets stripe_api_key_v2",
        "production   promoted",
        "DELETE /v1/secrets/stripe_api_key: 409",
        "withdrawn: stripe_api_key leaves every snapshot",
        "production     5% of the traffic gets stripe_api_key_v3",
        "rolled back, by itself",
        "the provider refused it",
        "DELETE /v1/secrets/stripe_api_key: 204",
        "completed",
        "no charge was made twice",
        "every hash is right, and the checkpoint fits",
    ] {
        let at = rest.find(sentence).unwrap_or_else(|| panic!("{sentence:?} is not told, or too early"));
        rest = &rest[at + sentence.len()..];
    }
    assert!(!story.contains("sk_demo_"), "a value is shown");
    assert!(is_empty(dir.path()), "something is left behind");
}

#[test]
fn ctrl_c_ends_it_at_any_time_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = start(dir.path(), &[]);
    let addresses = dir.path();
    let node = eventually("the node", || {
        let inside = fs::read_dir(addresses).unwrap().flatten().next()?.path();
        fs::read_to_string(inside.join("data/run/addresses.json")).ok()?;
        children(demo.id()).into_iter().next()
    });
    let id = Pid::from_raw(i32::try_from(demo.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    assert!(test_kill_process(node).is_err(), "the node is still there");
    assert!(is_empty(dir.path()), "something is left behind");
}

#[test]
fn a_demo_without_injection_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = start(dir.path(), &["--exit", "--break-injection"]).wait_with_output().unwrap();
    let (story, fault) = told(&output);
    assert_eq!(output.status.code(), Some(2), "{story}{fault}");
    assert!(fault.contains("it did not hold that no request failed"), "{fault}");
    assert!(is_empty(dir.path()), "something is left behind");
}

fn children(parent: u32) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).unwrap().flatten();
    let each = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let ids: Vec<String> = each.collect();
    let ids = ids.iter().flat_map(|text| text.split_whitespace());
    ids.filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
}

fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not seen in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
