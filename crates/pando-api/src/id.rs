//! Identifiers of domains, users, devices, clients and groups (docs/protocol.md, section 2).
//!
//! Each identifier has one text. Other spellings are refused and not normalised, so two identifiers
//! are equal exactly if their texts are. In structures an identifier is `opaque<V>` with its text,
//! and a malformed text is an error of decoding.

use crate::id_rules::{
    IdError, check_client, check_domain, check_group, check_name, check_user, decode_group_id,
    encode_group_id,
};
use pando_mls::GroupId;
use pando_wire::{Encode, Opaque};
use std::borrow::Borrow;
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, VLByteSlice};

/// Defines a type for a text with rules.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident, $check:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                $check(text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                $check(&text).map(|()| Self(text.into()))
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.0.into()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// Finds the identifier in maps by its text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Size for $name {
            fn tls_serialized_len(&self) -> usize {
                VLByteSlice(self.0.as_bytes()).tls_serialized_len()
            }
        }

        impl Serialize for $name {
            fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
                VLByteSlice(self.0.as_bytes()).tls_serialize(writer)
            }
        }

        impl DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
                let (text, rest) = Opaque::tls_deserialize_bytes(bytes)?;
                let malformed = |why: &dyn fmt::Display| {
                    Error::DecodingError(format!("{}: {why}", stringify!($name)))
                };
                let text = str::from_utf8(&text).map_err(|why| malformed(&why))?;
                let identifier = text.parse().map_err(|why: IdError| malformed(&why))?;
                Ok((identifier, rest))
            }
        }

        impl Encode for $name {}
    )*};
}

identifiers! {
    /// A domain, for example `example.org`: a lower-case host name.
    Domain, check_domain;
    /// A user, for example `alice@example.org`.
    UserId, check_user;
    /// A device of a user, for example `laptop`.
    DeviceId, check_name;
    /// A client, for example `alice@example.org/laptop`: a user and a device.
    ClientId, check_client;
    /// The address of a group: the base64url of the MLS group id, and the domain of the group's DS.
    GroupAddress, check_group;
}

impl UserId {
    /// Returns the name of the user in its domain.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('@').unwrap_or_default().0
    }

    /// Returns the domain of the user.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain(self.0.split_once('@').unwrap_or_default().1.into())
    }
}

impl ClientId {
    /// Returns the client with this user and device.
    #[must_use]
    pub fn new(user: &UserId, device: &DeviceId) -> Self {
        Self(format!("{user}/{device}").into())
    }

    /// Returns the user of the client.
    #[must_use]
    pub fn user(&self) -> UserId {
        UserId(self.0.split_once('/').unwrap_or_default().0.into())
    }

    /// Returns the device of the client.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId(self.0.split_once('/').unwrap_or_default().1.into())
    }

    /// Returns the domain of the client's user.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.user().domain()
    }
}

impl GroupAddress {
    /// Returns the address of a group at the DS of a domain.
    ///
    /// # Errors
    /// [`IdError::GroupLength`] if the MLS group id does not have 16 to 64 bytes.
    pub fn new(group_id: &GroupId, domain: &Domain) -> Result<Self, IdError> {
        Self::from_path(&encode_group_id(group_id), domain)
    }

    /// Returns the address of the group that a path names, at the DS of a domain. `segment` is the
    /// base64url of the MLS group id.
    ///
    /// # Errors
    /// [`IdError`] if the segment is not the base64url of 16 to 64 bytes.
    pub fn from_path(segment: &str, domain: &Domain) -> Result<Self, IdError> {
        format!("{segment}@{domain}").try_into()
    }

    /// Returns the base64url of the MLS group id, which names the group in paths.
    #[must_use]
    pub fn path_segment(&self) -> &str {
        self.0.split_once('@').unwrap_or_default().0
    }

    /// Returns the MLS group id.
    #[must_use]
    pub fn group_id(&self) -> GroupId {
        GroupId::from(decode_group_id(self.path_segment()).unwrap_or_default())
    }

