//! The contents of a policy, and where a group has them.

use super::component::{ComponentData, POLICY_COMPONENT};
use super::parameters::Parameters;
use crate::envelope::check_extensions;
use crate::{ApiExtension, EnvelopeError, UserId};
use pando_mls::{Extension, Extensions};
use pando_wire::{Decode, DecodeError, Encode, EncodeError, list};
use std::collections::BTreeSet;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The largest number of bytes of an encoded policy.
pub const MAX_POLICY_BYTES: usize = 4_096;

/// The version of the policy that this crate knows.
const VERSION: u16 = 1;

/// The policy of a group. The encoding begins with the version, which is 1.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Policy {
    /// The users that are admins: at least one, sorted by their text, each once.
    #[tls_codec(with = "version_and_admins")]
    pub admins: Vec<UserId>,
    /// The members that may add clients of other users.
    pub add: Permission,
    /// The members that may remove clients of other users.
    pub remove: Permission,
    /// The clients that may join by an external Commit.
    pub external_commits: ExternalCommits,
    /// The parameters of the group.
    pub parameters: Parameters,
    /// The extensions, sorted by type, each type once.
    #[tls_codec(with = "list")]
    pub extensions: Vec<ApiExtension>,
}

impl Encode for Policy {}

/// The members that may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Permission {
    /// All members.
    Everyone = 1,
    /// Clients of admins.
    Admins = 2,
}

/// The clients that may join by an external Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ExternalCommits {
    /// No client.
    Nobody = 1,
    /// Clients of admins, and of users that have a client in the group.
    UsersOfMembers = 2,
    /// All clients.
    Everyone = 3,
}

impl Policy {
    /// Returns the policy of a group with these admins: all members add clients, admins remove
    /// them, and the devices of members' users join by themselves. The parameters are the default
    /// ones.
    #[must_use]
    pub fn new(admins: impl IntoIterator<Item = UserId>) -> Self {
        let admins: BTreeSet<_> = admins.into_iter().collect();
        Self {
            admins: admins.into_iter().collect(),
            add: Permission::Everyone,
            remove: Permission::Admins,
            external_commits: ExternalCommits::UsersOfMembers,
            parameters: Parameters::default(),
            extensions: Vec::new(),
        }
    }

    /// Returns the policy in the extensions of a group.
    ///
    /// # Errors
    /// [`PolicyError`] if there is none, or if it violates a rule.
    pub fn of(extensions: &Extensions) -> Result<Self, PolicyError> {
        let component = extensions.find::<ComponentData>()?.ok_or(PolicyError::Missing)?;
        if component.component_id != POLICY_COMPONENT {
            return Err(PolicyError::Component(component.component_id));
        }
        check_length(component.data.len())?;
        let policy = Self::decode(&component.data)?;
        policy.check()?;
        Ok(policy)
    }

    /// Returns the extension of the GroupContext that contains this policy.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy violates a rule, so that no member would accept it.
    pub fn to_extension(&self) -> Result<Extension, PolicyError> {
        self.check()?;
        let data = self.encode()?;
        check_length(data.len())?;
        Ok(Extension::new(&ComponentData { component_id: POLICY_COMPONENT, data: data.into() })?)
    }

    /// Returns whether a user is an admin.
    #[must_use]
    pub fn is_admin(&self, user: &UserId) -> bool {
        self.admins.binary_search(user).is_ok()
    }

    /// Returns whether a client of `user` has a permission.
    pub(super) fn grants(&self, permission: Permission, user: &UserId) -> bool {
        match permission {
            Permission::Everyone => true,
            Permission::Admins => self.is_admin(user),
        }
    }

    /// Checks the rules that the encoding does not ensure.
    fn check(&self) -> Result<(), PolicyError> {
        if self.admins.is_empty() {
            return Err(PolicyError::NoAdmin);
        }
        if !self.admins.is_sorted_by(|one, next| one < next) {
            return Err(PolicyError::AdminOrder);
        }
        Ok(check_extensions(&self.extensions)?)
    }
}

const fn check_length(length: usize) -> Result<(), PolicyError> {
    if length > MAX_POLICY_BYTES { Err(PolicyError::Length(length)) } else { Ok(()) }
}

/// Encodes the version and the first field.
mod version_and_admins {
    use super::{UserId, VERSION, list};
    use std::io::Write;
    use tls_codec::{DeserializeBytes, Error, Serialize};

