//! The key that an application gives, and the header of a store, in which it wraps the data key.

use crate::StoreError;
use crate::cipher::{open, seal};
use crate::error::{Misuse, Record};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit;
use pando_mls::wire::Opaque;
use pando_mls::{Decode, Encode, SecretBytes};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};
use zeroize::Zeroizing;

/// The format that is written.
pub const FORMAT: u16 = 2;

/// The key of a store.
#[derive(Debug)]
pub enum Key {
    /// No key. The store is not encrypted.
    None,
    /// 32 random bytes that the application keeps elsewhere, for instance in the operating system's key store.
    Bytes(SecretBytes),
    /// A passphrase.
    Passphrase {
        /// The passphrase, in the encoding that the application has chosen. It must not be empty.
        passphrase: SecretBytes,
        /// The cost of a guess, for a store that is created with this key or gets it. A store that exists is opened
        /// at the cost that its header names.
        cost: Argon2Cost,
        /// The highest cost at which a store is opened.
        limit: Argon2Limit,
    },
}

impl Key {
    /// Makes a key of 32 bytes.
    ///
    /// # Errors
    /// [`Misuse::KeyLength`].
    pub fn bytes(key: &[u8]) -> Result<Self, Misuse> {
        if key.len() == KEY_LEN { Ok(Self::Bytes(key.into())) } else { Err(Misuse::KeyLength) }
    }

    /// Makes a key of a passphrase, with the default cost and limit. Opening or creating a store with an empty
    /// passphrase fails with [`Misuse::EmptyPassphrase`].
    #[must_use]
    pub fn passphrase(passphrase: &str) -> Self {
        Self::Passphrase {
            passphrase: passphrase.as_bytes().into(),
            cost: Argon2Cost::default(),
            limit: Argon2Limit::default(),
        }
    }
}

/// The cost of a guess at a passphrase: the parameters of Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB. Default: 64 MiB.
    pub memory: u32,
    /// Number of passes over the memory. Default: 3.
    pub passes: u32,
    /// Number of lanes, at most 64. Default: 1. They are computed one after the other.
    pub lanes: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory: 64 << 10, passes: 3, lanes: 1 }
    }
}

/// The highest cost at which a store is opened. A header is authenticated only after its passphrase was hashed, so a
/// file of an attacker could otherwise keep a client busy for hours, or take all its memory.
///
/// A limit above the default counts as the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Limit {
    /// Memory in KiB. Default: 2 GiB.
    pub memory: u32,
    /// Work: memory in KiB times the number of passes. Default: 2 GiB and one pass, or as much. A slow phone hashes about
    /// 200 MiB in a second, so it takes 10 seconds. Both parameter sets that RFC 9106 recommends are below it.
    pub work: u64,
}

impl Default for Argon2Limit {
    fn default() -> Self {
        Self { memory: 2 << 20, work: 2 << 20 }
    }
}

impl Argon2Cost {
    /// The cheapest parameters with which a store is created: the memory and the work of the cheapest set that OWASP
    /// recommends, 7 MiB and five passes. Its other sets have more memory and about the same work.
    pub const FLOOR: Self = Self { memory: 7 << 10, passes: 5, lanes: 1 };

    const MOST_LANES: u32 = 64;

    /// Returns the work: memory in KiB times the number of passes.
    #[must_use]
    pub fn work(self) -> u64 {
        u64::from(self.memory).saturating_mul(self.passes.into())
    }

    fn is_within(self, limit: Argon2Limit) -> bool {
        let most = Argon2Limit::default();
        self.memory <= limit.memory.min(most.memory)
            && self.work() <= limit.work.min(most.work)
            && self.lanes <= Self::MOST_LANES
    }

    /// Checks the cost of a passphrase that a store gets.
    fn check_new(self) -> Result<(), Misuse> {
        let above_floor = self.memory >= Self::FLOOR.memory && self.work() >= Self::FLOOR.work();
        if above_floor && self.is_within(Argon2Limit::default()) { Ok(()) } else { Err(Misuse::Argon2) }
    }

    fn hash(self, passphrase: &SecretBytes, salt: &[u8]) -> Result<SecretBytes, StoreError> {
        let Self { memory, passes, lanes } = self;
        let params = Params::new(memory, passes, lanes, Some(KEY_LEN)).map_err(|_| Misuse::Argon2)?;
        let mut blocks = Zeroizing::new(Vec::new());
        blocks.try_reserve_exact(params.block_count()).map_err(|_| StoreError::OutOfMemory)?;
        blocks.resize(params.block_count(), Block::default());
        let mut key = SecretBytes::from(vec![0; KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passphrase.expose(), salt, key.expose_mut(), &mut **blocks)
            .map_err(|_| Misuse::Argon2)?;
        Ok(key)
    }
}

const KEY_LEN: usize = 32;
const SALT_LEN: usize = 16;

/// What the header says of the data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrap {
    Clear = 0,
    Key = 1,
    Passphrase = 2,
    Shredded = 3,
}

impl Wrap {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Clear, Self::Key, Self::Passphrase, Self::Shredded]
            .into_iter()
            .find(|wrap| *wrap as u8 == byte)
    }
}

/// The header of a store. In all formats it begins with the number of the format.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Header {
    pub(crate) format: u16,
    wrapping: Wrapping,
    data_key: SecretBytes,
}

