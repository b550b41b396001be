//! One call of the API, before it is sent.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, IF_MATCH};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use zeroize::Zeroizing;

use super::ClientError;
use crate::query::query_string;

/// One call: method, path with query, headers, body.
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    /// A call without a body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self { method, path: path.into(), headers, body: Bytes::new() }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST.
    #[must_use]
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// A PUT.
    #[must_use]
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// A PATCH; its body is a JSON merge patch (RFC 7396).
    #[must_use]
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// The same with the given members of `query` at the end of the path.
    #[must_use]
    pub fn query<Q: Serialize>(mut self, query: &Q) -> Self {
        self.path.push_str(&query_string(query));
        self
    }

    /// The same with `body` as JSON. The bytes are zeroed when they have been sent, since they may hold a value.
    ///
    /// # Errors
    /// [`ClientError::Call`] where `body` cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Result<Self, ClientError> {
        let mut counted = Counter(0);
        serde_json::to_writer(&mut counted, body).map_err(|_| ClientError::Call)?;
        // Exactly large enough: a buffer that grew would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(counted.0));
        serde_json::to_writer(&mut *bytes, body).map_err(|_| ClientError::Call)?;
        self.body = Bytes::from_owner(bytes);
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// The same, refused by the server unless the thing still has this ETag.
    ///
    /// # Errors
    /// [`ClientError::Call`] where it cannot stand in a header.
    pub fn if_match(self, etag: &str) -> Result<Self, ClientError> {
        self.header(IF_MATCH, etag)
    }

    /// The same with a further header, such as `Idempotency-Key`.
    ///
    /// # Errors
    /// [`ClientError::Call`] where the value cannot stand in a header.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self, ClientError> {
        self.headers.insert(name, HeaderValue::from_str(value).map_err(|_| ClientError::Call)?);
        Ok(self)
    }
}

/// Counts what is written to it.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
