//! The second try with HTTP/2 on both sides.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;
#[path = "http2/peers.rs"]
#[allow(dead_code, reason = "the other file uses the rest")]
mod peers;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Plan, Rig, World, secret};
use h2::Reason;
use http::Response;
use model::snapshot::Sign;
use peers::{Call, Client, Server};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

const OUTGOING: &str = "sk_live_outgoing_0001";
const INCOMING: &str = "sk_live_incoming_0002";
/// For what must happen, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn rig(server: &Server) -> Rig {
    let mut world = World::new();
    world.add_secret(secret("api_key"), Some(OUTGOING));
    world.add_secret(secret("api_key_v2"), Some(INCOMING));
    world.route("r", &server.url(), &json!({}));
    world.trials.push(Plan::new("r", "api_key", "api_key_v2"));
    Rig::start(world)
}

/// Refuses the incoming credential before it has read anything of the body, which it then does or does not want; answers
/// the outgoing one with the body that it has read, which it also tells.
async fn server(told: mpsc::UnboundedSender<Vec<u8>>, wants_body: bool) -> Server {
    Server::start(move |call: Call| {
        let told = told.clone();
        async move {
            let (parts, mut body) = call.request.into_parts();
            let mut respond = call.respond;
            let sent = parts.headers["authorization"].to_str().unwrap().to_owned();
            if sent.ends_with(INCOMING) {
                let answer = Response::builder().status(401).header("content-length", "5").body(()).unwrap();
                let mut out = respond.send_response(answer, false).unwrap();
                out.send_data(Bytes::from_static(b"first"), true).unwrap();
                if !wants_body {
                    return;
                }
            }
            let mut whole = Vec::new();
            while let Some(Ok(piece)) = body.data().await {
                let _ = body.flow_control().release_capacity(piece.len());
                whole.extend_from_slice(&piece);
            }
            if sent.ends_with(OUTGOING) {
                told.send(whole).unwrap();
                let mut out = respond.send_response(Response::new(()), false).unwrap();
                out.send_data(Bytes::from_static(b"second"), true).unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_body_on_its_way_is_sent_again_as_it_was() {
    for wants_body in [true, false] {
        let (told, mut bodies) = mpsc::unbounded_channel();
        let server = server(told, wants_body).await;
        let rig = rig(&server);
        let client = Client::connect(rig.running.address()).await;
        for pieces in [vec![], vec!["all of it"], vec!["one ", "two ", "three"]] {
            let whole = pieces.concat();
            let mut request = client.request("POST", "/r/");
            request.headers_mut().insert("content-length", whole.len().to_string().parse().unwrap());
            let (answer, mut out) = client.send(request, pieces.is_empty()).await;
            for (index, piece) in pieces.iter().enumerate() {
                tokio::time::sleep(Duration::from_millis(100)).await;
                out.send_data(Bytes::from_static(piece.as_bytes()), index + 1 == pieces.len()).unwrap();
            }
            let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
            assert_eq!(answer.status(), 200, "{wants_body} {pieces:?}");
            let mut body = answer.into_body();
            assert_eq!(timeout(PATIENCE, body.data()).await.unwrap().unwrap().unwrap(), "second");
            assert_eq!(bodies.recv().await.unwrap(), whole.as_bytes(), "{wants_body}");
            assert_eq!(rig.world.trials[0].drained().0, [(Sign::Pair, 1)], "{wants_body} {pieces:?}");
        }
        // Without a length, as in gRPC, the outgoing one carries it at once.
        let (answer, mut out) = client.send(client.request("POST", "/r/"), false).await;
        out.send_data(Bytes::from_static(b"streamed"), true).unwrap();
        assert_eq!(timeout(PATIENCE, answer).await.unwrap().unwrap().status(), 200);
        assert_eq!(bodies.recv().await.unwrap(), b"streamed");
        assert_eq!(rig.world.trials[0].drained().0, [(Sign::OutgoingAlive, 1), (Sign::Kept, 1)]);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_between_the_two_leaves_nothing_behind() {
    let (told, mut sent) = mpsc::unbounded_channel();
    let server = Server::start(move |call: Call| {
        let told = told.clone();
        async move {
            let mut respond = call.respond;
            let is_incoming = call.request.headers()["authorization"].to_str().unwrap().ends_with(INCOMING);
            told.send(is_incoming).unwrap();
            if is_incoming {
                let mut out = respond.send_response(Response::builder().status(401).body(()).unwrap(), false).unwrap();
                out.send_data(Bytes::from_static(b"first"), true).unwrap();
            } else {
                // Waits until the gateway gives up.
                let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            }
        }
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    let (_answer, mut out) = client.send(client.request("POST", "/r/"), false).await;
    out.send_data(Bytes::new(), true).unwrap();
    // Of unknown length it would be kept from the incoming one.
    assert!(!timeout(PATIENCE, sent.recv()).await.unwrap().unwrap());
    out.send_reset(Reason::CANCEL);
    let (_answer, mut out) = client.send(client.request("GET", "/r/"), true).await;
    assert!(timeout(PATIENCE, sent.recv()).await.unwrap().unwrap());
    assert!(!timeout(PATIENCE, sent.recv()).await.unwrap().unwrap());
    let open = || ["api_key", "api_key_v2"].map(|name| rig.world.tally(name, "r").open());
    assert_eq!(open()[1], 0);
    out.send_reset(Reason::CANCEL);
    let until = Instant::now() + PATIENCE;
    while open() != [0, 0] {
        assert!(Instant::now() < until, "{:?}", open());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (signs, _) = rig.world.trials[0].drained();
    assert_eq!(signs, [(Sign::Unpaired, 1), (Sign::OutgoingUnclear, 1), (Sign::Kept, 1)]);
    let counts = |name: &str| rig.world.drained(name, "r").unwrap().counts;
    assert_eq!(counts("api_key_v2"), [0, 1, 0, 0, 0, 0]);
    assert_eq!(counts("api_key"), [0, 0, 0, 0, 0, 2], "given up, and counted as a use all the same");
}
