//! Reports about Commits that members cannot process, and resets of groups (docs/protocol.md,
//! section 15).

use super::groups::CreateGroup;
use crate::codec::Label;
use crate::{Digest, Domain};
use pando_mls::{CryptoError, GroupId, LeafIndex, Signature, SignaturePublicKey, Signer, Suite};
use pando_wire::{Encode, EncodeError, list};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

const LABEL: Label = Label::new("Pando 1.0 CannotProcess");

/// The reason why a member cannot process a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Failure {
    /// The confirmation tag is wrong.
    ConfirmationTag = 1,
    /// A path secret does not decrypt, or does not lead to the public keys.
    PathSecret = 2,
    /// The external public key in the GroupInfo is not that of the new epoch.
    ExternalPub = 3,
    /// Another reason.
    Other = 4,
}

/// A member's statement that it cannot process a Commit.
///
/// This type has no encoding of its own, because the signed encoding begins with a label. See
/// [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ReportStatement {
    /// The domain of the server.
    pub domain: Domain,
    /// The group.
    pub group_id: GroupId,
    /// The sequence number of the Commit.
    pub seq: u64,
    /// The digest of the Commit.
    pub digest: Digest,
    /// The leaf of the reporter in the epoch before the Commit.
    pub leaf: LeafIndex,
    /// The reason.
    pub failure: Failure,
}

/// A signed [`ReportStatement`].
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Report {
    /// The statement.
    #[tls_codec(with = "labelled_statement")]
    pub statement: ReportStatement,
    /// The signature by the reporter's key in the epoch before the Commit.
    pub signature: Signature,
}

impl Encode for Report {}

/// The reports about the Commits of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Reports {
    /// The reports.
    #[tls_codec(with = "list")]
    pub reports: Vec<Report>,
}

impl Encode for Reports {}

/// The request to end a group whose newest epoch cannot be processed.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Reset {
    /// The last epoch that members can process.
    pub last_good_epoch: u64,
    /// The successor, a branch of that epoch.
    pub successor: CreateGroup,
}

impl Encode for Reset {}

impl ReportStatement {
    /// Signs the statement with the reporter's signature key in the epoch before the Commit.
    ///
    /// # Errors
    /// [`ReportError`] if a field is too long or the key cannot sign.
    pub fn sign(self, signer: &dyn Signer) -> Result<Report, ReportError> {
        let signature = signer.sign(&self.to_be_signed()?)?;
        Ok(Report { statement: self, signature })
    }

    fn to_be_signed(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(LABEL.len_with(self));
        LABEL.write_with(self, &mut bytes)?;
        Ok(bytes)
    }
}

impl Report {
    /// Verifies the signature. `key` is the signature key of the leaf that the statement names, in
    /// the epoch before the Commit, and `suite` is the cipher suite of the group.
    ///
    /// The caller compares the domain, the group, the sequence number and the digest with its log.
    ///
    /// # Errors
    /// [`ReportError`] if the signature is wrong.
    pub fn verify(&self, key: &SignaturePublicKey, suite: Suite) -> Result<&ReportStatement, ReportError> {
        suite.verify(key, &self.statement.to_be_signed()?, &self.signature)?;
        Ok(&self.statement)
    }
}

/// Encodes the label and the statement.
mod labelled_statement {
    use super::{LABEL, ReportStatement};
    use std::io::Write;
    use tls_codec::Error;

    pub(super) fn tls_serialized_len(statement: &ReportStatement) -> usize {
        LABEL.len_with(statement)
    }

    pub(super) fn tls_serialize<W: Write>(
        statement: &ReportStatement,
        writer: &mut W,
    ) -> Result<usize, Error> {
        LABEL.write_with(statement, writer)
    }

    pub(super) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(ReportStatement, &[u8]), Error> {
        LABEL.read_with(bytes)
    }
}

/// Reason why a report cannot be made or is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A field is too long.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The signature cannot be made or is wrong.
    #[error("report about a Commit: {0}")]
    Signature(#[from] CryptoError),
}

impl From<tls_codec::Error> for ReportError {
    fn from(error: tls_codec::Error) -> Self {
        Self::Encode(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_mls::{CipherSuite, CryptoProvider, RustCrypto};
    use pando_wire::Decode;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;
    use tls_codec::Serialize;

    fn statement() -> ReportStatement {
        ReportStatement {
            domain: "example.org".parse().unwrap(),
            group_id: "a group of 16 by".into(),
            seq: 7,
            digest: Digest::of(b"commit"),
            leaf: LeafIndex(3),
            failure: Failure::PathSecret,
        }
    }

    #[test]
    fn a_report_is_verified_with_every_suite() {
        for suite in CipherSuite::ALL.map(|suite| RustCrypto.suite(suite).unwrap()) {
            let signer = |seed| {
                let mut rng = ChaCha20Rng::seed_from_u64(seed);
                suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap()
            };
            let report = statement().sign(&*signer(1)).unwrap();
            let report = Report::decode(&report.encode().unwrap()).unwrap();
            assert_eq!(report.verify(signer(1).public_key(), suite), Ok(&statement()));
            let refused = report.verify(signer(2).public_key(), suite);
            assert!(matches!(refused, Err(ReportError::Signature(_))));
        }
    }

    #[test]
    fn a_report_with_another_field_is_refused() {
        let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
        let report = statement().sign(&*signer).unwrap();
        let mutations: [fn(&mut ReportStatement); 6] = [
            |statement| statement.domain = "example.com".parse().unwrap(),
            |statement| statement.group_id = "another of 16 by".into(),
            |statement| statement.seq = 8,
            |statement| statement.digest = Digest::of(b"Commit"),
            |statement| statement.leaf = LeafIndex(4),
            |statement| statement.failure = Failure::Other,
        ];
        for mutate in mutations {
            let mut forged = report.clone();
            mutate(&mut forged.statement);
            assert_eq!(
                forged.verify(signer.public_key(), suite),
                Err(ReportError::Signature(CryptoError::InvalidSignature))
            );
        }
        // A signature without the label.
        let signature = signer.sign(&statement().tls_serialize_detached().unwrap()).unwrap();
        let unlabelled = Report { signature, ..report };
        assert!(unlabelled.verify(signer.public_key(), suite).is_err());
    }
}
