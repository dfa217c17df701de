//! The state that all handlers share.

use super::authentication::Authenticator;
use super::clock::{Clock, Randomness};
use super::limits::BodyLimits;
use super::query;
use super::request::Gate;
use super::shutdown::Shutdown;
use crate::error::Refusal;
use crate::service::Service;
use crate::store::Store;
use axum::extract::FromRef;
use axum::http::Uri;
use pando_api::ServerPublicKey;
use pando_mls::{GroupId, SignaturePublicKey};
use std::sync::Arc;

/// The settings of the HTTP layer.
#[non_exhaustive]
pub struct HttpSettings {
    /// Authenticates requests.
    pub authenticator: Authenticator,
    /// The public keys of heads, the current one first, for the description of the server.
    pub head_keys: Vec<ServerPublicKey>,
    /// The public keys by which the server proposes removals, by the names of their signature
    /// schemes, for the description of the server.
    pub removers: Vec<(&'static str, SignaturePublicKey)>,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// The source of random bytes.
    pub randomness: Box<dyn Randomness>,
    /// The limits of bodies.
    pub limits: BodyLimits,
    /// The signal that ends the waiting of long polls.
    pub shutdown: Shutdown,
}

impl HttpSettings {
    /// Returns settings with default limits, and with the clock and the randomness of the system.
    #[must_use]
    pub fn new(
        authenticator: Authenticator,
        head_keys: Vec<ServerPublicKey>,
        removers: Vec<(&'static str, SignaturePublicKey)>,
        shutdown: Shutdown,
    ) -> Self {
        let (clock, randomness) = (Box::new(super::SystemClock), Box::new(super::SystemRandomness));
        let limits = BodyLimits::default();
        Self { authenticator, head_keys, removers, clock, randomness, limits, shutdown }
    }
}

/// The state of the handlers.
pub(crate) struct App<S> {
    pub(crate) service: Service<S>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) randomness: Arc<dyn Randomness>,
    /// The description of the server, in JSON.
    pub(crate) description: Arc<[u8]>,
    pub(crate) shutdown: Shutdown,
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            gate: Arc::clone(&self.gate),
            randomness: Arc::clone(&self.randomness),
            description: Arc::clone(&self.description),
            shutdown: self.shutdown.clone(),
        }
    }
}

impl<S> FromRef<App<S>> for Arc<Gate> {
    fn from_ref(app: &App<S>) -> Self {
        Self::clone(&app.gate)
    }
}

impl<S: Store> App<S> {
    /// Returns the group in a path `/v1/groups/{group}`.
    pub(crate) fn group_id(&self, uri: &Uri) -> Result<GroupId, Refusal> {
        query::group_id(uri, &self.service.settings().domain)
    }
}
