//! Debian's nginx and HAProxy as plain reverse proxies, with the settings that they come with.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A user's `PATH` often lacks `/usr/sbin`, where Debian puts both.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/sbin"];

/// One of the two, killed when dropped.
pub(crate) struct Proxy {
    process: Child,
    pub(crate) address: String,
    pub(crate) version: String,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// nginx in front of this upstream.
pub(crate) fn nginx(upstream: SocketAddr) -> Proxy {
    let conf = |folder: &Path, port: u16| {
        let folder = folder.display();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"))
            .collect();
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n\
             events {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n{paths}  server {{\n    listen \
             127.0.0.1:{port};\n    location / {{\n      proxy_pass http://{upstream};\n      proxy_http_version 1.1;\n      \
             proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
        )
    };
    start("nginx", "nginx-light", &["-e", "error.log", "-p", ".", "-c"], &["-v"], conf)
}

/// HAProxy in front of this upstream.
pub(crate) fn haproxy(upstream: SocketAddr) -> Proxy {
    let conf = |_: &Path, port: u16| {
        format!(
            "global\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server \
             60s\nfrontend front\n  bind 127.0.0.1:{port}\n  default_backend back\nbackend back\n  server one {upstream}\n"
        )
    };
    start("haproxy", "haproxy", &["-db", "-f"], &["-v"], conf)
}

fn start(name: &str, package: &str, args: &[&str], ask: &[&str], conf: impl Fn(&Path, u16) -> String) -> Proxy {
    let binary = FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    let binary = binary.unwrap_or_else(|| {
        panic!("{name} is not installed: `cargo xtask test` as root installs it, or `apt-get install {package}`")
    });
    let folder = tempfile::tempdir().unwrap();
    let told = Command::new(&binary).args(ask).output().unwrap();
    let told = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
    // Another process may take the free port first: then with another one.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.path().join("conf");
        fs::write(&file, conf(folder.path(), port)).unwrap();
        let mut command = Command::new(&binary);
        command.args(args).arg(&file).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let address = format!("127.0.0.1:{port}");
        if listens(&mut process, &address) {
            return Proxy { process, address, version: version(&told), _folder: folder };
        }
        let _ = process.kill();
        let _ = process.wait();
    }
    panic!("{name} does not start: {told}");
}

fn listens(process: &mut Child, address: &str) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until && process.try_wait().is_ok_and(|status| status.is_none()) {
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The first number with dots of what it says of itself, as far as it says what it does: a mended one does the same.
fn version(told: &str) -> String {
    let mut words = told.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let word = words.find(|word| word.split('.').count() >= 3).unwrap_or_default();
    word.split('.').take(2).collect::<Vec<_>>().join(".")
}
