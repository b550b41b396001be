//! Writes data to stdout in the form that was asked for.

use serde_json::{Value, json};

use super::fault::Fault;
use super::out::Out;
use super::session::Format;
use super::table::{self, View};

/// One thing.
pub(super) fn item(out: &mut Out, format: Format, view: &View, item: &Value) -> Result<(), Fault> {
    match format {
        Format::Table => out.data(table::details(view, item).as_bytes()),
        Format::Name => out.line(&table::name(view, item)),
        Format::Json | Format::Yaml => document(out, format, item),
    }
}

/// Several things; `next` is what the server's page said.
pub(super) fn list(out: &mut Out, format: Format, view: &View, items: Vec<Value>, next: &Value) -> Result<(), Fault> {
    match format {
        Format::Table if items.is_empty() => {
            out.say("nothing found");
            Ok(())
        }
        Format::Table => out.data(table::table(view, &items).as_bytes()),
        Format::Name => items.iter().try_for_each(|item| out.line(&table::name(view, item))),
        Format::Json | Format::Yaml => document(out, format, &json!({"items": items, "next": next})),
    }
}

/// A whole answer as JSON or YAML; for a person as JSON too.
pub(super) fn document(out: &mut Out, format: Format, value: &Value) -> Result<(), Fault> {
    if format == Format::Yaml {
        let text = serde_saphyr::to_string(value).map_err(|error| std::io::Error::other(error.to_string()))?;
        return out.line(text.trim_end());
    }
    out.line(&serde_json::to_string_pretty(value).map_err(std::io::Error::from)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::super::table::{Cell, Column};
    use super::*;

    #[derive(Clone, Default)]
    struct Pane(Arc<Mutex<Vec<u8>>>);

    impl Write for Pane {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const VIEW: View = View { name: "/name", columns: &[Column("NAME", Cell::At("/name"))], details: &[] };

    #[test]
    fn each_form() {
        let items = || vec![json!({"name": "a"}), json!({"name": "b"})];
        for (format, expected) in [
            (Format::Table, "NAME\na\nb\n"),
            (Format::Name, "a\nb\n"),
            (
                Format::Json,
                "{\n  \"items\": [\n    {\n      \"name\": \"a\"\n    },\n    {\n      \"name\": \"b\"\n    }\n  ],\n  \"next\": null\n}\n",
            ),
            (Format::Yaml, "items:\n- name: a\n- name: b\nnext: null\n"),
        ] {
            let (data, talk) = (Pane::default(), Pane::default());
            let mut out = Out::scripted(b"", data.clone(), talk.clone(), false);
            list(&mut out, format, &VIEW, items(), &Value::Null).unwrap();
            assert_eq!(String::from_utf8(data.0.lock().unwrap().clone()).unwrap(), expected);
            assert!(talk.0.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn an_empty_table_is_talk_and_an_empty_document_is_data() {
        let (data, talk) = (Pane::default(), Pane::default());
        let mut out = Out::scripted(b"", data.clone(), talk.clone(), false);
        list(&mut out, Format::Table, &VIEW, Vec::new(), &Value::Null).unwrap();
        assert!(data.0.lock().unwrap().is_empty() && !talk.0.lock().unwrap().is_empty());
        list(&mut out, Format::Json, &VIEW, Vec::new(), &Value::Null).unwrap();
        assert!(!data.0.lock().unwrap().is_empty());
    }
}
