//! The server in the process of the parent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pando_api::{Authority, ServerKey};
use pando_delivery::http::{
    Authenticator, ConnectionLimits, HttpSettings, ShutdownSender, TokenKey, router, serve, tls_config,
};
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::MemoryStore;
use pando_simulation::{Certificates, SimClock, domain};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

/// A server that listens on the loopback interface.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Its certificate in the format PEM.
    pub(crate) certificate: String,
    _shutdown: ShutdownSender,
}

impl Server {
    pub(crate) async fn start(certificates: &Certificates, clock: &SimClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let authority = Authority::new(domain().unwrap(), address.port()).unwrap();
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let (head_keys, remover) = (vec![key.public()], certificates.remover().unwrap());
        let removers = vec![("ed25519", remover.public_key().clone())];
        let identities = Arc::new(certificates.identities().unwrap());
        let settings = Settings::new(domain().unwrap(), (key, []), vec![remover], identities);
        let service = Service::new(MemoryStore::new(), settings);
        let token_key = TokenKey::from_secret(&Zeroizing::new([3; 32]));
        let authenticator = Authenticator { authority, key: token_key };
        let (shutdown, signal) = ShutdownSender::new();
        let mut settings = HttpSettings::new(authenticator, head_keys, removers, signal.clone());
        settings.clock = Box::new(clock.clone());
        let router = router(service.clone(), settings);
        let issued = rcgen::generate_simple_self_signed(["example.org".to_owned()]).unwrap();
        let certificate = pem("CERTIFICATE", issued.cert.der());
        let key = pem("PRIVATE KEY", issued.signing_key.serialized_der());
        let tls = tls_config(certificate.as_bytes(), key.as_bytes()).unwrap();
        tokio::spawn(serve(listener, tls, router, ConnectionLimits::default(), signal));
        let time = clock.clone();
        tokio::spawn(async move {
            loop {
                service.wait_for_due().await;
                service.run_due(time.time()).await.unwrap();
            }
        });
        Self { address, certificate, _shutdown: shutdown }
    }
}

/// Encodes contents in the format PEM.
fn pem(label: &str, contents: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(contents);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
