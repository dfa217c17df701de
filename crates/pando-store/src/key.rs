//! The application's key, and the header of a store. The header contains the data key, wrapped by
//! the application's key.

use crate::StoreError;
use crate::cipher::{StoreId, derive, open, seal};
use crate::error::{Misuse, Record};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit;
use pando_mls::wire::Opaque;
use pando_mls::{Decode, Encode, SecretBytes};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};
use zeroize::Zeroizing;

/// The format that this version reads and writes.
pub const FORMAT: u16 = 3;

/// The key of a store.
#[derive(Debug)]
pub enum Key {
    /// No key. The store is not encrypted.
    None,
    /// 32 random bytes that the application keeps elsewhere, for instance in the operating system's
    /// key store.
    Bytes(SecretBytes),
    /// A passphrase.
    Passphrase {
        /// The passphrase, in an encoding chosen by the application. The passphrase must not be
        /// empty.
        passphrase: SecretBytes,
        /// The cost of one guess at the passphrase, for a store that is created or rewrapped with
        /// this key. An existing store is opened with the cost that its header contains.
        cost: Argon2Cost,
        /// The maximum cost of opening a store.
        limit: Argon2Limit,
    },
}

impl Key {
    /// Returns a key that consists of 32 bytes.
    ///
    /// # Errors
    /// [`Misuse::KeyLength`].
    pub fn bytes(key: &[u8]) -> Result<Self, Misuse> {
        if key.len() == KEY_LEN { Ok(Self::Bytes(key.into())) } else { Err(Misuse::KeyLength) }
    }

    /// Returns a key for a passphrase, with the default cost and limit. Opening or creating a store
    /// with an empty passphrase fails with [`Misuse::EmptyPassphrase`].
    #[must_use]
    pub fn passphrase(passphrase: &str) -> Self {
        Self::Passphrase {
            passphrase: passphrase.as_bytes().into(),
            cost: Argon2Cost::default(),
            limit: Argon2Limit::default(),
        }
    }
}

/// The cost of one guess at a passphrase, given as the parameters of Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB. Default: 64 MiB.
    pub memory: u32,
    /// Number of passes over the memory. Default: 3.
    pub passes: u32,
    /// Number of lanes, at most 64. Default: 1. Lanes are computed sequentially.
    pub lanes: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory: 64 << 10, passes: 3, lanes: 1 }
    }
}

/// The maximum cost of opening a store. A header can be authenticated only after the passphrase has
/// been hashed. Without a limit, an attacker's file could keep a client busy for hours or exhaust
/// its memory.
///
/// A limit above the default is treated as the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Limit {
    /// Memory in KiB. Default: 2 GiB.
    pub memory: u32,
    /// Work: memory in KiB times the number of passes. Default: the work of one pass over 2 GiB. A
    /// slow phone hashes about 200 MiB per second, so this work takes 10 seconds. Both parameter
    /// sets that RFC 9106 recommends are within the default limit.
    pub work: u64,
}

impl Default for Argon2Limit {
    fn default() -> Self {
        Self { memory: 2 << 20, work: 2 << 20 }
    }
}

impl Argon2Cost {
    /// The minimum parameters for creating a store. These parameters have the same memory and work
    /// as the cheapest parameter set that OWASP recommends: 7 MiB and five passes. The other OWASP
    /// sets require more memory and about the same work.
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

    /// Checks the cost of a new passphrase.
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

/// The bytes after the format number, which identify a header written by this library.
const MAGIC: [u8; 11] = *b"pando-store";

/// The form in which a header contains the data key.
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

/// The header of a store. In every format, a header begins with the format number.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Header {
    wrapping: Wrapping,
    data_key: SecretBytes,
}

impl Encode for Header {}

/// The header without the data key. This part is the associated data with which the data key is
/// wrapped.
#[derive(Debug, Clone, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Wrapping {
    format: u16,
    magic: [u8; 11],
    store_id: StoreId,
    wrap: u8,
    salt: Opaque,
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Encode for Wrapping {}

/// An opened header.
pub(crate) struct Opened {
    pub(crate) store_id: StoreId,
    pub(crate) data_key: SecretBytes,
    /// Whether records are encrypted.
    pub(crate) sealed: bool,
}

impl Wrapping {
    fn plain(store_id: StoreId, wrap: Wrap) -> Self {
        let salt = Opaque::default();
        let wrap = wrap as u8;
        Self { format: FORMAT, magic: MAGIC, store_id, wrap, salt, memory: 0, passes: 0, lanes: 0 }
    }

