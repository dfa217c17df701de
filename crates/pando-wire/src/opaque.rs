//! Public and secret byte strings, `opaque field<V>` (RFC 9420, sections 2.1.2, 5.1.1, 5.2 and
//! 6.1).

use crate::codec::length;
use std::fmt;
use std::io::Write;
use std::ops::Deref;
use subtle::ConstantTimeEq;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};
use zeroize::Zeroize;

/// A byte string `opaque<V>`, whose length is variable and at most 2^30 - 1 bytes. The type
/// dereferences to a slice of bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Opaque(Box<[u8]>);

impl Opaque {
    /// Returns the bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes with the length prefix that they have inside a structure.
    ///
    /// # Errors
    /// Returns [`EncodeError::TooLong`](crate::EncodeError) if there are more than 2^30 - 1 bytes.
    pub fn with_length(&self) -> Result<Vec<u8>, crate::EncodeError> {
        Ok(self.tls_serialize_detached()?)
    }

    /// Converts the byte string to a vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0.into_vec()
    }
}

impl Deref for Opaque {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Opaque {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Opaque {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into_boxed_slice())
    }
}

impl From<&[u8]> for Opaque {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Opaque {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<&str> for Opaque {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Size for Opaque {
    fn tls_serialized_len(&self) -> usize {
        length::size(self.len()).saturating_add(self.len())
    }
}

impl Serialize for Opaque {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        write_bytes(self, writer)
    }
}

impl Size for &Opaque {
    fn tls_serialized_len(&self) -> usize {
        (*self).tls_serialized_len()
    }
}

impl Serialize for &Opaque {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        (*self).tls_serialize(writer)
    }
}

impl DeserializeBytes for Opaque {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (inside, behind) = length::take(bytes)?;
        Ok((Self::from(inside), behind))
    }
}

/// A secret byte string, `opaque<V>`. The bytes are zeroized on drop, compared in constant time,
/// and never printed.
#[derive(Default)]
pub struct SecretBytes(Box<[u8]>);

impl SecretBytes {
    /// Returns the bytes of the secret. The caller must ensure that no copy of them is kept longer
    /// than necessary.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes of the secret as a mutable slice that the caller can fill.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(bytes.into_boxed_slice());
        }
        // Shrinking the vector may move the bytes and leave a copy of the secret in freed memory.
        let secret = Self::from(bytes.as_slice());
        bytes.zeroize();
        secret
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Size for SecretBytes {
    fn tls_serialized_len(&self) -> usize {
        length::size(self.0.len()).saturating_add(self.0.len())
    }
}

impl Serialize for SecretBytes {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        write_bytes(&self.0, writer)
    }
}

impl DeserializeBytes for SecretBytes {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (inside, behind) = length::take(bytes)?;
        Ok((Self::from(inside), behind))
    }
}

fn write_bytes<W: Write>(bytes: &[u8], writer: &mut W) -> Result<usize, Error> {
    let header = length::write(writer, bytes.len())?;
    writer.write_all(bytes)?;
    Ok(header.saturating_add(bytes.len()))
}

/// Defines a distinct type for each kind of `opaque<V>` value.
macro_rules! opaque_types {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
        pub struct $name(pub Opaque);

        opaque_type!($name);
    )*};
}

macro_rules! opaque_type {
    ($name:ident) => {
        impl crate::Encode for $name {}

        impl Deref for $name {
            type Target = [u8];

            fn deref(&self) -> &[u8] {
                &self.0
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

        impl<const N: usize> From<&[u8; N]> for $name {
            fn from(bytes: &[u8; N]) -> Self {
                Self(bytes.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
    };
}

opaque_types! {
    /// A public key of the cipher suite's KEM (section 5.1.1), serialized as in RFC 9180, section
    /// 4.
    HpkePublicKey
    /// The KEM output that is sent to the recipient (sections 7.6 and 8.3), called `enc` in RFC
    /// 9180.
    KemOutput
    /// A public key of the cipher suite's signature scheme (section 5.1.1).
    SignaturePublicKey
    /// A signature created by `SignWithLabel` (section 5.1.2).
    Signature
    /// The identifier of a group (section 8.1).
    GroupId
    /// The hash that identifies a KeyPackage or a Proposal in messages (section 5.2).
    HashReference
}

impl From<&str> for GroupId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// Prints the bytes as hexadecimal digits.
impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The hash reference of a KeyPackage (section 5.2).
pub type KeyPackageRef = HashReference;
/// The hash reference of the AuthenticatedContent that contains a Proposal (section 5.2).
pub type ProposalRef = HashReference;

/// A message authentication code (section 6.1), which is compared in constant time.
#[derive(Clone, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Mac(pub Opaque);

opaque_type!(Mac);

impl PartialEq for Mac {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Mac {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decode;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = SecretBytes::from(vec![0x11; 32]);
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }

    #[test]
    fn macs_of_other_lengths_are_not_equal() {
        let mac = Mac::from(vec![7; 32]);
        for length in (0..32).chain(33..35) {
            assert_ne!(mac, Mac::from(vec![7; length]));
        }
        assert_eq!(mac, Mac::from(vec![7; 32]));
    }

    #[test]
    fn round_trip() {
        for length in [0, 1, 63, 64, 16_383, 16_384, 70_000] {
            let value = Opaque::from(vec![9; length]);
            let bytes = value.tls_serialize_detached().unwrap();
            assert_eq!(bytes.len(), value.tls_serialized_len());
            assert_eq!(Opaque::decode(&bytes).unwrap(), value);
        }
    }
}
