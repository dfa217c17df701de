//! Credential validation: the client's part of the Authentication Service (RFC 9420, section
//! 5.3.1).

use pando_wire::{Credential, SignaturePublicKey};

/// A policy that decides which credentials are valid. All members of a group must use equivalent
/// policies. Otherwise, they disagree on which Commits are valid.
pub trait IdentityPolicy: Send + Sync {
    /// Checks that a credential is authentic and that its owner controls the signature key (section
    /// 5.3.1).
    ///
    /// `now`, in seconds since 1970, is given when the credential is new to the group. The time is
    /// `None` when the credential is already in a tree or arrives with a Commit, because clocks
    /// differ. A credential that expires while a Commit is in transit must not fork the group.
    ///
    /// # Errors
    /// [`IdentityError`] with the reason why the credential is not acceptable.
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError>;

    /// Checks the credential of an external sender, which may send proposals (section 12.1.8.1). By
    /// default, the credential must be valid for a member.
    ///
    /// # Errors
    /// [`IdentityError`] with the reason why the credential is not acceptable.
    fn validate_external_sender(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        self.validate(credential, key, now)
    }

    /// Returns the identifier that distinguishes the client with this credential from all other
    /// clients. A group must not contain two members with the same identifier (section 12.2).
    ///
    /// `None` means that only the signature key identifies the client. No two members may share a
    /// signature key in any case. A hash of the identifier is stored with the group, so the
    /// identifier must not change if the [`Group`](crate::Group) is [opened](crate::Group::open)
    /// from its store.
    fn client_id(&self, _: &Credential) -> Option<Vec<u8>> {
        None
    }

    /// Returns the longest lifetime that a KeyPackage may have, in seconds (section 7.2). By
    /// default, lifetimes are unlimited.
    fn max_lifetime(&self) -> u64 {
        u64::MAX
    }

    /// Returns a value that identifies the owner of a credential. If one credential may succeed
    /// another, both must have the same value.
    ///
    /// In the successor of a group, all credentials may have changed.
    /// [`IdentityPolicy::may_succeed`] is then called only for pairs of credentials with equal
    /// identities, rather than for all pairs. By default, all credentials have the same identity.
    fn identity(&self, _: &Credential) -> Vec<u8> {
        Vec::new()
    }

    /// Returns whether a member may replace its credential `old` by `new` (section 5.3.1).
    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool;
}

/// The reason why a credential is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdentityError(pub String);

/// A policy that accepts every basic credential without verification, for applications that verify
/// identities themselves.
///
/// Under this policy, several clients may present the same identity, and a member must keep its
/// credential.
#[derive(Debug, Clone, Copy, Default)]
pub struct BasicIdentities;

impl IdentityPolicy for BasicIdentities {
    fn validate(
        &self,
        credential: &Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        match credential {
            Credential::Basic { .. } => Ok(()),
            other => Err(IdentityError(format!("no policy for {}", other.credential_type()))),
        }
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

/// An identity policy, and the time that is passed to it.
#[derive(Clone, Copy)]
pub(crate) struct Identities<'a> {
    pub(crate) policy: &'a dyn IdentityPolicy,
    pub(crate) now: Option<u64>,
}

impl Identities<'_> {
    /// Returns the same policy without a time, for credentials that other clients have already
    /// accepted.
    pub(crate) const fn at_any_time(self) -> Self {
        Self { now: None, ..self }
    }
}
