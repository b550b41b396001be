//! `keyroll audit verify`: every sequence number and every hash, computed on this side of the wire.

use api::audit::SIZE_HEADER;
use api::client::Call;
use api::path;
use serde_json::{Value, json};

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};

/// Fetches the audit as it is stored and checks it.
pub(super) async fn run(session: &mut Session<'_>) -> Result<(), Fault> {
    let mut answer = session.client.stream(Call::get(path::AUDIT_EXPORT)).await?;
    let promised: u64 = answer.header(SIZE_HEADER).and_then(|size| size.parse().ok()).unwrap_or_default();
    let mut check = Check::default();
    while let Some(piece) = answer.chunk().await? {
        check.take(&piece);
    }
    let (sound, fault) = check.end(promised);
    let told = json!({"size": promised, "sound": sound, "fault": fault.map(|problem| json!({"sequence": sound + 1, "problem": problem}))});
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &told)?,
        Format::Table if fault.is_none() => {
            session.out.line(&format!("{sound} events, none missing; every hash is right"))?;
        }
        Format::Table => session.out.line(&format!("{sound} events are in order, then the fault begins"))?,
        Format::Name => session.out.line(&sound.to_string())?,
    }
    fault.map_or(Ok(()), |problem| Err(Fault::Audit { sequence: sound + 1, problem }))
}

/// The events that were looked at so far.
#[derive(Default)]
struct Check {
    /// The beginning of a line whose end is still to come.
    rest: Vec<u8>,
    sound: u64,
    fault: Option<&'static str>,
}

impl Check {
    fn take(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let whole = std::mem::take(&mut self.rest);
        let mut lines = whole.split(|byte| *byte == b'\n');
        // `split` gives at least one piece: what stands behind the last line break.
        self.rest = lines.next_back().map(<[u8]>::to_vec).unwrap_or_default();
        for line in lines {
            self.line(line);
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.fault.is_none() {
            self.fault = problem(line, self.sound + 1);
            self.sound += u64::from(self.fault.is_none());
        }
    }

    /// How many events are sound, and what is wrong with the next one.
    fn end(mut self, promised: u64) -> (u64, Option<&'static str>) {
        if !self.rest.is_empty() {
            self.fault = self.fault.or(Some("is cut off"));
        }
        let fault = self.fault.or((self.sound < promised).then_some("is missing"));
        (self.sound, fault.or((self.sound > promised).then_some("is one more than was promised")))
    }
}

/// What is wrong with a line that has to hold the event of this number.
fn problem(line: &[u8], expected: u64) -> Option<&'static str> {
    // Taken apart by hand: the hash is over the record's very bytes, which reading it as JSON would lose.
    let parts = line
        .strip_prefix(br#"{"leaf_hash":""#)
        .and_then(|rest| rest.split_at_checked(64))
        .and_then(|(hash, rest)| Some((hash, rest.strip_prefix(br#"","record":"#)?.strip_suffix(b"}")?)));
    let Some((hash, record)) = parts else { return Some("is not written as an event is") };
    let Ok(value) = serde_json::from_slice::<Value>(record) else { return Some("is not JSON") };
    let found = value.get("sequence").and_then(Value::as_u64);
    if found != Some(expected) {
        return Some(if found > Some(expected) { "is missing" } else { "stands out of its order" });
    }
    let leaf: String = store::leaf_hash(record).iter().map(|byte| format!("{byte:02x}")).collect();
    (leaf.as_bytes() != hash).then_some("does not match its hash")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sequence: u64) -> String {
        let record = format!("{{\"action\":\"x\",\"sequence\":{sequence}}}");
        let leaf: String = store::leaf_hash(record.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{{\"leaf_hash\":\"{leaf}\",\"record\":{record}}}\n")
    }

    fn check(text: &str, piece: usize, promised: u64) -> (u64, Option<&'static str>) {
        let mut check = Check::default();
        text.as_bytes().chunks(piece).for_each(|piece| check.take(piece));
        check.end(promised)
    }

    #[test]
    fn what_was_changed_is_found() {
        let whole = [line(1), line(2), line(3)].concat();
        let table = [
            (whole.clone(), 3, (3, None)),
            (String::new(), 0, (0, None)),
            (whole.clone(), 4, (3, Some("is missing"))),
            (whole.clone(), 2, (3, Some("is one more than was promised"))),
            ([line(1), line(3)].concat(), 3, (1, Some("is missing"))),
            ([line(1), line(1), line(2)].concat(), 3, (1, Some("stands out of its order"))),
            (line(1) + &line(2).replace("\"x\"", "\"y\"") + &line(3), 3, (1, Some("does not match its hash"))),
            (line(1) + "{}\n" + &line(2), 3, (1, Some("is not written as an event is"))),
            (whole.trim_end().to_owned(), 3, (2, Some("is cut off"))),
        ];
        for (text, promised, expected) in table {
            for piece in [1, 7, 4096] {
                assert_eq!(check(&text, piece, promised), expected, "{text}");
            }
        }
    }
}
