//! Bad input for every member of every request body, made from the OpenAPI document: a new member is tried by itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use common::{House, Reply};
use model::access::Role;
use serde_json::{Map, Value, json};

/// A request body with one thing wrong, and where.
#[derive(Debug, Clone)]
struct Bad {
    pointer: String,
    body: Value,
    why: &'static str,
}

/// The schemas of the document, with references followed.
struct Schemas(Value);

impl Schemas {
    fn follow<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.follow(self.0.pointer(reference.trim_start_matches('#')).unwrap()),
            None => schema,
        }
    }

    /// The forms that a schema allows, `null` aside.
    fn forms<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.follow(schema);
        let several = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[word].as_array());
        match several {
            Some(forms) => {
                forms.iter().flat_map(|form| self.forms(form)).filter(|form| form["type"] != "null").collect()
            }
            None => vec![schema],
        }
    }

    fn types(&self, schema: &Value) -> Vec<String> {
        let named = |form: &Value| match &form["type"] {
            Value::String(word) => vec![word.clone()],
            Value::Array(words) => words.iter().map(|word| word.as_str().unwrap().to_owned()).collect(),
            _ => vec!["object".to_owned()],
        };
        self.forms(schema).into_iter().flat_map(named).collect()
    }

    fn is_nullable(&self, schema: &Value) -> bool {
        let schema = self.follow(schema);
        let several = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[word].as_array());
        let null = json!("null");
        schema["type"] == null
            || schema["type"].as_array().is_some_and(|words| words.contains(&null))
            || several.is_some_and(|forms| forms.iter().any(|form| self.is_nullable(form)))
    }

    /// A value that the schema allows. Names are those that the house has.
    fn good(&self, name: &str, schema: &Value) -> Value {
        let form = self.forms(schema)[0];
        if let Some(known) = known(name) {
            return known;
        }
        if let Some(first) = form["enum"].as_array().map(|words| words[0].clone()) {
            return first;
        }
        match self.types(form)[0].as_str() {
            "object" => self.object(form, &[]),
            "array" => json!([self.good(name, &form["items"])]),
            "integer" => json!(200),
            "boolean" => json!(false),
            _ => form.get("example").cloned().unwrap_or(json!("fresh")),
        }
    }

    /// An object with its required members and those of `more`.
    fn object(&self, form: &Value, more: &[&str]) -> Value {
        let required = form["required"].as_array().cloned().unwrap_or_default();
        let mut members = Map::new();
        for (name, schema) in form["properties"].as_object().into_iter().flatten() {
            if required.iter().any(|other| other == name) || more.contains(&name.as_str()) {
                members.insert(name.clone(), self.good(name, schema));
            }
        }
        Value::Object(members)
    }

    /// All ways to spoil one member below `pointer`, each in an otherwise good body.
    fn spoil(&self, pointer: &str, schema: &Value, depth: usize, wrap: &dyn Fn(Value) -> Value) -> Vec<Bad> {
        let mut bad = Vec::new();
        for form in self.forms(schema) {
            let Some(members) = form["properties"].as_object() else { continue };
            let mut extra = self.object(form, &[]);
            extra["no_such_member"] = json!(1);
            bad.push(Bad {
                pointer: format!("{pointer}/no_such_member"),
                body: wrap(extra),
                why: "a member that does not exist",
            });
            for required in form["required"].as_array().into_iter().flatten() {
                let mut without = self.object(form, &[]);
                without.as_object_mut().unwrap().remove(required.as_str().unwrap());
                bad.push(Bad {
                    pointer: format!("{pointer}/{}", required.as_str().unwrap()),
                    body: wrap(without),
                    why: "a required member is missing",
                });
            }
            for (name, member) in members {
                let here = format!("{pointer}/{name}");
                let with = |value: Value| {
                    let mut body = self.object(form, &[]);
                    body[name] = value;
                    body
                };
                let types = self.types(member);
                if !self.is_nullable(member) {
                    bad.push(Bad { pointer: here.clone(), body: wrap(with(Value::Null)), why: "null" });
                }
                // No member of the contract takes a fraction, so that this is wrong for every type.
                bad.push(Bad { pointer: here.clone(), body: wrap(with(json!(1.5))), why: "a fraction" });
                if !types.iter().any(|word| word == "string") {
                    bad.push(Bad {
                        pointer: here.clone(),
                        body: wrap(with(json!("text"))),
                        why: "text where none belongs",
                    });
                }
                if !types.iter().any(|word| word == "boolean") {
                    bad.push(Bad { pointer: here.clone(), body: wrap(with(json!(true))), why: "a truth value" });
                }
                if types.iter().any(|word| word == "string") {
                    bad.push(Bad { pointer: here.clone(), body: wrap(with(json!("a\u{0}b"))), why: "NUL in a text" });
                }
                if types.iter().any(|word| word == "string") {
                    let escape = wrap(with(json!("a\u{1b}b")));
                    bad.push(Bad { pointer: here.clone(), body: escape, why: "an escape in a text" });
                }
                if self.forms(member).iter().any(|form| form["additionalProperties"].is_object()) {
                    bad.push(Bad {
                        pointer: here.clone(),
                        body: wrap(with(json!({"a\u{0}b": {}}))),
                        why: "NUL in a name",
                    });
                    bad.push(Bad {
                        pointer: here.clone(),
                        body: wrap(with(json!({"a": "b\u{0}"}))),
                        why: "NUL in a map",
                    });
                }
                if types.iter().any(|word| word == "integer") {
                    bad.push(Bad { pointer: here.clone(), body: wrap(with(json!(-1))), why: "a negative number" });
                }
                if !types.iter().any(|word| word == "array") {
                    bad.push(Bad {
                        pointer: here.clone(),
                        body: wrap(with(json!([]))),
                        why: "a list where none belongs",
                    });
                }
                if types.iter().any(|word| word == "array") {
                    bad.push(Bad { pointer: here.clone(), body: wrap(with(json!(["a\u{0}b"]))), why: "NUL in a list" });
                    bad.push(Bad { pointer: here.clone(), body: wrap(with(json!([{}]))), why: "an object in a list" });
                }
                if depth > 0 && types.iter().any(|word| word == "object") {
                    let nested = |value: Value| {
                        let mut body = self.object(form, &[]);
                        body[name] = value;
                        wrap(body)
                    };
                    bad.extend(self.spoil(&here, member, depth - 1, &nested));
                }
            }
        }
        bad
    }
}

