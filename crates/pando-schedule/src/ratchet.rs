//! The hash ratchet for the messages of one sender and one content type (RFC 9420, section 9.1),
//! including the deletion of its keys (section 9.2).

use crate::ScheduleError;
use pando_crypto::{AeadKey, AeadNonce, CryptoError, SecretBytes, Suite};
use std::collections::{BTreeMap, BTreeSet};

/// The limits on how far the messages of one sender may be out of order. Without such limits, one
/// message could make a member derive and keep 2^32 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RatchetLimits {
    /// The maximum number of generations by which a message may be ahead of the next expected one.
    /// Each skipped generation costs one derivation. The default is 1,000.
    pub forward: u32,
    /// The maximum number of generations by which a message may be behind the newest opened one.
    /// The keys of all missing generations in that range are kept. The default is 64.
    pub backward: u32,
}

impl RatchetLimits {
    /// Sets [`RatchetLimits::forward`].
    #[must_use]
    pub const fn with_forward(mut self, forward: u32) -> Self {
        self.forward = forward;
        self
    }

    /// Sets [`RatchetLimits::backward`].
    #[must_use]
    pub const fn with_backward(mut self, backward: u32) -> Self {
        self.backward = backward;
        self
    }
}

impl Default for RatchetLimits {
    fn default() -> Self {
        Self { forward: 1_000, backward: 64 }
    }
}

/// The key and nonce of one message, before the reuse guard is applied to the nonce.
#[derive(Debug, PartialEq, Eq)]
pub struct MessageKey {
    /// The RFC's `ratchet_key_[N]_[j]`.
    pub key: AeadKey,
    /// The RFC's `ratchet_nonce_[N]_[j]`.
    pub nonce: AeadNonce,
}

/// A ratchet, which consists of the secret of the next generation and the keys of skipped
/// generations.
#[derive(Debug)]
pub(crate) struct Ratchet {
    /// The secret of the next generation, or `None` after the last generation.
    head: Option<Head>,
    /// The keys of generations before the head whose messages have not been opened.
    skipped: BTreeMap<u32, MessageKey>,
    /// The parts that have changed since the last [`Ratchet::take_changed`].
    changed: BTreeSet<Part>,
}

/// A separately stored part of a ratchet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Head,
    /// The key of a skipped generation.
    Skipped(u32),
}

/// The next generation of a ratchet with its secret, `ratchet_secret_[N]_[generation]`.
#[derive(Debug)]
struct Head {
    generation: u32,
    secret: SecretBytes,
}

/// A generation whose key has opened a message but has not been deleted yet.
#[derive(Debug)]
pub(crate) struct Used {
    generation: u32,
    /// The state of the ratchet after this generation, or `None` if the ratchet had already passed
    /// the generation when the message was opened.
    advance: Option<Advance>,
}

/// The secrets of a ratchet that remain after the use of a generation that is not behind the head.
#[derive(Debug)]
struct Advance {
    head: Option<Head>,
    /// The keys of the skipped generations, as far back as the limits allow.
    skipped: Vec<(u32, MessageKey)>,
}

impl Head {
    /// Derives the key and nonce of this generation.
    fn key(&self, suite: Suite) -> Result<MessageKey, CryptoError> {
        let (key, nonce) =
            suite.expand_key_and_nonce(self.secret.expose(), &self.generation.to_be_bytes())?;
        Ok(MessageKey { key, nonce })
    }

    /// Derives the next generation, or returns `None` if this is the last one.
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
    /// Returns a new ratchet, which starts with `ratchet_secret_[N]_[0]`.
    pub(crate) fn new(secret: SecretBytes) -> Self {
        let changed = BTreeSet::from([Part::Head]);
        Self { head: Some(Head { generation: 0, secret }), skipped: BTreeMap::new(), changed }
    }

    /// Returns a ratchet without any parts, which [`Ratchet::restore`] can fill.
    pub(crate) const fn empty() -> Self {
        Self { head: None, skipped: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// Returns the stored form of a part, or `None` if the part does not exist. The head always
    /// exists.
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

    /// Restores a part from its stored form. Returns `None` if the stored form has the wrong
    /// length.
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

    /// Returns all parts that exist.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        std::iter::once(Part::Head).chain(self.skipped.keys().copied().map(Part::Skipped))
    }

    /// Returns the parts that have changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Part> {
        std::mem::take(&mut self.changed)
    }

