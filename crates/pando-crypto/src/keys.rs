//! Typed keys.

use pando_wire::HpkePublicKey;

/// Defines types for secrets with a meaning of their own: what is said in `pando_wire::SecretBytes` holds
/// for each, and the only ways in are from bytes and from a secret without a name.
#[macro_export]
macro_rules! secret_types {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name($crate::SecretBytes);

        impl $name {
            /// The secret itself. Whoever calls this takes care that no copy outlives its use.
            #[must_use]
            pub fn expose(&self) -> &[u8] {
                self.0.expose()
            }

            /// The secret without its name.
            #[must_use]
            pub fn into_secret(self) -> $crate::SecretBytes {
                self.0
            }
        }

        impl From<$crate::SecretBytes> for $name {
            fn from(secret: $crate::SecretBytes) -> Self {
                Self(secret)
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self(bytes.into())
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self(bytes.into())
            }
        }
    )*};
}

secret_types! {
    /// A private key of the cipher suite's KEM, in the form of RFC 9180, section 7.1.2.
    HpkePrivateKey
    /// A private key of the cipher suite's signature scheme: for EdDSA the seed of RFC 8032, for ECDSA the
    /// scalar as a big-endian number of the field's length.
    SignaturePrivateKey
    /// A key of the cipher suite's AEAD: `AEAD.Nk` bytes.
    AeadKey
    /// A nonce of the cipher suite's AEAD: `AEAD.Nn` bytes. Secret because it is derived like a key.
    AeadNonce
}

/// A key pair of the cipher suite's KEM.
#[derive(Debug, PartialEq, Eq)]
pub struct HpkeKeyPair {
    /// The private key.
    pub private: HpkePrivateKey,
    /// The public key that belongs to it.
    pub public: HpkePublicKey,
}
