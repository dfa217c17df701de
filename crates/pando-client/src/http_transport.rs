//! A transport over HTTP/1.1 or HTTP/2 and TLS 1.3 (docs/protocol.md, section 1).
//!
//! # Left out on purpose
//!
//! Redirects, cookies, proxies and compression. The library `reqwest` repeats a request if the
//! server has refused it at the level of HTTP/2 without processing it, or if the connection was
//! closed before the request was written.

use crate::transport::{Outgoing, Transport, TransportError};
use bytes::Bytes;
use http::Response;
use pando_api::Domain;
use reqwest::redirect;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The slowest upload that does not time out, in bytes per second.
const UPLOAD_RATE: usize = 32 << 10;

/// The settings of an [`HttpTransport`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpSettings {
    /// The longest time for a connection and the handshake of TLS. Default: 10 seconds.
    pub connect: Duration,
    /// The longest time without an answer, after the time for which the server may wait, and
    /// without a byte of an answer. Default: 30 seconds.
    pub pause: Duration,
    /// The addresses of hosts, instead of those of the domain name system. Default: none.
    pub addresses: Vec<(Domain, SocketAddr)>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), pause: Duration::from_secs(30), addresses: Vec::new() }
    }
}

/// Reason why there is no transport with some settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The root certificates are not in the format PEM.
    #[error("root certificates are not in the format PEM: {0}")]
    Pem(pem::Error),
    /// There is no root certificate, so no server would be trusted.
    #[error("the file contains no root certificate")]
    NoRoot,
    /// A root certificate cannot be used.
    #[error("root certificate: {0}")]
    Root(#[from] rustls::Error),
    /// The library refuses the settings.
    #[error("{0}")]
    Settings(String),
}

/// A pool of connections over HTTP and TLS 1.3.
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    pause: Duration,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("pause", &self.pause).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// Returns a transport that trusts the servers whose certificates are below one of these root
    /// certificates in the format PEM, and no others.
    ///
    /// # Errors
    /// [`HttpError`] if a root certificate or a setting cannot be used.
    pub fn new(roots: &[u8], settings: &HttpSettings) -> Result<Self, HttpError> {
        let mut builder = reqwest::Client::builder()
            .use_preconfigured_tls(tls_config(roots)?)
            .https_only(true)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(settings.connect);
        for (domain, address) in &settings.addresses {
            builder = builder.resolve(domain.as_str(), *address);
        }
        let client = builder.build().map_err(|error| HttpError::Settings(chain(&error)))?;
        Ok(Self { client, pause: settings.pause })
    }

    /// Reads the body of an answer.
    async fn read(&self, mut answer: reqwest::Response, limit: usize) -> Result<Bytes, TransportError> {
        let is_within = |length: u64| usize::try_from(length).is_ok_and(|length| length <= limit);
        if !answer.content_length().is_none_or(is_within) {
            return Err(TransportError::AnswerTooLarge);
        }
        let mut body = Vec::new();
        while let Some(part) = in_time(self.pause, answer.chunk()).await?.map_err(no_answer)? {
            if body.len().saturating_add(part.len()) > limit {
                return Err(TransportError::AnswerTooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(body.into())
    }
}

impl Transport for HttpTransport {
    async fn send(&self, outgoing: Outgoing) -> Result<Response<Bytes>, TransportError> {
        let Outgoing { request, answer_limit, wait } = outgoing;
        let upload = request.body().len().checked_div(UPLOAD_RATE).unwrap_or_default();
        let upload = Duration::from_secs(u64::try_from(upload).unwrap_or(u64::MAX));
        let limit = self.pause.saturating_add(wait).saturating_add(upload);
        let request = reqwest::Request::try_from(request).map_err(not_sent)?;
        let answer = in_time(limit, self.client.execute(request)).await?;
        // The request is written after a connection was made.
        let is_unsent = |error: &reqwest::Error| error.is_connect() || error.is_builder();
        let mut answer = answer.map_err(|error| match is_unsent(&error) {
            true => not_sent(error),
            false => no_answer(error),
        })?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut response = Response::new(self.read(answer, answer_limit).await?);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}

/// Waits for a part of an answer.
async fn in_time<O>(limit: Duration, part: impl Future<Output = O>) -> Result<O, TransportError> {
    let silent = |_| TransportError::NoAnswer(format!("nothing was received for {limit:?}"));
    timeout(limit, part).await.map_err(silent)
}

fn not_sent(error: reqwest::Error) -> TransportError {
    TransportError::NotSent(chain(&error.without_url()))
}

fn no_answer(error: reqwest::Error) -> TransportError {
    TransportError::NoAnswer(chain(&error.without_url()))
}

/// Returns settings of TLS 1.3 that prefer the hybrid key exchange X25519MLKEM768.
fn tls_config(roots: &[u8]) -> Result<ClientConfig, HttpError> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(roots) {
        store.add(root.map_err(HttpError::Pem)?)?;
    }
    if store.is_empty() {
        return Err(HttpError::NoRoot);
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns the texts of an error and of its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
