//! The protocol between clients and servers: identifiers, requests and responses, problems, the
//! certificate profile, the authentication of requests, the log and its receipts, and the policy of
//! a group. `docs/protocol.md` specifies it.
//!
//! # Left out on purpose
//!
//! Networking, clocks and randomness: this crate compiles for WebAssembly, and servers and clients
//! pass times and random bytes. What a server stores is in `pando-delivery`.

mod authority;
mod certificate;
mod certificate_request;
mod codec;
mod device_identities;
mod digest;
mod envelope;
mod handshake_data;
mod id;
mod id_rules;
mod last_resort;
mod log;
mod login;
mod message_content;
mod policy;
mod problem;
mod random_id;
mod request;
mod request_signature;
mod revocation;
mod token;

pub use authority::{Authority, AuthorityError};
pub use certificate::{CertificateError, DeviceCertificate, MAX_VERSION, certificate_uri};
pub use certificate_request::{CertificateRequest, CertificateRequestError};
pub use device_identities::{DeviceIdentities, PinError};
pub use digest::{Digest, DigestError};
pub use envelope::{ApiExtension, Envelope, EnvelopeError};
pub use handshake_data::HandshakeData;
pub use id::{ClientId, DeviceId, Domain, GroupAddress, UserId};
pub use id_rules::IdError;
pub use last_resort::{LAST_RESORT_EXTENSION, LastResort};
pub use log::{
    EntryError, EntryKind, EntrySummary, Equivocation, ForkEvidence, Head, HeadError, KeyId, LogCursor,
    LogEntry, LogError, LogId, LogPage, Receipt, ReceiptError, ServerKey, ServerKeys, ServerPublicKey,
    SignedHead,
};
pub use login::{Challenge, Login, LoginError, MAX_TOKEN_VALIDITY, Session};
pub use message_content::MessageContent;
pub use policy::{
    ComponentData, ExternalCommits, MAX_POLICY_BYTES, POLICY_COMPONENT, POLICY_EXTENSION, PaddingRule,
    Parameters, Permission, Policy, PolicyError, PolicyRules, PolicyViolation,
};
pub use problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode, Winner};
pub use random_id::{ClaimId, MessageId};
pub use request::{
    Acknowledgement, Blob, ClaimKeyPackages, ClaimStatus, ClaimTarget, ClaimedKeyPackage, ClaimedKeyPackages,
    CreateGroup, Failure, GroupList, GroupState, GroupSummary, InboxEntry, InboxPage, KeyPackageCount,
    KeyPackageCounts, PendingProposal, RemovalIntent, Report, ReportError, ReportStatement, Reports, Reset,
    SubmitCommit, SubmitMessage, UploadKeyPackages,
};
pub use request_signature::{
    MAX_CLOCK_DIFFERENCE, RequestSignatureError, SignatureHeaders, SignedRequest, content_digest,
};
pub use revocation::{RevocationError, RevocationList, Revocations};
pub use token::{Token, TokenError};
