//! Problems: the errors of the protocol (docs/protocol.md, section 4; RFC 9457).

use crate::Digest;
use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $retryable:literal, $title:literal;)*) => {
        /// The code of a problem, which decides what a client does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
        }

        impl ProblemCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the text of the code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the HTTP status of a response with this code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// Returns whether the same request can succeed later.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            /// Returns a short description for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Returns the code with this text, if this version of the protocol has it.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// The request, a header or a body cannot be decoded, or a value is not allowed.
    Malformed = "malformed", 400, false, "the request, a header or a body is malformed";
    /// An extension of 0x8000 or above is unknown.
    UnknownExtension = "unknown-extension", 400, false, "an extension of 0x8000 or above is unknown";
    /// There is no token, or the token is not valid.
    Unauthenticated = "unauthenticated", 401, false, "there is no token, or the token is not valid";
    /// The token has expired.
    TokenExpired = "token-expired", 401, false, "the token has expired";
    /// The signature of a mutation is missing or wrong.
    BadRequestSignature = "bad-request-signature", 401, false, "the request's signature is missing or wrong";
    /// The signature, the domain or the challenge of a login is wrong.
    LoginRefused = "login-refused", 401, false, "the login's signature, domain or challenge is wrong";
    /// The certificate does not follow the profile, or is not valid now.
    CertificateInvalid = "certificate-invalid", 403, false, "the certificate is not valid";
    /// The version of the certificate is revoked.
    CertificateRevoked = "certificate-revoked", 403, false, "the certificate is revoked";
    /// A higher version of the client's certificate is in use.
    CertificateSuperseded = "certificate-superseded", 403, false, "a higher version of the certificate is in use";
    /// The message is from another client than the session.
    SenderMismatch = "sender-mismatch", 403, false, "the message is from another client than the session";
    /// The path or the object does not exist, or the client may not know of it.
    NotFound = "not-found", 404, false, "there is no such object";
    /// The path has other methods.
    MethodNotAllowed = "method-not-allowed", 405, false, "the path has other methods";
    /// Another Commit won the epoch.
    EpochConflict = "epoch-conflict", 409, false, "another Commit won the epoch";
    /// The identifier of a new group is taken.
    GroupExists = "group-exists", 409, false, "the identifier of the group is taken";
    /// The message is of an epoch that is no longer accepted.
    StaleEpoch = "stale-epoch", 409, false, "the epoch of the message is no longer accepted";
    /// The message is of an epoch that the group has not reached.
    FutureEpoch = "future-epoch", 409, false, "the group has not reached the epoch of the message";
    /// The head in the authenticated data is older than the Commit that began the epoch.
    StaleHead = "stale-head", 409, false, "the head in the authenticated data is too old";
    /// The head in the authenticated data is not in the log.
    UnknownHead = "unknown-head", 409, false, "the head in the authenticated data is not in the log";
    /// A Commit refers to a proposal that is not in the log.
    UnknownProposal = "unknown-proposal", 409, false, "a referenced proposal is not in the log";
    /// A Commit leaves out a removal that is due.
    PendingRemoval = "pending-removal", 409, false, "the Commit leaves out a removal that is due";
    /// No other user has reported the Commit because of which the group is to be reset.
    UnconfirmedReset = "unconfirmed-reset", 409, false, "no other user has reported the Commit";
    /// The identifier of the request was used with another content.
    IdempotencyConflict = "idempotency-conflict", 409, false, "the request's identifier was used with another content";
    /// Entries after the reader's cursor are deleted.
    Gap = "gap", 410, false, "entries after the cursor are deleted";
    /// The group was reinitialized or reset.
    GroupEnded = "group-ended", 410, false, "the group has a successor";
    /// The body is above the server's limit.
    TooLarge = "too-large", 413, false, "the body is too large";
    /// The body has another media type.
    UnsupportedMediaType = "unsupported-media-type", 415, false, "the body has another media type";
    /// A new group violates a rule.
    InvalidGroup = "invalid-group", 422, false, "the new group violates a rule";
    /// A Commit violates a rule of RFC 9420.
    InvalidCommit = "invalid-commit", 422, false, "the Commit violates a rule";
    /// A proposal violates a rule of RFC 9420.
    InvalidProposal = "invalid-proposal", 422, false, "the proposal violates a rule";
    /// The message is of a kind that the path does not accept.
    InvalidMessage = "invalid-message", 422, false, "the path does not accept this kind of message";
    /// The GroupInfo is not of the epoch that the Commit begins.
    InvalidGroupInfo = "invalid-group-info", 422, false, "the GroupInfo is not of the Commit's epoch";
    /// The joiners of the Welcome are not the Adds of the Commit.
    InvalidWelcome = "invalid-welcome", 422, false, "the joiners of the Welcome are not the Adds of the Commit";
    /// A KeyPackage violates a rule.
    InvalidKeyPackage = "invalid-key-package", 422, false, "a KeyPackage violates a rule";
    /// A report does not match the log, or its signature is wrong.
    InvalidReport = "invalid-report", 422, false, "the report does not match the log, or its signature is wrong";
    /// The policy of the group refuses the request.
    Policy = "policy", 422, false, "the policy of the group refuses the request";
    /// A quota or a rate is used up.
    Limit = "limit", 429, true, "a quota or a rate is used up";
    /// A fault of the server. The request has had no effect.
    Internal = "internal", 500, true, "a fault of the server; the request has had no effect";
    /// The server has too much to do. The request has had no effect.
    Overloaded = "overloaded", 503, true, "the server has too much to do; the request has had no effect";
    /// The request may have taken effect. The client repeats it unchanged.
    OutcomeUnknown = "outcome-unknown", 503, true, "the request may have taken effect: repeat it unchanged";
}

