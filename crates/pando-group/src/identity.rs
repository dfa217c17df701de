//! Who somebody is: the part of the Authentication Service that a client has (RFC 9420, section 5.3.1).

use pando_wire::{Credential, SignaturePublicKey};

/// Decides what credentials mean. All members of a group must decide alike, or they will disagree about which
/// Commits are valid.
pub trait IdentityPolicy: Send + Sync {
    /// Checks that a credential is genuine and that its owner owns the signature key (section 5.3.1).
    ///
    /// `now`, in seconds since 1970, is there when the credential is new to the group. It is not when the
    /// credential is in a tree or comes with a Commit: clocks differ, and no credential that expires while a Commit
    /// is on its way may divide a group.
    ///
    /// # Errors
    /// [`IdentityError`] with what is wrong.
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError>;

    /// Checks the credential of somebody outside who may send proposals (section 12.1.8.1). What makes a member
    /// does unless the policy says otherwise.
    ///
    /// # Errors
    /// [`IdentityError`] with what is wrong.
    fn validate_external_sender(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        self.validate(credential, key, now)
    }

    /// What the client with this credential is told apart from others by: two with the same must not be in a group
    /// (section 12.2). `None` if that is the signature key, which no two members share in any case. It is stored, hashed,
    /// with the group: for a [`Group`](crate::Group) that is [opened](crate::Group::open) it must be what it was.
    fn client_id(&self, _: &Credential) -> Option<Vec<u8>> {
        None
    }

    /// The longest lifetime that a KeyPackage may have, in seconds (section 7.2). Without limit unless the policy
    /// says otherwise.
    fn max_lifetime(&self) -> u64 {
        u64::MAX
    }

    /// What a credential has in common with all that it may succeed, and with all that may succeed it: whose it is. A group
    /// that follows from another may have other credentials throughout. Then [`IdentityPolicy::may_succeed`] is not asked about
    /// each two of them, but about those of which this is the same. That is all of them unless the policy says otherwise.
    fn identity(&self, _: &Credential) -> Vec<u8> {
        Vec::new()
    }

    /// Whether a member may replace its credential by another (section 5.3.1).
    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool;
}

/// A credential is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdentityError(pub String);

/// Basic credentials only, which are believed: for applications that look at identities themselves. Several
/// clients may present the same identity, and a member keeps the one that it has.
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

/// An identity policy and the time to ask it for.
#[derive(Clone, Copy)]
pub(crate) struct Identities<'a> {
    pub(crate) policy: &'a dyn IdentityPolicy,
    pub(crate) now: Option<u64>,
}

impl Identities<'_> {
    /// The same at no particular time: for what others have accepted already.
    pub(crate) const fn at_any_time(self) -> Self {
        Self { now: None, ..self }
    }
}
