//! The paths of docs/protocol.md and their handlers.
//!
//! A handler decodes, calls one method of the service, and encodes. The extractors of
//! [`request`](super::request) authenticate before a handler runs.

mod blobs;
mod groups;
mod inbox;
mod key_packages;
mod log;
mod reports;
mod server;
mod sessions;

use super::app::{App, HttpSettings};
use super::body::BodyMemory;
use super::request::Gate;
use crate::error::Refusal;
use crate::group::Caller;
use crate::service::Service;
use crate::store::Store;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};
use pando_api::ProblemCode;
use std::sync::Arc;

/// Returns the paths of a service. Every answer to a request with another path or method is a
/// problem document.
pub fn router<S: Store>(service: Service<S>, mut settings: HttpSettings) -> Router {
    let blob = usize::try_from(service.settings().blobs.bytes).unwrap_or(usize::MAX);
    settings.limits.blob = settings.limits.blob.min(blob);
    let description = server::description(&settings).into();
    let HttpSettings { authenticator, clock, randomness, limits, shutdown, .. } = settings;
    let (revocations, memory) = (service.clone(), BodyMemory::new(&limits));
    let is_revoked = Box::new(move |caller: &Caller| revocations.is_revoked(caller));
    let gate = Arc::new(Gate { authenticator, clock, limits, memory, is_revoked });
    let app = App { service, gate, randomness: randomness.into(), description, shutdown };
    let mut router = Router::new();
    for (path, methods) in paths() {
        router = router.route(path, methods);
    }
    router.fallback(no_path).method_not_allowed_fallback(no_method).with_state(app)
}

/// Returns all paths with their methods.
fn paths<S: Store>() -> Vec<(&'static str, MethodRouter<App<S>>)> {
    vec![
        ("/healthz", get(server::health)),
        ("/.well-known/pando", get(server::describe::<S>)),
        ("/v1/sessions/challenges", post(sessions::challenge::<S>)),
        ("/v1/sessions", post(sessions::log_in::<S>)),
        ("/v1/groups", post(groups::create::<S>).get(groups::list::<S>)),
        ("/v1/groups/{group}/commits", post(groups::commit::<S>)),
        ("/v1/groups/{group}/messages", post(groups::message::<S>)),
        ("/v1/groups/{group}/info", get(groups::info::<S>)),
        ("/v1/groups/{group}/trees/{hash}", get(groups::tree::<S>)),
        ("/v1/groups/{group}/removals", post(groups::remove::<S>)),
        ("/v1/groups/{group}/log", get(log::read::<S>)),
        ("/v1/groups/{group}/acknowledgements", post(log::acknowledge::<S>)),
        ("/v1/key-packages", post(key_packages::upload::<S>).get(key_packages::count::<S>)),
        ("/v1/key-packages/claims", post(key_packages::claim::<S>)),
        ("/v1/inbox", get(inbox::read::<S>)),
        ("/v1/inbox/{seq}", delete(inbox::remove::<S>)),
        ("/v1/blobs/{digest}", put(blobs::upload::<S>).get(blobs::read::<S>)),
        ("/v1/groups/{group}/reports", post(reports::file::<S>).get(reports::list::<S>)),
        ("/v1/groups/{group}/reset", post(reports::reset::<S>)),
    ]
}

async fn no_path() -> Refusal {
    Refusal::new(ProblemCode::NotFound, "there is no such path")
}

async fn no_method() -> Refusal {
    Refusal::new(ProblemCode::MethodNotAllowed, "")
}
