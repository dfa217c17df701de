//! Altered bodies (docs/protocol.md, section 1): truncated, extended, with a flipped bit or a huge
//! length at any place, above the limit, of another media type, with other extensions. The session
//! signs each of them, so it is not the signature that is refused.

use crate::opaque::reason;
use crate::recorder::{Valid, operation};
use crate::requests::{BYTES_MEDIA_TYPE, Draft, MEDIA_TYPE};
use crate::server::{Server, limits};
use pando_api::ProblemCode;
use std::collections::BTreeSet;

/// The number of places of a body that are truncated or get a length, apart from its beginning.
const PLACES: usize = 70;

/// The lengths of a body up to which all bits, two bits of all bytes, and one bit of every second
/// byte are flipped. A body is truncated to all lengths below the second of them.
const ALL_BITS: usize = 64;
const ALL_BYTES: usize = 1_000;
const SECOND_BYTES: usize = 20_000;

/// The number of first bytes that are all altered.
const FIRST: usize = 24;

/// Sends all alterations of the body of a request. Returns their number.
pub(crate) async fn send_all(server: &Server, draft: &Draft, valid: &mut Valid) -> u64 {
    if draft.is_read() {
        return 0;
    }
    let mut sent = Bodies { server, draft, valid, count: 0 };
    sent.absent_or_present().await;
    sent.above_the_limit().await;
    if !draft.body.is_empty() {
        sent.truncated().await;
        sent.flipped().await;
        sent.huge_lengths().await;
        sent.extensions().await;
        sent.media_types().await;
    }
    sent.count
}

struct Bodies<'a> {
    server: &'a Server,
    draft: &'a Draft,
    valid: &'a mut Valid,
    count: u64,
}

