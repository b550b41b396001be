//! The requests of an application: most of them small, some that cannot be sent again, some that no key would save.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;

use super::Application;
use crate::demo::provider::{CHARGE, received};

/// The body of a request.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A GET.
    Balance,
    /// A small POST.
    Charge,
    /// A POST that is too long to be kept for a second try.
    Long,
    /// A POST in pieces, without a length: it cannot be sent a second time either.
    Pieces,
    /// A GET of what does not exist: 404 whatever the key.
    Missing,
    /// A POST that the provider refuses with 401 whatever the key.
    WrongCode,
}

/// Longer than what the gateway keeps for a second try.
const LONG: usize = 96 * 1024;
const PIECE: usize = 4 * 1024;
const PIECES: usize = 4;

impl Kind {
    /// The kind of an application's request, by its number.
    pub(super) fn of(number: u64) -> Self {
        match number % 100 {
            13 | 63 => Self::Long,
            21 | 46 | 71 | 96 => Self::Pieces,
            34 | 84 => Self::Missing,
            55 => Self::WrongCode,
            other if other % 3 == 0 => Self::Charge,
            _ => Self::Balance,
        }
    }

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Balance => "GET balance",
            Self::Charge => "POST charge",
            Self::Long => "POST charge (96 KiB)",
            Self::Pieces => "POST charge (in pieces)",
            Self::Missing => "GET of a missing charge",
            Self::WrongCode => "POST confirmation (wrong code)",
        }
    }

    /// The request.
    pub(super) fn request(self, application: &Application, number: u64) -> http::Result<Request<Body>> {
        let (method, path) = match self {
            Self::Balance => ("GET", "balance"),
            Self::Charge | Self::Long | Self::Pieces => ("POST", "charges"),
            Self::Missing => ("GET", "charges/ch_missing"),
            Self::WrongCode => ("POST", "confirmations"),
        };
        Request::builder()
            .method(method)
            .uri(format!("/payments/v1/{path}"))
            .header("host", &application.gateway)
            .header("authorization", format!("Bearer {}", application.key))
            .header(CHARGE, format!("{}:{number}", application.name))
            .body(self.body())
    }

    fn length(self) -> usize {
        match self {
            Self::Balance | Self::Missing => 0,
            Self::Charge | Self::WrongCode => 64,
            Self::Long => LONG,
            Self::Pieces => PIECE * PIECES,
        }
    }

    fn body(self) -> Body {
        match self {
            Self::Balance | Self::Missing => Empty::new().boxed_unsync(),
            Self::Charge | Self::WrongCode | Self::Long => Full::new(filled(self.length())).boxed_unsync(),
            Self::Pieces => StreamBody::new(pieces()).boxed_unsync(),
        }
    }

    /// Whether the answer, as it is told, is the one that the request gets with a valid key.
    pub(super) fn judge(self, answer: &str) -> Result<(), String> {
        let expected = match self {
            Self::Balance => "200",
            Self::Charge | Self::Long | Self::Pieces => "201",
            Self::Missing => "404",
            Self::WrongCode => "401",
        };
        let ends = match self {
            Self::Balance => r#""object":"balance""#.to_owned(),
            Self::Charge | Self::Long | Self::Pieces => received(self.length()),
            Self::Missing => "No such charge".to_owned(),
            Self::WrongCode => "Wrong one-time code".to_owned(),
        };
        let body = answer.rsplit_once('\n').map_or("", |(_, body)| body);
        if answer.starts_with(expected) && body.contains(&ends) {
            return Ok(());
        }
        let code = serde_json::from_str::<serde_json::Value>(body).ok();
        let code = code.as_ref().and_then(|body| body.get("code")).and_then(|code| code.as_str());
        let status = answer.split(' ').next().unwrap_or_default();
        Err(format!("{status} {} instead of {expected}", code.unwrap_or("from the provider")))
    }
}

fn filled(length: usize) -> Bytes {
    Bytes::from(vec![b'.'; length])
}

/// The pieces, one after the other.
fn pieces() -> impl stream::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    stream::unfold(0, |sent| async move {
        if sent == PIECES {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        Some((Ok(Frame::data(filled(PIECE))), sent + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_requests_are_of_every_kind_and_most_can_be_sent_again() {
        let count = |kind| (0..100).filter(|number| Kind::of(*number) == kind).count();
        assert!(count(Kind::Balance) > 50 && count(Kind::Charge) > 25);
        assert_eq!([Kind::Long, Kind::Pieces, Kind::Missing, Kind::WrongCode].map(count), [2, 4, 2, 1]);
    }

    #[test]
    fn an_answer_is_held_against_what_a_valid_key_gets() {
        for (kind, answer, good) in [
            (Kind::Balance, "200 {}\n{\"object\":\"balance\"}", true),
            (Kind::Balance, "401 {}\n{\"object\":\"balance\"}", false),
            (Kind::Long, "201 {}\n{\"object\":\"charge\",\"received\":98304}", true),
            (Kind::Long, "201 {}\n{\"object\":\"charge\",\"received\":98303}", false),
            (Kind::WrongCode, "401 {}\n{\"error\":{\"message\":\"Wrong one-time code\"}}", true),
            // A refused key looks almost the same, and is a failure.
            (Kind::WrongCode, "401 {}\n{\"error\":{\"message\":\"Invalid API Key provided\"}}", false),
            (Kind::Missing, "404 {}\n{\"code\":\"route-not-found\"}", false),
        ] {
            assert_eq!(kind.judge(answer).is_ok(), good, "{answer}");
        }
        let told = Kind::Charge.judge("503 {}\n{\"code\":\"no-snapshot\"}");
        assert_eq!(told, Err("503 no-snapshot instead of 201".to_owned()));
    }
}
