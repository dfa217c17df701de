//! Opening a client.

use super::driver::Driver;
use super::error::OpenError;
use super::{Client, Reports, WAITING, identity};
use crate::delivery::DeliveryClient;
use crate::engine::{Engine, EngineSettings, mls_client};
#[cfg(feature = "http")]
use crate::http_transport::{HttpSettings, HttpTransport};
#[cfg(feature = "http")]
use crate::server_url::authority_of_url;
use crate::system_clock::SystemClock;
use crate::transport::{Clock, Transport};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pando_api::{Authority, DeviceIdentities};
use pando_mls::Credential;
use pando_store::{Backend, Store};
use std::fmt;
use std::sync::Arc;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// The settings with which a [`Client`] is opened.
///
/// All randomness comes from the operating system.
pub struct ClientBuilder {
    credential: Credential,
    mls: pando_mls::Client,
    settings: Option<EngineSettings>,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "http")]
    http: HttpSettings,
}

impl ClientBuilder {
    /// Returns the default settings for a client with this certificate, whose signature key is in
    /// the store. `identities` contains the trust anchors of the domains of all members.
    #[must_use]
    pub fn new(credential: Credential, identities: DeviceIdentities) -> Self {
        Self {
            credential,
            mls: mls_client(identities),
            settings: None,
            clock: Arc::new(SystemClock),
            #[cfg(feature = "http")]
            http: HttpSettings::default(),
        }
    }

    /// Sets the settings of the engine. By default, they are [`EngineSettings::new`] for the cipher
    /// suite of the stored signature key.
    #[must_use]
    pub fn settings(self, settings: EngineSettings) -> Self {
        Self { settings: Some(settings), ..self }
    }

    /// Sets the clock. Default: [`SystemClock`]. Timers run in real time.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Sets the settings of the transport of [`ClientBuilder::open`].
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(self, http: HttpSettings) -> Self {
        Self { http, ..self }
    }

    /// Opens a client that dials the server with this URL, for example `https://ds.example.org`,
    /// over HTTP. `roots` are the root certificates of the server in the format PEM.
    ///
    /// The function reads the rows of all groups from the store. It does not wait for the server.
    ///
    /// # Errors
    /// [`OpenError`].
    #[cfg(feature = "http")]
    pub fn open<B: Backend>(
        self,
        url: &str,
        roots: &[u8],
        store: Store<B>,
    ) -> Result<Client<HttpTransport, B>, OpenError> {
        let server = authority_of_url(url)?;
        let transport = HttpTransport::new(roots, &self.http)?;
        self.open_with(server, transport, store)
    }

    /// Opens a client that reaches the server through a transport.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with<T: Transport + 'static, B: Backend>(
        self,
        server: Authority,
        transport: T,
        store: Store<B>,
    ) -> Result<Client<T, B>, OpenError> {
        let Self { credential, mls, settings, clock, .. } = self;
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        let suite = settings.as_ref().map(|settings| settings.cipher_suite);
        let device = identity::stored(&store, mls.crypto(), &credential, suite)?;
        let settings = settings.unwrap_or_else(|| EngineSettings::new(device.cipher_suite));
        let domain = server.domain().clone();
        let sources = (Arc::clone(&clock), UnwrapErr(SysRng));
        let engine = Engine::open(store, (mls, &credential), domain, sources, settings)?;
        let own = engine.own().clone();
        let delivery =
            Arc::new(DeliveryClient::new(server, device, transport, Arc::clone(&clock), UnwrapErr(SysRng)));

        let (messages, received) = mpsc::channel(WAITING);
        let (events, event_reports) = watch::channel((0, 0));
        let (error, error_reports) = watch::channel(None);
        let calls = (Arc::clone(&delivery), messages.downgrade(), runtime);
        let driver = Driver::new(engine, clock, calls, received, (events, error));
        let thread = thread::Builder::new().name("pando client".to_owned());
        thread.spawn(move || driver.run()).map_err(OpenError::Thread)?;
        let reports = Reports { events: event_reports, error: error_reports };
        Ok(Client { messages, delivery, reports, own })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
