//! The file format of x509-limbo, which is JSON with certificates in PEM. Fields that the tests do
//! not need are omitted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Limbo {
    pub(crate) version: u32,
    pub(crate) testcases: Vec<Testcase>,
}

/// A case, with the certificates of a client and the result that a validator should return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Testcase {
    pub(crate) id: String,
    pub(crate) validation_kind: String,
    pub(crate) trusted_certs: Vec<Pem>,
    pub(crate) untrusted_intermediates: Vec<Pem>,
    pub(crate) peer_certificate: Pem,
    pub(crate) validation_time: Option<String>,
    pub(crate) signature_algorithms: Vec<String>,
    pub(crate) key_usage: Vec<String>,
    pub(crate) extended_key_usage: Vec<String>,
    pub(crate) expected_result: Expected,
    pub(crate) expected_peer_name: Option<PeerName>,
    pub(crate) expected_peer_names: Vec<PeerName>,
    #[serde(default)]
    pub(crate) max_chain_depth: Option<usize>,
    #[serde(default)]
    pub(crate) crls: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Expected {
    Success,
    Failure,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PeerName {
    pub(crate) kind: String,
    pub(crate) value: String,
}

/// A PEM-encoded certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pem(String);

impl Pem {
    pub(crate) fn new(der: &[u8]) -> Self {
        Self(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der)))
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.0.as_bytes()).unwrap().to_vec()
    }
}
