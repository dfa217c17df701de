//! Evidence that a server showed two logs.

use super::head::SignedHead;
use super::key::{HeadError, ServerKeys};
use pando_wire::Encode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Two signed heads for one place of a log that contradict each other. They convince everybody who
/// knows the server's keys that the server showed two logs.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Equivocation {
    one: SignedHead,
    other: SignedHead,
}

impl Encode for Equivocation {}

impl Equivocation {
    /// Returns the evidence, if two heads contradict each other: both are of the same log, the same
    /// incarnation and the same sequence number, and their hashes or times differ. This function
    /// does not verify signatures.
    #[must_use]
    pub fn between(one: &SignedHead, other: &SignedHead) -> Option<Self> {
        let evidence = Self { one: one.clone(), other: other.clone() };
        evidence.contradicts().then_some(evidence)
    }

    /// Returns the two heads.
    #[must_use]
    pub const fn heads(&self) -> (&SignedHead, &SignedHead) {
        (&self.one, &self.other)
    }

    /// Returns whether this evidence proves that the server with these keys showed two logs.
    ///
    /// # Errors
    /// [`HeadError`] if a head is not signed by the server, so that the evidence proves nothing.
    pub fn verify(&self, keys: &ServerKeys) -> Result<bool, HeadError> {
        self.one.verify(keys)?;
        self.other.verify(keys)?;
        Ok(self.contradicts())
    }

    fn contradicts(&self) -> bool {
        let place = |signed: &SignedHead| (signed.head.log(), signed.head.incarnation, signed.head.seq);
        place(&self.one) == place(&self.other)
            && (self.one.head.hash, self.one.head.time) != (self.other.head.hash, self.other.head.time)
    }
}
