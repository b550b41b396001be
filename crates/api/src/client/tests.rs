//! Calls against a listener that answers what it is told to.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers one request with `answer` and hands back what it read.
async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !complete(&seen) {
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "the request ended early");
            seen.extend_from_slice(&piece[..count]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(seen).unwrap()
    });
    (address, task)
}

fn complete(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

#[tokio::test]
async fn a_call_carries_token_query_and_body() {
    let (address, task) = answering("HTTP/1.1 200 OK\r\netag: \"7\"\r\ncontent-length: 9\r\n\r\n{\"a\": 1} ").await;
    let client = Client::new(&format!("{address}/below"), Some("krt_x"), None).unwrap();
    let call = Call::post("/v1/secrets").json(&serde_json::json!({"b": "c"})).unwrap().if_match("\"6\"").unwrap();
    let reply = client.call(call).await.unwrap();
    assert_eq!(reply.etag(), Some("\"7\""));
    assert_eq!(reply.json::<serde_json::Value>().unwrap(), serde_json::json!({"a": 1}));
    let seen = task.await.unwrap();
    assert!(seen.starts_with("POST /below/v1/secrets HTTP/1.1\r\n"), "{seen}");
    for line in ["authorization: Bearer krt_x", "if-match: \"6\"", "content-type: application/json", "{\"b\":\"c\"}"] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
}

#[tokio::test]
async fn a_refusal_carries_the_problem() {
    let (address, _task) = answering(
        "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\ncontent-length: 95\r\n\r\n\
         {\"type\":\"about:blank\",\"title\":\"in use\",\"status\":409,\"code\":\"secret-is-referenced\",\"detail\":\"x\"}  ",
    )
    .await;
    let error = Client::new(&address, None, None).unwrap().delete("/v1/secrets/a").await.unwrap_err();
    assert_eq!(error.status(), Some(409));
    assert_eq!(error.problem().map(|problem| problem.code.as_str()), Some("secret-is-referenced"));
}

#[tokio::test]
async fn an_answer_of_something_else_is_told_apart() {
    let (address, _task) = answering("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>").await;
    let error = Client::new(&address, None, None).unwrap().version().await.unwrap_err();
    assert!(matches!(error, ClientError::Foreign { status: 502 }), "{error}");
}

#[tokio::test]
async fn silence_is_a_time_out_and_nobody_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::new(&address, None, None).unwrap().with_timeout(Duration::from_millis(50));
    assert!(matches!(client.version().await, Err(ClientError::TimedOut { .. })));
    drop(listener);
    assert!(matches!(client.version().await, Err(ClientError::Connect { .. })));
}

#[test]
fn what_cannot_be_used_is_refused_at_once() {
    assert!(matches!(Client::new("localhost", None, None), Err(ClientError::Address { .. })));
    assert!(matches!(Client::new("http://localhost", Some("a\nb"), None), Err(ClientError::Token)));
    assert!(matches!(Client::new("https://localhost", None, Some(b"no pem")), Err(ClientError::Tls { .. })));
    assert!(Client::new("https://localhost", Some("krt_a"), None).is_ok());
}
