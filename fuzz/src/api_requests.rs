//! Decoders of the delivery service (docs/protocol.md): the structures of `pando-api`, the messages
//! that the service takes, and texts. Whatever is decoded must be encoded to the same bytes.

use pando_api::*;
use pando_delivery::group::{ApplicationMessage, Handshake};
use pando_mls::wire::{Content, GroupInfo};
use pando_mls::{
    Credential, Decode, Encode, Extensions, GroupId, KeyPackage, MlsMessage, MlsMessageBody, Welcome,
};
use std::fmt::{Debug, Display};
use std::str::FromStr;
use tls_codec::{DeserializeBytes, Serialize};

/// A check of the input after its first byte.
type Check = fn(&[u8]);

/// Structures by their names in docs/protocol.md. The name of a structure that is one of the golden
/// files of `pando-api` is the name of that file.
macro_rules! structures {
    ($($name:ident),* $(,)?) => {
        /// The checks by name. The first byte of an input selects one.
        pub const CHECKS: &[(&str, Check)] = &[
            $((stringify!($name), structure::<$name>),)*
            ("Envelope", structure::<Challenge>),
            ("Parameters", structure::<Parameters>),
            ("domain", text::<Domain>),
            ("user", text::<UserId>),
            ("device", text::<DeviceId>),
            ("client", text::<ClientId>),
            ("group", group),
            ("digest", text::<Digest>),
            ("token", token),
            ("authority", authority),
            ("problem", problem),
            ("revocations", revocations),
            ("message", message),
            ("KeyPackage", key_package),
            ("policy", policy),
            ("authenticated data", authenticated_data),
            ("credential", credential),
        ];
    };
}

structures! {
    Acknowledgement, ApiExtension, Blob, CertificateRequest, Challenge, ClaimKeyPackages,
    ClaimedKeyPackage, ClaimedKeyPackages, ComponentData, CreateGroup, GroupList, GroupState,
    GroupSummary, HandshakeData, Head, InboxEntry, InboxPage, KeyPackageCount, KeyPackageCounts,
    LogEntry, LogPage, Login, PendingProposal, Policy, Receipt, RemovalIntent, Report, Reports, Reset,
    RevocationList, Session, SignedHead, SubmitCommit, SubmitMessage, UploadKeyPackages,
}

/// Runs the check that the first byte selects on the rest of the input.
pub fn api_requests(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else { return };
    let (_, check) = CHECKS[usize::from(*which) % CHECKS.len()];
    check(bytes);
}

/// Decodes a structure by itself, and as the body of an envelope.
fn structure<T: Debug + PartialEq + Serialize + DeserializeBytes>(bytes: &[u8]) {
    let by_itself = exact::<T>(bytes);
    let envelope = exact::<Envelope<T>>(bytes);
    if let Some(value) = by_itself {
        let body = Envelope::encode_body(value).expect("what was decoded can be encoded");
        assert_eq!(body, [bytes, &[0]].concat(), "a body and no extensions");
        let decoded = Envelope::<T>::decode_body(&body).expect("a body without extensions");
        assert_eq!(decoded.tls_serialize_detached().as_deref(), Ok(bytes));
    }
    match (Envelope::<T>::decode_body(bytes), envelope) {
        (Ok(body), Some(envelope)) => {
            let types = || envelope.extensions.iter().map(|extension| extension.extension_type);
            assert!(types().is_sorted_by(|one, next| one < next) && types().all(|known| known < 0x8000));
            assert_eq!(body, envelope.body);
        }
        (Err(EnvelopeError::Malformed(_)), None)
        | (Err(EnvelopeError::Order | EnvelopeError::UnknownExtension(_)), Some(_)) => {}
        (body, envelope) => panic!("{body:?} and {envelope:?}"),
    }
}

/// Decodes a structure that takes all bytes, and encodes it again.
fn exact<T: Debug + Serialize + DeserializeBytes>(bytes: &[u8]) -> Option<T> {
    let value = T::tls_deserialize_exact_bytes(bytes).ok()?;
    assert_eq!(value.tls_serialize_detached().as_deref(), Ok(bytes), "{value:?}");
    assert_eq!(value.tls_serialized_len(), bytes.len(), "{value:?}");
    Some(value)
}

/// Parses an identifier, which has one text and one encoding.
fn text<T: FromStr + Display>(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
        assert!(text.is_ascii());
    }
}

fn group(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(address) = text.parse::<GroupAddress>() {
        assert_eq!(address.to_string(), text);
        let again = GroupAddress::new(&address.group_id(), &address.domain()).expect("an address");
        assert_eq!(again, address);
        assert_eq!(GroupAddress::from_path(address.path_segment(), &address.domain()), Ok(address));
    }
    let domain = "example.org".parse().expect("a domain");
    if let Ok(address) = GroupAddress::from_path(text, &domain) {
        assert_eq!(address.path_segment(), text);
    }
    // Any identifier of MLS that has a text is the identifier of that text.
    let group_id = GroupId::from(bytes);
    if let Ok(address) = GroupAddress::new(&group_id, &domain) {
        assert_eq!(address.group_id(), group_id);
        assert_eq!(address.to_string().parse(), Ok(address));
    }
}

