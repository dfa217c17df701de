//! Groups and removals (docs/protocol.md, sections 10 and 11).

use super::super::app::App;
use super::super::query::tree_hash;
use super::super::ranges::immutable;
use super::super::request::{Mutation, Read};
use super::super::response::{Answer, encoded};
use crate::error::Refusal;
use crate::store::Store;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use pando_api::{CreateGroup, RemovalIntent, SubmitCommit, SubmitMessage};

pub(super) async fn create<S: Store>(
    State(app): State<App<S>>,
    Mutation { caller, body, now, .. }: Mutation<CreateGroup>,
) -> Answer {
    encoded(StatusCode::CREATED, app.service.create_group(&caller, body, now).await?)
}

pub(super) async fn list<S: Store>(State(app): State<App<S>>, Read { caller, .. }: Read) -> Answer {
    encoded(StatusCode::OK, app.service.list_groups(&caller).await?)
}

pub(super) async fn commit<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body, now, .. }: Mutation<SubmitCommit>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    encoded(StatusCode::OK, app.service.submit_commit(&caller, &group_id, body, now).await?)
}

pub(super) async fn message<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body, now, .. }: Mutation<SubmitMessage>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    encoded(StatusCode::OK, app.service.submit_message(&caller, &group_id, body, now).await?)
}

pub(super) async fn remove<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    Mutation { caller, body, now, .. }: Mutation<RemovalIntent>,
) -> Answer {
    let group_id = app.group_id(&uri)?;
    encoded(StatusCode::OK, app.service.request_removal(&caller, &group_id, body, now).await?)
}

pub(super) async fn info<S: Store>(State(app): State<App<S>>, uri: Uri, Read { caller, .. }: Read) -> Answer {
    let group_id = app.group_id(&uri)?;
    encoded(StatusCode::OK, app.service.group_state(&caller, &group_id).await?)
}

pub(super) async fn tree<S: Store>(
    State(app): State<App<S>>,
    uri: Uri,
    headers: HeaderMap,
    Read { caller, .. }: Read,
) -> Answer {
    let (group_id, hash) = (app.group_id(&uri)?, tree_hash(&uri)?);
    let tree = app.service.tree(&caller, &group_id, &hash).await?;
    let length = u64::try_from(tree.len()).map_err(|error| Refusal::internal(&error))?;
    immutable(&headers, length, |range| {
        let place = |number| usize::try_from(number).unwrap_or(usize::MAX).min(tree.len());
        Body::from(Bytes::from_owner(tree.clone()).slice(place(range.start)..place(range.end)))
    })
}
