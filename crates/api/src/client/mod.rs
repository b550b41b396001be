//! A thin client of the admin API: one connection per call, HTTP/1.1, TLS where the address says so.

mod address;
mod call;
mod connect;
mod error;
mod reply;
mod typed;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST, USER_AGENT};
use http_body_util::Full;
use hyper::Request;
use zeroize::Zeroizing;

pub use call::Call;
pub use error::ClientError;
pub use reply::{Reply, Streamed};

use address::Address;
use connect::Connector;

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// A client of the admin API. Never repeats a call, never follows a redirect.
pub struct Client {
    address: Address,
    connector: Connector,
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl Client {
    /// A client for the server at `address` (`http://host:port` or `https://host:port`, a path may follow).
    ///
    /// `token` is an admin token; `ca` is PEM with the certificates that may sign the server's,
    /// instead of the system's.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Token`] and [`ClientError::Tls`] where one of them cannot be used.
    pub fn new(address: &str, token: Option<&str>, ca: Option<&[u8]>) -> Result<Self, ClientError> {
        let address = Address::parse(address)?;
        let connector = if address.tls { Connector::tls(&address.host, ca)? } else { Connector::Plain };
        let authorization = token.map(bearer).transpose()?;
        Ok(Self { address, connector, authorization, timeout: Duration::from_secs(60) })
    }

    /// The same, but waiting `timeout` for an answer (60 seconds otherwise).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends `call` and reads the whole answer, which must be a success.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the server's problem for a status of 400 and above; the others where no
    /// answer could be had.
    pub async fn call(&self, call: Call) -> Result<Reply, ClientError> {
        let work = async { self.send(call).await?.whole().await };
        tokio::time::timeout(self.timeout, work).await.map_err(|_| self.late())?
    }

    /// Sends `call` and reads the whole answer, whatever its status: for answers that tell more than a refusal.
    ///
    /// # Errors
    /// As [`Client::call`], but for [`ClientError::Refused`].
    pub async fn ask(&self, call: Call) -> Result<Reply, ClientError> {
        let work = async { self.send(call).await?.any().await };
        tokio::time::timeout(self.timeout, work).await.map_err(|_| self.late())?
    }

    /// Sends `call` and hands out the answer piece by piece; for what may be large.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn stream(&self, call: Call) -> Result<Streamed, ClientError> {
        let work = async {
            let streamed = self.send(call).await?;
            if streamed.is_success() { Ok(streamed) } else { Err(streamed.refusal().await) }
        };
        tokio::time::timeout(self.timeout, work).await.map_err(|_| self.late())?
    }

    async fn send(&self, call: Call) -> Result<Streamed, ClientError> {
        let connecting = self.connector.open(&self.address);
        let connected = tokio::time::timeout(CONNECT, connecting).await.map_err(|_| self.late())?;
        let mut sender = connected.map_err(|source| ClientError::Connect { address: self.address.shown(), source })?;
        let answer = sender.send_request(self.request(call)?).await.map_err(ClientError::Broken)?;
        Ok(Streamed::new(answer, self.timeout))
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = format!("{}{}", self.address.prefix, call.path).parse().map_err(|_| ClientError::Call)?;
        *request.headers_mut() = call.headers;
        request.headers_mut().insert(HOST, self.address.host_header.clone());
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static(concat!("keyroll/", env!("CARGO_PKG_VERSION"))));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    fn late(&self) -> ClientError {
        ClientError::TimedOut { address: self.address.shown() }
    }
}

/// The header for a token, zeroed when the last copy goes.
fn bearer(token: &str) -> Result<HeaderValue, ClientError> {
    let text = Zeroizing::new(format!("Bearer {token}").into_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
