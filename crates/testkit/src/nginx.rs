//! Debian's nginx as an upstream: what it was sent is read from its own access log.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::tls::Issued;
use crate::upstream::Authority;
use crate::wire::{self, Connection};

/// Where Debian puts it; a user's `PATH` often lacks `/usr/sbin`.
const PLACES: [&str; 4] = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx", "/sbin/nginx"];

/// Asked for at start; its line is not part of the record.
const PROBE: &str = "/testkit-is-it-up";

/// A running nginx, killed when dropped.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    port: u16,
    secure_port: u16,
    folder: TempDir,
}

impl Nginx {
    /// Starts nginx on a free loopback port. It answers 200 and `hello from nginx` to every
    /// request and logs the values of these request headers.
    ///
    /// # Panics
    /// When nginx is not installed, or does not start; the message says what to do.
    pub fn start(headers: &[&str]) -> Self {
        Self::launch(headers, None)
    }

    /// The same over TLS too, at [`Nginx::secure_url`], with this certificate of its own and for clients alone that show
    /// one of the authority `clients`. Each record has the `subject` of what was shown.
    ///
    /// # Panics
    /// As [`Nginx::start`].
    pub fn mutual_tls(headers: &[&str], own: &Issued, clients: &Authority) -> Self {
        Self::launch(headers, Some((own, clients)))
    }

    fn launch(headers: &[&str], tls: Option<(&Issued, &Authority)>) -> Self {
        let binary = PLACES.iter().find(|p| Path::new(p).exists()).unwrap_or_else(|| {
            panic!("nginx is not installed: `cargo xtask test` as root installs it, or `apt-get install nginx-light`")
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Another process may take the free port before nginx does: then with another port.
        for _ in 0..5 {
            let (port, secure_port) = (free_port(), free_port());
            let secure = tls.map(|(own, clients)| secure(folder.path(), secure_port, own, clients));
            let conf = folder.path().join("nginx.conf");
            fs::write(&conf, configuration(folder.path(), port, headers, secure.as_deref())).expect("conf written");
            let mut process = Command::new(binary)
                .args(["-e", "error.log", "-p"])
                .arg(folder.path())
                .arg("-c")
                .arg(&conf)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("nginx can be executed");
            if answers(&mut process, port) {
                return Self { process, port, secure_port, folder };
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        let log = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        panic!("nginx does not start: {log}");
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `https://127.0.0.1:PORT`, where it was started with TLS.
    pub fn secure_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.secure_port)
    }

    /// One object per request, in order: `method`, `uri`, `status`, and each logged header under
    /// its lower-case name (an absent header is an empty string).
    pub fn records(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let records = log.lines().map(|l| serde_json::from_str(l).expect("a JSON line"));
        records.filter(|r: &Value| r["uri"] != PROBE).collect()
    }

    /// Waits up to 10 s for this many lines (nginx writes a line after its answer) and returns all.
    ///
    /// # Panics
    /// When they do not come.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let records = self.records();
            if records.len() >= count {
                return records;
            }
            assert!(Instant::now() < until, "{} of {count} requests came", records.len());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The access log, for a leak watch that must find its plants here.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A further server that demands certificates, and the files that it reads.
fn secure(folder: &Path, port: u16, own: &Issued, clients: &Authority) -> String {
    let put = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file of the test");
    put("server.pem", &own.pem);
    put("server.key", &own.key_pem);
    put("clients.pem", &clients.ca_pem());
    let folder = folder.display();
    format!(
        r#"  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    ssl_client_certificate {folder}/clients.pem;
    ssl_verify_client on;
    location / {{ default_type text/plain; return 200 "hello from nginx\n"; }}
  }}
"#
    )
}

fn configuration(folder: &Path, port: u16, headers: &[&str], secure: Option<&str>) -> String {
    let subject = if secure.is_some() { r#","subject":"$ssl_client_s_dn""# } else { "" };
    let secure = secure.unwrap_or_default();
    let fields: String = headers
        .iter()
        .map(|h| h.to_ascii_lowercase())
        .map(|h| format!(r#","{h}":"$http_{}""#, h.replace('-', "_")))
        .collect();
    let folder = folder.display();
    // One process in the foreground: killing it leaves no worker behind. An answer from `return`
    // reads no body, so that any method is served.
    format!(
        r#"daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 1024; }}
http {{
  log_format record escape=json '{{"method":"$request_method","uri":"$request_uri","status":"$status"{fields}{subject}}}';
  access_log {folder}/access.log record;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port};
    large_client_header_buffers 8 64k;
    location / {{ default_type text/plain; return 200 "hello from nginx\n"; }}
  }}
{secure}}}
"#
    )
}

fn answers(process: &mut Child, port: u16) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until && process.try_wait().is_ok_and(|s| s.is_none()) {
        let probe = wire::request("GET", PROBE, &[("Host", "probe"), ("Connection", "close")], b"");
        let reply = Connection::open(&format!("127.0.0.1:{port}")).and_then(|mut c| c.call(&probe));
        if reply.is_ok_and(|r| r.body == b"hello from nginx\n") {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    listener.local_addr().expect("a bound socket has an address").port()
}
