//! The server's answer to a call.

use std::time::Duration;

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::ClientError;
use crate::problem::Problem;

/// The largest answer that is read as a whole.
const LARGEST: usize = 64 << 20;

/// A whole answer; a success, unless [`super::Client::ask`] gave it.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; empty for 204.
    pub body: Bytes,
}

impl Reply {
    /// The body as `T`.
    ///
    /// # Errors
    /// [`ClientError::Foreign`] where it has another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|_| ClientError::Foreign { status: self.status.as_u16() })
    }

    /// The ETag, for `If-Match`.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.headers.get(ETAG)?.to_str().ok()
    }
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Streamed {
    answer: Response<Incoming>,
    idle: Duration,
}

impl Streamed {
    pub(super) fn new(answer: Response<Incoming>, idle: Duration) -> Self {
        Self { answer, idle }
    }

    pub(super) fn is_success(&self) -> bool {
        self.answer.status().as_u16() < 400
    }

    /// A header of the answer, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`ClientError::Broken`] where the body ends early, [`ClientError::TimedOut`] where nothing comes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let frame = tokio::time::timeout(self.idle, self.answer.body_mut().frame());
            let frame = frame.await.map_err(|_| ClientError::TimedOut { address: "the server".to_owned() })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::Broken(error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// All of it, as a success or as the error that it is.
    pub(super) async fn whole(self) -> Result<Reply, ClientError> {
        if self.is_success() { self.any().await } else { Err(self.refusal().await) }
    }

    /// All of it, whatever its status.
    pub(super) async fn any(self) -> Result<Reply, ClientError> {
        let (head, body) = self.answer.into_parts();
        let status = head.status;
        let body = match Limited::new(body, LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Err(broken(error, status)),
        };
        Ok(Reply { status, headers: head.headers, body })
    }

    /// The problem that it holds.
    pub(super) async fn refusal(self) -> ClientError {
        let status = self.answer.status();
        let body = match Limited::new(self.answer.into_body(), LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return broken(error, status),
        };
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Refused(Box::new(Problem { status: status.as_u16(), ..problem })),
            Err(_) => ClientError::Foreign { status: status.as_u16() },
        }
    }
}

fn broken(error: Box<dyn std::error::Error + Send + Sync>, status: StatusCode) -> ClientError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => ClientError::Broken(*error),
        Err(_) => ClientError::Foreign { status: status.as_u16() },
    }
}
