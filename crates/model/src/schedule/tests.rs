//! What is due when, which minutes are in a window, and the calendar line by line.

use super::*;
use crate::secret::{Limits, State};

const DAY: i64 = 86_400_000;

fn secret(kind: Kind, class: Class, rotate_every: Option<&str>) -> Secret {
    Secret {
        id: "sec_1".to_owned(),
        name: "stripe_api_key".parse().unwrap(),
        kind,
        class,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: Limits { environments: None, allowed_hosts: None, sensitive: true },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: rotate_every.map(|span| span.parse().unwrap()),
        state: State::Active,
        fingerprint: "kf_1".to_owned(),
        created_at: Timestamp::from_millis(1_000 * DAY),
        created_by: "token:ops".to_owned(),
        deleted_at: None,
        last_referenced_at: None,
        version: 1,
    }
}

#[test]
fn what_is_due_when() {
    use {Class::*, Kind::*};
    // Kind, class, rotate_every, days until an upstream called it dead; days until it is due, and whether that is why.
    type Row = (Kind, Class, Option<&'static str>, Option<i64>, Option<(i64, bool)>);
    #[rustfmt::skip]
    let table: &[Row] = &[
        (ApiKey,           Standard, None,        None,     Some((90, false))),
        (ApiKey,           Critical, None,        None,     Some((30, false))),
        (WebhookSecret,    Critical, None,        None,     Some((30, false))),
        (Certificate,      Standard, None,        None,     Some((90, false))),
        (Other,            Critical, None,        None,     Some((30, false))),
        (DatabasePassword, Standard, None,        None,     Some((90, false))),
        (DatabasePassword, Critical, None,        None,     Some((90, false))),
        (DatabaseUrl,      Critical, None,        None,     Some((90, false))),
        (DatabaseUrl,      Critical, Some("7d"),  None,     Some((7, false))),
        (ApiKey,           Critical, Some("365d"), None,    Some((365, false))),
        // Its upstream decides, at once or never.
        (OauthToken,       Critical, None,        None,     None),
        (OauthToken,       Standard, None,        Some(12), Some((12, true))),
        // The earlier of the two.
        (OauthToken,       Standard, Some("7d"),  None,     Some((7, false))),
        (OauthToken,       Standard, Some("7d"),  Some(12), Some((7, false))),
        (OauthToken,       Standard, Some("30d"), Some(12), Some((12, true))),
        // A dead answer makes nothing else due.
        (ApiKey,           Standard, None,        Some(12), Some((90, false))),
        (DatabasePassword, Standard, None,        Some(12), Some((90, false))),
    ];
    for (kind, class, every, dead, expected) in table {
        let secret = secret(*kind, *class, *every);
        let after = |days: i64| secret.created_at.plus(Span::from_days(days));
        let found = due(&secret, dead.map(after));
        let case = format!("{kind} {class} {every:?} {dead:?}");
        assert_eq!(found.map(|due| due.at), expected.map(|(days, _)| after(days)), "{case}");
        assert_eq!(found.map(|due| due.reason == Reason::Dead), expected.map(|(_, dead)| dead), "{case}");
        assert_eq!(interval_ends_at(&secret), due(&secret, None).map(|due| due.at), "{case}");
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_minute_that_matches_is_inside() {
    let office = "* 9-16 * * MON-FRI Europe/Berlin";
    // The windows, now, when it opens.
    let table: &[(&[&str], &str, Option<&str>)] = &[
        (&[], "2026-11-28T03:00:00Z", Some("2026-11-28T03:00:00Z")),
        // A Thursday in winter, one hour ahead of UTC.
        (&[office], "2026-11-26T07:59:59.999Z", Some("2026-11-26T08:00:00Z")),
        (&[office], "2026-11-26T08:00:00Z", Some("2026-11-26T08:00:00Z")),
        (&[office], "2026-11-26T15:59:59.999Z", Some("2026-11-26T15:59:59.999Z")),
        (&[office], "2026-11-26T16:00:00Z", Some("2026-11-27T08:00:00Z")),
        // A Friday evening.
        (&[office], "2026-11-27T18:30:00Z", Some("2026-11-30T08:00:00Z")),
        // In summer, two hours ahead.
        (&[office], "2026-07-01T06:59:00Z", Some("2026-07-01T07:00:00Z")),
        // An hour that the clocks jump over at two in the morning of 2026-03-29.
        (&["* 2 * * * Europe/Berlin"], "2026-03-28T02:00:00Z", Some("2026-03-30T00:00:00Z")),
        // The first that opens counts.
        (&[office, "0-29 20 * * SUN UTC"], "2026-11-27T18:30:00Z", Some("2026-11-29T20:00:00Z")),
        (&[office, "0-29 20 * * SUN UTC"], "2026-11-29T20:29:30Z", Some("2026-11-29T20:29:30Z")),
        (&[office, "0-29 20 * * SUN UTC"], "2026-11-29T20:30:00Z", Some("2026-11-30T08:00:00Z")),
        (&["* * 29 2 * UTC"], "2026-11-26T00:00:00Z", Some("2028-02-29T00:00:00Z")),
        (&["* * * * * UTC"], "9999-12-31T00:00:00Z", None),
    ];
    for (texts, now, expected) in table {
        let windows = Windows::parse(texts).unwrap();
        let now = at(now);
        assert_eq!(windows.opens_at(now), expected.map(at), "{texts:?} {now}");
        assert_eq!(windows.is_open(now), expected.map(at) == Some(now), "{texts:?} {now}");
        if let Some(opens) = windows.opens_at(now) {
            assert!(windows.is_open(opens), "{texts:?} {opens}");
        }
    }
}

#[test]
fn what_is_no_window_is_told_in_one_line() {
    let table = [
        ("* 9-16 * * MON-FRI", "timezone"),
        ("* 9-16 * * MON-FRI Europe/Atlantis", "failed to find timezone Europe/Atlantis"),
        ("* 25 * * * UTC", "25"),
        ("* 16-9 * * * UTC", "ascending"),
        ("always", "is not a window"),
        ("", "is not a window"),
        ("* * 31 2 * UTC", "never opens"),
    ];
    for (text, expected) in table {
        let told = Windows::parse(&[text]).unwrap_err().to_string();
        assert!(told.contains(expected) && !told.contains('\n') && !told.contains("http"), "{text}: {told}");
    }
}

#[test]
fn the_calendar_line_by_line() {
    let mut first = secret(Kind::OauthToken, Class::Critical, None);
    first.owner = "Payments; Ops, \\o/\nand Zoë".to_owned();
    let now = at("2026-11-26T12:30:15.250Z");
    let dead = Due { at: at("2026-11-26T12:00:00Z"), reason: Reason::Dead };
    let later = Due { at: at("2026-12-24T23:59:59Z"), reason: Reason::Interval(Span::from_days(30)) };
    let successor = "stripe_api_key_v2".parse().unwrap();
    let entries = [
        Entry { secret: &first, due: dead, superseded_by: None },
        Entry { secret: &first, due: later, superseded_by: Some(&successor) },
    ];
    let text = calendar(&entries, now);
    let unfolded = text.replace("\r\n ", "");
    for line in [
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n",
        "\r\nUID:sec_1@keyroll\r\nDTSTAMP:20261126T123015Z\r\nDTSTART;VALUE=DATE:20261126\r\n",
        "\r\nSUMMARY:Overdue: rotate stripe_api_key\r\n",
        "\r\nDESCRIPTION:Due since 2026-11-26T12:00:00.000Z: its upstream called it dead.\\nKind oauth_token\\, class \
         critical.\\nOwner: Payments\\; Ops\\, \\\\o/\\nand Zoë.\\nStart: keyroll rotation start stripe_api_key\r\n",
        "\r\nCATEGORIES:critical\r\n",
        "\r\nTRIGGER:-P14D\r\n",
        "\r\nTRIGGER:-P7D\r\n",
        "\r\nTRIGGER:-P1D\r\n",
        "\r\nDTSTART;VALUE=DATE:20261224\r\nSUMMARY:Rotate stripe_api_key\r\n",
        "It has a successor\\, stripe_api_key_v2",
        "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ] {
        assert!(unfolded.contains(line), "{line:?} is not in {unfolded}");
    }
    let empty = calendar(&[], now);
    assert!(empty.contains("BEGIN:VTIMEZONE") && !text.contains("BEGIN:VTIMEZONE"), "{empty}");
}

#[test]
fn lines_are_folded_between_characters() {
    for (width, sign) in [(1, "x"), (2, "ë"), (3, "€"), (4, "𝄞")] {
        for count in 0..400 {
            let mut secret = secret(Kind::ApiKey, Class::Standard, None);
            // Moves the place of the fold through the characters.
            secret.owner = "a".repeat(count % 5) + &sign.repeat(count);
            let entries = [Entry { secret: &secret, due: due(&secret, None).unwrap(), superseded_by: None }];
            let text = calendar(&entries, secret.created_at);
            assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
            assert!(text.split("\r\n").all(|line| line.len() <= 75), "{width} {count}: {text}");
            assert!(text.replace("\r\n ", "").contains(&secret.owner), "{width} {count}: {text}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn whatever_an_owner_is_called_the_lines_hold(owner in ".*", millis in 0_i64..i64::MAX) {
        let mut secret = secret(Kind::ApiKey, Class::Standard, None);
        secret.owner = owner;
        let due = Due { at: Timestamp::from_millis(millis), reason: Reason::Dead };
        let text = calendar(&[Entry { secret: &secret, due, superseded_by: None }], Timestamp::from_millis(millis));
        for line in text.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains(char::is_control), "{line:?}");
        }
        let unfolded = text.replace("\r\n ", "");
        let property = |line: &str| line.is_empty() || line.split_once([':', ';']).is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        });
        assert!(unfolded.split("\r\n").all(property), "{unfolded}");
    }
}