    pub(super) fn tls_serialized_len(admins: &Vec<UserId>) -> usize {
        list::tls_serialized_len(admins).saturating_add(2)
    }

    pub(super) fn tls_serialize<W: Write>(admins: &Vec<UserId>, writer: &mut W) -> Result<usize, Error> {
        let version = VERSION.tls_serialize(writer)?;
        Ok(version.saturating_add(list::tls_serialize(admins, writer)?))
    }

    pub(super) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Vec<UserId>, &[u8]), Error> {
        match u16::tls_deserialize_bytes(bytes)? {
            (VERSION, bytes) => list::tls_deserialize_bytes(bytes),
            (other, _) => Err(Error::UnknownValue(other.into())),
        }
    }
}

/// Reason why a group has no valid policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The group has no extension that contains a policy.
    #[error("no policy")]
    Missing,
    /// The extension contains another component.
    #[error("component {0:#06x} instead of the policy")]
    Component(u16),
    /// The policy is too long.
    #[error("policy has {0} bytes, and at most 4096 are allowed")]
    Length(usize),
    /// The policy cannot be decoded: for example, its version is unknown.
    #[error("policy is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The policy names no admin.
    #[error("policy names no admin")]
    NoAdmin,
    /// The admins are not sorted, or a user occurs twice.
    #[error("admins are not in increasing order")]
    AdminOrder,
    /// The extensions of the policy violate a rule.
    #[error(transparent)]
    Extensions(#[from] EnvelopeError),
    /// The policy cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

#[cfg(test)]
mod tests {
    use super::super::parameters::PaddingRule;
    use super::super::{POLICY_EXTENSION, PolicyViolation};
    use super::*;
    use pando_mls::ExtensionType;
    use proptest::prelude::*;

    fn policy(admins: &[&str]) -> Policy {
        let parameters = Parameters {
            key_package_lifetime: 1,
            idle_age: 2,
            update_interval: 3,
            past_epochs: 4,
            out_of_order: 5,
            forward: 6,
            padding: PaddingRule::None,
        };
        Policy {
            admins: admins.iter().map(|admin| admin.parse().unwrap()).collect(),
            add: Permission::Admins,
            remove: Permission::Everyone,
            external_commits: ExternalCommits::Nobody,
            parameters,
            extensions: Vec::new(),
        }
    }

    /// Returns the extensions of a group with this component.
    fn with_component(component_id: u16, data: &[u8]) -> Extensions {
        Extensions(vec![Extension::new(&ComponentData { component_id, data: data.into() }).unwrap()])
    }

    fn read(data: &[u8]) -> Result<Policy, PolicyError> {
        Policy::of(&with_component(POLICY_COMPONENT, data))
    }

    #[test]
    fn a_policy_survives_its_extension() {
        let policy = policy(&["a@b", "a@c", "b@a"]);
        let extension = policy.to_extension().unwrap();
        assert_eq!(extension.extension_type, POLICY_EXTENSION);
        let other = Extension { extension_type: ExtensionType(0xfa02), extension_data: Vec::new().into() };
        assert_eq!(Policy::of(&Extensions(vec![other, extension])), Ok(policy.clone()));
        for (user, is_admin) in [("a@b", true), ("b@a", true), ("a@a", false), ("b@b", false), ("z@z", false)]
        {
            let user = user.parse().unwrap();
            assert_eq!(policy.is_admin(&user), is_admin);
            assert!(policy.grants(policy.remove, &user));
            assert_eq!(policy.grants(policy.add, &user), is_admin);
        }
    }

    #[test]
    fn a_group_without_a_policy_is_noticed() {
        assert_eq!(Policy::of(&Extensions::default()), Err(PolicyError::Missing));
        let data = policy(&["a@b"]).encode().unwrap();
        for component in [0, 0xfa00, 0xfa02] {
            assert_eq!(Policy::of(&with_component(component, &data)), Err(PolicyError::Component(component)));
        }
        // Data behind the component.
        let mut extensions = with_component(POLICY_COMPONENT, &data);
        let longer = [&extensions.0[0].extension_data[..], &[0]].concat();
        extensions.0[0].extension_data = longer.into();
        assert_eq!(Policy::of(&extensions), Err(PolicyError::Malformed(DecodeError::TrailingBytes)));
    }

    #[test]
    fn admins_are_sorted_and_there_is_one() {
        for (admins, error) in [
            (&[][..], PolicyError::NoAdmin),
            (&["b@b", "a@b"], PolicyError::AdminOrder),
            (&["a@b", "a@b"], PolicyError::AdminOrder),
            (&["a@b", "c@b", "b@b"], PolicyError::AdminOrder),
        ] {
            let policy = policy(admins);
            assert_eq!(policy.to_extension(), Err(error.clone()));
            assert_eq!(read(&policy.encode().unwrap()), Err(error));
        }
        // The order is that of the bytes: `-` comes before `.`, and `.` before `@`.
        let sorted = ["a-b@c", "a.b@c", "a@c"];
        assert!(policy(&sorted).to_extension().is_ok());
    }

    #[test]
    fn a_policy_has_at_most_4096_bytes() {
        let mut long = policy(&["a@b"]);
        let extension = |length| ApiExtension { extension_type: 1, data: vec![0; length].into() };
        long.extensions = vec![extension(4_000)];
        let rest = MAX_POLICY_BYTES - long.encode().unwrap().len();
        long.extensions = vec![extension(4_000 + rest)];
        assert_eq!(long.encode().unwrap().len(), MAX_POLICY_BYTES);
        assert_eq!(Policy::of(&Extensions(vec![long.to_extension().unwrap()])), Ok(long.clone()));
        long.extensions = vec![extension(4_001 + rest)];
        assert_eq!(long.to_extension(), Err(PolicyError::Length(MAX_POLICY_BYTES + 1)));
        let error = read(&long.encode().unwrap()).unwrap_err();
        assert_eq!(error, PolicyError::Length(MAX_POLICY_BYTES + 1));
        assert!(error.to_string().contains(&MAX_POLICY_BYTES.to_string()));
    }

    #[test]
    fn other_versions_and_values_are_refused() {
        let data = policy(&["a@b"]).encode().unwrap();
        let with = |at: usize, value: u8| {
            let mut data = data.clone();
            data[at] = value;
            read(&data)
        };
        let unknown = |value| Err(PolicyError::Malformed(DecodeError::UnknownValue(value)));
        // The version takes two bytes, and the admins take five.
        assert_eq!(
            (&data[..2], &data[2..7], &data[7..10]),
            (&[0, 1][..], &b"\x04\x03a@b"[..], &[2, 1, 1][..])
        );
        for version in [0, 2, 255] {
            assert_eq!(with(1, version), unknown(version.into()));
        }
        assert_eq!(with(0, 1), unknown(257));
        for (at, last) in [(7, 2), (8, 2), (9, 3)] {
            for value in 0..=u8::MAX {
                assert_eq!(with(at, value).is_ok(), (1..=last).contains(&value), "{value} at {at}");
            }
        }
        // A user that is no identifier.
        assert!(matches!(with(4, b'A'), Err(PolicyError::Malformed(DecodeError::Malformed(_)))));
    }

    #[test]
    fn extensions_are_checked() {
        for (types, error) in [
            (&[2, 1][..], EnvelopeError::Order),
            (&[1, 1], EnvelopeError::Order),
            (&[1, 0x8001], EnvelopeError::UnknownExtension(0x8001)),
        ] {
            let extension = |extension_type: &u16| ApiExtension {
                extension_type: *extension_type,
                data: Vec::new().into(),
            };
            let policy = Policy { extensions: types.iter().map(extension).collect(), ..policy(&["a@b"]) };
            assert_eq!(policy.to_extension(), Err(PolicyError::Extensions(error.clone())));
            assert_eq!(read(&policy.encode().unwrap()), Err(PolicyError::Extensions(error)));
        }
    }

    /// The texts may be logged, so they name no user.
    #[test]
    fn violations_name_no_user() {
        let malformed = with_component(POLICY_COMPONENT, b"\0\x01\x06\x05alice");
        let error = Policy::of(&malformed).unwrap_err();
        assert!(!PolicyViolation::NoPolicy(error).to_string().contains("alice"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(policy) = read(&data) {
                prop_assert_eq!(&policy.encode().unwrap(), &data);
            }
            let _ = Policy::of(&Extensions(vec![Extension {
                extension_type: POLICY_EXTENSION,
                extension_data: data.into(),
            }]));
        }
    }
}
