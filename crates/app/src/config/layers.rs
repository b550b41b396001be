//! The three layers above the defaults (file, environment, flags), flattened into settings with their origins.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use model::name::nearest;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::keys::{Kind, Setting, Settings};
use super::origin::{FileText, Mistake, Origin};

/// What the command line said, as text: its mistakes are reported together with the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    /// `--data-dir`
    pub(crate) data_dir: Option<PathBuf>,
    /// `--gateway-listen`
    pub(crate) gateway_listen: Option<String>,
    /// `--admin-listen`
    pub(crate) admin_listen: Option<String>,
    /// `--database`
    pub(crate) database: Option<String>,
    /// `--kek-file`
    pub(crate) kek_file: Option<String>,
    /// `--role`
    pub(crate) role: Option<String>,
}

/// The environment as it was when the process began; the bootstrap token is not in it.
#[derive(Clone, Default)]
pub(crate) struct Variables(pub(crate) BTreeMap<String, String>);

impl Variables {
    /// The value of one variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Blank: the environment may hold what nobody should read in a log.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variables(…)")
    }
}

/// One value that somebody set.
pub(super) struct Given<'a> {
    /// The value; its span means something only beside `file`.
    pub(super) value: Spanned<DeValue<'a>>,
    /// Where it was set.
    pub(super) origin: Origin,
    /// The file that the span points into.
    pub(super) file: Option<&'a FileText>,
}

/// What the layers hold: the last one to set a setting wins.
#[derive(Default)]
pub(super) struct Layers<'a> {
    /// By the path of the setting.
    pub(super) given: BTreeMap<String, Given<'a>>,
    /// What is wrong so far.
    pub(super) mistakes: Vec<Mistake>,
}

impl<'a> Layers<'a> {
    /// Adds a file. A file with broken lines still has its other lines looked at.
    pub(super) fn file(&mut self, file: &'a FileText, settings: &Settings) {
        let (root, errors) = DeTable::parse_recoverable(&file.text);
        let mut broken: Vec<Mistake> = errors
            .iter()
            .map(|error| {
                let place = file.at(error.span().map_or(0, |span| span.start));
                Mistake::new(place, error.message().replace('\n', ", "))
            })
            .collect();
        // The first thing that is wrong with a line explains the rest of it.
        broken.dedup_by(|later, first| later.origin == first.origin);
        let before = self.mistakes.len();
        self.table("", root.into_inner(), file, settings);
        // What a broken line seems to say is no second mistake.
        let mut found = self.mistakes.split_off(before);
        found.retain(|mistake| broken.iter().all(|other| other.origin != mistake.origin));
        self.mistakes.extend(broken.into_iter().chain(found));
    }

    fn table(&mut self, prefix: &str, table: DeTable<'a>, file: &'a FileText, settings: &Settings) {
        for (key, value) in table {
            let origin = file.at(key.span().start);
            let path = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            if settings.is_section(&path) {
                match value.into_inner() {
                    DeValue::Table(inner) => self.table(&path, inner, file, settings),
                    _ => self.mistakes.push(Mistake::new(origin, format!("{path} is a section: write [{path}]"))),
                }
            } else if settings.get(&path).is_some() {
                let span = value.span();
                let origin = if matches!(value.get_ref(), DeValue::Array(_)) { origin } else { file.at(span.start) };
                self.given.insert(path, Given { value, origin, file: Some(file) });
            } else {
                self.mistakes.push(Mistake::new(origin, unknown(&path, settings)));
            }
        }
    }

    /// Adds the environment.
    pub(super) fn environment(&mut self, variables: &Variables, settings: &Settings) {
        for setting in &settings.all {
            let (plain, file) = (setting.variable(), format!("{}_FILE", setting.variable()));
            match (variables.get(&plain), variables.get(&file)) {
                (Some(_), Some(_)) => {
                    self.mistakes.push(Mistake::new(
                        Origin::Variable(file),
                        format!("is set beside {plain}: one of the two has to go"),
                    ));
                }
                (Some(text), None) => self.text(&setting.path, setting.kind, text, Origin::Variable(plain)),
                (None, Some(path)) => match std::fs::read_to_string(path) {
                    Ok(text) => {
                        let text = text.strip_suffix('\n').unwrap_or(&text);
                        self.text(&setting.path, setting.kind, text, Origin::Variable(file));
                    }
                    Err(error) => {
                        self.mistakes
                            .push(Mistake::new(Origin::Variable(file), format!("{path} cannot be read: {error}")));
                    }
                },
                (None, None) => {}
            }
        }
        self.unknown_variables(variables, settings);
    }

    /// A variable with a section in its name that no setting has is a misspelling. Variables without one are left
    /// alone: orchestrators set such for a service of this name.
    fn unknown_variables(&mut self, variables: &Variables, settings: &Settings) {
        let known: Vec<String> = settings.all.iter().map(Setting::variable).collect();
        for name in variables.0.keys().filter(|name| name.starts_with("KEYROLL_")) {
            let plain = name.strip_suffix("_FILE").unwrap_or(name);
            if known.iter().any(|one| one == name || one == plain) {
                continue;
            }
            let flat = known.iter().find(|one| one.replace("__", "_") == *name);
            let guess = flat.map(String::as_str).or_else(|| nearest(name, known.iter().map(String::as_str)));
            if flat.is_some() || name.contains("__") {
                let message = match guess {
                    Some(guess) => format!("is not a setting; did you mean {guess}?"),
                    None => "is not a setting; `keyroll config schema` lists them".to_owned(),
                };
                self.mistakes.push(Mistake::new(Origin::Variable(name.clone()), message));
            }
        }
    }

    /// Adds the flags.
    pub(super) fn flags(&mut self, flags: &Flags) {
        let texts = [
            ("gateway.listen", "--gateway-listen", &flags.gateway_listen),
            ("admin.listen", "--admin-listen", &flags.admin_listen),
            ("database.url", "--database", &flags.database),
            ("keys.kek_file", "--kek-file", &flags.kek_file),
            ("node.role", "--role", &flags.role),
        ];
        for (path, flag, text) in texts {
            if let Some(text) = text {
                self.text(path, Kind::Text, text, Origin::Flag(flag));
            }
        }
    }

    fn text(&mut self, path: &str, kind: Kind, text: &str, origin: Origin) {
        let string = |text: &str| Spanned::new(0..0, DeValue::String(Cow::Owned(text.to_owned())));
        let value = match (kind, text) {
            (Kind::Switch, "true") => Spanned::new(0..0, DeValue::Boolean(true)),
            (Kind::Switch, "false") => Spanned::new(0..0, DeValue::Boolean(false)),
            (Kind::List, _) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Spanned::new(0..0, DeValue::Array(items.map(string).collect::<DeArray<'_>>()))
            }
            (Kind::Text | Kind::Switch, _) => string(text),
        };
        self.given.insert(path.to_owned(), Given { value, origin, file: None });
    }
}

/// What is said about a name that is no setting.
fn unknown(path: &str, settings: &Settings) -> String {
    let names = settings.all.iter().map(|setting| &setting.path);
    let names = names.chain(settings.sections.iter().map(|(name, _)| name));
    match nearest(path, names.map(String::as_str)) {
        Some(name) => format!("{path} is not a setting; did you mean {name}?"),
        None => match settings.all.iter().find(|setting| setting.path.ends_with(&format!(".{path}"))) {
            Some(setting) => format!("{path} is not a setting here; did you mean {}?", setting.path),
            None => format!("{path} is not a setting; `keyroll config schema` lists them"),
        },
    }
}
