//! A value of each structure.

use crate::codec::{Golden, golden};
use pando_api::{
    Acknowledgement, ApiExtension, Blob, CertificateRequest, Challenge, ClaimId, ClaimKeyPackages,
    ClaimStatus, ClaimTarget, ClaimedKeyPackage, ClaimedKeyPackages, ClientId, ComponentData, CreateGroup,
    Digest, Domain, EntryKind, EntrySummary, Envelope, ExternalCommits, Failure, ForkEvidence, GroupList,
    GroupState, GroupSummary, HandshakeData, Head, InboxEntry, InboxPage, KeyPackageCount, KeyPackageCounts,
    LogEntry, LogPage, Login, MessageContent, MessageId, PaddingRule, Parameters, PendingProposal,
    Permission, Policy, Receipt, RemovalIntent, Report, ReportStatement, Reports, Reset, RevocationList,
    Revocations, ServerKey, Session, SignedHead, SubmitCommit, SubmitMessage, UploadKeyPackages,
};
use pando_mls::wire::{Certificate, RequiredCapabilities};
use pando_mls::{
    CipherSuite, Credential, CredentialType, ExtensionType, GroupId, LeafIndex, Opaque, ProposalType,
    Signature, SignaturePublicKey,
};
use zeroize::Zeroizing;

/// Returns a value of each structure of the specification.
pub(crate) fn goldens() -> Vec<Golden> {
    [general(), log(), policy(), groups(), key_packages(), others()].into_iter().flatten().collect()
}

fn domain() -> Domain {
    "example.org".parse().unwrap()
}

fn client() -> ClientId {
    "alice@example.org/laptop".parse().unwrap()
}

fn group_id() -> GroupId {
    GroupId::from(b"0123456789abcdef")
}

fn digest() -> Digest {
    Digest::from([0xd1; 32])
}

fn extension() -> ApiExtension {
    ApiExtension { extension_type: 0x1234, data: b"data".into() }
}

fn head() -> Head {
    Head {
        domain: domain(),
        group_id: group_id(),
        incarnation: 2,
        seq: 41,
        time: 1_800_000_000_123,
        hash: Digest::from([0x4a; 32]),
    }
}

fn signed_head() -> SignedHead {
    head().sign(&ServerKey::from_secret(&Zeroizing::new([7; 32]))).unwrap()
}

fn revocations() -> Revocations {
    let versions = [(client(), 3), ("bob@example.org/phone".parse().unwrap(), 1)].into();
    Revocations::new(domain(), 5, 1_800_000_000_456, versions).unwrap()
}

/// Sections 1, 3 and 6.
fn general() -> Vec<Golden> {
    let login = Login {
        nonce: Opaque::from(&[0x11; 32]),
        session_key: Opaque::from(&[0x22; 32]),
        cipher_suite: CipherSuite::ALL[0],
        credential: Credential::X509 { certificates: vec![Certificate { cert_data: b"certificate".into() }] },
        signature: Signature::from(&[0x33; 64]),
    };
    let request = CertificateRequest {
        cipher_suite: CipherSuite::ALL[0],
        client: client(),
        signature_key: SignaturePublicKey::from(&[0x44; 32]),
        signature: Signature::from(&[0x33; 64]),
    };
    let challenge = Challenge { nonce: Opaque::from(&[0x11; 32]) };
    vec![
        golden("ApiExtension", extension()),
        golden("Envelope", Envelope { body: challenge.clone(), extensions: vec![extension()] }),
        golden("RevocationList", RevocationList::sign(&revocations(), &signing_key()).unwrap()),
        golden("CertificateRequest", request),
        golden("Challenge", challenge),
        golden("Login", login),
        golden("Session", Session { token: "token".parse().unwrap(), expires: 1_800_000_600_000 }),
    ]
}

fn signing_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[8; 32])
}

/// Section 7.
fn log() -> Vec<Golden> {
    let entry = |seq, kind| LogEntry {
        incarnation: 2,
        seq,
        time: 1_800_000_000_123,
        kind,
        epoch: 8,
        message: b"message".into(),
    };
    let page = LogPage {
        previous: Opaque::from(&[0x39; 32]),
        entries: vec![entry(40, EntryKind::Proposal), entry(41, EntryKind::Commit)],
        head: signed_head(),
        end: 41,
    };
    let receipt = Receipt {
        kind: EntryKind::Application,
        epoch: 8,
        digest: digest(),
        previous: Opaque::from(&[0x40; 32]),
        head: signed_head(),
    };
    let summary = |seq, kind| EntrySummary {
        incarnation: 2,
        seq,
        time: 1_800_000_000_123,
        kind,
        epoch: 8,
        digest: digest(),
    };
    let evidence = ForkEvidence {
        head: signed_head(),
        previous: Opaque::from(&[0x40; 32]),
        entries: vec![summary(41, EntryKind::Commit), summary(42, EntryKind::Application)],
        later: signed_head(),
    };
    vec![
        golden("EntrySummary", summary(41, EntryKind::Commit)),
        golden("ForkEvidence", evidence),
        golden("Head", head()),
        golden("SignedHead", signed_head()),
        golden("Receipt", receipt),
        golden("LogEntry", entry(1, EntryKind::Creation)),
        golden("LogPage", page),
        golden("Acknowledgement", Acknowledgement { seq: 41 }),
    ]
}

