//! The Welcome message for new members (RFC 9420, section 12.4.3.1).

use crate::codec::list;
use crate::{CipherSuite, HpkeCiphertext, KeyPackageRef, Opaque, PreSharedKeyId, SecretBytes};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The message that lets the new members added by a Commit join the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Welcome {
    /// The cipher suite of the group.
    pub cipher_suite: CipherSuite,
    /// The group secrets, encrypted separately to each new member.
    #[tls_codec(with = "list")]
    pub secrets: Vec<EncryptedGroupSecrets>,
    /// The GroupInfo, encrypted with a key that is derived from the secrets.
    pub encrypted_group_info: Opaque,
}

impl crate::Encode for Welcome {}

impl Welcome {
    /// Returns a smaller Welcome that is only for the given new member and does not refer to the
    /// other new members. Returns `None` if this Welcome does not include that member.
    #[must_use]
    pub fn only_for(&self, new_member: &KeyPackageRef) -> Option<Self> {
        let secrets = self.secrets.iter().find(|secrets| secrets.new_member == *new_member)?;
        let Self { cipher_suite, encrypted_group_info, .. } = self;
        let (secrets, encrypted_group_info) = (vec![secrets.clone()], encrypted_group_info.clone());
        Some(Self { cipher_suite: *cipher_suite, secrets, encrypted_group_info })
    }
}

/// The encrypted secrets for one new member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct EncryptedGroupSecrets {
    /// The reference to the KeyPackage with which the member was added.
    pub new_member: KeyPackageRef,
    /// The GroupSecrets, encrypted to the new member.
    pub encrypted_group_secrets: HpkeCiphertext,
}

impl crate::Encode for EncryptedGroupSecrets {}

/// The secrets that a new member needs to join the group.
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupSecrets {
    /// The joiner secret of the key schedule.
    pub joiner_secret: SecretBytes,
    /// The path secret of the lowest common ancestor of the committer and the new member, present
    /// if the Commit has a path.
    pub path_secret: Option<PathSecret>,
    /// The identifiers of the pre-shared keys that the new member needs, in the order of their use.
    #[tls_codec(with = "list")]
    pub psks: Vec<PreSharedKeyId>,
}

impl crate::Encode for GroupSecrets {}

/// A secret from which a node's keys and the next node's path secret are derived (section 7.4).
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PathSecret {
    /// The secret as bytes.
    pub path_secret: SecretBytes,
}

impl crate::Encode for PathSecret {}
