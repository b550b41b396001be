//! What may be written in a template, one line per case.

use model::name::SecretName;
use model::template::{Part, Place, Template, TemplateFault};

fn show(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => format!("'{text}'"),
        Part::Secret(name) => format!("<{name}>"),
        Part::Builtin(builtin) => format!("[{}]", builtin.as_str()),
    };
    template.parts().map(part).collect()
}

#[test]
fn good_templates() {
    for (text, parts) in [
        ("", ""),
        ("plain", "'plain'"),
        ("{{a}}", "<a>"),
        ("{{ a }}", "<a>"),
        ("{{   a }}", "<a>"),
        ("{{secret:a}}", "<a>"),
        ("{{ secret:a }}", "<a>"),
        ("{{secret:secrets}}", "<secrets>"),
        ("{{Timestamp}}", "<Timestamp>"),
        ("Bearer {{stripe_api_key}}", "'Bearer '<stripe_api_key>"),
        ("{{a}}{{b}}", "<a><b>"),
        ("{{a}}:{{a}}!", "<a>':'<a>'!'"),
        ("{{request_id}}{{environment}}", "[request_id][environment]"),
        ("{{route}} {{client}} {{ timestamp }}", "[route]' '[client]' '[timestamp]"),
        (r"\{{a}}", "'{{a}}'"),
        (r"\\{{a}}", r"'\{{a}}'"),
        (r"\{{{{a}}", "'{{'<a>"),
        (r"\{{{a}}", "'{{{a}}'"),
        (r"\{{\{{", "'{{{{'"),
        (r"{{a}}\{{{{b}}", "<a>'{{'<b>"),
        (r"{\{{a", "'{{{a'"),
        (r"\", r"'\'"),
        (r"\{ \} \n \\", r"'\{ \} \n \\'"),
        ("{", "'{'"),
        ("}", "'}'"),
        ("}}", "'}}'"),
        ("{a}", "'{a}'"),
        ("{ {a} }", "'{ {a} }'"),
        ("a}} {{b}}", "'a}} '<b>"),
        ("{{a}}}", "<a>'}'"),
        ("{{a}}}}", "<a>'}}'"),
        ("${a} $1 %s", "'${a} $1 %s'"),
        ("é{{a}}漢", "'é'<a>'漢'"),
    ] {
        let template = Template::parse(text).unwrap();
        assert_eq!(show(&template), parts, "{text}");
        assert_eq!(template.to_string(), text);
    }
}

#[test]
fn mistakes_name_their_column() {
    for (text, column, words) in [
        ("{{", 1, "has no }}"),
        ("{{a", 1, "has no }}"),
        ("ab {{a} }", 4, "has no }}"),
        ("é漢{{a", 3, "has no }}"),
        (r"\{{a}} {{b", 8, "has no }}"),
        ("{{}}", 1, "no name"),
        ("x{{  }}", 2, "no name"),
        ("{{secret:}}", 1, "no name"),
        ("{{{a}}}", 1, "ambiguous"),
        ("{{a}}{{{", 6, "ambiguous"),
        (r"{{\{{a}}", 3, r"'\\' may not stand here"),
        ("{{env:HOME}}", 3, "only secret:"),
        ("{{secret :a}}", 3, "only secret:"),
        ("{{Secret:a}}", 3, "only secret:"),
        ("{{:a}}", 3, "only secret:"),
        ("{{secret: a}}", 10, "' ' may not stand here"),
        ("{{secret:a:b}}", 11, "':' may not stand here"),
        ("{{a b}}", 4, "' ' may not stand here"),
        ("{{ a-b }}", 5, "'-' may not stand here"),
        ("{{\ta}}", 3, r"'\t' may not stand here"),
        ("{{a {{b}}", 4, "' ' may not stand here"),
        ("{{1a}}", 3, "'1' may not stand here"),
        ("{{é}}", 3, "'é' may not stand here"),
        ("{{aé}}", 4, "'é' may not stand here"),
        ("é {{ äb }}", 6, "'ä' may not stand here"),
        ("{{#if a}}", 3, "'#' may not stand here"),
        ("{{secret}}", 3, "reserved"),
        ("{{ secret:request_id }}", 11, "reserved"),
        ("{{secret:secret}}", 10, "reserved"),
    ] {
        let error = Template::parse(text).unwrap_err();
        assert_eq!(error.column(), column, "{text}: {error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("column {column}: ")), "{message}");
        assert!(message.contains(words), "{text}: {message}");
        assert!(message.contains(r"{{secret:name}} for a secret"), "{message}");
    }
    let long = format!("{{{{{}}}}}", "a".repeat(129));
    assert!(matches!(Template::parse(&long).unwrap_err().fault(), TemplateFault::Name(_)));
    assert!(Template::parse(&long.replacen('a', "", 1)).is_ok());
}

#[test]
fn a_message_reads_well() {
    assert_eq!(
        Template::parse("Bearer {{a").unwrap_err().to_string(),
        "column 8: this {{ has no }}; write {{name}} or {{secret:name}} for a secret, {{request_id}}, \
         {{environment}}, {{route}}, {{client}} or {{timestamp}} for a fact of the request, and \\{{ for two literal \
         braces"
    );
}

#[test]
fn messages_do_not_quote_what_was_pasted() {
    let pasted = "sk_live_hunter2hunter2";
    for text in [format!("{{{{{pasted}:x}}}}"), format!("{pasted}{{{{"), format!("{{{{a {pasted}}}}}")] {
        let error = Template::parse(&text).unwrap_err();
        assert!(!error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn literals_are_checked_for_their_place() {
    for (text, place, column) in [
        ("a b\t~", Place::Header, None),
        (r"\{{ {{a}}", Place::Header, None),
        ("{{timestamp}}", Place::Header, None),
        ("ab\r\nX: y", Place::Header, Some(3)),
        ("{{a}}\n", Place::Header, Some(6)),
        (r"\{{{{a}}\{{ }\{{é", Place::Header, Some(17)),
        ("\0", Place::Header, Some(1)),
        ("\u{7f}", Place::Header, Some(1)),
        ("{{ a }}ü{{b}}\n", Place::Header, Some(8)),
        ("ü\r\n\0", Place::Query, None),
        ("ü\r\n\0", Place::Body, None),
        ("ü@x", Place::BasicUsername, None),
        ("a:b", Place::BasicUsername, Some(2)),
        ("a:b", Place::BasicPassword, None),
        ("a\tb", Place::BasicUsername, Some(2)),
        ("a\u{85}b", Place::BasicPassword, Some(2)),
        ("x{{timestamp}}", Place::BasicUsername, Some(2)),
        ("{{request_id}}", Place::BasicUsername, Some(1)),
        ("{{environment}}{{route}}{{client}}", Place::BasicUsername, None),
        ("{{timestamp}}{{request_id}}", Place::BasicPassword, None),
    ] {
        let found = Template::parse(text).unwrap().check(place).err();
        assert_eq!(found.as_ref().map(|error| error.column()), column, "{text:?} {place:?}");
        if let Some(error) = found {
            assert!(error.to_string().contains(place.words()), "{error}");
        }
    }
}

#[test]
fn values_are_checked_for_their_place() {
    use Place::{BasicPassword, BasicUsername, Body, Header, Query};
    for (value, refusing) in [
        ("plain", &[] as &[Place]),
        ("ünïcode {{x}} $1 \\", &[]),
        ("two\twords", &[BasicUsername, BasicPassword]),
        ("a:b", &[BasicUsername]),
        ("line\n", &[Header, BasicUsername, BasicPassword]),
        ("a\r", &[Header, BasicUsername, BasicPassword]),
        ("a\0", &[Header, BasicUsername, BasicPassword]),
        ("a\u{7f}", &[Header, BasicUsername, BasicPassword]),
    ] {
        for place in [Header, Query, Body, BasicUsername, BasicPassword] {
            assert_eq!(place.admits(value).is_err(), refusing.contains(&place), "{value:?} {place:?}");
        }
    }
}

#[test]
fn a_header_value_is_what_the_http_crate_accepts() {
    for c in (0..=255_u8).map(char::from) {
        let value = format!("a{c}b");
        let accepted = http::HeaderValue::from_bytes(value.as_bytes()).is_ok();
        assert_eq!(Place::Header.admits(&value).is_ok(), accepted, "{c:?}");
    }
}

#[test]
fn secrets_are_listed_as_often_as_named() {
    let template = Template::parse("{{a}} {{route}} {{ secret:b }}{{a}}").unwrap();
    let names: Vec<_> = template.secrets().map(SecretName::as_str).collect();
    assert_eq!(names, ["a", "b", "a"]);
    assert!(template.mentions(&"b".parse().unwrap()));
    assert!(!template.mentions(&"route_".parse().unwrap()));
}

#[test]
fn replacing_keeps_everything_else() {
    for (text, replaced) in [
        ("{{a}}", Some("{{new}}")),
        ("{{  a }}", Some("{{  new }}")),
        ("{{secret:a}}", Some("{{secret:new}}")),
        ("{{ secret:a}}", Some("{{ secret:new}}")),
        ("a {{a}} a {{b}} \\{{a}} }}{{ a}}\\", Some("a {{new}} a {{b}} \\{{a}} }}{{ new}}\\")),
        ("{{ab}}", None),
        ("{{A}}", None),
        ("a", None),
        ("\\{{a}}", None),
        ("{{route}}", None),
        ("é{{a}}é", Some("é{{new}}é")),
    ] {
        let template = Template::parse(text).unwrap();
        let found = template.replace(&"a".parse().unwrap(), &"new".parse().unwrap());
        assert_eq!(found.as_ref().map(Template::source), replaced, "{text}");
    }
    let e = Template::parse("{{secret:e}}").unwrap();
    let replaced = e.replace(&"e".parse().unwrap(), &"f".parse().unwrap()).unwrap();
    assert_eq!(replaced.source(), "{{secret:f}}");
}

#[test]
fn on_the_wire_a_template_is_its_source() {
    let text = r#""Bearer {{ a }}""#;
    let template: Template = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&template).unwrap(), text);
    let error = serde_json::from_str::<Template>(r#""Bearer {{a""#).unwrap_err();
    assert!(error.to_string().contains("column 8: this {{ has no }}"), "{error}");
    assert!(serde_json::from_str::<Template>("5").is_err());
}