/// Members whose good values are things that the house has, or that rules tie to something.
fn known(name: &str) -> Option<Value> {
    Some(match name {
        "environments" | "environment" => {
            return Some(if name == "environment" { json!("staging") } else { json!(["staging"]) });
        }
        "name" => json!("fresh"),
        "routes" => json!(["known"]),
        "from" => json!("known"),
        "to" => json!("other"),
        "names" => json!(["known"]),
        "per" | "connect" | "response" | "idle" | "rotate_every" => json!("30s"),
        "expires_at" => json!("2030-01-01T00:00:00Z"),
        "base" => json!({"upstream": "https://api.example.com"}),
        "upstream" => json!("https://api.example.com"),
        "url" => json!("https://api.example.com/v1"),
        "revision" => json!(1),
        "outgoing" => json!("known"),
        "incoming" => json!({"name": "other"}),
        _ => return None,
    })
}

/// The operations with a body: method, path, schema.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"];
            if let Some(content) = content.as_object().and_then(|content| content.values().next()) {
                found.push((method.to_uppercase(), path.clone(), content["schema"].clone()));
            }
        }
    }
    found
}

async fn furnished() -> House {
    let house = House::new().await;
    for name in ["known", "other"] {
        let body = json!({"name": name, "value": "a-value-of-some-length"});
        house.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(201);
    }
    let route =
        json!({"name": "known", "base": {"upstream": "https://api.example.com"}, "environments": {"staging": {}}});
    house.send(Role::Admin, "POST", "/v1/routes", route).await.expect(201);
    let client = json!({"name": "known", "environments": ["staging"], "routes": ["known"]});
    house.send(Role::Admin, "POST", "/v1/clients", client).await.expect(201);
    house.silent_node("node_known").await;
    house
}

/// Whether the answer names the member or something inside it; for one that is not there, also the object around it.
fn names(reply: &Reply, bad: &Bad) -> bool {
    let absent = bad.why.contains("missing") || bad.why.contains("not exist");
    let around = bad.pointer.rsplit_once('/').map(|(around, _)| around).filter(|around| absent && !around.is_empty());
    let fits =
        |found: &str| found == bad.pointer || found.starts_with(&format!("{}/", bad.pointer)) || Some(found) == around;
    reply.errors().iter().any(|(found, _)| fits(found))
}