    /// Deletes all keys, so messages can no longer be sent or opened.
    pub(crate) fn delete_all(&mut self) {
        self.head = None;
        self.changed.insert(Part::Head);
        self.changed.extend(std::mem::take(&mut self.skipped).into_keys().map(Part::Skipped));
    }

    /// Takes the key of the next generation for sending a message.
    pub(crate) fn take_next(&mut self, suite: Suite) -> Result<(u32, MessageKey), ScheduleError> {
        let head = self.head.as_ref().ok_or(ScheduleError::RatchetExhausted)?;
        let (generation, key) = (head.generation, head.key(suite)?);
        self.head = head.next(suite)?;
        self.changed.insert(Part::Head);
        Ok((generation, key))
    }

    /// Opens a message of the given generation with `open`. The key can be used again until the
    /// returned [`Used`] generation is passed to [`Ratchet::delete`].
    pub(crate) fn open<T, E: From<ScheduleError>>(
        &self,
        suite: Suite,
        limits: RatchetLimits,
        generation: u32,
        open: impl FnOnce(&MessageKey) -> Result<T, E>,
    ) -> Result<(T, Used), E> {
        if let Some(key) = self.skipped.get(&generation) {
            return Ok((open(key)?, Used { generation, advance: None }));
        }
        let (key, advance) = self.advance_to(suite, limits, generation)?;
        Ok((open(&key)?, Used { generation, advance: Some(advance) }))
    }

    /// Deletes the key of a used generation and the secrets from which that key is derived. Keys of
    /// skipped generations are kept as far back as the limits allow.
    ///
    /// The key is deleted even if the ratchet has advanced since the message was opened. No deleted
    /// key is restored, because only the part of `advance` that lies beyond the current head is
    /// used.
    pub(crate) fn delete(&mut self, limits: RatchetLimits, used: Used) {
        let Used { generation, advance } = used;
        if self.skipped.remove(&generation).is_some() {
            self.changed.insert(Part::Skipped(generation));
        }
        let next = self.head.as_ref().map(|head| head.generation).filter(|next| *next <= generation);
        let (Some(next), Some(Advance { head, skipped })) = (next, advance) else {
            // The head has already passed the generation.
            return;
        };
        self.head = head;
        self.changed.insert(Part::Head);
        for (skipped, key) in skipped.into_iter().filter(|(skipped, _)| *skipped >= next) {
            self.skipped.insert(skipped, key);
            self.changed.insert(Part::Skipped(skipped));
        }
        let kept = self.skipped.split_off(&generation.saturating_sub(limits.backward));
        let too_old = std::mem::replace(&mut self.skipped, kept);
        self.changed.extend(too_old.into_keys().map(Part::Skipped));
    }

