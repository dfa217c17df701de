//! Signature keys with their credentials (RFC 9420, section 5.3). The application itself manages
//! keys in hardware.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, Tag, all, alone, tagged};
use crate::error::{Misuse, Record};
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::wire::SignaturePublicKey;
use pando_mls::{CipherSuite, Credential, Decode, Encode, SecretBytes, SignaturePrivateKey, Signer, Suite};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The public part of a stored signature key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSigner {
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The public key, as it appears in the client's leaves.
    pub public_key: SignaturePublicKey,
    /// The credential of the key's owner.
    pub credential: Credential,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct SignerRecord {
    cipher_suite: CipherSuite,
    public_key: SignaturePublicKey,
    credential: Credential,
    private_key: SecretBytes,
}

impl Encode for SignerRecord {}

impl SignerRecord {
    pub(crate) fn tag_of(cipher: &Cipher, value: &[u8]) -> Result<Tag, StoreError> {
        let Self { cipher_suite, public_key, .. } = Self::read(value)?;
        Ok(tag(cipher, cipher_suite, &public_key))
    }

    fn read(value: &[u8]) -> Result<Self, StoreError> {
        Self::decode(value).map_err(|_| StoreError::Corrupt(Record::Signer))
    }
}

impl<B: Backend> Store<B> {
    /// Returns the signer for a public key, for instance for the signature key of our leaf in a
    /// group.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn signer(
        &self,
        suite: Suite,
        public_key: &SignaturePublicKey,
    ) -> Result<Option<Box<dyn Signer>>, StoreError> {
        let key = self.signer_key(suite.cipher_suite(), public_key);
        let Some(value) = self.get(&key, || Record::Signer)? else { return Ok(None) };
        let private_key = SignerRecord::read(value.expose())?.private_key.into();
        let signer = suite.signer(&private_key).map_err(|_| StoreError::Corrupt(Record::Signer))?;
        Ok(Some(signer))
    }

    /// Returns the public parts of all stored signature keys.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn signers(&self) -> Result<Vec<StoredSigner>, StoreError> {
        let mut found = Vec::new();
        self.scan(&all(Kind::Signer), || Record::Signer, &mut |_, value| {
            let SignerRecord { cipher_suite, public_key, credential, .. } = SignerRecord::read(value)?;
            found.push(StoredSigner { cipher_suite, public_key, credential });
            Ok(())
        })?;
        Ok(found)
    }

    fn signer_key(&self, cipher_suite: CipherSuite, public_key: &SignaturePublicKey) -> Vec<u8> {
        tagged(Kind::Signer, &tag(&self.cipher, cipher_suite, public_key))
    }
}

fn tag(cipher: &Cipher, cipher_suite: CipherSuite, public_key: &SignaturePublicKey) -> Tag {
    cipher.tag(Kind::Signer, &[&cipher_suite.0.to_be_bytes(), public_key])
}

impl<B: Backend> Transaction<'_, B> {
    /// Stores a signature key with its credential.
    ///
    /// # Errors
    /// Returns [`Misuse::CipherSuite`] if the key is not valid in this cipher suite.
    pub fn put_signer(
        &mut self,
        suite: Suite,
        private_key: &SignaturePrivateKey,
        credential: &Credential,
    ) -> Result<SignaturePublicKey, StoreError> {
        let signer = suite.signer(private_key).map_err(|_| Misuse::CipherSuite)?;
        let (cipher_suite, public_key) = (suite.cipher_suite(), signer.public_key().clone());
        let record = SignerRecord {
            cipher_suite,
            public_key: public_key.clone(),
            credential: credential.clone(),
            private_key: private_key.expose().into(),
        };
        self.put(&self.store.signer_key(cipher_suite, &public_key), &record.encode_secret()?)?;
        Ok(public_key)
    }

    /// Deletes a signature key, if it is stored.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_signer(
        &mut self,
        cipher_suite: CipherSuite,
        public_key: &SignaturePublicKey,
    ) -> Result<(), StoreError> {
        self.delete(&alone(&self.store.signer_key(cipher_suite, public_key)))
    }
}
