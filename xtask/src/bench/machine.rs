//! The machine on which was measured, without its name.

use std::fs;
use std::process::Command;

use crate::shell::{self, Failed};

/// What a reader needs to judge the figures.
pub(crate) struct Facts {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_gib: u64,
    pub(crate) file_system: String,
    pub(crate) date: String,
    pub(crate) version: String,
}

/// Asks the machine; the databases are where its temporary files are.
pub(crate) fn facts() -> Result<Facts, Failed> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let temporary = std::env::temp_dir();
    let said = |command: &mut Command| shell::output(command).map(|text| text.trim().to_owned());
    Ok(Facts {
        cores: std::thread::available_parallelism()?.get(),
        processor: value(&processors, "model name").unwrap_or("unknown").to_owned(),
        memory_gib: gibibytes(value(&memory, "MemTotal").unwrap_or_default()),
        file_system: said(Command::new("stat").args(["--file-system", "--format=%T"]).arg(temporary))?,
        date: said(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?,
        version: said(Command::new(shell::target().join("release/keyroll")).arg("version"))?,
    })
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(before, _)| before.trim() == name).map(|(_, after)| after.trim())
}

/// Of a line such as `24556320 kB`, rounded.
fn gibibytes(text: &str) -> u64 {
    let kibibytes: u64 = text.trim_end_matches("kB").trim().parse().unwrap_or_default();
    (kibibytes + (1 << 19)) >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let text = "processor\t: 0\nmodel name\t: Fast CPU @ 2.00GHz\n\nmodel name\t: other\n";
        assert_eq!(value(text, "model name"), Some("Fast CPU @ 2.00GHz"));
        assert_eq!(value(text, "nothing"), None);
        assert_eq!(gibibytes("24556320 kB"), 23);
    }
}
