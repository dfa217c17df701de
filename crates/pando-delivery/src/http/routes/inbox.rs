//! Inboxes (docs/protocol.md, section 13).

use super::super::app::App;
use super::super::poll::Poll;
use super::super::query::{numbers, seq};
use super::super::request::{Empty, Mutation, Read};
use super::super::response::{Answer, empty, encoded};
use crate::store::Store;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

/// The bytes of Welcomes in a page.
const PAGE_BYTES: usize = 4 << 20;

pub(super) async fn read<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Read { caller, .. }: Read<true>,
) -> Answer {
    let [after, wait] = numbers(&uri, ["after", "wait"])?;
    let (after, wait) = (after.unwrap_or_default(), wait.unwrap_or_default());
    let mut poll = Poll::new(app.service.watch_inbox(&caller.user()), wait, app.shutdown.clone());
    loop {
        app.gate.admit(&caller)?;
        let now = app.gate.clock.now();
        let page = app.service.read_inbox(&caller, (after, PAGE_BYTES), now).await?;
        if !page.entries.is_empty() || !poll.wait().await {
            return encoded(StatusCode::OK, page);
        }
    }
}

pub(super) async fn remove<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, .. }: Mutation<Empty>,
) -> Answer {
    app.service.remove_inbox_entry(&caller, seq(&uri)?).await?;
    Ok(empty())
}