/// The Commit that won an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Its sequence number in the log.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A problem document.
///
/// A client treats a code that it does not know by the status of the response.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Problem {
    /// The text of the code. [`Problem::known_code`] returns the code itself.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// Whether the same request can succeed later.
    pub retryable: bool,
    /// A short description of the code for people.
    pub title: String,
    /// A description of this occurrence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The current epoch of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The Commit that won the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<Winner>,
    /// The sequence numbers of the proposals that a Commit must contain, or must leave out if their
    /// certificates are refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<u64>,
    /// The index of the refused object in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The sequence number of the first entry that the log still has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// The largest value that the server accepts, for example a number of bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The successor of the group, as it stands in paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}

impl Problem {
    /// Returns a problem with this code. `detail` describes the occurrence, without identities or
    /// secrets, because it may be logged.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code: code.as_str().to_owned(),
            status: code.status(),
            retryable: code.is_retryable(),
            title: code.title().to_owned(),
            detail: detail.into(),
            ..Self::default()
        }
    }

    /// Returns the code, if this version of the protocol has it.
    #[must_use]
    pub fn known_code(&self) -> Option<ProblemCode> {
        ProblemCode::from_text(&self.code)
    }

    /// Encodes the problem as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers can always be encoded.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Decodes a problem document. Unknown members are ignored.
    ///
    /// # Errors
    /// An error if the text is not JSON, or a member has the wrong type.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, title, detail, .. } = self;
        if detail.is_empty() { write!(f, "{code}: {title}") } else { write!(f, "{code}: {title}: {detail}") }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The table of the specification has the same rows as the enum.
    #[test]
    fn the_specification_lists_the_same_codes() {
        let specification = include_str!("../../../docs/protocol.md");
        let section = specification.split("## 4. Problems").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows: BTreeSet<_> = section
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let cells: Vec<_> = line.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`').to_owned(), cells[2].parse::<u16>().unwrap(), cells[3] == "yes")
            })
            .collect();
        let codes = ProblemCode::ALL.iter();
        let codes: BTreeSet<_> =
            codes.map(|code| (code.as_str().to_owned(), code.status(), code.is_retryable())).collect();
        assert_eq!(codes, rows);
        assert_eq!(codes.len(), ProblemCode::ALL.len());
    }

    #[test]
    fn a_problem_survives_json() {
        for code in ProblemCode::ALL {
            let problem = Problem {
                epoch: Some(8),
                winner: Some(Winner { seq: 41, digest: Digest::of(b"commit") }),
                proposals: vec![3, 5],
                index: Some(2),
                first: Some(7),
                limit: Some(1 << 40),
                successor: Some("AAAA".to_owned()),
                ..Problem::new(*code, "the group is in epoch 8")
            };
            let decoded = Problem::from_json(&problem.to_json()).unwrap();
            assert_eq!(decoded, problem);
            assert_eq!(decoded.known_code(), Some(*code));
        }
    }

    #[test]
    fn absent_members_are_not_written() {
        let json = String::from_utf8(Problem::new(ProblemCode::Gap, "").to_json()).unwrap();
        for member in ["epoch", "winner", "proposals", "index", "first", "limit", "successor", "detail"] {
            assert!(!json.contains(&format!("\"{member}\"")), "{json}");
        }
    }

    #[test]
    fn unknown_codes_and_members_survive() {
        let json = br#"{"code": "moon-phase", "status": 418, "type": "about:blank", "moon": {"phase": [1]}}"#;
        let problem = Problem::from_json(json).unwrap();
        assert_eq!((problem.known_code(), problem.status), (None, 418));
        assert_eq!(problem.code, "moon-phase");
    }

    #[test]
    fn members_of_another_type_are_refused() {
        for json in
            [r#"{"status": "409"}"#, r#"{"winner": 4}"#, r#"{"winner": {"seq": 1, "digest": "x"}}"#, "[", ""]
        {
            assert!(Problem::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
