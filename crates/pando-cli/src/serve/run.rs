//! A server from its start to its end.

use super::authority;
use super::config::Config;
use super::development::{self, Development};
use super::error::ServeError;
use super::feeds::Feed;
use super::keys::Keys;
use super::{ExitCode, files};
use pando_api::{Authority, DeviceIdentities, Domain};
use pando_delivery::http::{
    Authenticator, Clock, ConnectionLimits, HttpSettings, ShutdownSender, SystemClock, router, serve,
    tls_config,
};
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::{SqliteConfig, SqliteStore};
use pando_mls::RustCrypto;
use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The longest time between two looks for work that is due.
const DUE_INTERVAL: Duration = Duration::from_secs(5);

/// Serves until a signal, and returns the exit code.
pub(crate) async fn run(config: Config) -> Result<ExitCode, ServeError> {
    files::create_folder(&config.data)?;
    // The store is opened first: its lock keeps two servers from using one folder.
    let store = SqliteStore::open(config.data.join("store"), &SqliteConfig::default())?;
    let keys = Keys::open(&config.data.join("keys"))?;
    let now = SystemClock.now() / 1_000;
    let trust = Trust::open(&config, now)?;
    let (tls, development) = certificate(&config, now)?;

    let address = config.listen;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| ServeError::Listen { address, source })?;
    let bound = listener.local_addr().map_err(ServeError::Start)?;
    let port = config.port.unwrap_or_else(|| bound.port());
    let authority = Authority::new(config.domain.clone(), port).ok_or(ServeError::PortZero)?;

    let removers = keys.removers.iter().map(|(name, signer)| (*name, signer.public_key().clone())).collect();
    let head_keys = vec![keys.head.public()];
    let signers = keys.removers.into_iter().map(|(_, signer)| signer).collect();
    let mut settings = Settings::new(config.domain, (keys.head, []), signers, trust.identities);
    settings.feeds.extend(trust.feeds.iter().map(|feed| (feed.domain.clone(), feed.key)));
    let service = Service::new(store, settings);
    service.load_revocations().await?;
    for feed in trust.feeds {
        let known = feed.load(&service).await?;
        tokio::spawn(feed.follow(service.clone(), known));
    }
    tokio::spawn(run_due(service.clone()));

    let signal = Signal::new().map_err(ServeError::Start)?;
    let (shutdown, receiver) = ShutdownSender::new();
    let authenticator = Authenticator { authority: authority.clone(), key: keys.token };
    let settings = HttpSettings::new(authenticator, head_keys, removers, receiver.clone());
    let router = router(service.clone(), settings);
    let server = tokio::spawn(serve(listener, tls, router, ConnectionLimits::default(), receiver));
    announce(&authority, development.as_ref()).map_err(ServeError::Output)?;

    let code = tokio::select! {
        () = signal.wait() => ExitCode::SUCCESS,
        failure = service.store().failed() => {
            crate::complain(&format!("the store has failed: {failure}"));
            ExitCode::FAILURE
        }
    };
    shutdown.send();
    // The task only fails if it panics, which has been reported.
    let _ = server.await;
    Ok(code)
}

/// The trust anchors and the revocation lists.
struct Trust {
    identities: Arc<DeviceIdentities>,
    feeds: Vec<Feed>,
}

impl Trust {
    /// Reads the files of the settings, and those of the authority for development.
    fn open(config: &Config, now: u64) -> Result<Self, ServeError> {
        let mut anchors: Vec<(Domain, Vec<u8>)> = Vec::new();
        for anchor in &config.anchors {
            let certificate = fs::read(&anchor.certificate);
            let certificate = certificate.map_err(ServeError::file("read", &anchor.certificate))?;
            anchors.push((anchor.domain.clone(), certificate));
        }
        let mut feeds = config.feeds.iter().cloned().map(Feed::new).collect::<Result<Vec<_>, _>>()?;
        if config.has_authority() {
            let folder = config.data.join("authority");
            let authority = authority::open(&folder, &config.domain, now)?;
            anchors.push((config.domain.clone(), authority.anchor().to_vec()));
            let (domain, key) = (config.domain.clone(), authority.feed_key());
            feeds.push(Feed { domain, key, list: folder.join("revocations") });
        }
        let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchors)?);
        Ok(Self { identities, feeds })
    }
}

/// Returns the settings of TLS: with the certificate of the settings, or with one for development.
fn certificate(
    config: &Config,
    now: u64,
) -> Result<(Arc<rustls::ServerConfig>, Option<Development>), ServeError> {
    if let Some(tls) = &config.tls {
        let certificate = fs::read(&tls.certificate).map_err(ServeError::file("read", &tls.certificate))?;
        let key = zeroize::Zeroizing::new(fs::read(&tls.key).map_err(ServeError::file("read", &tls.key))?);
        return Ok((tls_config(&certificate, &key)?, None));
    }
    let development = development::certify(&config.data.join("tls"), now)?;
    let tls = tls_config(development.certificate.as_bytes(), development.key.as_bytes())?;
    Ok((tls, Some(development)))
}

/// Prints that the server is ready. The last line is its URL.
fn announce(authority: &Authority, development: Option<&Development>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(Development { authority, new_fingerprint, .. }) = development {
        if let Some(fingerprint) = new_fingerprint {
            writeln!(out, "made an authority for development, SHA-256 {fingerprint}")?;
        }
        writeln!(out, "clients trust the certificate in {}", authority.display())?;
    }
    writeln!(out, "serving https://{authority}")?;
    out.flush()
}

/// Runs the work of the service that is due.
async fn run_due(service: Service<SqliteStore>) {
    loop {
        let _ = tokio::time::timeout(DUE_INTERVAL, service.wait_for_due()).await;
        match service.run_due(SystemClock.now()).await {
            Ok(0) => {}
            Ok(failed) => crate::complain(&format!("work of {failed} partitions has failed")),
            Err(error) => crate::complain(&error),
        }
    }
}

/// The signals that end the server.
struct Signal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signal {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unnecessary_wraps, reason = "other systems can fail here")]
    const fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        // An error means that there is no console from which a signal could come.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
