//! The hash ratchet of one sender and one kind of content (RFC 9420, section 9.1), and the deletion of what
//! it gave (section 9.2).

use crate::ScheduleError;
use pando_crypto::{AeadKey, AeadNonce, CryptoError, SecretBytes, Suite};
use std::collections::{BTreeMap, BTreeSet};

/// How far messages of one sender may be out of order. Whoever can make a member open messages could
/// otherwise make it derive four thousand million keys, or keep as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatchetLimits {
    /// How many generations a message may be ahead of the next one that is expected. What is skipped costs
    /// a derivation each. Default: 1,000.
    pub forward: u32,
    /// How many generations a message may be behind the newest one that was opened. A key is kept for each
    /// that is missing. Default: 64.
    pub backward: u32,
}

impl Default for RatchetLimits {
    fn default() -> Self {
        Self { forward: 1_000, backward: 64 }
    }
}

/// The key and nonce of one message, before the reuse guard.
#[derive(Debug, PartialEq, Eq)]
pub struct MessageKey {
    /// `ratchet_key_[N]_[j]`
    pub key: AeadKey,
    /// `ratchet_nonce_[N]_[j]`
    pub nonce: AeadNonce,
}

/// A ratchet: the secret of the next generation, and the keys of those that were skipped.
#[derive(Debug)]
pub(crate) struct Ratchet {
    /// `None` after the last generation.
    head: Option<Head>,
    /// Keys of generations before the head that no message has come for.
    skipped: BTreeMap<u32, MessageKey>,
    /// What has changed since it was last stored.
    changed: BTreeSet<Part>,
}

/// A part of a ratchet that is stored by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Head,
    /// The key of a generation that was skipped.
    Skipped(u32),
}

/// `ratchet_secret_[N]_[generation]`
#[derive(Debug)]
struct Head {
    generation: u32,
    secret: SecretBytes,
}

impl Head {
    /// The key and nonce of this generation.
    fn key(&self, suite: Suite) -> Result<MessageKey, CryptoError> {
        let derive = |label, len| suite.derive_tree_secret(self.secret.expose(), label, self.generation, len);
        Ok(MessageKey {
            key: derive("key", suite.aead_key_len())?.into(),
            nonce: derive("nonce", suite.aead_nonce_len())?.into(),
        })
    }

    /// The next generation, if there is one.
    fn next(&self, suite: Suite) -> Result<Option<Self>, CryptoError> {
        let Some(generation) = self.generation.checked_add(1) else {
            return Ok(None);
        };
        let secret =
            suite.derive_tree_secret(self.secret.expose(), "secret", self.generation, suite.hash_len())?;
        Ok(Some(Self { generation, secret }))
    }
}

impl Ratchet {
    /// The ratchet that begins with `ratchet_secret_[N]_[0]`.
    pub(crate) fn new(secret: SecretBytes) -> Self {
        let changed = BTreeSet::from([Part::Head]);
        Self { head: Some(Head { generation: 0, secret }), skipped: BTreeMap::new(), changed }
    }

    /// A ratchet without any part, to be filled with what was stored.
    pub(crate) const fn empty() -> Self {
        Self { head: None, skipped: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// What a part is stored as; `None` if it is not there. The head always is.
    pub(crate) fn part(&self, part: Part) -> Option<SecretBytes> {
        match part {
            Part::Head => Some(self.head.as_ref().map_or_else(SecretBytes::default, |head| {
                [&head.generation.to_be_bytes(), head.secret.expose()].concat().into()
            })),
            Part::Skipped(generation) => {
                let MessageKey { key, nonce } = self.skipped.get(&generation)?;
                Some([nonce.expose(), key.expose()].concat().into())
            }
        }
    }

    /// Puts a part in its place again; `None` if it does not have the length of one.
    pub(crate) fn restore(&mut self, suite: Suite, part: Part, stored: &[u8]) -> Option<()> {
        match part {
            Part::Head if stored.is_empty() => self.head = None,
            Part::Head => {
                let (generation, secret) = stored.split_first_chunk()?;
                (secret.len() == suite.hash_len()).then_some(())?;
                let generation = u32::from_be_bytes(*generation);
                self.head = Some(Head { generation, secret: secret.into() });
            }
            Part::Skipped(generation) => {
                let (nonce, key) = stored.split_at_checked(suite.aead_nonce_len())?;
                (key.len() == suite.aead_key_len()).then_some(())?;
                let key = MessageKey { key: key.to_vec().into(), nonce: nonce.to_vec().into() };
                self.skipped.insert(generation, key);
            }
        }
        Some(())
    }

    /// All parts that are there.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        std::iter::once(Part::Head).chain(self.skipped.keys().copied().map(Part::Skipped))
    }

    /// What has changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Part> {
        std::mem::take(&mut self.changed)
    }

