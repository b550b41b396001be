//! Checks the members of one layer that are not injections.

use super::Known;
use crate::path::PathPattern;
use crate::problem::Finding;
use crate::route::spec::Settings;
use crate::time::Span;
use crate::upstream::Upstream;

/// The longest time-out that may be asked for.
const LONGEST: Span = Span::from_hours(24);

/// Adds a finding for each broken rule.
pub(super) fn check(pointer: &str, layer: &Settings, known: &Known, findings: &mut Vec<Finding>) {
    if let Some(text) = &layer.upstream
        && let Err(error) = Upstream::parse(text, &known.allow_private)
    {
        findings.push(Finding::new(format!("{pointer}/upstream"), "upstream-invalid", error.to_string()));
    }
    for (index, method) in layer.methods.as_set().into_iter().flatten().enumerate() {
        let fits = http::Method::from_bytes(method.as_bytes()).is_ok_and(|known| {
            known != http::Method::CONNECT
                && known != http::Method::TRACE
                && !method.bytes().any(|b| b.is_ascii_lowercase())
        });
        if !fits {
            let detail =
                format!("{method:?} is not a method in capitals that can be passed on (not CONNECT, not TRACE)");
            findings.push(Finding::new(format!("{pointer}/methods/{index}"), "method-invalid", detail));
        }
    }
    for (index, path) in layer.paths.as_set().into_iter().flatten().enumerate() {
        if let Err(error) = path.parse::<PathPattern>() {
            let detail = format!("{path:?} is not a path pattern: {error}");
            findings.push(Finding::new(format!("{pointer}/paths/{index}"), "path-invalid", detail));
        }
    }
    for (index, name) in layer.remove_headers.as_set().into_iter().flatten().enumerate() {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            let detail = format!("{name:?} is not a header name");
            findings.push(Finding::new(format!("{pointer}/remove_headers/{index}"), "header-invalid", detail));
        }
    }
    timeouts(pointer, layer, findings);
    limits(pointer, layer, findings);
}

fn timeouts(pointer: &str, layer: &Settings, findings: &mut Vec<Finding>) {
    let all =
        [("connect", layer.timeouts.connect), ("response", layer.timeouts.response), ("idle", layer.timeouts.idle)];
    for (name, span) in all {
        if span.is_some_and(|span| span < Span::from_millis(1) || span > LONGEST) {
            let detail = format!("a time-out is between 1ms and {LONGEST}");
            findings.push(Finding::new(format!("{pointer}/timeouts/{name}"), "timeout-invalid", detail));
        }
    }
}

fn limits(pointer: &str, layer: &Settings, findings: &mut Vec<Finding>) {
    if let Some(limit) = layer.rate_limit.as_set()
        && (limit.requests == 0 || limit.per < Span::from_millis(1) || limit.burst == Some(0))
    {
        let detail = "requests and burst are at least 1, per is at least 1ms";
        findings.push(Finding::new(format!("{pointer}/rate_limit"), "rate-limit-invalid", detail));
    }
    if layer.max_request_body.as_set() == Some(&0) {
        let detail = "a limit is at least 1 byte; null is no limit";
        findings.push(Finding::new(format!("{pointer}/max_request_body"), "limit-invalid", detail));
    }
}
