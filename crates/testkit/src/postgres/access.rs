//! What a process needs to use a cluster: its port, its passwords, its binaries.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Where Debian puts each version's programs.
const DEBIAN: &str = "/usr/lib/postgresql";

#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) port: u16,
    /// Of role `postgres`, the superuser.
    pub(super) superuser: String,
    /// Of role `keyroll`.
    pub(super) password: String,
    pub(super) bin: PathBuf,
}

impl Access {
    pub(super) fn parse(text: &str) -> Self {
        let given: Value = serde_json::from_str(text)
            .unwrap_or_else(|e| panic!("{} is set by `cargo xtask test`; it holds no JSON: {e}", super::SHARED));
        let text = |name: &str| given[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {}", super::SHARED));
        let port = given["port"].as_u64().and_then(|p| u16::try_from(p).ok()).expect("a port");
        Self { port, superuser: text("superuser").to_owned(), password: text("password").to_owned(), bin: bin() }
    }

    pub(super) fn invitation(&self) -> String {
        json!({"port": self.port, "superuser": self.superuser, "password": self.password}).to_string()
    }

    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://keyroll:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }

    pub(super) fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut process = Command::new(self.bin.join("psql"))
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres", "-d", database])
            .arg("-p")
            .arg(self.port.to_string())
            .env_clear()
            .env("PGPASSWORD", &self.superuser)
            .env("PGCONNECT_TIMEOUT", "30")
            .env("PGCLIENTENCODING", "UTF8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql can be executed");
        // By standard input: `-c` would make one transaction of several statements. A psql that
        // has no connection ends before it reads them.
        let _ = process.stdin.take().expect("a pipe").write_all(sql.as_bytes());
        let output = process.wait_with_output().expect("our child");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Runs `pg_dump`, which writes to the file, or `pg_restore`, which reads it.
    #[track_caller]
    pub(super) fn run(&self, program: &str, database: &str, args: &[&str], file: &Path) {
        let mut command = Command::new(self.bin.join(program));
        command.args(args).args(["-h", "127.0.0.1", "-U", "postgres", "-d", database, "-p", &self.port.to_string()]);
        if program == "pg_dump" {
            command.arg("-f");
        }
        command.arg(file).env_clear().env("PGPASSWORD", &self.superuser);
        let output = command.output().unwrap_or_else(|e| panic!("{program}: {e}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A statement that cannot fail while the server runs.
    #[track_caller]
    pub(super) fn ask(&self, sql: &str) -> String {
        self.psql("postgres", sql).unwrap_or_else(|said| panic!("PostgreSQL refuses: {said}"))
    }
}

/// The programs of the newest version that is there.
pub(super) fn bin() -> PathBuf {
    newest(Path::new(DEBIAN)).unwrap_or_else(|| {
        panic!("PostgreSQL is not installed: `cargo xtask test` as root installs it, or `apt-get install postgresql`")
    })
}

fn newest(place: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(place).into_iter().flatten().flatten();
    let numbered = versions.filter_map(|v| Some((v.file_name().to_str()?.parse::<u32>().ok()?, v.path().join("bin"))));
    let whole = numbered.filter(|(_, bin)| bin.join("initdb").exists() && bin.join("psql").exists());
    whole.max_by_key(|(version, _)| *version).map(|(_, bin)| bin)
}

/// Hexadecimal, from the machine: enough for a name that nobody else has, and for a password.
pub(super) fn random(bytes: usize) -> String {
    use std::io::Read;
    let mut buffer = vec![0; bytes];
    let source = std::fs::File::open("/dev/urandom");
    source.and_then(|mut f| f.read_exact(&mut buffer)).expect("every Linux has random bytes");
    buffer.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_version_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest(folder.path()), None);
        assert_eq!(newest(&folder.path().join("absent")), None);
        for (version, program) in
            [("9", "initdb"), ("9", "psql"), ("15", "initdb"), ("15", "psql"), ("17", "psql"), ("doc", "initdb")]
        {
            let bin = folder.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            std::fs::write(bin.join(program), "").unwrap();
        }
        assert_eq!(newest(folder.path()), Some(folder.path().join("15/bin")));
    }
}