/// Bodies that are good although they look spoilt, each with its reason.
fn is_fine(method: &str, path: &str, bad: &Bad) -> bool {
    match (method, path, bad.pointer.as_str(), bad.why) {
        // The body of a test request is sent as it is; an upstream may well expect NUL.
        ("POST", "/v1/routes/{name}/test", "/body", "NUL in a text" | "an escape in a text") => true,
        // A value may hold what its provider put into it, NUL and line breaks aside.
        (_, _, "/value" | "/incoming/value", "an escape in a text") => true,
        // The patch of a route is merged into it, and what may be absent can be taken away.
        ("PATCH", "/v1/routes/{name}", pointer, "null") => pointer.ends_with("/probe/headers"),
        _ => false,
    }
}

#[tokio::test]
async fn every_member_of_every_body_is_held_to_its_rule() {
    let schemas = Schemas(serde_json::to_value(control::openapi()).unwrap());
    let house = furnished().await;
    let mut tried = 0;
    let mut wrong = Vec::new();
    for (method, path, schema) in operations(&schemas.0) {
        let address = path
            .replace("environments/{name}", "environments/staging")
            .replace("{name}", "known")
            .replace("{id}", "node_known");
        for bad in schemas.spoil("", &schema, 3, &|body| body) {
            if is_fine(&method, &path, &bad) {
                continue;
            }
            let reply = house.send(Role::Admin, &method, &address, bad.body.clone()).await;
            tried += 1;
            let status = reply.status.as_u16();
            // A secret's value must not come back in a problem, even where it is what is wrong.
            if !(status == 422 || status == 409 && bad.pointer == "/value") || (status == 422 && !names(&reply, &bad)) {
                wrong.push(format!("{method} {path} {} ({}): {} {}", bad.pointer, bad.why, reply.status, reply.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} were taken or named wrongly:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 200, "only {tried} bodies were tried");
}

#[tokio::test]
async fn no_body_is_a_list() {
    let schemas = Schemas(serde_json::to_value(control::openapi()).unwrap());
    let house = furnished().await;
    for (method, path, schema) in operations(&schemas.0) {
        let address = path
            .replace("environments/{name}", "environments/staging")
            .replace("{name}", "known")
            .replace("{id}", "node_known");
        // Without members, and with those of a good body in their order.
        let good = schemas.object(schemas.forms(&schema)[0], &[]);
        let listed = Value::Array(good.as_object().unwrap().values().cloned().collect());
        for body in [json!([]), listed, json!([good])] {
            let reply = house.send(Role::Admin, &method, &address, body.clone()).await;
            let said = reply.errors();
            let named = said.iter().any(|(pointer, code)| pointer.is_empty() && code == "member-invalid");
            assert!(reply.status.as_u16() == 422 && named, "{method} {path} {body}: {} {}", reply.status, reply.text);
        }
    }
}

#[tokio::test]
async fn the_bodies_that_were_spoilt_are_good_otherwise() {
    let schemas = Schemas(serde_json::to_value(control::openapi()).unwrap());
    for (method, path, schema) in operations(&schemas.0) {
        // A fresh house for each: what one makes, another would find taken.
        let house = furnished().await;
        let address = path
            .replace("environments/{name}", "environments/staging")
            .replace("{name}", "known")
            .replace("{id}", "node_known");
        // No member of a route is required by itself, but one that says nothing at all is refused.
        let more: &[&str] = if path.starts_with("/v1/routes") { &["base"] } else { &[] };
        let body = schemas.object(schemas.forms(&schema)[0], more);
        let reply = house.send(Role::Admin, &method, &address, body.clone()).await;
        // There is no rotation in this house: a good body is read, and then there is nothing to do it with.
        let fine = reply.status.is_success()
            || (path.starts_with("/v1/rotations/{id}/") && reply.code() == "rotation-not-found")
            || ((path.ends_with("/test") || path.ends_with("/probe")) && reply.status.as_u16() < 500);
        assert!(fine, "{method} {path} {body}: {} {}", reply.status, reply.text);
    }
}
