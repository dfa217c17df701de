//! Reports about Commits that cannot be processed, and resets (docs/protocol.md, section 15).

use super::super::app::App;
use super::super::request::{Mutation, Read};
use super::super::response::{Answer, empty, encoded};
use crate::store::Store;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use pando_api::{Report, Reset};

pub(super) async fn file<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body, now, .. }: Mutation<Report>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    app.service.file_report(&caller, &group_id, body, now).await?;
    Ok(empty())
}

pub(super) async fn list<S: Store>(State(app): State<App<S>>, uri: Uri, Read { caller, .. }: Read) -> Answer {
    let group_id = app.group_id(&uri)?;
    encoded(StatusCode::OK, app.service.list_reports(&caller, &group_id).await?)
}

pub(super) async fn reset<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body, now, .. }: Mutation<Reset>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    encoded(StatusCode::CREATED, app.service.reset_group(&caller, &group_id, body, now).await?)
}
