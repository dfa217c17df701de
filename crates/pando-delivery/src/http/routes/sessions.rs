//! Logins (docs/protocol.md, section 6.1).

use super::super::app::App;
use super::super::login::{CheckedLogin, LoginChecks};
use super::super::request::{Empty, Unauthenticated};
use super::super::response::{Answer, encoded};
use super::super::token::SessionClaims;
use crate::error::Refusal;
use crate::store::Store;
use axum::extract::State;
use axum::http::StatusCode;
use pando_api::Login;

/// Returns a nonce.
pub(super) async fn challenge<S: Store>(
    State(app): State<App<S>>,
    Unauthenticated { now, .. }: Unauthenticated<Empty>,
) -> Answer {
    let mut random = [0; 16];
    app.randomness.fill(&mut random)?;
    encoded(StatusCode::OK, app.gate.authenticator.key.challenge(&random, now))
}

/// Begins a session.
pub(super) async fn log_in<S: Store>(
    State(app): State<App<S>>,
    Unauthenticated { body: login, now }: Unauthenticated<Login>,
) -> Answer {
    let CheckedLogin { caller, nonce_expires } = check(&app, &login, now)?;
    let claims = SessionClaims::new(caller.client.clone(), caller.version, login.session_key, now);
    app.service.record_login(&caller, (login.nonce.to_vec(), nonce_expires), now).await?;
    encoded(StatusCode::OK, app.gate.authenticator.key.session(&claims)?)
}

fn check<S: Store>(app: &App<S>, login: &Login, now: u64) -> Result<CheckedLogin, Refusal> {
    let settings = app.service.settings();
    let checks = LoginChecks {
        authority: &app.gate.authenticator.authority,
        key: &app.gate.authenticator.key,
        crypto: &*settings.crypto,
        identities: &settings.identities,
        is_revoked: &|caller| app.service.is_revoked(caller),
    };
    checks.check(login, now)
}
