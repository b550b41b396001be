//! Turns the server's JSON into aligned columns and labelled lines.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::out::plain;

/// How one kind of thing is shown.
pub(super) struct View {
    /// JSON Pointer to what `-o name` prints.
    pub(super) name: &'static str,
    /// The columns of a list.
    pub(super) columns: &'static [Column],
    /// The labelled lines of a single thing; the columns where there are none.
    pub(super) details: &'static [Column],
}

/// One column, or one labelled line.
pub(super) struct Column(pub(super) &'static str, pub(super) Cell);

/// What stands in a cell.
pub(super) enum Cell {
    /// What a JSON Pointer leads to.
    At(&'static str),
    /// What a function makes of the whole item.
    By(fn(&Value) -> String),
}

impl Column {
    fn text(&self, item: &Value) -> String {
        let text = match &self.1 {
            Cell::At(pointer) => text(item.pointer(pointer).unwrap_or(&Value::Null)),
            Cell::By(show) => show(item),
        };
        if text.is_empty() { "-".to_owned() } else { text }
    }
}

/// A value as the text of a cell.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}

/// What `-o name` prints for an item.
pub(super) fn name(view: &View, item: &Value) -> String {
    plain(&text(item.pointer(view.name).unwrap_or(&Value::Null))).replace('\n', " ")
}

/// The items as a table with a head; columns two spaces apart, no white space at the ends.
pub(super) fn table(view: &View, items: &[Value]) -> String {
    let rows = items.iter().map(|item| view.columns.iter().map(|column| one_line(&column.text(item))).collect());
    lay_out(Some(view.columns.iter().map(|column| column.0.to_owned()).collect()), rows.collect())
}

/// One item as labelled lines; what has structure follows as indented YAML.
pub(super) fn details(view: &View, item: &Value) -> String {
    let columns = if view.details.is_empty() { view.columns } else { view.details };
    let (mut rows, mut blocks) = (Vec::new(), String::new());
    for column in columns {
        let value = match &column.1 {
            Cell::At(pointer) => item.pointer(pointer),
            Cell::By(_) => None,
        };
        match value {
            Some(value) if has_structure(value) => blocks.push_str(&block(column.0, value)),
            _ => rows.push(vec![format!("{}:", column.0), one_line(&column.text(item))]),
        }
    }
    lay_out(None, rows) + &blocks
}

fn has_structure(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
        _ => false,
    }
}

fn block(label: &str, value: &Value) -> String {
    let yaml = serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string());
    let mut out = format!("{label}:\n");
    for line in plain(&yaml).lines() {
        out.push_str("  ");
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn one_line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// Rows of cells as aligned columns, with a head or without; whatever the cells hold, each is one line.
pub(super) fn grid(head: Option<Vec<String>>, rows: Vec<Vec<String>>) -> String {
    let clean = |row: Vec<String>| row.iter().map(|cell| one_line(cell)).collect();
    lay_out(head, rows.into_iter().map(clean).collect())
}

fn lay_out(head: Option<Vec<String>>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(head.into_iter().chain(rows));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").filter(|line| line != "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const VIEW: View = View {
        name: "/name",
        columns: &[
            Column("NAME", Cell::At("/name")),
            Column("TAGS", Cell::At("/tags")),
            Column("USED", Cell::By(|item| item["n"].as_u64().map_or(String::new(), |n| format!("{n} times")))),
        ],
        details: &[Column("Name", Cell::At("/name")), Column("Base", Cell::At("/base"))],
    };

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let items =
            [json!({"name": "a", "tags": ["x", "y"], "n": 3}), json!({"name": "größer", "tags": [], "n": null})];
        assert_eq!(table(&VIEW, &items), "NAME    TAGS  USED\na       x, y  3 times\ngrößer  -     -\n");
        assert_eq!(table(&VIEW, &[]), "NAME  TAGS  USED\n");
    }

    #[test]
    fn what_has_structure_is_a_block() {
        let item =
            json!({"name": "pay", "base": {"upstream": "https://a", "inject": {"headers": {"A": "Bearer {{a}}"}}}});
        assert_eq!(
            details(&VIEW, &item),
            "Name:  pay\nBase:\n  inject:\n    headers:\n      A: Bearer {{a}}\n  upstream: https://a\n"
        );
        assert_eq!(details(&VIEW, &json!({"name": "pay", "base": {}})), "Name:  pay\nBase:  {}\n");
    }

    #[test]
    fn a_cell_cannot_break_the_table_or_drive_the_terminal() {
        let item = json!({"name": "a\nb\u{1b}[31m", "tags": []});
        assert_eq!(table(&VIEW, std::slice::from_ref(&item)).lines().count(), 2);
        assert!(!table(&VIEW, std::slice::from_ref(&item)).contains('\u{1b}'));
        assert_eq!(name(&VIEW, &item), "a b\u{fffd}[31m");
    }
}
