//! What `keyroll config show`, `keyroll config schema` and the generated reference print.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::keys::{Setting, Settings, json_schema};
use super::load::Loaded;
use super::origin::Origin;

/// The effective configuration as a TOML document, each line with its origin.
pub(crate) fn show(loaded: &Loaded) -> String {
    let values = serde_json::to_value(&loaded.config).unwrap_or(Value::Null);
    let mut out = String::new();
    let mut line = |text: String| out.push_str(&(text + "\n"));
    line(format!("# data directory: {}", loaded.data_dir.display()));
    match &loaded.file {
        Some(path) => line(format!("# file: {}", path.display())),
        None => line("# file: none found".to_owned()),
    }
    let settings = Settings::derive();
    for (section, _) in &settings.sections {
        line(format!("\n[{section}]"));
        for setting in members(&settings, section) {
            let value = values.pointer(&format!("/{}", setting.path.replace('.', "/"))).unwrap_or(&Value::Null);
            let name = last(&setting.path);
            match (value, loaded.origins.get(&setting.path)) {
                (Value::Null, _) => line(format!("# {name} is not set")),
                // Strings, switches and lists of strings are written alike in JSON and in TOML.
                (value, origin) => line(format!("{name} = {value}  # {}", origin.unwrap_or(&Origin::Default))),
            }
        }
    }
    out
}

/// The same for programs: the values, and where those that somebody set come from.
pub(crate) fn document(loaded: &Loaded) -> Value {
    let origins: Map<String, Value> =
        loaded.origins.iter().map(|(path, origin)| (path.clone(), origin.to_string().into())).collect();
    json!({
        "data_dir": loaded.data_dir,
        "file": loaded.file,
        "config": serde_json::to_value(&loaded.config).unwrap_or(Value::Null),
        "origins": origins,
    })
}

/// The JSON Schema of the configuration file, indented.
pub(crate) fn schema() -> String {
    let schema = serde_json::to_string_pretty(json_schema().as_value());
    schema.map(|text| text + "\n").unwrap_or_default()
}

/// The reference page of the configuration, in Markdown.
pub(crate) fn reference() -> String {
    let settings = Settings::derive();
    let mut out = String::from(INTRODUCTION);
    for (section, description) in &settings.sections {
        let _ = write!(out, "\n## `[{section}]`\n\n{description}\n\n| setting | default | meaning |\n|---|---|---|\n");
        for setting in members(&settings, section) {
            let default = match &setting.default {
                Value::Null => "–".to_owned(),
                value => format!("`{value}`"),
            };
            let mut meaning = setting.description.replace('\n', " ");
            if !setting.words.is_empty() {
                let words: Vec<String> = setting.words.iter().map(|word| format!("`{word}`")).collect();
                let _ = write!(meaning, " One of {}.", words.join(", "));
            }
            let _ = writeln!(
                out,
                "| `{}` | {default} | {meaning} Variable `{}`. |",
                last(&setting.path),
                setting.variable()
            );
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Configuration

A setting is taken from the first of these that has it: the command line, the environment, the configuration file,
the default. The environment variable of `key` in `[section]` is `KEYROLL_SECTION__KEY`; the same name with `_FILE`
holds the path of a file with the value, one trailing newline not counted. A list in a variable has commas between its items.

The configuration file is the first of `--config FILE`, `$KEYROLL_CONFIG`, `./keyroll.toml` and `/etc/keyroll/keyroll.toml`.
Relative paths in it are relative to the directory that the process is started in. A name that is no setting is a mistake,
and all mistakes are reported at once. `keyroll config check` looks for them, `keyroll config show` prints what is in effect
and why, `keyroll config schema` prints the JSON Schema for editors.

The data directory is `--data-dir DIR`, or `$STATE_DIRECTORY`, or `./keyroll-data`.

Durations are an integer and a unit: `250ms`, `30s`, `5m`, `48h`, `30d`.

SIGHUP reads the configuration again. `log.level`, `log.access` and the contents of the certificate files are taken over at
once; for everything else the log says that it takes effect at the next start.
";

pub(super) fn members<'a>(settings: &'a Settings, section: &'a str) -> impl Iterator<Item = &'a Setting> {
    settings.all.iter().filter(move |setting| setting.path.rsplit_once('.').map(|(before, _)| before) == Some(section))
}

pub(super) fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}
