//! From the layers to the effective configuration, with all mistakes at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::keys::Settings;
use super::layers::{Flags, Given, Layers, Variables};
use super::origin::{FileText, Mistake, Mistakes, Origin};
use super::{Config, check};

/// A configuration without mistakes.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The effective values.
    pub(crate) config: Config,
    /// Where each setting that somebody set came from, by path.
    pub(crate) origins: BTreeMap<String, Origin>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// The data directory.
    pub(crate) data_dir: PathBuf,
}

/// Reads the layers and judges the result.
///
/// # Errors
/// All mistakes that were found, in the order of their places.
pub(crate) fn load(flags: &Flags, variables: &Variables) -> Result<Loaded, Mistakes> {
    let settings = Settings::derive();
    let mut layers = Layers::default();
    let file = find(flags, variables).unwrap_or_else(|mistake| {
        layers.mistakes.push(mistake);
        None
    });
    if let Some(file) = &file {
        layers.file(file, &settings);
    }
    layers.environment(variables, &settings);
    layers.flags(flags);

    let Layers { given, mut mistakes } = layers;
    let (mut sound, mut unread) = (BTreeMap::new(), Vec::new());
    for (path, one) in given {
        let found = judge(&path, &one);
        if found.is_empty() {
            sound.insert(path, one);
        } else {
            unread.push(path);
        }
        mistakes.extend(found);
    }
    let origins: BTreeMap<String, Origin> =
        sound.iter().map(|(path, one)| (path.clone(), one.origin.clone())).collect();
    let whole = sound.into_iter().fold(DeTable::new(), |mut whole, (path, one)| {
        insert(&mut whole, &path, one.value);
        whole
    });
    match read(whole) {
        Ok(config) => {
            check::check(&config, &origins, &unread, &mut mistakes);
            if mistakes.is_empty() {
                let file = file.map(|file| file.path);
                return Ok(Loaded { config, origins, file, data_dir: data_dir(flags, variables) });
            }
        }
        // Each setting was read alone before, so that this is not reached; it is a mistake all the same.
        Err(error) => mistakes.push(Mistake::new(Origin::Default, error.message())),
    }
    mistakes.sort();
    mistakes.dedup();
    Err(Mistakes(mistakes))
}

/// The first of `--config`, `$KEYROLL_CONFIG`, `./keyroll.toml` and `/etc/keyroll/keyroll.toml`; the first two have to exist.
fn find(flags: &Flags, variables: &Variables) -> Result<Option<FileText>, Mistake> {
    let named = match (&flags.config, variables.get("KEYROLL_CONFIG")) {
        (Some(path), _) => Some((path.clone(), Origin::Flag("--config"))),
        (None, Some(path)) => Some((path.into(), Origin::Variable("KEYROLL_CONFIG".to_owned()))),
        (None, None) => None,
    };
    if let Some((path, origin)) = named {
        let missing = || Mistake::new(origin, format!("{} does not exist", path.display()));
        return FileText::read(&path)?.ok_or_else(missing).map(Some);
    }
    for path in ["keyroll.toml", "/etc/keyroll/keyroll.toml"] {
        if let Some(file) = FileText::read(Path::new(path))? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// `--data-dir`, or the first directory of `$STATE_DIRECTORY` (systemd), or `./keyroll-data`.
fn data_dir(flags: &Flags, variables: &Variables) -> PathBuf {
    let of_systemd = || variables.get("STATE_DIRECTORY")?.split(':').find(|path| !path.is_empty());
    match (&flags.data_dir, of_systemd()) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) => path.into(),
        (None, None) => "keyroll-data".into(),
    }
}

/// Reads one setting alone, so that one mistake does not hide the next; of a list each item alone.
fn judge(path: &str, given: &Given<'_>) -> Vec<Mistake> {
    let items: Vec<Spanned<DeValue<'_>>> = match given.value.get_ref() {
        DeValue::Array(array) => array
            .iter()
            .map(|item| Spanned::new(item.span(), DeValue::Array(DeArray::from_iter([item.clone()]))))
            .collect(),
        _ => vec![given.value.clone()],
    };
    let alone = items.into_iter().filter_map(|item| {
        let place = given.file.map_or_else(|| given.origin.clone(), |file| file.at(item.span().start));
        let mut table = DeTable::new();
        insert(&mut table, path, item);
        read(table).err().map(|error| Mistake::new(place, format!("{path}: {}", error.message())))
    });
    alone.collect()
}

fn read(table: DeTable<'_>) -> Result<Config, toml::de::Error> {
    Config::deserialize(toml::de::Deserializer::from(Spanned::new(0..0, table)))
}

/// Puts a value where its path says.
fn insert<'a>(table: &mut DeTable<'a>, path: &str, value: Spanned<DeValue<'a>>) {
    let key = |name: &str| Spanned::new(0..0, Cow::Owned(name.to_owned()));
    match path.split_once('.') {
        None => {
            table.insert(key(path), value);
        }
        Some((section, rest)) => {
            let empty = || Spanned::new(0..0, DeValue::Table(DeTable::new()));
            let inner = table.entry(key(section)).or_insert_with(empty);
            if let DeValue::Table(inner) = inner.get_mut() {
                insert(inner, rest, value);
            }
        }
    }
}
