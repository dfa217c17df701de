//! The parameters of a group, on which its members and its server agree.

use pando_mls::Padding;
use pando_wire::Encode;
use std::num::NonZeroU16;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The parameters of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Parameters {
    /// The longest lifetime of an added KeyPackage, in seconds.
    pub key_package_lifetime: u64,
    /// The time in seconds after which a leaf without update is removed. 0 means never.
    pub idle_age: u64,
    /// The time in seconds after which a client updates its leaf. 0 means never.
    pub update_interval: u64,
    /// The number of epochs whose messages are accepted after the end of the epoch.
    pub past_epochs: u16,
    /// The number of generations that receivers keep for messages that arrive out of order.
    pub out_of_order: u32,
    /// The number of generations that a message may be ahead.
    pub forward: u32,
    /// The padding of encrypted messages.
    pub padding: PaddingRule,
}

impl Encode for Parameters {}

impl Default for Parameters {
    /// Returns parameters without automatic updates and removals: KeyPackages live for at most 90
    /// days, and messages are padded.
    fn default() -> Self {
        Self {
            key_package_lifetime: 90 * 24 * 60 * 60,
            idle_age: 0,
            update_interval: 0,
            past_epochs: 1,
            out_of_order: 16,
            forward: 1_000,
            padding: PaddingRule::Padme,
        }
    }
}

/// The padding of encrypted messages: the fields `padding` and `padding_multiple`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaddingRule {
    /// No padding.
    None,
    /// Padding to a multiple of this number of bytes.
    Multiple(NonZeroU16),
    /// Padmé, which adds at most about 12%.
    Padme,
}

impl From<PaddingRule> for Padding {
    fn from(rule: PaddingRule) -> Self {
        match rule {
            PaddingRule::None => Self::None,
            PaddingRule::Multiple(multiple) => Self::Multiple(multiple.into()),
            PaddingRule::Padme => Self::Padme,
        }
    }
}

impl Size for PaddingRule {
    fn tls_serialized_len(&self) -> usize {
        3
    }
}

impl Serialize for PaddingRule {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let (scheme, multiple) = match self {
            Self::None => (1_u8, 0_u16),
            Self::Multiple(multiple) => (2, multiple.get()),
            Self::Padme => (3, 0),
        };
        Ok(scheme.tls_serialize(writer)?.saturating_add(multiple.tls_serialize(writer)?))
    }
}

impl DeserializeBytes for PaddingRule {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (scheme, bytes) = u8::tls_deserialize_bytes(bytes)?;
        let (multiple, rest) = u16::tls_deserialize_bytes(bytes)?;
        let rule = match (scheme, NonZeroU16::new(multiple)) {
            (1, None) => Self::None,
            (2, Some(multiple)) => Self::Multiple(multiple),
            (3, None) => Self::Padme,
            (1..=3, _) => {
                let why = format!("padding {scheme} does not go with the multiple {multiple}");
                return Err(Error::DecodingError(why));
            }
            _ => return Err(Error::UnknownValue(scheme.into())),
        };
        Ok((rule, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::Decode;

    #[test]
    fn padding_has_one_encoding() {
        for scheme in 0..=u8::MAX {
            for multiple in [0, 1, 256, u16::MAX] {
                let [high, low] = multiple.to_be_bytes();
                let bytes = [scheme, high, low];
                let expected = match (scheme, NonZeroU16::new(multiple)) {
                    (1, None) => Some(PaddingRule::None),
                    (2, Some(multiple)) => Some(PaddingRule::Multiple(multiple)),
                    (3, None) => Some(PaddingRule::Padme),
                    _ => None,
                };
                assert_eq!(PaddingRule::decode(&bytes).ok(), expected, "{bytes:?}");
                if let Some(rule) = expected {
                    assert_eq!(rule.tls_serialize_detached().unwrap(), bytes);
                }
            }
        }
    }

    #[test]
    fn padding_applies_to_messages() {
        let multiple = PaddingRule::Multiple(NonZeroU16::new(64).unwrap());
        for (rule, padded) in [(PaddingRule::None, 33), (multiple, 64), (PaddingRule::Padme, 36)] {
            assert_eq!(Padding::from(rule).padded_len(33), padded);
        }
    }
}
