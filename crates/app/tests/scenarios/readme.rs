//! The worked example of the README, run as it is written: only the ports are others, and the binary is the one under test.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::house::{KEYROLL, eventually};

/// The shell blocks of the example, in their order.
fn blocks() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let example = text.split("\n## ").find(|section| section.starts_with("A worked example")).unwrap();
    let fenced = example.split("```sh\n").skip(1);
    fenced.map(|block| block.split_once("\n```").unwrap().0.to_owned()).collect()
}

/// A process that is ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A terminal of the example: where it stands, and on which ports the three parts are.
struct Terminal<'a> {
    folder: &'a Path,
    ports: [u16; 3],
}

impl Terminal<'_> {
    fn bash(&self, script: &str, output: &str) -> Command {
        let [provider, gateway, admin] = self.ports.map(|port| port.to_string());
        let script = script.replace("9000", &provider).replace("127.0.0.1:8080", &format!("127.0.0.1:{gateway}"));
        let binaries = Path::new(KEYROLL).parent().unwrap().display();
        let output = File::create(self.folder.join(output)).unwrap();
        let mut command = Command::new("bash");
        command
            .arg("-c")
            .arg(script)
            .current_dir(self.folder)
            .env_clear()
            .env("HOME", self.folder)
            .env("PATH", format!("{binaries}:{}", std::env::var("PATH").unwrap_or_default()))
            .env("KEYROLL_GATEWAY__LISTEN", format!("127.0.0.1:{gateway}"))
            .env("KEYROLL_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
            .env("KEYROLL_ADDR", format!("http://127.0.0.1:{admin}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        command
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }
}

fn free_ports() -> [u16; 3] {
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

#[test]
fn the_worked_example_does_what_the_readme_says() {
    let blocks = blocks();
    let [build, provider, node, commands @ ..] = blocks.as_slice() else { panic!("{} blocks", blocks.len()) };
    assert!(build.starts_with("cargo build"), "{build}");
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal { folder: folder.path(), ports: free_ports() };
    let start = |script: &str, word: &str, output: &str| {
        let script = script.replacen(word, &format!("exec {word}"), 1);
        Ended(terminal.bash(&script, output).spawn().unwrap())
    };
    let _provider = start(provider, "python3 -", "provider");
    let _node = start(node, "keyroll serve", "node");
    eventually("the node serves", || folder.path().join("keyroll-data/run/addresses.json").exists());
    eventually("the provider listens", || std::net::TcpStream::connect(("127.0.0.1", terminal.ports[0])).is_ok());

    // Every command that fails is noted with its exit code.
    let trap = "set -o pipefail; exec 3> failed; trap 'echo \"$? $BASH_COMMAND\" >&3' ERR\n";
    let done = terminal.bash(&format!("{trap}{}\ntrue", commands.join("\n")), "commands").status().unwrap();
    let said = terminal.read("commands");
    assert!(done.success(), "{said}");
    assert_eq!(terminal.read("failed"), "5 keyroll secret delete stripe_api_key --dry-run\n", "{said}");
    // Between what the application asks for are the probes of the rotation.
    let (asked, probed): (Vec<String>, Vec<String>) =
        terminal.read("provider").lines().map(str::to_owned).partition(|line| line.starts_with("/v1/balance "));
    let expected = ["one", "two", "two", "one"].map(|which| format!("/v1/balance Bearer sk_live_{which}"));
    assert_eq!(asked, expected, "{said}");
    assert!(probed.contains(&"/v1/ping Bearer sk_live_two".to_owned()), "{probed:?}");
    assert_eq!(said.matches("balance: 2685 EUR").count(), 4, "{said}");
    assert!(said.contains("HTTP/1.1 200 OK") && !said.contains("sk_live"), "{said}");
}
