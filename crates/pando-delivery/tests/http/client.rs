//! A server with a certificate for `localhost`, and a client of HTTP over TLS.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pando_api::{Envelope, Problem, ProblemCode};
use pando_delivery::http::{ConnectionLimits, Shutdown, ShutdownSender, serve, tls_config};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: ShutdownSender,
    pub(crate) task: JoinHandle<()>,
    certificate: CertificateDer<'static>,
}

/// A response with its complete body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    async fn of<B: axum::body::HttpBody>(response: Response<B>) -> Self
    where
        B::Error: Debug,
    {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// Decodes the body of a response with this status.
    #[track_caller]
    pub(crate) fn decode<T>(&self, status: u16) -> T
    where
        T: Debug + tls_codec::Serialize + tls_codec::DeserializeBytes,
    {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.headers["content-type"], "application/vnd.pando");
        assert_eq!(self.headers["cache-control"], "no-store");
        Envelope::decode_body(&self.body).unwrap()
    }

    /// Returns the problem document of a response.
    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.status);
        let problem = Problem::from_json(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }

    /// Returns the code of the problem document of a response.
    #[track_caller]
    pub(crate) fn code(&self) -> ProblemCode {
        self.problem().known_code().unwrap()
    }
}

/// A connection.
pub(crate) enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Returns settings of a client that trusts a certificate.
pub(crate) fn settings(
    certificate: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocol: &[u8],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

impl Server {
    /// Starts a server at a free port. `router` gets the signal to shut down.
    pub(crate) async fn start(limits: ConnectionLimits, router: impl FnOnce(Shutdown) -> Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = issued.cert.der().clone();
        let tls = tls_config(
            pem("CERTIFICATE", &certificate).as_bytes(),
            pem("PRIVATE KEY", issued.signing_key.serialized_der()).as_bytes(),
        );
        let (shutdown, signal) = ShutdownSender::new();
        let task = serve(listener, tls.unwrap(), router(signal.clone()), limits, signal);
        Self { address, shutdown, task: tokio::spawn(task), certificate }
    }

    /// Performs the handshake of TLS.
    pub(crate) async fn tls(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::new(settings(&self.certificate, versions, protocol));
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(config).connect("localhost".try_into().unwrap(), stream).await
    }

    /// Connects with HTTP/1.1.
    pub(crate) async fn http1(&self) -> Client {
        let stream = self.tls(&[&rustls::version::TLS13], b"http/1.1").await.unwrap();
        let (client, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client::Http1(client)
    }

    /// Connects with HTTP/2.
    pub(crate) async fn http2(&self) -> Client {
        let stream = self.tls(&[&rustls::version::TLS13], b"h2").await.unwrap();
        let (client, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client::Http2(client)
    }
}

impl Client {
    /// Sends a request and reads its response.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        let response = match self {
            Self::Http1(client) => {
                client.ready().await?;
                client.send_request(request).await?
            }
            Self::Http2(client) => {
                let (mut parts, body) = request.into_parts();
                // HTTP/2 requests name their scheme and authority.
                if parts.uri.authority().is_none() {
                    parts.uri = format!("https://localhost{}", parts.uri).parse().unwrap();
                }
                client.send_request(Request::from_parts(parts, body)).await?
            }
        };
        Ok(Answer::of(response).await)
    }

    /// Sends a request without a session.
    pub(crate) async fn get(&mut self, target: &str) -> hyper::Result<Answer> {
        let target = format!("https://localhost{target}");
        self.send(Request::get(target).header("host", "localhost").body(Full::default()).unwrap()).await
    }
}

/// Encodes contents in the format PEM.
pub(crate) fn pem(label: &str, contents: &[u8]) -> String {
    use base64::Engine;
    let text = base64::prelude::BASE64_STANDARD.encode(contents);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Returns a body for responses.
pub(crate) fn body(text: &'static str) -> Body {
    Body::from(text)
}
