//! The certificate for development.
//!
//! The first start makes a certification authority, whose certificate clients trust explicitly. By
//! its name constraints it can only certify `localhost`, so a stolen key does no harm elsewhere.
//! Each start issues a new certificate for the server.

use super::error::ServeError;
use super::files;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pando_api::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use std::ops::Add;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

const DAY: u64 = 24 * 60 * 60;

/// The only name that is certified.
const NAME: &str = "localhost";

/// The certificate and the key of a server, in the format PEM, and the authority.
pub(crate) struct Development {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
    /// The file with the certificate of the authority, for clients.
    pub(crate) authority: PathBuf,
    /// The SHA-256 of the authority's certificate, if this call has made the authority.
    pub(crate) new_fingerprint: Option<String>,
}

/// Makes the authority in a folder, if there is none, and issues a certificate. `now` is in seconds
/// since 1970.
pub(crate) fn certify(folder: &Path, now: u64) -> Result<Development, ServeError> {
    files::create_folder(folder)?;
    let (key_path, authority) = (folder.join("ca.key"), folder.join("ca.pem"));
    let make = || Ok(Zeroizing::new(KeyPair::generate()?.serialize_der()));
    let (key, is_new) = files::private(&key_path, make)?;
    let key = KeyPair::try_from(key.as_slice()).map_err(|_| ServeError::Key(key_path))?;
    let params = authority_params(now);
    let mut new_fingerprint = None;
    // The key is written first, so a crash leaves an authority without its certificate.
    if is_new || !authority.exists() {
        let certificate = params.self_signed(&key)?;
        files::write(&authority, pem("CERTIFICATE", certificate.der()).as_bytes(), false)?;
        new_fingerprint = Some(fingerprint(certificate.der()));
    }
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate()?;
    let certificate = server_params(now)?.signed_by(&server_key, &issuer)?;
    Ok(Development {
        certificate: pem("CERTIFICATE", certificate.der()),
        key: Zeroizing::new(pem("PRIVATE KEY", server_key.serialized_der())),
        authority,
        new_fingerprint,
    })
}

/// Returns the parameters of the authority. Its name and its key identifier are always the same.
fn authority_params(now: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Pando development");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let permitted_subtrees = vec![GeneralSubtree::DnsName(NAME.to_owned())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    validity(&mut params, now, 10 * 365 * DAY);
    params
}

/// Returns the parameters of a server's certificate. Some clients refuse a longer validity.
fn server_params(now: u64) -> Result<CertificateParams, ServeError> {
    let mut params = CertificateParams::new([NAME.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, now, 365 * DAY);
    Ok(params)
}

/// Sets the validity, which begins an hour ago, because clocks differ.
fn validity(params: &mut CertificateParams, now: u64, seconds: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch.add(Duration::from_secs(now.saturating_sub(DAY / 24)));
    params.not_after = epoch.add(Duration::from_secs(now.saturating_add(seconds)));
}

/// Returns the SHA-256 of a certificate, as browsers show it.
fn fingerprint(certificate: &[u8]) -> String {
    let digits: Vec<_> =
        Digest::of(certificate).as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    digits.join(":")
}

/// Encodes contents in the format PEM.
fn pem(label: &str, contents: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(contents);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines.extend(line.iter().map(|byte| char::from(*byte)));
        lines.push('\n');
    }
    lines.push_str(&format!("-----END {label}-----\n"));
    lines
}