    /// Returns the domain of the group's DS.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain(self.0.split_once('@').unwrap_or_default().1.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::{Decode, DecodeError};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn domain(text: &str) -> Result<Domain, IdError> {
        text.parse()
    }

    #[test]
    fn domains() {
        let label = "a".repeat(63);
        let long = [&*label, &*label, &*label, &label[..61]].join(".");
        assert_eq!(long.len(), 253);
        for text in ["example.org", "localhost", "a", "x--1.xn--p1ai", "0.9-a.b2", &*label, &*long] {
            assert_eq!(domain(text).unwrap().as_str(), text);
        }
        let too_long = format!("{long}a");
        let long_label = format!("{label}a");
        for (text, rule) in [
            ("", IdError::DomainLength(0)),
            (&*too_long, IdError::DomainLength(254)),
            (&*long_label, IdError::LabelLength(64)),
            ("example.org.", IdError::LabelLength(0)),
            (".example.org", IdError::LabelLength(0)),
            ("a..b", IdError::LabelLength(0)),
            ("Example.org", IdError::DomainCharacter('E')),
            ("bücher.example", IdError::DomainCharacter('ü')),
            ("a_b.example", IdError::DomainCharacter('_')),
            ("*.example", IdError::DomainCharacter('*')),
            ("example.org:443", IdError::DomainCharacter(':')),
            ("example.org/", IdError::DomainCharacter('/')),
            ("a@example.org", IdError::DomainCharacter('@')),
            ("exa%6dple.org", IdError::DomainCharacter('%')),
            ("[::1]", IdError::DomainCharacter('[')),
            (" a", IdError::DomainCharacter(' ')),
            ("a\0", IdError::DomainCharacter('\0')),
            ("a\n", IdError::DomainCharacter('\n')),
            ("-a.b", IdError::LabelHyphen),
            ("a-.b", IdError::LabelHyphen),
            ("a.-", IdError::LabelHyphen),
            ("127.0.0.1", IdError::LastLabel),
            ("a.0x7f", IdError::LastLabel),
            ("1", IdError::LastLabel),
        ] {
            assert_eq!(domain(text), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn names_of_users_and_devices() {
        let longest = "a".repeat(64);
        for text in ["a", "0", "alice", "a.b_c-d", "a--", "a..", &*longest] {
            let device: DeviceId = text.parse().unwrap();
            let user: UserId = format!("{text}@example.org").parse().unwrap();
            assert_eq!((device.as_str(), user.name()), (text, text));
            assert_eq!(user.domain(), domain("example.org").unwrap());
        }
        let too_long = "a".repeat(65);
        for (text, rule) in [
            ("", IdError::NameLength(0)),
            (&*too_long, IdError::NameLength(65)),
            ("Alice", IdError::NameCharacter('A')),
            ("älice", IdError::NameCharacter('ä')),
            ("a b", IdError::NameCharacter(' ')),
            ("a%20b", IdError::NameCharacter('%')),
            ("a+b", IdError::NameCharacter('+')),
            ("a\0", IdError::NameCharacter('\0')),
            (".a", IdError::NameStart),
            ("_a", IdError::NameStart),
            ("-a", IdError::NameStart),
            ("..", IdError::NameStart),
        ] {
            assert_eq!(text.parse::<DeviceId>(), Err(rule.clone()), "{text:?}");
            assert_eq!(format!("{text}@example.org").parse::<UserId>(), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn users() {
        for (text, rule) in [
            ("", IdError::NoDomain),
            ("alice", IdError::NoDomain),
            ("alice@", IdError::DomainLength(0)),
            ("@example.org", IdError::NameLength(0)),
            ("a@b@example.org", IdError::DomainCharacter('@')),
            ("alice@example.org/laptop", IdError::DomainCharacter('/')),
        ] {
            assert_eq!(text.parse::<UserId>(), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn clients() {
        let client: ClientId = "alice@example.org/laptop".parse().unwrap();
        assert_eq!(client.user().as_str(), "alice@example.org");
        assert_eq!(client.device().as_str(), "laptop");
        assert_eq!(client.domain().as_str(), "example.org");
        assert_eq!(ClientId::new(&client.user(), &client.device()), client);
        for (text, rule) in [
            ("", IdError::NoDevice),
            ("alice@example.org", IdError::NoDevice),
            ("alice/laptop", IdError::NoDomain),
            ("alice@example.org/", IdError::NameLength(0)),
            ("/laptop", IdError::NoDomain),
            ("alice@example.org/a/b", IdError::NameCharacter('/')),
            ("alice@example.org//a", IdError::NameCharacter('/')),
        ] {
            assert_eq!(text.parse::<ClientId>(), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn groups() {
        let domain = domain("example.org").unwrap();
        for length in 16..=64 {
            let group_id = GroupId::from(vec![0xfb; length]);
            let address = GroupAddress::new(&group_id, &domain).unwrap();
            assert_eq!((address.group_id(), address.domain()), (group_id, domain.clone()));
            assert_eq!(address.as_str().parse(), Ok(address.clone()));
            assert_eq!(GroupAddress::from_path(address.path_segment(), &domain), Ok(address));
        }
        for length in [0, 1, 15, 65, 1_000] {
            let refused = GroupAddress::new(&GroupId::from(vec![1; length]), &domain);
            assert_eq!(refused, Err(IdError::GroupLength(length)));
        }
        for (text, rule) in [
            ("AAAAAAAAAAAAAAAAAAAAAA", IdError::NoDomain),
            ("AAAAAAAAAAAAAAAAAAAAAA@", IdError::DomainLength(0)),
            ("@example.org", IdError::GroupLength(0)),
            // Another spelling of the same 16 bytes: padding, and a bit that is not used.
            ("AAAAAAAAAAAAAAAAAAAAAA==@example.org", IdError::GroupEncoding),
            ("AAAAAAAAAAAAAAAAAAAAAB@example.org", IdError::GroupEncoding),
            // The alphabet of base64 instead of base64url.
            ("AAAAAAAAAAAAAAAAAAAA+A@example.org", IdError::GroupEncoding),
            ("AAAAAAAAAAAAAAAAAAAA/A@example.org", IdError::GroupEncoding),
            ("AAAAAAAAAAAAAAAAAAAA A@example.org", IdError::GroupEncoding),
            ("AAAAAAAAAAAAAAAAAAAAA@example.org", IdError::GroupEncoding),
        ] {
            assert_eq!(text.parse::<GroupAddress>(), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn order_and_lookup_are_those_of_the_text() {
        let clients = ["a@b/c", "a@b-c/d", "a@b.c/d", "a.b@c/d", "ab@c/d"];
        let mut texts = clients.to_vec();
        texts.sort_unstable();
        let mut ids: Vec<ClientId> = clients.iter().map(|text| text.parse().unwrap()).collect();
        ids.sort();
        assert_eq!(ids.iter().map(ClientId::as_str).collect::<Vec<_>>(), texts);
        let map: BTreeMap<ClientId, usize> = ids.into_iter().zip(0..).collect();
        for (place, text) in texts.iter().enumerate() {
            assert_eq!(map.get(*text), Some(&place));
        }
    }

    #[test]
    fn encoding_is_the_text_as_opaque() {
        let client: ClientId = "a@b/c".parse().unwrap();
        assert_eq!(client.encode().unwrap(), b"\x05a@b/c");
        assert_eq!(ClientId::decode(b"\x05a@b/c").unwrap(), client);
        let long = format!("{}@{}.org/{}", "a".repeat(64), "b".repeat(63), "c".repeat(64));
        let client: ClientId = long.parse().unwrap();
        let bytes = client.encode().unwrap();
        assert_eq!((bytes.len(), &bytes[..2]), (client.tls_serialized_len(), &[0x40, 197][..]));
        assert_eq!(ClientId::decode(&bytes).unwrap(), client);
    }

    #[test]
    fn malformed_text_is_refused_while_decoding() {
        for (bytes, why) in [
            (&b"\x05A@b/c"[..], "ClientId: name of a user or device contains 'A'"),
            (b"\x00", "ClientId: no / between a user and a device"),
            (b"\x05\xff@b/c", "ClientId: invalid utf-8"),
        ] {
            let Err(DecodeError::Malformed(text)) = ClientId::decode(bytes) else { panic!("{bytes:?}") };
            assert!(text.starts_with(why), "{text}");
        }
        assert_eq!(ClientId::decode(b"\x06a@b/c"), Err(DecodeError::Truncated));
        assert_eq!(ClientId::decode(b"\x05a@b/c\0"), Err(DecodeError::TrailingBytes));
        assert_eq!(ClientId::decode(b"\x40\x05a@b/c"), Err(DecodeError::BadLength));
    }

    #[test]
    fn identifiers_in_json_are_texts() {
        let user: UserId = serde_json::from_str("\"alice@example.org\"").unwrap();
        assert_eq!(serde_json::to_string(&user).unwrap(), "\"alice@example.org\"");
        assert!(serde_json::from_str::<UserId>("\"Alice@example.org\"").is_err());
    }

    proptest! {
        /// A text that is an identifier is the only text of the identifier.
        #[test]
        fn an_identifier_has_one_text(text in "[a-cA-Z0-9._@/%=-]{0,30}") {
            fn check<T: FromStr + fmt::Display + Encode + Decode + PartialEq + fmt::Debug>(text: &str) {
                let Ok(identifier) = text.parse::<T>() else { return };
                assert_eq!(identifier.to_string(), text);
                let bytes = identifier.encode().unwrap();
                assert_eq!(T::decode(&bytes).unwrap(), identifier);
            }
            check::<Domain>(&text);
            check::<UserId>(&text);
            check::<DeviceId>(&text);
            check::<ClientId>(&text);
            check::<GroupAddress>(&text);
        }

        #[test]
        fn the_parts_of_a_client_are_valid(
            name in "[a-z0-9][a-z0-9._-]{0,63}",
            domain in "([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\\.){0,3}[a-z][a-z0-9]{0,20}",
            device in "[a-z0-9][a-z0-9._-]{0,63}",
        ) {
            let client: ClientId = format!("{name}@{domain}/{device}").parse().unwrap();
            prop_assert_eq!(client.user().as_str().parse(), Ok(client.user()));
            prop_assert_eq!(client.device().as_str().parse(), Ok(client.device()));
            prop_assert_eq!(client.domain().as_str().parse(), Ok(client.domain()));
            prop_assert_eq!(client.domain().to_string(), domain);
        }

        #[test]
        fn decoding_any_bytes_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok((identifier, rest)) = ClientId::decode_prefix(&bytes) {
                prop_assert_eq!([identifier.encode().unwrap(), rest.to_vec()].concat(), bytes.clone());
            }
            let _ = GroupAddress::decode_prefix(&bytes);
        }
    }
}
