//! One connection of the recording upstream, from its first request to its end.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Recorded, Shared};
use crate::wire::{self, Head, UnframedBody};

/// Reads requests, records them and answers, until either side ends the connection.
pub(super) fn connection(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    number: u64,
    shared: &Shared,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    shared.open.lock().expect("no holder panics").insert(number, stream.try_clone()?);
    match tls {
        None => exchange(BufReader::new(stream), number, None, shared),
        Some(config) => {
            let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
            let mut stream = stream;
            while session.is_handshaking() {
                if let Err(error) = session.complete_io(&mut stream) {
                    // What the client has sent is read, or the alert that says why would be lost in a reset.
                    stream.shutdown(Shutdown::Write)?;
                    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                    let _ = io::copy(&mut stream, &mut io::sink());
                    return Err(error);
                }
            }
            let certificate = session.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec()));
            exchange(BufReader::new(StreamOwned::new(session, stream)), number, certificate, shared)
        }
    }
}

fn exchange<S: Read + Write>(
    mut stream: BufReader<S>,
    number: u64,
    certificate: Option<Vec<u8>>,
    shared: &Shared,
) -> io::Result<()> {
    while let Some(head) = wire::read_head(&mut stream)? {
        if wire::first(&head.headers, "expect").is_some() {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.get_mut().flush()?;
        }
        let (body, trailers) = wire::read_body(&mut stream, &head, UnframedBody::Empty)?;
        let mut request = record(head, number, body, trailers);
        request.certificate.clone_from(&certificate);
        // Recorded before it is answered: whoever has the answer finds the record.
        shared.records.lock().expect("no holder panics").push(request.clone());
        let answer = Arc::clone(&shared.answer.read().expect("no holder panics"));
        let answer = answer(&request);
        answer.write(stream.get_mut(), request.method == "HEAD")?;
        if answer.closing {
            break;
        }
    }
    Ok(())
}

fn record(head: Head, connection: u64, body: Vec<u8>, trailers: wire::Headers) -> Recorded {
    let mut words = head.first_line.split(' ').map(str::to_owned);
    Recorded {
        connection,
        certificate: None,
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        head: head.raw,
        headers: head.headers,
        body,
        trailers,
    }
}