    /// Returns the wrapping parameters for `key`. `salt` is used only for a passphrase.
    pub(crate) fn new(store_id: StoreId, key: &Key, salt: [u8; SALT_LEN]) -> Self {
        match key {
            Key::None => Self::plain(store_id, Wrap::Clear),
            Key::Bytes(_) => Self::plain(store_id, Wrap::Key),
            Key::Passphrase { cost: Argon2Cost { memory, passes, lanes }, .. } => {
                let (memory, passes, lanes) = (*memory, *passes, *lanes);
                let plain = Self::plain(store_id, Wrap::Passphrase);
                Self { salt: salt.as_slice().into(), memory, passes, lanes, ..plain }
            }
        }
    }

    fn cost(&self) -> Argon2Cost {
        let Self { memory, passes, lanes, .. } = *self;
        Argon2Cost { memory, passes, lanes }
    }

    /// Returns the cipher that wraps the data key, or `None` if the data key is stored unencrypted.
    fn aead(&self, key: &Key) -> Result<Option<XChaCha20Poly1305>, StoreError> {
        let secret: SecretBytes = match key {
            Key::None => return Ok(None),
            Key::Bytes(bytes) if bytes.expose().len() != KEY_LEN => return Err(Misuse::KeyLength.into()),
            Key::Bytes(bytes) => bytes.expose().into(),
            Key::Passphrase { passphrase, .. } => self.cost().hash(passphrase, &self.salt)?,
        };
        let wrapping_key = derive(&secret, b"pando-store wrapping", &self.store_id);
        XChaCha20Poly1305::new_from_slice(wrapping_key.expose())
            .map(Some)
            .map_err(|_| Misuse::KeyLength.into())
    }
}

impl Header {
    /// Returns a random data key.
    pub(crate) fn data_key() -> Result<SecretBytes, StoreError> {
        let mut key = SecretBytes::from(vec![0; KEY_LEN]);
        getrandom::fill(key.expose_mut())?;
        Ok(key)
    }

    /// Returns a random identifier for a new store.
    pub(crate) fn store_id() -> Result<StoreId, StoreError> {
        let mut id = StoreId::default();
        getrandom::fill(&mut id)?;
        Ok(id)
    }

    /// Returns a header in which `key` wraps a data key.
    pub(crate) fn new(store_id: StoreId, key: &Key, data_key: &SecretBytes) -> Result<Self, StoreError> {
        if let Key::Passphrase { passphrase, cost, .. } = key {
            cost.check_new()?;
            check_passphrase(passphrase)?;
        }
        let (mut salt, mut nonce) = ([0; SALT_LEN], [0; 24]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut nonce)?;
        Self::wrapped(key, data_key, Wrapping::new(store_id, key, salt), nonce)
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
        Ok(Self { wrapping, data_key })
    }

    /// Returns the header of a shredded store.
    pub(crate) fn shredded() -> Self {
        let wrapping = Wrapping::plain(StoreId::default(), Wrap::Shredded);
        Self { wrapping, data_key: SecretBytes::default() }
    }

    /// Decodes a header in the current format.
    ///
    /// # Errors
    /// Returns [`StoreError::Older`] or [`StoreError::Newer`] if the header has another format, or
    /// [`StoreError::Corrupt`] if it cannot be decoded.
    pub(crate) fn read(stored: &[u8]) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt(Record::Header);
        let found = u16::from_be_bytes(*stored.first_chunk().ok_or_else(corrupt)?);
        match found {
            0 => return Err(corrupt()),
            _ if found < FORMAT => return Err(StoreError::Older { found, known: FORMAT }),
            _ if found > FORMAT => return Err(StoreError::Newer { found, known: FORMAT }),
            _ => {}
        }
        let header = Self::decode(stored).map_err(|_| corrupt())?;
        if header.wrapping.magic == MAGIC { Ok(header) } else { Err(corrupt()) }
    }

    /// Unwraps the data key.
    pub(crate) fn open(&self, key: &Key) -> Result<Opened, StoreError> {
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
            // The parameters come from the file, so the caller is not at fault.
            Err(StoreError::Misuse(Misuse::Argon2)) => return Err(corrupt()),
            aead => aead?,
        };
        let data_key = match &aead {
            Some(aead) => open(aead, &self.wrapping.encode()?, self.data_key.expose()),
            None => Some(self.data_key.expose().into()),
        };
        let data_key: SecretBytes = data_key.ok_or(StoreError::WrongKey)?;
        if data_key.expose().len() != KEY_LEN {
            return Err(corrupt());
        }
        Ok(Opened { store_id: self.wrapping.store_id, data_key, sealed: aead.is_some() })
    }
}

fn check_passphrase(passphrase: &SecretBytes) -> Result<(), Misuse> {
    if passphrase.expose().is_empty() { Err(Misuse::EmptyPassphrase) } else { Ok(()) }
}
