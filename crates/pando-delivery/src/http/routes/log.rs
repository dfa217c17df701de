//! Logs (docs/protocol.md, section 7).

use super::super::app::App;
use super::super::poll::Poll;
use super::super::query::numbers;
use super::super::request::{Mutation, Read};
use super::super::response::{Answer, empty, encoded};
use crate::store::Store;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use pando_api::Acknowledgement;

/// The bytes of messages in a page, if the client asks for no limit, and the most that it may ask
/// for.
const PAGE_BYTES: u64 = 1 << 20;
const MAX_PAGE_BYTES: u64 = 8 << 20;

pub(super) async fn read<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Read { caller, .. }: Read<true>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    let [after, limit, wait] = numbers(&uri, ["after", "limit", "wait"])?;
    let (after, wait) = (after.unwrap_or_default(), wait.unwrap_or_default());
    let bytes = usize::try_from(limit.unwrap_or(PAGE_BYTES).min(MAX_PAGE_BYTES)).unwrap_or(usize::MAX);
    let mut poll = Poll::new(app.service.watch_group(&group_id), wait, app.shutdown.clone());
    loop {
        app.gate.admit(&caller)?;
        let page = app.service.read_log(&caller, &group_id, (after, bytes)).await?;
        // A client that was removed has nothing to wait for: it knows the last entry it may read.
        let is_empty = page.entries.is_empty() && page.end == 0;
        if !is_empty || !poll.wait().await {
            return encoded(StatusCode::OK, page);
        }
    }
}

pub(super) async fn acknowledge<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body: Acknowledgement { seq }, now, .. }: Mutation<Acknowledgement>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    app.service.acknowledge(&caller, &group_id, seq, now).await?;
    Ok(empty())
}
