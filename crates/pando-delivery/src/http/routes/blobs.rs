//! Blobs (docs/protocol.md, section 14).
//!
//! The body of an upload is received as a whole, because the signature of the request covers its
//! digest. A blob is sent in parts, so it takes the memory of one part.

use super::super::app::App;
use super::super::query::{digest, numbers};
use super::super::ranges::immutable;
use super::super::request::{BlobBytes, Mutation, Read};
use super::super::response::{Answer, encoded};
use crate::blob::UploadId;
use crate::error::Refusal;
use crate::store::Store;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use futures_util::stream;
use pando_api::{Digest, ProblemCode};
use std::ops::Range;

pub(super) async fn upload<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body: BlobBytes(bytes), now, .. }: Mutation<BlobBytes>,
) -> Answer {
    app.service.check_session(&caller).await?;
    let digest = digest(&uri)?;
    let [expires] = numbers(&uri, ["expires"])?;
    let missing = || Refusal::new(ProblemCode::Malformed, "expires is missing in the query");
    let expires = expires.ok_or_else(missing)?;
    // The uploads of a digest are limited, so a body with another digest must not begin one.
    if Digest::of(&bytes) != digest {
        return Err(Refusal::new(ProblemCode::Malformed, "the body has another digest"));
    }
    let mut id = [0; 16];
    app.randomness.fill(&mut id)?;
    let length = u64::try_from(bytes.len()).ok();
    let begun = app.service.begin_blob((digest, expires), length, UploadId::from(id), now).await?;
    let blob = match begun {
        Ok(blob) => blob,
        Err(mut upload) => {
            upload.append(&bytes, now).await?;
            upload.finish(now).await?
        }
    };
    encoded(StatusCode::OK, blob)
}

pub(super) async fn read<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    headers: HeaderMap,
    Read { caller, now }: Read,
) -> Answer {
    app.service.check_session(&caller).await?;
    let digest = digest(&uri)?;
    let blob = app.service.read_blob(&digest, (0, 0), now).await?;
    immutable(&headers, blob.bytes, |range| parts(app, digest, range))
}

/// Returns a body that reads a range of a blob in parts.
fn parts<S: Store>(app: App<S>, digest: Digest, Range { start, end }: Range<u64>) -> Body {
    Body::from_stream(stream::try_unfold(start, move |offset| {
        let app = app.clone();
        async move {
            let left = end.saturating_sub(offset);
            if left == 0 {
                return Ok(None);
            }
            let part = app.service.read_blob(&digest, (offset, left), app.gate.clock.now()).await?;
            if part.data.is_empty() {
                return Err(Refusal::corrupt("blob"));
            }
            let length = u64::try_from(part.data.len()).map_err(|error| Refusal::internal(&error))?;
            Ok(Some((Bytes::from(part.data), offset.saturating_add(length))))
        }
    }))
}
