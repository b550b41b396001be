//! The page of figures, and its tables.

use std::fmt::Write;

use serde_json::Value;

use super::Options;
use super::machine::Facts;

struct Table {
    key: &'static str,
    title: &'static str,
    how: &'static str,
}

const TABLES: [Table; 5] = [
    Table {
        key: "start",
        title: "Start",
        how: "The node is killed and started again on the full database. Ready means that the first snapshot, with \
              every route compiled and every secret that a route names opened, is served; it is looked at every 20 ms.",
    },
    Table {
        key: "publish",
        title: "A change until it is served",
        how: "One route's `PATCH` over the API changes a header that the route injects; from its answer on, clients of \
              the gateway ask every millisecond until the upstream receives the new header. The other node is a second \
              process on the same PostgreSQL, asked at the same time. What is promised is one second.",
    },
    Table {
        key: "changes",
        title: "Other changes",
        how: "From the request to its answer, one after the other, each with its audit event and flushed to disk.",
    },
    Table {
        key: "lists",
        title: "Lists and searches",
        how: "From the request to the whole answer, one after the other on one kept connection, after a first call that \
              is not counted. Pages hold 50.",
    },
    Table {
        key: "memory",
        title: "Memory of the node",
        how: "Resident memory (`VmRSS`), 3 seconds after the node became ready and after so many `PATCH`es, each of \
              another route. PostgreSQL's own memory is not in it.",
    },
];

/// The whole page.
pub(super) fn render(options: &Options, facts: &Facts, figures: &Value) -> String {
    let count = grouped(options.count);
    let Facts { cores, processor, memory_gib, file_system, date, version } = facts;
    let postgres = figures["postgres"].as_str().unwrap_or_default();
    let command = options.command();
    let mut page = format!(
        "# Benchmarks

{count} routes and {count} secrets in each database: what a start, a change, a list and the memory cost there. \
`{command}` measures it and writes this page; `cargo xtask bench --quick` does the same with 2,000 of each and only \
shows the tables.

## How it is measured

The release binary runs as it is shipped, with its log at `info`, and is asked over its admin API and its gateway like \
by any client. The database is filled over the same API, so that each secret and route brings its audit event and its \
revision; nineteen in twenty secrets are named by routes, each of them in the environment `production`. PostgreSQL is \
Debian's, on the same machine, reached over loopback, with `fsync` on, 32 MB of shared buffers and fresh planner \
statistics; SQLite flushes each commit too. Client, node and server share the cores.

Each cell is the median, with the least and the greatest in brackets. The ratio is PostgreSQL's median over SQLite's. \
Figures of another machine differ; ratios and orders of magnitude are what to take from here.

| | |
|---|---|
| date | {date} |
| version | {version} |
| processor | {processor}, {cores} cores |
| memory | {memory_gib} GiB |
| file system | {file_system} |
| PostgreSQL | {postgres} |
| command | `{command}` |
"
    );
    page.push_str(&tables(figures));
    page
}

/// The tables alone.
pub(super) fn tables(figures: &Value) -> String {
    let none = Vec::new();
    let all = figures["figures"].as_array().unwrap_or(&none);
    let mut text = String::new();
    for Table { key, title, how } in TABLES {
        let _ = write!(text, "\n## {title}\n\n{how}\n\n| what | SQLite | PostgreSQL | ratio |\n|---|---|---|---|\n");
        let mut said: Vec<&str> = Vec::new();
        for figure in all.iter().filter(|figure| figure["table"] == key) {
            let what = figure["what"].as_str().unwrap_or_default();
            if said.contains(&what) {
                continue;
            }
            said.push(what);
            let of =
                |engine: &str| all.iter().find(|f| f["table"] == key && f["what"] == what && f["engine"] == engine);
            let (sqlite, postgres) = (of("sqlite"), of("postgres"));
            let cell = |figure: Option<&Value>| figure.map_or_else(|| "–".to_owned(), cell);
            let ratio = match (sqlite.map(median), postgres.map(median)) {
                (Some(one), Some(other)) if one > 0.0 => format!("{:.1}", other / one),
                _ => "–".to_owned(),
            };
            let _ = writeln!(text, "| {what} | {} | {} | {ratio} |", cell(sqlite), cell(postgres));
        }
    }
    text
}

fn median(figure: &Value) -> f64 {
    number(figure, "median")
}

fn number(figure: &Value, name: &str) -> f64 {
    figure.get("figure").and_then(|f| f.get(name)).and_then(Value::as_f64).unwrap_or_default()
}

fn cell(figure: &Value) -> String {
    let part = |name: &str| short(number(figure, name));
    let unit = figure["unit"].as_str().unwrap_or_default();
    if number(figure, "times") <= 1.0 {
        return format!("{} {unit}", part("median"));
    }
    format!("{} {unit} ({} to {})", part("median"), part("min"), part("max"))
}

/// Three figures at least are shown of a small number, and no fractions of a large one.
fn short(number: f64) -> String {
    match number {
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

/// `100,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_engines_stand_side_by_side() {
        let figure = |what: &str, engine: &str, median: f64, times: u32| {
            let figure = json!({"times": times, "min": 1.0, "median": median, "max": 123.4});
            json!({"table": "lists", "what": what, "unit": "ms", "engine": engine, "figure": figure})
        };
        let all = [figure("a", "sqlite", 2.0, 5), figure("a", "postgres", 5.0, 5), figure("b", "postgres", 50.25, 1)];
        let text = tables(&json!({"figures": all}));
        assert!(text.contains("\n| a | 2.00 ms (1.00 to 123) | 5.00 ms (1.00 to 123) | 2.5 |\n"), "{text}");
        assert!(text.contains("\n| b | – | 50.2 ms | – |\n"), "{text}");
    }

    #[test]
    fn thousands_are_told_apart() {
        for (number, text) in [(7, "7"), (2_000, "2,000"), (100_000, "100,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