/// How the data key is wrapped; authenticated with it.
#[derive(Debug, Clone, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Wrapping {
    pub(crate) wrap: u8,
    pub(crate) salt: Opaque,
    pub(crate) memory: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Wrapping {
    fn plain(wrap: Wrap) -> Self {
        Self { wrap: wrap as u8, salt: Opaque::default(), memory: 0, passes: 0, lanes: 0 }
    }
}

impl Header {
    /// A fresh data key.
    pub(crate) fn data_key() -> Result<SecretBytes, StoreError> {
        let mut key = SecretBytes::from(vec![0; KEY_LEN]);
        getrandom::fill(key.expose_mut())?;
        Ok(key)
    }

    /// The header that wraps a data key.
    pub(crate) fn new(key: &Key, data_key: &SecretBytes) -> Result<Self, StoreError> {
        if let Key::Passphrase { passphrase, cost, .. } = key {
            cost.check_new()?;
            check_passphrase(passphrase)?;
        }
        let wrapping = match key {
            Key::None => Wrapping::plain(Wrap::Clear),
            Key::Bytes(_) => Wrapping::plain(Wrap::Key),
            Key::Passphrase { cost: Argon2Cost { memory, passes, lanes }, .. } => {
                let mut salt = vec![0; SALT_LEN];
                getrandom::fill(&mut salt)?;
                let (memory, passes, lanes) = (*memory, *passes, *lanes);
                Wrapping { wrap: Wrap::Passphrase as u8, salt: salt.into(), memory, passes, lanes }
            }
        };
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce)?;
        Self::wrapped(key, data_key, wrapping, nonce)
    }

    pub(crate) fn wrapped(
        key: &Key,
        data_key: &SecretBytes,
        wrapping: Wrapping,
        nonce: [u8; 24],
    ) -> Result<Self, StoreError> {
        let data_key = match wrapping.aead(key)? {
            Some(aead) => seal(&aead, &wrapping.encode()?, data_key.expose(), nonce)?,
            None => data_key.expose().into(),
        };
        Ok(Self { format: FORMAT, wrapping, data_key })
    }

    /// What is left of a store that was shredded.
    pub(crate) fn shredded() -> Self {
        Self { format: FORMAT, wrapping: Wrapping::plain(Wrap::Shredded), data_key: SecretBytes::default() }
    }

    /// Reads a header that this version knows.
    pub(crate) fn read(stored: &[u8]) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt(Record::Header);
        let found = u16::from_be_bytes(*stored.first_chunk().ok_or_else(corrupt)?);
        if found > FORMAT {
            return Err(StoreError::Newer { found, known: FORMAT });
        }
        let header = Self::decode(stored).map_err(|_| corrupt())?;
        if header.format == 0 { Err(corrupt()) } else { Ok(header) }
    }

    /// The data key, and whether records are encrypted.
    pub(crate) fn open(&self, key: &Key) -> Result<(SecretBytes, bool), StoreError> {
        let corrupt = || StoreError::Corrupt(Record::Header);
        match (Wrap::from_byte(self.wrapping.wrap).ok_or_else(corrupt)?, key) {
            (Wrap::Shredded, _) => return Err(StoreError::Shredded),
            (Wrap::Clear, Key::None) | (Wrap::Key, Key::Bytes(_)) => {}
            (Wrap::Passphrase, Key::Passphrase { passphrase, limit, .. }) => {
                check_passphrase(passphrase)?;
                let cost = self.wrapping.cost();
                if !cost.is_within(*limit) {
                    return Err(StoreError::TooCostly(cost));
                }
            }
            _ => return Err(StoreError::WrongKey),
        }
        let aead = match self.wrapping.aead(key) {
            // What is in the file is no mistake of the caller.
            Err(StoreError::Misuse(Misuse::Argon2)) => return Err(corrupt()),
            aead => aead?,
        };
        let data_key = match &aead {
            Some(aead) => open(aead, &self.wrapping.encode()?, self.data_key.expose()),
            None => Some(self.data_key.expose().into()),
        };
        let data_key: SecretBytes = data_key.ok_or(StoreError::WrongKey)?;
        if data_key.expose().len() == KEY_LEN { Ok((data_key, aead.is_some())) } else { Err(corrupt()) }
    }
}

impl Wrapping {
    fn cost(&self) -> Argon2Cost {
        let Self { memory, passes, lanes, .. } = *self;
        Argon2Cost { memory, passes, lanes }
    }

    /// What the data key is wrapped by, if it is.
    fn aead(&self, key: &Key) -> Result<Option<XChaCha20Poly1305>, StoreError> {
        let wrapping_key = match key {
            Key::None => return Ok(None),
            Key::Bytes(bytes) => bytes.expose().into(),
            Key::Passphrase { passphrase, .. } => self.cost().hash(passphrase, &self.salt)?,
        };
        let wrapping_key: SecretBytes = wrapping_key;
        XChaCha20Poly1305::new_from_slice(wrapping_key.expose())
            .map(Some)
            .map_err(|_| Misuse::KeyLength.into())
    }
}

fn check_passphrase(passphrase: &SecretBytes) -> Result<(), Misuse> {
    if passphrase.expose().is_empty() { Err(Misuse::EmptyPassphrase) } else { Ok(()) }
}
