//! A client that processes the messages of a test case one after another.

#![expect(clippy::disallowed_methods, reason = "clients of test vectors store nothing")]

use crate::hex_bytes::Hex;
use crate::kinds::passive_client::{AnyIdentity, ExternalPsk, Keys, Psks};
use crate::report::{MustSucceed, Outcome, Problem};
use pando_crypto::{CryptoProvider, Signer, Suite};
use pando_group::{
    Client, Context, Group, GroupError, KeyPackageBundle, KnownGroups, Misuse, NoGroups, Processed, PskStore,
    SourceError,
};
use pando_schedule::PskValue;
use pando_wire::{Decode, GroupId, MlsMessage, MlsMessageBody, Welcome};
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_group::AdmitAll));

pub(crate) struct Player<'a> {
    crypto: &'a dyn CryptoProvider,
    suite: Suite,
    external_psks: &'a [ExternalPsk],
    keys: Vec<(KeyPackageBundle, Box<dyn Signer>)>,
    /// The client's groups. The group that processed the latest message is the last one.
    groups: Vec<Joined>,
}

/// A group, and the index of the client's keys with which the client joined it.
struct Joined {
    group: Group,
    keys: usize,
}

/// The PSKs that the client knows: those of the test case and the resumption PSKs of its groups.
struct Known<'a> {
    external: Psks<'a>,
    groups: &'a [Joined],
}

impl PskStore for Known<'_> {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        self.external.external(psk_id)
    }

    fn resumption(&self, group_id: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        let joined = self.groups.iter().find(|joined| has_id(joined, group_id));
        Ok(joined.and_then(|joined| joined.group.resumption_psk(epoch)))
    }
}

fn has_id(joined: &Joined, group_id: &GroupId) -> bool {
    joined.group.public().context().group_id == *group_id
}

impl<'a> Player<'a> {
    pub(crate) fn new(
        crypto: &'a dyn CryptoProvider,
        suite: Suite,
        external_psks: &'a [ExternalPsk],
        keys: &[Keys],
    ) -> Result<Self, Problem> {
        let keys = keys.iter().map(|keys| keys.bundle(suite)).collect::<Result<_, _>>()?;
        Ok(Self { crypto, suite, external_psks, keys, groups: Vec::new() })
    }

    /// Processes messages that the client must accept.
    pub(crate) fn take_all(&mut self, field: &str, messages: &[Hex]) -> Outcome {
        for (index, bytes) in messages.iter().enumerate() {
            self.take(bytes).in_field(&format!("{field}[{index}]"))?;
        }
        Ok(())
    }

    /// Processes a message. If the message is a Commit, it is merged immediately.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), GroupError> {
        let message = MlsMessage::decode(bytes)?;
        let group_id = match message.body {
            MlsMessageBody::Welcome(welcome) => return self.join(&welcome),
            MlsMessageBody::PublicMessage(ref message) => message.content.group_id.clone(),
            MlsMessageBody::PrivateMessage(ref message) => message.group_id.clone(),
            _ => return Err(Misuse::WrongMessage.into()),
        };
        // A message for an unknown group is passed to the last group, which rejects it.
        let position = self.groups.iter().position(|joined| has_id(joined, &group_id));
        let position = position.unwrap_or(self.groups.len().saturating_sub(1));
        if position >= self.groups.len() {
            return Err(Misuse::WrongMessage.into());
        }
        let mut joined = self.groups.remove(position);
        let taken = self.process(&mut joined, message);
        self.groups.push(joined);
        taken
    }

    /// Returns the epoch authenticator of the group that processed the latest message.
    pub(crate) fn epoch_authenticator(&self) -> Vec<u8> {
        let authenticator = self.groups.last().and_then(|joined| joined.group.epoch_authenticator());
        authenticator.map(|authenticator| authenticator.expose().to_vec()).unwrap_or_default()
    }

    fn process(&self, joined: &mut Joined, message: MlsMessage) -> Result<(), GroupError> {
        let signer = self.signer(joined.keys)?;
        let psks = self.psks();
        let processed =
            joined.group.process(message, &self.client(signer, &psks, &NoGroups))?.assume_persisted();
        match processed {
            Processed::Commit(staged) => joined.group.merge(*staged).map(drop),
            _ => Ok(()),
        }
    }

    fn join(&mut self, welcome: &Welcome) -> Result<(), GroupError> {
        let mut keys = 0;
        for (position, (bundle, _)) in self.keys.iter().enumerate() {
            let reference = self.suite.key_package_ref(&bundle.key_package)?;
            if welcome.secrets.iter().any(|entry| entry.new_member == reference) {
                keys = position;
            }
        }
        let signer = self.signer(keys)?;
        let (bundle, _) = self.keys.get(keys).ok_or(Misuse::WrongSigner)?;
        let (psks, groups) = (self.psks(), &self.groups);
        let is_in_group = |group_id: &GroupId| groups.iter().any(|joined| has_id(joined, group_id));
        let client = self.client(signer, &psks, &is_in_group);
        let joined = match (Group::join(welcome, bundle, None, &client), groups.last()) {
            (Err(GroupError::Misuse(Misuse::OldGroupNeeded)), Some(old)) => {
                old.group.join_successor(welcome, bundle, None, &client)
            }
            (joined, _) => joined,
        };
        let group = joined?.assume_persisted();
        self.groups.push(Joined { group, keys });
        Ok(())
    }

    fn psks(&self) -> Known<'_> {
        Known { external: Psks(self.external_psks), groups: &self.groups }
    }

    fn signer(&self, keys: usize) -> Result<&dyn Signer, GroupError> {
        self.keys.get(keys).map(|(_, signer)| &**signer).ok_or_else(|| Misuse::WrongSigner.into())
    }

    fn client<'c>(
        &'c self,
        signer: &'c dyn Signer,
        psks: &'c dyn PskStore,
        groups: &'c dyn KnownGroups,
    ) -> Context<'c> {
        CLIENT
            .without_clock(signer)
            .with_crypto(self.crypto)
            .with_policy(&AnyIdentity)
            .with_psks(psks)
            .with_groups(groups)
    }
}