    /// Takes the next generation, for a message to be sent.
    pub(crate) fn take_next(&mut self, suite: Suite) -> Result<(u32, MessageKey), ScheduleError> {
        let head = self.head.as_ref().ok_or(ScheduleError::RatchetExhausted)?;
        let (generation, key) = (head.generation, head.key(suite)?);
        self.head = head.next(suite)?;
        self.changed.insert(Part::Head);
        Ok((generation, key))
    }

    /// Opens a message of a given generation with `open`.
    ///
    /// If it succeeds, the key is gone, and so are the secrets that it came from; the keys of generations
    /// that were skipped are kept as far as `limits` allow. If it fails, nothing changes: a message that
    /// somebody tampered with, or made up, must not cost the key of the real one.
    pub(crate) fn open<T, E: From<ScheduleError>>(
        &mut self,
        suite: Suite,
        limits: RatchetLimits,
        generation: u32,
        open: impl FnOnce(&MessageKey) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(key) = self.skipped.get(&generation) {
            let opened = open(key)?;
            self.skipped.remove(&generation);
            self.changed.insert(Part::Skipped(generation));
            return Ok(opened);
        }
        let advance = self.advance_to(suite, limits, generation)?;
        let opened = open(&advance.key)?;
        self.head = advance.head;
        self.changed.insert(Part::Head);
        self.changed.extend(advance.skipped.iter().map(|(skipped, _)| Part::Skipped(*skipped)));
        self.skipped.extend(advance.skipped);
        let oldest = generation.saturating_sub(limits.backward);
        let kept = self.skipped.split_off(&oldest);
        let too_old = std::mem::replace(&mut self.skipped, kept);
        self.changed.extend(too_old.into_keys().map(Part::Skipped));
        Ok(opened)
    }

    /// What the ratchet would be after opening a message of a generation that is not behind it.
    fn advance_to(
        &self,
        suite: Suite,
        limits: RatchetLimits,
        generation: u32,
    ) -> Result<Advance, ScheduleError> {
        let head = self.head.as_ref().ok_or(ScheduleError::KeyGone(generation))?;
        let distance = generation.checked_sub(head.generation).ok_or(ScheduleError::KeyGone(generation))?;
        if distance > limits.forward {
            return Err(ScheduleError::GenerationTooFarAhead { generation, next: head.generation });
        }
        let oldest = generation.saturating_sub(limits.backward);
        let mut skipped = Vec::new();
        let mut stepped: Option<Head> = None;
        for passed in head.generation..generation {
            let current = stepped.as_ref().unwrap_or(head);
            if passed >= oldest {
                skipped.push((passed, current.key(suite)?));
            }
            stepped = current.next(suite)?;
        }
        let current = stepped.as_ref().unwrap_or(head);
        Ok(Advance { key: current.key(suite)?, head: current.next(suite)?, skipped })
    }
}

struct Advance {
    key: MessageKey,
    head: Option<Head>,
    skipped: Vec<(u32, MessageKey)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::CipherSuite;

    const LIMITS: RatchetLimits = RatchetLimits { forward: 20, backward: 5 };

    fn suite() -> Suite {
        RustCrypto.suite(CipherSuite::ALL[0]).unwrap()
    }

    fn ratchet() -> Ratchet {
        Ratchet::new(vec![7; 32].into())
    }

    fn copy(key: &MessageKey) -> MessageKey {
        MessageKey { key: key.key.expose().into(), nonce: key.nonce.expose().into() }
    }

