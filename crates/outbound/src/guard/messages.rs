//! The messages of gRPC and its kin: each says whether it is compressed, and none may be.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::Unreadable;

/// Messages behind a head of five bytes each, watched as they pass. Those of gRPC, of gRPC-Web, and of the streams of
/// Connect begin alike: with flags, the lowest of which says that the message is compressed, and a length.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// How many bytes of a head were read, and the length as far as it was read.
    head: u8,
    length: u32,
    /// What is left of the message.
    left: u32,
}

const COMPRESSED: u8 = 1;
const HEAD: u8 = 5;

/// Whether the headers, of a request or an answer, are those of gRPC, gRPC-Web or a stream of Connect.
pub(super) fn carries_messages(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase()).unwrap_or_default();
    [b"application/grpc".as_slice(), b"application/connect+"].iter().any(|prefix| kind.starts_with(prefix))
}

impl Messages {
    /// The messages that these headers announce; `None` where it is no gRPC.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Unreadable> {
        if !carries_messages(headers) {
            return Ok(None);
        }
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase()).unwrap_or_default();
        if !kind.starts_with(b"application/grpc-web-text") {
            return Ok(Some(Self::default()));
        }
        // In base64 the flags are not where they are looked for. The guard knows values in base64, but not packed ones.
        let packed =
            headers.get_all("grpc-encoding").iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        if packed { Err(Unreadable::Message) } else { Ok(None) }
    }

    /// Whether nothing that comes next belongs to what was seen.
    pub(super) fn is_between(&self) -> bool {
        self.head == 0 && self.left == 0
    }

    /// Looks at the next bytes of the body.
    pub(super) fn see(&mut self, mut bytes: &[u8]) -> Result<(), Unreadable> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left = self.left.saturating_sub(u32::try_from(length).unwrap_or(u32::MAX));
                bytes = bytes.get(length..).unwrap_or_default();
                continue;
            }
            match self.head {
                0 if first & COMPRESSED != 0 => return Err(Unreadable::Message),
                0 => self.length = 0,
                _ => self.length = (self.length << 8) | u32::from(*first),
            }
            self.head = self.head.saturating_add(1);
            if self.head == HEAD {
                (self.head, self.left) = (0, self.length);
            }
            bytes = rest;
        }
        Ok(())
    }
}