    /// Derives the key of a generation that is not behind the head, and the state of the ratchet
    /// after that generation.
    fn advance_to(
        &self,
        suite: Suite,
        limits: RatchetLimits,
        generation: u32,
    ) -> Result<(MessageKey, Advance), ScheduleError> {
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
        Ok((current.key(suite)?, Advance { head: current.next(suite)?, skipped }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::CipherSuite;
    use proptest::prelude::*;

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

    /// Opens a message and deletes its key.
    fn open(ratchet: &mut Ratchet, generation: u32) -> Result<MessageKey, ScheduleError> {
        let (key, used) = use_key(ratchet, generation)?;
        ratchet.delete(LIMITS, used);
        Ok(key)
    }

    /// Opens a message without deleting its key.
    fn use_key(ratchet: &Ratchet, generation: u32) -> Result<(MessageKey, Used), ScheduleError> {
        ratchet.open(suite(), LIMITS, generation, |key| Ok(copy(key)))
    }

    /// Returns all secrets of a ratchet in their stored form.
    fn secrets(ratchet: &Ratchet) -> Vec<(Part, SecretBytes)> {
        ratchet.parts().map(|part| (part, ratchet.part(part).unwrap())).collect()
    }

    /// Returns the keys of the first `count` generations, derived one by one.
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
        // The keys of generations 2 to 6 are kept, and those of 0 and 1 are too old.
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
            let failed: Result<((), _), ScheduleError> =
                ratchet.open(suite(), LIMITS, generation, |_| Err(CryptoError::DecryptionFailed.into()));
            assert_eq!(failed.unwrap_err(), CryptoError::DecryptionFailed.into());
            assert_eq!(ratchet.take_changed(), BTreeSet::new());
        }
        assert_eq!(ratchet.skipped.keys().copied().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ratchet.head.as_ref().map(|head| head.generation), Some(3));
        assert_eq!(open(&mut ratchet, 0).unwrap(), keys[0]);
        assert_eq!(open(&mut ratchet, 3).unwrap(), keys[3]);
    }

    #[test]
    fn a_key_that_is_not_deleted_can_be_used_again() {
        let keys = keys(10);
        let mut ratchet = ratchet();
        open(&mut ratchet, 2).unwrap();
        drop(ratchet.take_changed());
        let before = secrets(&ratchet);
        // Use a skipped generation, the next one, and one that is further ahead.
        for generation in [1, 3, 7] {
            for _ in 0..2 {
                let (key, _) = use_key(&ratchet, generation).unwrap();
                assert_eq!(key, keys[generation as usize]);
                assert_eq!(secrets(&ratchet), before);
                assert_eq!(ratchet.take_changed(), BTreeSet::new());
            }
        }
        for generation in [1, 3, 7] {
            let (_, used) = use_key(&ratchet, generation).unwrap();
            ratchet.delete(LIMITS, used);
            assert_eq!(use_key(&ratchet, generation).unwrap_err(), ScheduleError::KeyGone(generation));
        }
    }

    #[test]
    fn a_key_that_was_used_twice_is_deleted_once() {
        for generation in [1, 3, 7] {
            let mut ratchet = ratchet();
            open(&mut ratchet, 2).unwrap();
            let [(_, first), (_, second)] = [(); 2].map(|()| use_key(&ratchet, generation).unwrap());
            ratchet.delete(LIMITS, first);
            let before = secrets(&ratchet);
            drop(ratchet.take_changed());
            ratchet.delete(LIMITS, second);
            assert_eq!(secrets(&ratchet), before);
            assert_eq!(ratchet.take_changed(), BTreeSet::new());
        }
    }

    #[test]
    fn a_sent_generation_does_not_come_back() {
        let mut ratchet = ratchet();
        let (_, used) = use_key(&ratchet, 3).unwrap();
        for _ in 0..2 {
            ratchet.take_next(suite()).unwrap();
        }
        ratchet.delete(LIMITS, used);
        assert_eq!(ratchet.skipped.keys().copied().collect::<Vec<_>>(), [2]);
        assert_eq!(ratchet.take_next(suite()).unwrap().0, 4);
    }

    proptest! {
        /// The order in which keys are used and deleted does not matter, because the ratchet always
        /// equals one that deletes each key immediately.
        #[test]
        fn a_late_deletion_is_as_good_as_one_at_once(
            steps in proptest::collection::vec((any::<bool>(), 0..25_u32), 1..40)
        ) {
            let (mut ratchet, mut at_once, mut waiting) = (ratchet(), ratchet(), Vec::new());
            for (is_use, number) in steps {
                if is_use || waiting.is_empty() {
                    if let Ok((_, used)) = use_key(&ratchet, number) {
                        waiting.push(used);
                    }
                } else {
                    let used = waiting.swap_remove(number as usize % waiting.len());
                    let generation = used.generation;
                    ratchet.delete(LIMITS, used);
                    // Opening fails if the key has already been deleted.
                    let _ = open(&mut at_once, generation);
                    prop_assert_eq!(use_key(&ratchet, generation).unwrap_err(), ScheduleError::KeyGone(generation));
                }
                prop_assert_eq!(secrets(&ratchet), secrets(&at_once));
                prop_assert_eq!(ratchet.take_changed(), at_once.take_changed());
            }
        }
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
        let (_, last) = use_key(&ratchet, u32::MAX).unwrap();
        assert_eq!(ratchet.take_next(suite()).unwrap().0, u32::MAX - 1);
        assert_eq!(ratchet.take_next(suite()).unwrap().0, u32::MAX);
        assert_eq!(ratchet.take_next(suite()), Err(ScheduleError::RatchetExhausted));
        ratchet.delete(LIMITS, last);
        assert_eq!(secrets(&ratchet), [(Part::Head, SecretBytes::default())]);
        assert_eq!(open(&mut ratchet, u32::MAX), Err(ScheduleError::KeyGone(u32::MAX)));
        assert_eq!(open(&mut ratchet, 0), Err(ScheduleError::KeyGone(0)));
    }
}
