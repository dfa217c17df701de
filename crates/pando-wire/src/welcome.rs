//! The Welcome message for new members (RFC 9420, section 12.4.3.1).

use crate::codec::list;
use crate::{CipherSuite, HpkeCiphertext, KeyPackageRef, Opaque, PreSharedKeyId, SecretBytes};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The message by which the members that a Commit adds join the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Welcome {
    /// The cipher suite of the group.
    pub cipher_suite: CipherSuite,
    /// The secrets, encrypted to each new member.
    #[tls_codec(with = "list")]
    pub secrets: Vec<EncryptedGroupSecrets>,
    /// The GroupInfo, encrypted with a key that derives from the secrets.
    pub encrypted_group_info: Opaque,
}

impl crate::Encode for Welcome {}

impl Welcome {
    /// Returns the part of this Welcome for one new member. It is smaller, and has no references to
    /// the other new members. Returns `None` if the Welcome is not for this member.
    #[must_use]
    pub fn only_for(&self, new_member: &KeyPackageRef) -> Option<Self> {
        let secrets = self.secrets.iter().find(|secrets| secrets.new_member == *new_member)?;
        let Self { cipher_suite, encrypted_group_info, .. } = self;
        let (secrets, encrypted_group_info) = (vec![secrets.clone()], encrypted_group_info.clone());
        Some(Self { cipher_suite: *cipher_suite, secrets, encrypted_group_info })
    }
}

/// The secrets for one new member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct EncryptedGroupSecrets {
    /// The reference of the KeyPackage by which the member was added.
    pub new_member: KeyPackageRef,
    /// The encrypted GroupSecrets.
    pub encrypted_group_secrets: HpkeCiphertext,
}

impl crate::Encode for EncryptedGroupSecrets {}

/// The secrets that a new member needs.
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupSecrets {
    /// The joiner secret of the key schedule.
    pub joiner_secret: SecretBytes,
    /// The path secret of the lowest common ancestor of the committer and the new member. Present
    /// if the Commit has a path.
    pub path_secret: Option<PathSecret>,
    /// The pre-shared keys that the new member needs, in order.
    #[tls_codec(with = "list")]
    pub psks: Vec<PreSharedKeyId>,
}

impl crate::Encode for GroupSecrets {}

/// A secret from which the keys of a node and the path secret of the next node derive (section
/// 7.4).
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PathSecret {
    /// The secret.
    pub path_secret: SecretBytes,
}

impl crate::Encode for PathSecret {}
