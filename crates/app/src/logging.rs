//! Structured logs on stderr: text for people or JSON for programs, with a level that can be changed while running.
//!
//! The configured level holds for our own crates, which never log a value, a header or a body. What libraries may
//! write is not ours to promise (an HTTP library at `trace` prints headers, a database driver its parameters), so
//! theirs is capped at `warn` at every level, `trace` included.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::{Layer, Registry};

use crate::config::{Format, Level, Log};

/// Our own crates, whose events the configured level is about.
const OURS: [&str; 9] = ["keyroll", "model", "envelope", "store", "outbound", "gateway", "engine", "api", "control"];

/// The way to change the logging of a running process.
#[derive(Debug, Clone)]
pub(crate) struct Logging(Handle<Targets, Registry>);

impl Logging {
    /// Starts logging for the whole process. A second call has no effect.
    pub(crate) fn start(log: &Log) -> Self {
        let (layer, logging) = layer(log, std::io::stderr().is_terminal(), std::io::stderr);
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
        std::panic::set_hook(Box::new(report_panic));
        logging
    }

    /// Takes the level and the access log over; the format stays.
    pub(crate) fn change(&self, log: &Log) {
        // It fails only where the subscriber is gone, with nobody left to log for.
        let _ = self.0.reload(targets(log));
    }
}

/// An error and what led to it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Where a panic happened, without its message: such messages can quote the text that was worked on.
fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    let (file, line) = info.location().map_or(("unknown", 0), |place| (place.file(), place.line()));
    tracing::error!(file, line, "a task of this process ended by a panic; please report it");
}

fn layer<W>(log: &Log, terminal: bool, writer: W) -> (Box<dyn Layer<Registry> + Send + Sync>, Logging)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(targets(log));
    // A set `NO_COLOR` is honoured by the default of the library, which `with_ansi` would override.
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        Format::Text => lines.with_ansi(colours).with_filter(filter).boxed(),
        Format::Json => lines.json().flatten_event(true).with_ansi(false).with_filter(filter).boxed(),
    };
    (layer, Logging(handle))
}

fn targets(log: &Log) -> Targets {
    let level = match log.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(OURS.map(|name| (name, level)))
        // Whatever the level is.
        .with_target(gateway::ACCESS, if log.access { LevelFilter::INFO } else { LevelFilter::OFF })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    fn say() {
        tracing::trace!(target: "gateway::admit", "ours at trace");
        tracing::error!(target: "engine", "ours at error");
        tracing::trace!(target: "hyper::proto", "theirs at trace");
        tracing::info!(target: "rustls::client", "theirs at info");
        tracing::warn!(target: "h2", "theirs at warn");
        tracing::info!(target: gateway::ACCESS, "a request");
    }

    fn heard(text: &str) -> Vec<&str> {
        let all =
            ["ours at trace", "ours at error", "theirs at trace", "theirs at info", "theirs at warn", "a request"];
        all.into_iter().filter(|line| text.contains(line)).collect()
    }

    #[test]
    fn libraries_are_capped_and_levels_change_while_running() {
        let sink = Sink::default();
        let writer = sink.clone();
        let mut log = Log { level: Level::Trace, ..Log::default() };
        let (layer, logging) = layer(&log, false, move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            say();
            assert_eq!(heard(&sink.take()), ["ours at trace", "ours at error", "theirs at warn"]);
            log.level = Level::Error;
            log.access = true;
            logging.change(&log);
            say();
            assert_eq!(heard(&sink.take()), ["ours at error", "a request"]);
        });
    }

    #[test]
    fn a_json_line_is_one_object() {
        let sink = Sink::default();
        let writer = sink.clone();
        let log = Log { format: Format::Json, ..Log::default() };
        let (layer, _logging) = layer(&log, true, move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(target: "store", revision = 7, "published");
        });
        let line: serde_json::Value = serde_json::from_str(sink.take().trim_end()).unwrap();
        assert_eq!(
            (&line["message"], &line["revision"], &line["level"]),
            (&"published".into(), &7.into(), &"INFO".into())
        );
    }
}
