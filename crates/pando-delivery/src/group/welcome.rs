//! Welcomes (docs/protocol.md, section 13).
//!
//! The part of a Welcome that all joiners share is stored once, and each joiner's secrets are
//! stored by themselves. A joiner downloads a Welcome with one entry, however many clients were
//! added.

use super::key::Key;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_api::{ClientId, DeviceCertificate, ProblemCode};
use pando_mls::wire::{EncryptedGroupSecrets, Welcome};
use pando_mls::{
    CipherSuite, Decode, Encode, MlsMessage, MlsMessageBody, Opaque, Proposal, PublicStaged, Suite,
};
use std::collections::BTreeMap;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The joiners of a Commit with their secrets.
#[derive(Debug)]
pub(crate) struct Joiners {
    cipher_suite: CipherSuite,
    encrypted_group_info: Opaque,
    secrets: BTreeMap<ClientId, EncryptedGroupSecrets>,
}

/// The part of a Welcome that all joiners share.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct WelcomeRow {
    pub(crate) cipher_suite: CipherSuite,
    pub(crate) encrypted_group_info: Opaque,
    pub(crate) tree_hash: Opaque,
}

impl Joiners {
    /// Checks that the joiners of a Welcome are exactly the clients that the Commit adds by Add
    /// proposals. Returns `None` if there are none.
    ///
    /// # Errors
    /// - [`ProblemCode::InvalidWelcome`] if the joiners differ, a joiner occurs twice, or the
    ///   cipher suite is not that of the group.
    /// - [`ProblemCode::Malformed`] if the bytes are not an `MLSMessage`.
    pub(crate) fn of(suite: Suite, staged: &PublicStaged, welcome: &[u8]) -> Result<Option<Self>, Refusal> {
        let invalid = |why: &str| Refusal::new(ProblemCode::InvalidWelcome, why);
        let mut expected = BTreeMap::new();
        for (_, proposal) in staged.proposals() {
            let Proposal::Add(add) = proposal else { continue };
            let reference =
                suite.key_package_ref(&add.key_package).map_err(|error| Refusal::internal(&error))?;
            let certificate = DeviceCertificate::read(&add.key_package.leaf_node.credential);
            let certificate = certificate.map_err(|error| invalid(&error.to_string()))?;
            expected.insert(reference.to_vec(), certificate.client);
        }
        if welcome.is_empty() {
            return if expected.is_empty() { Ok(None) } else { Err(invalid("the Welcome is missing")) };
        }
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(welcome)?.body else {
            return Err(invalid("not a Welcome"));
        };
        let Welcome { cipher_suite, secrets, encrypted_group_info } = welcome;
        if cipher_suite != suite.cipher_suite() {
            return Err(invalid("the Welcome has another cipher suite than the group"));
        }
        let mut joiners = BTreeMap::new();
        for secrets in secrets {
            let client = expected.remove(&*secrets.new_member);
            let client =
                client.ok_or_else(|| invalid("the Welcome has a joiner that the Commit does not add"))?;
            joiners.insert(client, secrets);
        }
        if !expected.is_empty() {
            return Err(invalid("the Welcome lacks a client that the Commit adds"));
        }
        Ok(Some(Self { cipher_suite, encrypted_group_info, secrets: joiners }))
    }

    /// Returns the number of bytes of the joiners' secrets, approximately.
    pub(crate) fn size(&self) -> usize {
        self.secrets.len().saturating_mul(200)
    }

    /// Returns the number of bytes of the part of the Welcome that all joiners share.
    pub(crate) fn shared_size(&self) -> usize {
        self.encrypted_group_info.len()
    }

    /// Returns the secrets of a client, if it is a joiner.
    pub(crate) fn secrets(&self, client: &ClientId) -> Option<&EncryptedGroupSecrets> {
        self.secrets.get(client)
    }

    /// Writes the part of the Welcome that all joiners share.
    pub(crate) fn write_shared(
        &self,
        rows: &mut dyn Transaction,
        seq: u64,
        tree_hash: &[u8],
    ) -> Result<(), Refusal> {
        let row = WelcomeRow {
            cipher_suite: self.cipher_suite,
            encrypted_group_info: self.encrypted_group_info.clone(),
            tree_hash: tree_hash.into(),
        };
        Ok(rows.put(&Key::Welcome(seq).encode(), &encode(&row)?)?)
    }
}

/// The Welcome of one joiner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinerWelcome {
    /// The tree hash of the epoch that the joiner enters.
    pub tree_hash: Opaque,
    /// The `MLSMessage` of a Welcome with one entry.
    pub welcome: Opaque,
}

impl JoinerWelcome {
    /// Reads the Welcome of a client that the Commit `seq` has added. Returns `None` if there is no
    /// such Welcome, or it is no longer kept.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn read(rows: &dyn Snapshot, seq: u64, client: &ClientId) -> Result<Option<Self>, Refusal> {
        let Some(secrets) = rows.get(&Key::Joiner(seq, client).encode())? else { return Ok(None) };
        let Some(shared) = rows.get(&Key::Welcome(seq).encode())? else { return Ok(None) };
        let WelcomeRow { cipher_suite, encrypted_group_info, tree_hash } = decode(&shared)?;
        let secrets = vec![decode::<EncryptedGroupSecrets>(&secrets)?];
        let welcome = MlsMessage::from(Welcome { cipher_suite, secrets, encrypted_group_info });
        Ok(Some(Self { tree_hash, welcome: welcome.encode()?.into() }))
    }
}
