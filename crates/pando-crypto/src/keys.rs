//! Types of cryptographic keys.

use pando_wire::HpkePublicKey;

/// Defines distinct types for secrets of different kinds. Each type provides the guarantees of
/// `pando_wire::SecretBytes`, and can only be created from bytes or from an untyped secret.
#[macro_export]
macro_rules! secret_types {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name($crate::SecretBytes);

        impl $name {
            /// Returns the bytes of the secret. The caller must ensure that no copy of them is kept
            /// longer than necessary.
            #[must_use]
            pub fn expose(&self) -> &[u8] {
                self.0.expose()
            }

            /// Converts this value to an untyped secret.
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
    /// A private key of the cipher suite's KEM, serialized as in RFC 9180, section 7.1.2.
    HpkePrivateKey
    /// A private key of the cipher suite's signature scheme. For EdDSA, it is the seed of RFC 8032.
    /// For ECDSA, it is the scalar, as a big-endian number with the length of a field element.
    SignaturePrivateKey
    /// A key of the cipher suite's AEAD, with a length of `AEAD.Nk` bytes.
    AeadKey
    /// A nonce of the cipher suite's AEAD, with a length of `AEAD.Nn` bytes. The nonce is secret,
    /// because it is derived in the same way as a key.
    AeadNonce
}

/// A key pair of the cipher suite's KEM.
#[derive(Debug, PartialEq, Eq)]
pub struct HpkeKeyPair {
    /// The private key.
    pub private: HpkePrivateKey,
    /// The public key that belongs to the private key.
    pub public: HpkePublicKey,
}