fn token(bytes: &[u8]) {
    exact::<Token>(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(token) = text.parse::<Token>() {
        assert_eq!(token.as_str(), text);
        let encoding = token.encode().expect("what was parsed can be encoded");
        assert_eq!(Token::decode(&encoding).as_ref(), Ok(&token));
    }
}

fn authority(bytes: &[u8]) {
    text::<Authority>(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(authority) = text.parse::<Authority>() {
        assert_eq!(Authority::new(authority.domain().clone(), authority.port()), Some(authority));
    }
}

/// Parses a problem. JSON has many texts for one value, so only the value must stay the same.
fn problem(bytes: &[u8]) {
    if let Ok(problem) = Problem::from_json(bytes) {
        let json = problem.to_json();
        assert_eq!(Problem::from_json(&json).ok().as_ref(), Some(&problem));
        assert_eq!(Problem::from_json(&json).map(|again| again.to_json()).ok(), Some(json));
        assert!(problem.known_code().is_none_or(|code| code.as_str() == problem.code));
        assert!(problem.to_string().starts_with(&problem.code));
    }
}

/// The key that signs the lists of revocations.
fn feed() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[8; 32])
}

/// Verifies lists of revocations that are signed by the right key: the input is the contents.
fn revocations(bytes: &[u8]) {
    use ed25519_dalek::Signer;
    let signature = feed().sign(bytes).to_bytes();
    let signed = [bytes, &[0x40, 64], &signature].concat();
    let Some(list) = exact::<RevocationList>(&signed) else { return };
    let domain: Domain = "example.org".parse().expect("a domain");
    if let Ok(verified) = list.clone().verify(&domain, &feed().verifying_key()) {
        assert!(verified.versions().keys().all(|client| client.domain() == domain));
        assert!(verified.versions().values().all(|version| (1..=MAX_VERSION).contains(version)));
        assert_eq!(RevocationList::sign(&verified, &feed()), Ok(list), "a list has one encoding");
        let mut same = verified.clone();
        assert_eq!(same.replace(verified), Ok(()));
    }
}

/// Decodes a message as the service does for each path.
fn message(bytes: &[u8]) {
    let message = exact_message::<MlsMessage>(bytes);
    let group_id = match message.as_ref().map(|message| &message.body) {
        Some(MlsMessageBody::PublicMessage(public)) => public.content.group_id.clone(),
        Some(MlsMessageBody::PrivateMessage(private)) => private.group_id.clone(),
        Some(MlsMessageBody::GroupInfo(info)) => {
            exact_message::<GroupInfo>(&bytes[4..]);
            policy_of(&info.group_context.extensions);
            info.group_context.group_id.clone()
        }
        Some(MlsMessageBody::Welcome(_)) => {
            exact_message::<Welcome>(&bytes[4..]);
            GroupId::from(b"")
        }
        _ => GroupId::from(b""),
    };
    let application = ApplicationMessage::decode(&group_id, bytes.to_vec());
    assert!(application.is_err() || ApplicationMessage::has_wire_format(bytes));
    match Handshake::decode(&group_id, bytes.to_vec()) {
        Ok(handshake) => {
            let Some(MlsMessageBody::PublicMessage(public)) = message.map(|message| message.body) else {
                panic!("a handshake that is no PublicMessage")
            };
            assert_eq!(handshake.is_commit(), matches!(public.content.content, Content::Commit(_)));
            authenticated_data(&public.content.authenticated_data);
            assert!(application.is_err());
        }
        Err(refusal) => assert!(refusal.problem().known_code().is_some()),
    }
}

fn exact_message<T: Decode + Encode>(bytes: &[u8]) -> Option<T> {
    let value = T::decode(bytes).ok()?;
    assert_eq!(value.encode().as_deref(), Ok(bytes));
    Some(value)
}

fn key_package(bytes: &[u8]) {
    if let Some(key_package) = exact_message::<KeyPackage>(bytes) {
        if let Ok(Some(_)) = key_package.extensions.find::<LastResort>() {
            let extension = key_package.extensions.get(LAST_RESORT_EXTENSION);
            assert!(extension.is_some_and(|extension| extension.extension_data.is_empty()));
        }
        read_certificate(&key_package.leaf_node.credential);
    }
}

/// Reads the policy in a list of extensions.
fn policy(bytes: &[u8]) {
    if let Some(extensions) = exact_message::<Extensions>(bytes) {
        policy_of(&extensions);
    }
    if let Some(policy) = exact::<Policy>(bytes)
        && let Ok(extension) = policy.to_extension()
    {
        // A policy that can be decoded may still break a rule.
        if let Ok(again) = Policy::of(&Extensions(vec![extension])) {
            assert_eq!(again, policy);
        }
    }
}

fn policy_of(extensions: &Extensions) {
    if let Ok(policy) = Policy::of(extensions) {
        let extension = policy.to_extension().expect("a valid policy can be encoded");
        assert_eq!(
            extensions.get(POLICY_EXTENSION).map(|found| &found.extension_data),
            Some(&extension.extension_data)
        );
        assert!(policy.admins.is_sorted_by(|one, next| one < next) && !policy.admins.is_empty());
    }
}

fn authenticated_data(bytes: &[u8]) {
    if let Ok(Some(data)) = HandshakeData::read(bytes) {
        assert_eq!(data.encode().as_deref(), Ok(bytes));
    }
}

fn credential(bytes: &[u8]) {
    if let Some(credential) = exact_message::<Credential>(bytes) {
        read_certificate(&credential);
    }
    // The input as the only certificate.
    let cert_data = bytes.into();
    read_certificate(&Credential::X509 { certificates: vec![pando_mls::wire::Certificate { cert_data }] });
}

fn read_certificate(credential: &Credential) {
    if let Ok(certificate) = DeviceCertificate::read(credential) {
        assert!((1..=MAX_VERSION).contains(&certificate.version));
        let uri = certificate_uri(&certificate.client, certificate.version);
        let Credential::X509 { certificates } = credential else { panic!("not a certificate") };
        let [certificate] = &**certificates else { panic!("not one certificate") };
        let is_found = certificate.cert_data.windows(uri.len()).any(|window| window == uri.as_bytes());
        assert!(is_found, "the name is in the certificate");
    }
}
