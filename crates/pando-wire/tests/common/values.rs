//! Sample numbers, byte strings, credentials and extensions.
//!
//! Most byte strings are short, so that a test can quickly replace each byte of each sample with
//! every other value. Some byte strings have 64 bytes, which is the smallest length whose prefix
//! takes two bytes.

use pando_wire::*;

/// Returns the byte string 1, 2, 3, ... of the given length.
pub(crate) fn string<T: From<Vec<u8>>>(len: usize) -> T {
    T::from((1..=len).map(|byte| byte as u8).collect())
}

/// Numbers that include known values, the smallest and the largest value, GREASE values and a value
/// for private use.
const NUMBERS: [u16; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 0x0a0a, 0xeaea, 0xf000, 0xffff];

pub(crate) fn registry<T>(number: fn(u16) -> T) -> Vec<T> {
    NUMBERS.map(number).into()
}

/// Returns forty numbers, whose encoding takes 80 bytes.
pub(crate) fn many_numbers<T>(number: fn(u16) -> T) -> Vec<T> {
    NUMBERS.into_iter().cycle().take(40).map(number).collect()
}

pub(crate) fn leaf_indices() -> Vec<LeafIndex> {
    [0, 1, 0x0102_0304, 1 << 31, u32::MAX].map(LeafIndex).into()
}

pub(crate) fn strings<T: From<Vec<u8>>>() -> Vec<T> {
    [0, 1, 2, 16, 63, 64, 100].map(string).into()
}

pub(crate) fn certificates() -> Vec<Certificate> {
    [0, 3, 64].map(certificate).into()
}

fn certificate(len: usize) -> Certificate {
    Certificate { cert_data: string(len) }
}

pub(crate) fn credentials() -> Vec<Credential> {
    vec![
        credential(),
        Credential::Basic { identity: string(0) },
        x509(&[]),
        x509(&[5]),
        x509(&[3, 0, 4]),
        x509(&[30, 40]),
        Credential::Other { credential_type: CredentialType(0), data: string(2) },
        Credential::Other { credential_type: CredentialType(0x1a1a), data: string(0) },
        Credential::Other { credential_type: CredentialType(0xffff), data: string(64) },
    ]
}

/// Returns a credential with a short encoding.
pub(crate) fn credential() -> Credential {
    Credential::Basic { identity: string(3) }
}

/// Returns an X.509 credential with certificates of the given lengths.
pub(crate) fn x509(lens: &[usize]) -> Credential {
    Credential::X509 { certificates: lens.iter().map(|&len| certificate(len)).collect() }
}

pub(crate) fn extension_list() -> Vec<Extension> {
    let mut list = known_extensions();
    list.extend([extension(0, 0), extension(0xaaaa, 1), extension(0xf001, 64), extension(0xffff, 0)]);
    list
}

fn extension(extension_type: u16, len: usize) -> Extension {
    Extension { extension_type: ExtensionType(extension_type), extension_data: string(len) }
}

/// Returns one extension of each of the five types that RFC 9420 defines.
fn known_extensions() -> Vec<Extension> {
    vec![
        Extension::new(&ApplicationId { application_id: string(3) }).unwrap(),
        Extension::new(&RatchetTree(vec![None])).unwrap(),
        Extension::new(&required()).unwrap(),
        Extension::new(&ExternalPub { external_pub: string(4) }).unwrap(),
        Extension::new(&ExternalSenders(external_sender_list())).unwrap(),
    ]
}

pub(crate) fn extensions() -> Vec<Extensions> {
    vec![
        Extensions(vec![]),
        some_extensions(),
        Extensions(vec![extension(0, 0), extension(0, 0), extension(0, 0)]),
        Extensions(known_extensions()),
        Extensions(extension_list()),
    ]
}

/// Returns two extensions with short encodings.
pub(crate) fn some_extensions() -> Extensions {
    Extensions(vec![extension(1, 2), extension(0x2a2a, 0)])
}

pub(crate) fn application_ids() -> Vec<ApplicationId> {
    [0, 5, 64].map(|len| ApplicationId { application_id: string(len) }).into()
}

fn required() -> RequiredCapabilities {
    RequiredCapabilities {
        extension_types: vec![ExtensionType(0xf000), ExtensionType(0x0a0a)],
        proposal_types: vec![ProposalType(0xf001)],
        credential_types: vec![CredentialType::BASIC, CredentialType::X509],
    }
}

pub(crate) fn required_capabilities() -> Vec<RequiredCapabilities> {
    vec![
        required(),
        RequiredCapabilities::default(),
        RequiredCapabilities { extension_types: many_numbers(ExtensionType), ..Default::default() },
    ]
}

pub(crate) fn external_pubs() -> Vec<ExternalPub> {
    [0, 5, 65].map(|len| ExternalPub { external_pub: string(len) }).into()
}

pub(crate) fn external_sender_list() -> Vec<ExternalSender> {
    let credentials = [credential(), x509(&[1, 2])];
    credentials.map(|credential| ExternalSender { signature_key: string(2), credential }).into()
}

pub(crate) fn external_senders() -> Vec<ExternalSenders> {
    let senders = credentials()
        .into_iter()
        .map(|credential| ExternalSender { signature_key: string(2), credential })
        .collect();
    vec![ExternalSenders(vec![]), ExternalSenders(external_sender_list()), ExternalSenders(senders)]
}