impl Bodies<'_> {
    /// Sends a request that is refused.
    async fn refused(&mut self, altered: &Draft, why: &str) -> ProblemCode {
        self.count += 1;
        self.server.refused(&altered.sign(), why).await
    }

    /// Sends another body, which is refused unless the server cannot tell.
    async fn altered(&mut self, body: Vec<u8>, why: &str) {
        if body == self.draft.body {
            return;
        }
        let altered = Draft { body, ..self.draft.clone() };
        let Some(reason) = reason(self.draft, &altered.body) else {
            self.refused(&altered, why).await;
            return;
        };
        self.count += 1;
        let before = self.server.dump();
        let answer = self.server.send(&altered.sign()).await;
        assert!(answer.status < 300, "{reason}: {why}: {} {answer}", self.draft.target);
        *self.valid.entry((operation(self.draft), reason)).or_default() += 1;
        self.server.store().restore(&before).await;
    }

    /// Returns places that are spread over the body, and all at its beginning.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let length = self.draft.body.len();
        let step = length / PLACES + 1;
        (0..length).filter(move |at| *at < FIRST || at % step == 0 || at + 8 > length)
    }

    async fn absent_or_present(&mut self) {
        let is_empty = self.draft.body.is_empty();
        let empty = Draft { body: Vec::new(), ..self.draft.clone() };
        for content_type in [MEDIA_TYPE, BYTES_MEDIA_TYPE] {
            let typed = Draft { content_type: Some(content_type.to_owned()), ..empty.clone() };
            let expected = [ProblemCode::Malformed, ProblemCode::UnsupportedMediaType];
            assert!(expected.contains(&self.refused(&typed, "an empty body").await));
        }
        if is_empty {
            let body = Draft { body: b"body".to_vec(), ..self.draft.clone() };
            assert_eq!(self.refused(&body, "a body").await, ProblemCode::TooLarge);
        } else {
            let untyped = Draft { content_type: None, ..empty };
            // A Pando body is never empty, and an empty blob has another digest.
            let code = self.refused(&untyped, "no body").await;
            assert_eq!(code, ProblemCode::Malformed);
        }
    }

    async fn above_the_limit(&mut self) {
        let limits = limits();
        let limit = match operation(self.draft).as_str() {
            _ if self.draft.body.is_empty() => 0,
            "POST /groups" | "POST /groups/{group}/reset" => limits.group,
            "POST /groups/{group}/commits" => limits.commit,
            "POST /groups/{group}/messages" => limits.message,
            "POST /key-packages" => limits.key_packages,
            "PUT /blobs/{digest}" => limits.blob,
            _ => limits.other,
        };
        let mut body = self.draft.body.clone();
        body.resize(limit + 1, 0);
        let wire = Draft { body, ..self.draft.clone() }.sign();
        self.count += 1;
        let answer = self.server.send(&wire).await;
        assert_eq!(answer.code(), ProblemCode::TooLarge, "{}", self.draft.target);
        assert_eq!(answer.problem().limit, u64::try_from(limit).ok());
        let mut body = self.draft.body.clone();
        body.resize(limit, 0);
        if limit > 0 {
            let code = self.refused(&Draft { body, ..self.draft.clone() }, "at the limit").await;
            assert_eq!(code, ProblemCode::Malformed);
        }
    }

    async fn truncated(&mut self) {
        let short = 1..self.draft.body.len().min(ALL_BYTES);
        for length in self.places().skip(1).chain(short).collect::<BTreeSet<_>>() {
            let body = self.draft.body[..length].to_vec();
            let code = self.refused(&Draft { body, ..self.draft.clone() }, "truncated").await;
            assert_eq!(code, ProblemCode::Malformed, "truncated to {length}: {}", self.draft.target);
        }
        for more in [&b"\0"[..], b"\xff", b"trailing bytes"] {
            let body = [&self.draft.body, more].concat();
            let code = self.refused(&Draft { body, ..self.draft.clone() }, "extended").await;
            assert_eq!(code, ProblemCode::Malformed, "extended: {}", self.draft.target);
        }
    }

    async fn flipped(&mut self) {
        let length = self.draft.body.len();
        let end = if length <= SECOND_BYTES { length } else { 0 };
        let step = if length <= ALL_BYTES { 1 } else { 2 };
        for at in self.places().chain((0..end).step_by(step)).collect::<BTreeSet<_>>() {
            let is_flipped =
                |bit: &usize| length <= ALL_BITS || *bit == at % 7 || (*bit == 0 && length <= ALL_BYTES);
            for bit in (0..8).filter(is_flipped) {
                let mut body = self.draft.body.clone();
                body[at] ^= 1 << bit;
                self.altered(body, &format!("bit {bit} of byte {at} is flipped")).await;
            }
        }
    }

    /// Writes lengths at places that have any contents, among them those of lengths.
    async fn huge_lengths(&mut self) {
        for length in [&b"\xbf\xff\xff\xff"[..], b"\x7f\xff", b"\xff"] {
            for at in self.places().step_by(3) {
                let mut body = self.draft.body.clone();
                let end = body.len().min(at + length.len());
                body[at..end].copy_from_slice(&length[..end - at]);
                self.altered(body, &format!("length {length:?} at byte {at}")).await;
            }
        }
    }

    /// Alters the extensions, which are the last field of an envelope.
    async fn extensions(&mut self) {
        if self.draft.content_type.as_deref() != Some(MEDIA_TYPE) {
            return;
        }
        let (empty, contents) = self.draft.body.split_last().unwrap();
        assert_eq!(*empty, 0);
        for (extensions, expected) in [
            (&b"\x03\x80\0\0"[..], ProblemCode::UnknownExtension),
            (b"\x06\x7f\xff\0\xff\xff\0", ProblemCode::UnknownExtension),
            (b"\x06\0\x01\0\0\x01\0", ProblemCode::Malformed),
            (b"\x06\0\x02\0\0\x01\0", ProblemCode::Malformed),
            (b"\x06\x80\0\0\x80\0\0", ProblemCode::Malformed),
            (b"\x40\x03\0\x01\0", ProblemCode::Malformed),
            (b"\x03\0\x01\x01", ProblemCode::Malformed),
            (b"\x02\0\x01", ProblemCode::Malformed),
        ] {
            let body = [contents, extensions].concat();
            let code = self.refused(&Draft { body, ..self.draft.clone() }, "extensions").await;
            assert_eq!(code, expected, "{extensions:?}");
        }
    }

    async fn media_types(&mut self) {
        let other = if self.draft.content_type.as_deref() == Some(MEDIA_TYPE) {
            BYTES_MEDIA_TYPE
        } else {
            MEDIA_TYPE
        };
        for media_type in
            [Some(other), Some("application/vnd.pando; v=1"), Some("APPLICATION/VND.PANDO"), Some(""), None]
        {
            let content_type = media_type.map(str::to_owned);
            let altered = Draft { content_type, ..self.draft.clone() };
            let code = self.refused(&altered, "another media type").await;
            assert_eq!(code, ProblemCode::UnsupportedMediaType, "{media_type:?}");
        }
    }
}
