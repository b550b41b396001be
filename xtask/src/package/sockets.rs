//! Sockets that are handed over: the packaged binary serves on those that systemd's own tool opened.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::shell::{self, Failed};

const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the binary below `root` under `systemd-socket-activate`, and asks it how it is.
pub(super) fn check(folder: &Path, root: &Path) -> Result<(), Failed> {
    let binary = root.join("usr/bin/keyroll");
    let (admin, gateway) = (free()?, free()?);
    println!("── sockets: admin on {admin}, gateway on {gateway}");
    let (kek, data, log) = (folder.join("try-kek"), folder.join("try-data"), folder.join("sockets.log"));
    shell::output(Command::new(&binary).args(["key", "generate", "--create", "--kek-file"]).arg(&kek))?;
    let said = fs::File::create(&log)?;
    let mut activate = Command::new("systemd-socket-activate");
    // In this order, so that names decide and not positions.
    activate.args(["--fdname=admin:gateway", "--listen", &admin, "--listen", &gateway]).arg(&binary);
    activate.args(["serve", "--data-dir"]).arg(&data).arg("--kek-file").arg(&kek);
    let mut child = activate.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn()?;
    let ready = healthy(&binary, &admin).and_then(|()| answers(&gateway));
    shell::succeeds(Command::new("kill").arg(child.id().to_string()));
    let ended = shell::wait(&mut child, PATIENCE)?;
    let fail = |why: String| {
        Failed::new(format!("step `sockets` failed: {why}:\n{}", fs::read_to_string(&log).unwrap_or_default()))
    };
    ready.map_err(|why| fail(why.to_string()))?;
    if ended.success() { Ok(()) } else { Err(fail(format!("the node ended with {ended}"))) }
}

/// An address that was free a moment ago.
fn free() -> Result<String, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// The first connection waits while the node starts; before it, systemd's tool has to open the sockets.
fn healthy(binary: &Path, admin: &str) -> Result<(), Failed> {
    let address = format!("http://{admin}");
    for _ in 0..50 {
        if shell::succeeds(Command::new(binary).args(["health", "--timeout", "20", "--addr", &address])) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(Failed::new("the admin listener is not ready"))
}

/// Without a key the gateway refuses; that it is the gateway, its own header tells.
fn answers(gateway: &str) -> Result<(), Failed> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(gateway)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /nowhere HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let is_gateway = answer.to_ascii_lowercase().contains("proxy-status: keyroll");
    if is_gateway { Ok(()) } else { Err(Failed::new(format!("the gateway answered {answer:?}"))) }
}
