//! Checks the injections of one layer: where they stand and what their templates say.

use crate::problem::{Finding, token};
use crate::route::header::{is_injectable, same_header};
use crate::route::spec::{Inject, Injection, Plain};
use crate::template::{Place, Template};

/// Adds a finding for each broken rule.
pub(super) fn check(pointer: &str, inject: &Inject, findings: &mut Vec<Finding>) {
    for (name, injection) in &inject.headers {
        let pointer = format!("{pointer}/headers/{}", token(name));
        header_name(&pointer, name, inject, findings);
        match injection {
            Injection::Template(text) => template(pointer, text, Place::Header, findings),
            Injection::Basic { basic } => {
                template(format!("{pointer}/basic/username"), &basic.username, Place::BasicUsername, findings);
                template(format!("{pointer}/basic/password"), &basic.password, Place::BasicPassword, findings);
            }
            Injection::Switch(on) => switch(pointer, *on, findings),
        }
    }
    for (place, name, plain) in plains(inject) {
        let (word, place) = place;
        let pointer = format!("{pointer}/{word}/{}", token(name));
        if name.is_empty() || (word == "body" && (name == "/" || name.ends_with('/'))) {
            findings.push(Finding::new(pointer.clone(), "name-invalid", "has no name to inject into"));
        }
        match plain {
            Plain::Template(text) => template(pointer, text, place, findings),
            Plain::Switch(on) => switch(pointer, *on, findings),
        }
    }
}

fn plains(inject: &Inject) -> impl Iterator<Item = ((&'static str, Place), &String, &Plain)> {
    let query = inject.query.iter().map(|(name, plain)| (("query", Place::Query), name, plain));
    let body = inject.body.iter().map(|(name, plain)| (("body", Place::Body), name, plain));
    query.chain(body)
}

fn header_name(pointer: &str, name: &str, inject: &Inject, findings: &mut Vec<Finding>) {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        findings.push(Finding::new(pointer, "header-invalid", format!("{name:?} is not a header name")));
    } else if !is_injectable(name) {
        let detail =
            format!("{name} belongs to the connection, to the message's frame or to Keyroll, and cannot be injected");
        findings.push(Finding::new(pointer, "header-not-injectable", detail));
    }
    if let Some(twin) = inject.headers.keys().find(|other| *other < &name.to_owned() && same_header(other, name)) {
        let detail = format!("{name} and {twin} are one header to many servers; keep one of them");
        findings.push(Finding::new(pointer, "header-twice", detail));
    }
}

fn template(pointer: String, text: &str, place: Place, findings: &mut Vec<Finding>) {
    let checked = Template::parse(text).and_then(|template| template.check(place));
    if let Err(error) = checked {
        findings.push(Finding::new(pointer, "template-invalid", error.to_string()));
    }
}

fn switch(pointer: String, on: bool, findings: &mut Vec<Finding>) {
    if on {
        let detail = "is a template, or false to switch it off here; true says nothing";
        findings.push(Finding::new(pointer, "template-invalid", detail));
    }
}
