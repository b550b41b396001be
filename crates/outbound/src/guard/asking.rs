//! What an upstream is asked for, so that the guard can read its answer.

use http::header::{ACCEPT_ENCODING, IF_RANGE, RANGE, SEC_WEBSOCKET_EXTENSIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use model::route::same_header;

use super::messages::carries_messages;

const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// What asks for compressed answers, or for parts from which a value could be put together.
const NOT_ASKED: [HeaderName; 8] = [
    ACCEPT_ENCODING,
    RANGE,
    // The same on Azure's storage, for clients that cannot set Range.
    HeaderName::from_static("x-ms-range"),
    IF_RANGE,
    // Differences to what the client has (RFC 3229).
    HeaderName::from_static("a-im"),
    SEC_WEBSOCKET_EXTENSIONS,
    GRPC_ACCEPT_ENCODING,
    HeaderName::from_static("connect-accept-encoding"),
];

/// Asks for an answer that the guard can read: whole, not compressed, neither as a body nor as single messages of gRPC or
/// of a WebSocket. Aliases of these headers go too, since some servers take `Accept_Encoding` for the header.
pub fn ask_plainly(headers: &mut HeaderMap) {
    let asks = |name: &HeaderName| NOT_ASKED.iter().any(|other| same_header(name.as_str(), other.as_str()));
    let grpc = carries_messages(headers) || headers.contains_key(GRPC_ACCEPT_ENCODING);
    let names: Vec<HeaderName> = headers.keys().filter(|name| asks(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if grpc {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}
