//! The delivery service of a simulation, with its HTTP layer and without a network.

use crate::authority::{Certificates, domain};
use crate::clock::SimClock;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pando_api::{Authority, ServerKey};
use pando_client::{Outgoing, Transport, TransportError};
use pando_delivery::http::{Authenticator, BodyLimits, HttpSettings, ShutdownSender, TokenKey, router};
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::MemoryStore;
use std::error::Error;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The secret of the key by which the server signs heads.
pub const SERVER_SECRET: [u8; 32] = [9; 32];

/// A delivery service.
pub struct Server {
    /// The service.
    pub service: Service<MemoryStore>,
    /// The authority that clients dial.
    pub authority: Authority,
    router: Router,
    _shutdown: ShutdownSender,
}

impl Server {
    /// Starts a service with an empty store.
    ///
    /// # Errors
    /// An error of the settings.
    pub fn start(certificates: &Certificates, clock: &SimClock) -> Result<Self, Box<dyn Error>> {
        let domain = domain()?;
        let authority = Authority::new(domain.clone(), 443).ok_or("no authority")?;
        let key = ServerKey::from_secret(&Zeroizing::new(SERVER_SECRET));
        let head_keys = vec![key.public()];
        let remover = certificates.remover()?;
        let removers = vec![("ed25519", remover.public_key().clone())];
        let identities = Arc::new(certificates.identities()?);
        let settings = Settings::new(domain, (key, []), vec![remover], identities);
        let service = Service::new(MemoryStore::new(), settings);
        let token_key = TokenKey::from_secret(&Zeroizing::new([3; 32]));
        let authenticator = Authenticator { authority: authority.clone(), key: token_key };
        let (shutdown, signal) = ShutdownSender::new();
        let mut settings = HttpSettings::new(authenticator, head_keys, removers, signal);
        (settings.clock, settings.limits) = (Box::new(clock.clone()), BodyLimits::default());
        let router = router(service.clone(), settings);
        Ok(Self { service, authority, router, _shutdown: shutdown })
    }

    /// Returns a transport to this server.
    #[must_use]
    pub fn transport(&self) -> Direct {
        Direct { router: self.router.clone() }
    }
}

/// A transport that calls a router.
#[derive(Clone)]
pub struct Direct {
    router: Router,
}

impl Transport for Direct {
    async fn send(&self, outgoing: Outgoing) -> Result<http::Response<Bytes>, TransportError> {
        let (mut parts, body) = outgoing.request.into_parts();
        // A request of HTTP/2 has its authority in the URI.
        parts.version = http::Version::HTTP_2;
        let request = http::Request::from_parts(parts, Body::new(Full::new(body)));
        let service = TowerToHyperService::new(self.router.clone());
        let Ok(response) = service.call(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| TransportError::NoAnswer(error.to_string()))?;
        Ok(http::Response::from_parts(parts, body.to_bytes()))
    }
}
