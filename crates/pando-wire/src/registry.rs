//! The open registries (RFC 9420, section 17), whose values are two-byte numbers. Some of these
//! numbers have names.
//!
//! Unknown numbers, including GREASE values (section 13.5), are ordinary values that are not
//! treated specially. A client can use [`is_grease`](CipherSuite::is_grease) to choose the GREASE
//! values that it sends.

use std::fmt;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

macro_rules! registry {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $constant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
        pub struct $name(pub u16);

        impl crate::Encode for $name {}

        impl $name {
            $($(#[$value_doc])* pub const $constant: Self = Self($value);)*

            /// Returns the name of this value in RFC 9420, or `None` if the RFC does not define it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }

            /// Returns whether this is one of the fifteen values reserved for GREASE (section
            /// 13.5).
            #[must_use]
            pub const fn is_grease(self) -> bool {
                is_grease(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

registry! {
    /// A version of the protocol (section 6).
    ProtocolVersion {
        /// MLS 1.0, the version that RFC 9420 defines.
        MLS_10 = 1, "mls10";
    }
}

registry! {
    /// A cipher suite (sections 5.1 and 17.1).
    CipherSuite {
        /// X25519, AES-128-GCM, SHA-256 and Ed25519. Every implementation must support this cipher
        /// suite.
        MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519 = 1, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";
        /// P-256, AES-128-GCM, SHA-256, and ECDSA with P-256.
        MLS_128_DHKEMP256_AES128GCM_SHA256_P256 = 2, "MLS_128_DHKEMP256_AES128GCM_SHA256_P256";
        /// X25519, ChaCha20-Poly1305, SHA-256 and Ed25519.
        MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519 = 3, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519";
        /// X448, AES-256-GCM, SHA-512 and Ed448.
        MLS_256_DHKEMX448_AES256GCM_SHA512_ED448 = 4, "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448";
        /// P-521, AES-256-GCM, SHA-512, and ECDSA with P-521.
        MLS_256_DHKEMP521_AES256GCM_SHA512_P521 = 5, "MLS_256_DHKEMP521_AES256GCM_SHA512_P521";
        /// X448, ChaCha20-Poly1305, SHA-512 and Ed448.
        MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448 = 6, "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448";
        /// P-384, AES-256-GCM, SHA-384, and ECDSA with P-384.
        MLS_256_DHKEMP384_AES256GCM_SHA384_P384 = 7, "MLS_256_DHKEMP384_AES256GCM_SHA384_P384";
    }
}

registry! {
    /// The format of the body of an MLSMessage (sections 6 and 17.2).
    WireFormat {
        /// A message that is signed but not encrypted.
        MLS_PUBLIC_MESSAGE = 1, "mls_public_message";
        /// A message that is signed and encrypted.
        MLS_PRIVATE_MESSAGE = 2, "mls_private_message";
        /// The secrets for new members.
        MLS_WELCOME = 3, "mls_welcome";
        /// A description of a group.
        MLS_GROUP_INFO = 4, "mls_group_info";
        /// The keys and properties of a client that can be added to groups.
        MLS_KEY_PACKAGE = 5, "mls_key_package";
    }
}

registry! {
    /// The type of an extension (sections 13.4 and 17.3).
    ExtensionType {
        /// An identifier that the application assigns to a leaf (section 5.3.3).
        APPLICATION_ID = 1, "application_id";
        /// The ratchet tree, contained in a GroupInfo (section 12.4.3.3).
        RATCHET_TREE = 2, "ratchet_tree";
        /// The types that every member must support (section 11.1).
        REQUIRED_CAPABILITIES = 3, "required_capabilities";
        /// The public key for external joins, contained in a GroupInfo (section 12.4.3.2).
        EXTERNAL_PUB = 4, "external_pub";
        /// The non-members that may send proposals (section 12.1.8.1).
        EXTERNAL_SENDERS = 5, "external_senders";
    }
}

registry! {
    /// The type of a proposal (sections 12.1 and 17.4).
    ProposalType {
        /// Adds a member (section 12.1.1).
        ADD = 1, "add";
        /// Replaces the leaf node of the sender (section 12.1.2).
        UPDATE = 2, "update";
        /// Removes a member (section 12.1.3).
        REMOVE = 3, "remove";
        /// Adds a pre-shared key to the key schedule (section 12.1.4).
        PSK = 4, "psk";
        /// Replaces the group with a new one that has different parameters (section 12.1.5).
        REINIT = 5, "reinit";
        /// Allows the sender of an external Commit to join the group (section 12.1.6).
        EXTERNAL_INIT = 6, "external_init";
        /// Replaces the GroupContext extensions (section 12.1.7).
        GROUP_CONTEXT_EXTENSIONS = 7, "group_context_extensions";
    }
}

registry! {
    /// The type of a credential (sections 5.3 and 17.5).
    CredentialType {
        /// A bare assertion of an identity.
        BASIC = 1, "basic";
        /// An X.509 certificate chain.
        X509 = 2, "x509";
    }
}

impl CipherSuite {
    /// The seven cipher suites of RFC 9420, in ascending order.
    pub const ALL: [Self; 7] = [Self(1), Self(2), Self(3), Self(4), Self(5), Self(6), Self(7)];
}

impl ExtensionType {
    /// Returns whether every implementation must support this extension type. Capabilities do not
    /// list such types (section 7.2).
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self.0, 1..=5)
    }
}

impl ProposalType {
    /// Returns whether every implementation must support this proposal type. Capabilities do not
    /// list such types (section 7.2).
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self.0, 1..=7)
    }
}

const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && high & 0x0f == 0x0a && high != 0xfa
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_grease_values() {
        let values: Vec<u16> = (0..=u16::MAX).filter(|&value| is_grease(value)).collect();
        assert_eq!(values.len(), 15);
        assert_eq!((values[0], values[14]), (0x0a0a, 0xeaea));
    }

    #[test]
    fn unknown_values_have_no_name() {
        assert_eq!(CipherSuite(0x0a0a).to_string(), "0x0a0a");
        assert_eq!(ProposalType::ADD.to_string(), "add");
    }
}
