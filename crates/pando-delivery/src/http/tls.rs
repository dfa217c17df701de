//! The settings of TLS (docs/protocol.md, section 1).

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// The protocols above TLS, the preferred one first.
pub(crate) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Reason why a server cannot use a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is not in the format PEM.
    #[error("not in the format PEM: {0}")]
    Pem(pem::Error),
    /// There is no certificate.
    #[error("the file contains no certificate")]
    NoCertificate,
    /// The certificate and the key cannot be used together.
    #[error("certificate and key: {0}")]
    Certificate(#[from] rustls::Error),
}

/// Returns the settings of a server with a chain of certificates and its private key, both in the
/// format PEM. They allow only TLS 1.3, and prefer the hybrid key exchange X25519MLKEM768, so that
/// a recorded connection stays confidential against a later quantum computer.
///
/// # Errors
/// [`TlsError`] if the certificates or the key cannot be used.
pub fn tls_config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(TlsError::Pem)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Pem)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok(Arc::new(config))
}
