//! The list of settings, derived from the structs by way of their JSON Schema.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Config;

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    /// Its name with its sections, `gateway.tls.cert`.
    pub(crate) path: String,
    /// How a text from the environment or a flag is read.
    pub(crate) kind: Kind,
    /// What it does.
    pub(crate) description: String,
    /// Its default as JSON; `null` where there is none.
    pub(crate) default: Value,
    /// What it may look like, where there is no default to show it.
    pub(crate) example: Option<Value>,
    /// The words that it may be, where it is one of a few.
    pub(crate) words: Vec<String>,
}

/// How a text from the environment or a flag is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it stands.
    Text,
    /// `true` or `false`.
    Switch,
    /// Several, with commas between them.
    List,
}

impl Setting {
    /// The environment variable of this setting: `gateway.tls.cert` is `KEYROLL_GATEWAY__TLS__CERT`.
    pub(crate) fn variable(&self) -> String {
        variable(&self.path)
    }
}

/// The environment variable of the setting at `path`.
pub(super) fn variable(path: &str) -> String {
    format!("KEYROLL_{}", path.replace('.', "__").to_uppercase())
}

/// The JSON Schema of the whole configuration, without references.
pub(super) fn json_schema() -> schemars::Schema {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<Config>()
}

/// All settings in the order of the schema, and the names of the sections.
pub(crate) struct Settings {
    /// The settings.
    pub(crate) all: Vec<Setting>,
    /// `gateway`, `gateway.tls`, …, each with its description.
    pub(crate) sections: Vec<(String, String)>,
}

impl Settings {
    /// Walks the schema.
    pub(crate) fn derive() -> Self {
        let mut found = Self { all: Vec::new(), sections: Vec::new() };
        let defaults = serde_json::to_value(Config::default()).unwrap_or(Value::Null);
        found.walk("", json_schema().as_value(), &defaults);
        found
    }

    /// The setting at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<&Setting> {
        self.all.iter().find(|setting| setting.path == path)
    }

    /// Whether `path` names a section.
    pub(crate) fn is_section(&self, path: &str) -> bool {
        self.sections.iter().any(|(name, _)| name == path)
    }

    fn walk(&mut self, prefix: &str, schema: &Value, defaults: &Value) {
        let Some(members) = schema.get("properties").and_then(Value::as_object) else { return };
        for (name, member) in members {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let default = defaults.get(name).cloned().unwrap_or(Value::Null);
            let description = text(member, "description");
            if member.get("properties").is_some() {
                self.sections.push((path.clone(), description));
                self.walk(&path, member, &default);
            } else {
                let example = member.pointer("/examples/0").cloned();
                let (kind, words) = (kind(member), words(member));
                self.all.push(Setting { path, kind, description, default, example, words });
            }
        }
    }
}

fn text(schema: &Value, member: &str) -> String {
    schema.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn kind(schema: &Value) -> Kind {
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => Kind::Switch,
        Some("array") => Kind::List,
        _ => Kind::Text,
    }
}

/// A plain enum is `enum: […]`; one whose variants are described is `oneOf: [{const: …}]`.
fn words(schema: &Value) -> Vec<String> {
    let plain = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let described = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let described = described.filter_map(|one| one.get("const"));
    plain.chain(described).filter_map(Value::as_str).map(str::to_owned).collect()
}
