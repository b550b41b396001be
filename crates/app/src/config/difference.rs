//! Which settings differ between two configurations, for a reload.

use serde_json::Value;

use super::Config;
use super::keys::Settings;

/// The paths of the settings whose values differ.
pub(crate) fn difference(one: &Config, other: &Config) -> Vec<String> {
    let json = |config: &Config| serde_json::to_value(config).unwrap_or(Value::Null);
    let (one, other) = (json(one), json(other));
    let paths = Settings::derive().all.into_iter().map(|setting| setting.path);
    paths
        .filter(|path| {
            let pointer = format!("/{}", path.replace('.', "/"));
            one.pointer(&pointer) != other.pointer(&pointer)
        })
        .collect()
}
