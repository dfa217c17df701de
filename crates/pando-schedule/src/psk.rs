//! Pre-shared keys (RFC 9420, section 8.4).

use crate::{ResumptionPsk, ScheduleError};
use pando_crypto::{Suite, secret_types};
use pando_wire::{Encode, PreSharedKeyId, PskLabel};

secret_types! {
    /// The value of a pre-shared key. The value of an external key may have any length.
    PskValue
    /// The secret that is computed from all pre-shared keys of a Commit.
    PskSecret
}

impl From<ResumptionPsk> for PskValue {
    fn from(psk: ResumptionPsk) -> Self {
        Self(psk.into_secret())
    }
}

impl PskSecret {
    /// Returns the secret of a Commit without pre-shared keys, which is all zeros.
    #[must_use]
    pub fn zero(suite: Suite) -> Self {
        Self(suite.zero_secret())
    }

    /// Computes the secret from the given pre-shared keys, whose order matters.
    ///
    /// # Errors
    /// Returns [`ScheduleError::TooManyPsks`] if there are more than 65,535 pre-shared keys, and
    /// [`ScheduleError::Encode`] if an identifier is too long.
    pub fn new<'a, I>(suite: Suite, psks: I) -> Result<Self, ScheduleError>
    where
        I: IntoIterator<Item = (&'a PreSharedKeyId, &'a PskValue)>,
        I::IntoIter: ExactSizeIterator,
    {
        let psks = psks.into_iter();
        let count = u16::try_from(psks.len()).map_err(|_| ScheduleError::TooManyPsks)?;
        let zero = suite.zero_secret();
        let mut psk_secret = suite.zero_secret();
        for (index, (id, psk)) in (0..count).zip(psks) {
            let extracted = suite.extract(zero.expose(), psk.expose());
            let label = PskLabel { id, index, count }.encode()?;
            let input =
                suite.expand_with_label(extracted.expose(), "derived psk", &label, suite.hash_len())?;
            psk_secret = suite.extract(input.expose(), psk_secret.expose());
        }
        Ok(Self(psk_secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::{CipherSuite, Psk};

    fn id(name: u8) -> PreSharedKeyId {
        PreSharedKeyId { psk: Psk::External { psk_id: vec![name].into() }, psk_nonce: vec![name; 32].into() }
    }

    #[test]
    fn the_order_matters_and_none_is_zero() {
        let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
        let (a, b) = ((id(1), PskValue::from(vec![1])), (id(2), PskValue::from(vec![2; 100])));
        let secret = |psks: &[&(PreSharedKeyId, PskValue)]| {
            PskSecret::new(suite, psks.iter().map(|(id, value)| (id, value))).unwrap()
        };
        assert_eq!(secret(&[]), PskSecret::zero(suite));
        assert_ne!(secret(&[&a, &b]), secret(&[&b, &a]));
        assert_ne!(secret(&[&a]), secret(&[&a, &a]));
    }

    #[test]
    fn there_are_at_most_65535() {
        let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
        let (id, value) = (id(1), PskValue::from(vec![1]));
        let many = vec![(&id, &value); 65_536];
        assert_eq!(PskSecret::new(suite, many), Err(ScheduleError::TooManyPsks));
    }
}
