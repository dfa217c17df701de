//! KeyPackages (docs/protocol.md, section 12).

use super::super::app::App;
use super::super::request::{Mutation, Read};
use super::super::response::{Answer, empty, encoded};
use crate::store::Store;
use axum::extract::State;
use axum::http::StatusCode;
use pando_api::{ClaimKeyPackages, UploadKeyPackages};

pub(super) async fn upload<S: Store>(
    State(app): State<App<S>>,
    Mutation { caller, body, now, .. }: Mutation<UploadKeyPackages>,
) -> Answer {
    app.service.upload_key_packages(&caller, body, now).await?;
    Ok(empty())
}

pub(super) async fn count<S: Store>(State(app): State<App<S>>, Read { caller, now }: Read) -> Answer {
    encoded(StatusCode::OK, app.service.count_key_packages(&caller, now).await?)
}

pub(super) async fn claim<S: Store>(
    State(app): State<App<S>>,
    Mutation { caller, body, now, .. }: Mutation<ClaimKeyPackages>,
) -> Answer {
    encoded(StatusCode::OK, app.service.claim_key_packages(&caller, body, now).await?)
}
