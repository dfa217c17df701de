//! The server itself (docs/protocol.md, section 5).

use super::super::app::{App, HttpSettings};
use super::super::query::numbers;
use super::super::response::{Answer, with_type};
use crate::store::Store;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Tells that the server runs.
pub(super) async fn health(uri: Uri) -> Answer {
    let [] = numbers(&uri, [])?;
    Ok(with_type(StatusCode::OK, "text/plain", b"ok\n".to_vec()))
}

/// Returns the description of the server.
pub(super) async fn describe<S: Store>(State(app): State<App<S>>, uri: Uri) -> Answer {
    let [] = numbers(&uri, [])?;
    Ok(with_type(StatusCode::OK, "application/json", app.description.to_vec()))
}

/// Encodes the description of a server.
pub(super) fn description(settings: &HttpSettings) -> Vec<u8> {
    let text = |key: &[u8]| Value::from(BASE64_URL_SAFE_NO_PAD.encode(key));
    let keys: Vec<_> = settings.head_keys.iter().map(|key| text(key.as_bytes())).collect();
    let removers = settings.removers.iter().map(|(scheme, key)| ((*scheme).to_owned(), text(key)));
    let description = json!({
        "versions": ["v1"],
        "domain": settings.authenticator.authority.domain(),
        "keys": keys,
        "removers": removers.collect::<Map<_, _>>(),
        "limits": settings.limits.by_name(),
        "modes": ["assisted"],
    });
    description.to_string().into_bytes()
}