    fn open(ratchet: &mut Ratchet, generation: u32) -> Result<MessageKey, ScheduleError> {
        ratchet.open(suite(), LIMITS, generation, |key| Ok(copy(key)))
    }

    /// The keys in order, the obvious way.
    fn keys(count: usize) -> Vec<MessageKey> {
        let mut ratchet = ratchet();
        (0..count).map(|_| ratchet.take_next(suite()).unwrap().1).collect()
    }

    #[test]
    fn every_generation_has_its_own_key_once() {
        let keys = keys(10);
        let mut ratchet = ratchet();
        for (generation, key) in keys.iter().enumerate() {
            assert_eq!(&open(&mut ratchet, generation as u32).unwrap(), key);
            assert_eq!(open(&mut ratchet, generation as u32), Err(ScheduleError::KeyGone(generation as u32)));
            assert!(keys.iter().filter(|other| *other == key).count() == 1);
        }
    }

    #[test]
    fn late_messages_are_opened_within_the_limit() {
        let keys = keys(10);
        let mut ratchet = ratchet();
        assert_eq!(open(&mut ratchet, 7).unwrap(), keys[7]);
        // 2 to 6 are kept, 0 and 1 are too old.
        assert_eq!(open(&mut ratchet, 1), Err(ScheduleError::KeyGone(1)));
        for generation in [4, 2, 6, 3, 5] {
            assert_eq!(open(&mut ratchet, generation).unwrap(), keys[generation as usize]);
            assert_eq!(open(&mut ratchet, generation), Err(ScheduleError::KeyGone(generation)));
        }
        assert!(ratchet.skipped.is_empty());
    }

    #[test]
    fn keys_that_were_kept_grow_too_old() {
        let mut ratchet = ratchet();
        open(&mut ratchet, 3).unwrap();
        assert_eq!(ratchet.skipped.len(), 3);
        open(&mut ratchet, 7).unwrap();
        assert_eq!(ratchet.skipped.keys().copied().collect::<Vec<_>>(), [2, 4, 5, 6]);
    }

    #[test]
    fn a_failure_changes_nothing() {
        let keys = keys(10);
        let mut ratchet = ratchet();
        open(&mut ratchet, 2).unwrap();
        drop(ratchet.take_changed());
        for generation in [0, 5, 3 + LIMITS.forward] {
            let failed: Result<(), _> =
                ratchet.open(suite(), LIMITS, generation, |_| Err(CryptoError::DecryptionFailed.into()));
            assert_eq!(failed, Err::<(), ScheduleError>(CryptoError::DecryptionFailed.into()));
            assert_eq!(ratchet.take_changed(), BTreeSet::new());
        }
        assert_eq!(ratchet.skipped.keys().copied().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ratchet.head.as_ref().map(|head| head.generation), Some(3));
        assert_eq!(open(&mut ratchet, 0).unwrap(), keys[0]);
        assert_eq!(open(&mut ratchet, 3).unwrap(), keys[3]);
    }

    #[test]
    fn generations_too_far_ahead_are_refused() {
        let mut ratchet = ratchet();
        for generation in [21, 1 << 31, u32::MAX] {
            let error = ScheduleError::GenerationTooFarAhead { generation, next: 0 };
            assert_eq!(open(&mut ratchet, generation), Err(error));
        }
        assert!(open(&mut ratchet, 20).is_ok());
    }

    #[test]
    fn the_last_generation_does_not_wrap_around() {
        let mut ratchet = ratchet();
        ratchet.head = Some(Head { generation: u32::MAX - 1, secret: vec![7; 32].into() });
        assert_eq!(ratchet.take_next(suite()).unwrap().0, u32::MAX - 1);
        assert_eq!(ratchet.take_next(suite()).unwrap().0, u32::MAX);
        assert_eq!(ratchet.take_next(suite()), Err(ScheduleError::RatchetExhausted));
        assert_eq!(open(&mut ratchet, u32::MAX), Err(ScheduleError::KeyGone(u32::MAX)));
        assert_eq!(open(&mut ratchet, 0), Err(ScheduleError::KeyGone(0)));
    }
}