/// Sections 8 and 9.
fn policy() -> Vec<Golden> {
    let parameters = Parameters {
        key_package_lifetime: 7_776_000,
        idle_age: 31_536_000,
        update_interval: 604_800,
        past_epochs: 4,
        out_of_order: 16,
        forward: 1_000,
        padding: PaddingRule::Multiple(256.try_into().unwrap()),
    };
    let policy = Policy {
        admins: ["alice@example.org", "bob@example.com"].map(|user| user.parse().unwrap()).into(),
        add: Permission::Everyone,
        remove: Permission::Admins,
        external_commits: ExternalCommits::UsersOfMembers,
        parameters,
        extensions: vec![extension()],
    };
    let handshake_data = HandshakeData {
        head: Some(signed_head()),
        witness: Some(LeafIndex(513)),
        extensions: vec![extension()],
    };
    let message_content = MessageContent {
        id: MessageId([0x11; 16]),
        head: Some(signed_head()),
        media_type: b"text/plain".into(),
        expires: 1_800_000_000_000,
        body: b"at five?".into(),
        extensions: vec![extension()],
    };
    vec![
        golden("HandshakeData", handshake_data),
        golden("MessageContent", message_content),
        golden("ComponentData", ComponentData { component_id: 0xfa01, data: b"policy".into() }),
        golden("Parameters", parameters),
        golden("Policy", policy),
    ]
}

fn submit_commit() -> SubmitCommit {
    SubmitCommit { commit: b"commit".into(), welcome: b"welcome".into(), group_info: b"group info".into() }
}

fn create_group() -> CreateGroup {
    CreateGroup { group_info: b"group info".into(), first_commit: Some(submit_commit()) }
}

/// Section 10.
fn groups() -> Vec<Golden> {
    let proposal = PendingProposal { seq: 40, message: b"proposal".into() };
    let state = GroupState {
        group_info: b"group info".into(),
        tree_hash: Opaque::from(&[0x77; 32]),
        tree_leaves: 65_536,
        successor: Some(group_id()),
        proposals: vec![proposal.clone()],
        head: signed_head(),
    };
    let summary = |is_member| GroupSummary { group_id: group_id(), epoch: 8, seq: 41, is_member };
    vec![
        golden("CreateGroup", create_group()),
        golden("SubmitCommit", submit_commit()),
        golden("SubmitMessage", SubmitMessage { message: b"message".into() }),
        golden("PendingProposal", proposal),
        golden("GroupState", state),
        golden("GroupSummary", summary(true)),
        golden("GroupList", GroupList { groups: vec![summary(true), summary(false)] }),
    ]
}

/// Section 12.
fn key_packages() -> Vec<Golden> {
    let upload = UploadKeyPackages {
        key_packages: vec![b"first".into(), b"second".into()],
        last_resort: b"last resort".into(),
    };
    let count = KeyPackageCount { cipher_suite: CipherSuite::ALL[1], count: 99, has_last_resort: true };
    let capabilities = RequiredCapabilities {
        extension_types: vec![ExtensionType(0xfa01)],
        proposal_types: vec![ProposalType(0xf001)],
        credential_types: vec![CredentialType::X509],
    };
    let claim = ClaimKeyPackages {
        claim_id: ClaimId([0x55; 16]),
        target: ClaimTarget::User("bob@example.org".parse().unwrap()),
        cipher_suite: CipherSuite::ALL[0],
        capabilities,
    };
    let claimed = |device: &str, status| ClaimedKeyPackage {
        client: format!("bob@example.org/{device}").parse().unwrap(),
        status,
    };
    let clients = vec![
        claimed("laptop", ClaimStatus::KeyPackage(b"key package".into())),
        claimed("phone", ClaimStatus::LastResort(b"last resort".into())),
        claimed("tablet", ClaimStatus::None),
        claimed("watch", ClaimStatus::Unsupported),
    ];
    vec![
        golden("UploadKeyPackages", upload),
        golden("KeyPackageCount", count),
        golden("KeyPackageCounts", KeyPackageCounts { counts: vec![count] }),
        golden("ClaimKeyPackages", claim),
        golden("ClaimedKeyPackage", clients[0].clone()),
        golden("ClaimedKeyPackages", ClaimedKeyPackages { clients }),
    ]
}

/// Sections 11 and 13 to 15.
fn others() -> Vec<Golden> {
    let entry = InboxEntry {
        seq: 12,
        group_id: group_id(),
        group_seq: 41,
        expires: 1_802_592_000_000,
        tree_hash: Opaque::from(&[0x77; 32]),
        welcome: b"welcome".into(),
    };
    let statement = ReportStatement {
        domain: domain(),
        group_id: group_id(),
        seq: 41,
        digest: digest(),
        leaf: LeafIndex(513),
        failure: Failure::PathSecret,
    };
    let report = Report { statement, signature: Signature::from(&[0x66; 64]) };
    vec![
        golden("RemovalIntent", RemovalIntent { client: client(), since: 17 }),
        golden("InboxEntry", entry.clone()),
        golden("InboxPage", InboxPage { entries: vec![entry] }),
        golden("Blob", Blob { expires: 1_802_592_000_000, bytes: 4_096 }),
        golden("Report", report.clone()),
        golden("Reports", Reports { reports: vec![report] }),
        golden("Reset", Reset { last_good_epoch: 7, successor: create_group() }),
    ]
}
