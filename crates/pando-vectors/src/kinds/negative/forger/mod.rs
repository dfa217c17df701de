//! A malicious member that can authenticate any message: it knows the group's ratchet tree, its
//! secrets, and the private keys of all members. Its messages are correct except for the one error
//! that the caller asks for, so that only this error can cause their rejection.

mod commit;
mod frame;
mod lax_tree;
mod test_client;
mod welcome;

pub(crate) use commit::{Draft, Item};
pub(crate) use frame::{Plain, spoil, zeros};
pub(crate) use test_client::{TestClient, sign_around_leaf, sign_key_package, sign_leaf};

use crate::random::bytes;
use pando_crypto::Suite;
use pando_schedule::{
    ConfirmedTranscriptHash, EpochSecrets, InitSecret, InterimTranscriptHash, JoinerSecret, PskSecret,
    PskValue,
};
use pando_tree::Tree;
use pando_wire::{
    Capabilities, Content, Encode, Extensions, ExternalInit, GroupContext, LeafIndex, Mac, MlsMessage,
    Opaque, PreSharedKeyId, Proposal, ProposalRef, ProtocolVersion, Psk, Sender, WireFormat,
};
use rand_chacha::ChaCha20Rng;
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;

/// A forged value, or the error that occurred while forging it.
pub(crate) type Forging<T> = Result<T, Box<dyn Error>>;

/// A message, together with secrets of the epoch that it starts.
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    /// The epoch authenticator after the message, if it starts an epoch.
    pub(crate) authenticator: Option<Vec<u8>>,
    /// The resumption PSK of that epoch.
    pub(crate) resumption: Option<Vec<u8>>,
}

impl Sent {
    /// Returns a message that does not start an epoch.
    pub(crate) fn new(message: impl Into<MlsMessage>) -> Forging<Self> {
        let bytes = message.into().encode()?;
        Ok(Self { bytes, authenticator: None, resumption: None })
    }
}

/// A proposal that has been sent and can be committed by reference.
#[derive(Clone)]
pub(crate) struct SentProposal {
    pub(crate) reference: ProposalRef,
    pub(crate) proposal: Proposal,
    pub(crate) sender: Sender,
}

pub(crate) struct Forger {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) tree: Tree,
    pub(crate) context: GroupContext,
    pub(crate) members: BTreeMap<LeafIndex, Rc<TestClient>>,
    /// The PSKs that this epoch uses.
    pub(crate) psks: Vec<(PreSharedKeyId, Vec<u8>)>,
    /// The external PSKs that all members know.
    pub(crate) external_psks: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) secrets: EpochSecrets,
    pub(crate) confirmation_tag: Mac,
    joiner: JoinerSecret,
    interim: InterimTranscriptHash,
}

impl Forger {
    /// Creates a group with one member at the given epoch. The transcript hash and the joiner
    /// secret are random, because no earlier epochs exist.
    pub(crate) fn new(
        suite: Suite,
        epoch: u64,
        extensions: Extensions,
        creator: TestClient,
        mut rng: ChaCha20Rng,
    ) -> Forging<Self> {
        let tree = Tree::new(suite, &creator.key_package.leaf_node)?;
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id: bytes(&mut rng, 16).into(),
            epoch,
            tree_hash: tree.tree_hash()?,
            confirmed_transcript_hash: bytes(&mut rng, suite.hash_len()).into(),
            extensions,
        };
        let joiner = JoinerSecret::from(bytes(&mut rng, suite.hash_len()));
        let secrets = epoch_secrets(suite, &joiner, &PskSecret::zero(suite), &context)?;
        let mut forger = Self {
            suite,
            rng,
            tree,
            context,
            members: BTreeMap::from([(LeafIndex(0), Rc::new(creator))]),
            psks: Vec::new(),
            external_psks: BTreeMap::new(),
            secrets,
            confirmation_tag: Mac::default(),
            joiner,
            interim: InterimTranscriptHash::default(),
        };
        forger.recompute_tree_hash()?;
        Ok(forger)
    }

    /// Returns a copy, from which the other message sequence of a case continues.
    pub(crate) fn fork(&self) -> Forging<Self> {
        let joiner = JoinerSecret::from(self.joiner.expose());
        let mut fork = Self {
            suite: self.suite,
            rng: self.rng.clone(),
            tree: self.tree.clone(),
            context: self.context.clone(),
            members: self.members.clone(),
            psks: self.psks.clone(),
            external_psks: self.external_psks.clone(),
            secrets: epoch_secrets(self.suite, &joiner, &PskSecret::zero(self.suite), &self.context)?,
            confirmation_tag: Mac::default(),
            joiner,
            interim: self.interim.clone(),
        };
        fork.recompute_epoch()?;
        Ok(fork)
    }

    /// Recomputes the tree hash and the secrets of the epoch from the current tree.
    pub(crate) fn recompute_tree_hash(&mut self) -> Forging<()> {
        self.context.tree_hash = self.tree.tree_hash()?;
        self.recompute_epoch()
    }

    /// Recomputes the secrets of the epoch from the current GroupContext and PSKs.
    pub(crate) fn recompute_epoch(&mut self) -> Forging<()> {
        let suite = self.suite;
        self.secrets = epoch_secrets(suite, &self.joiner, &psk_secret(suite, &self.psks)?, &self.context)?;
        let confirmed = ConfirmedTranscriptHash(self.context.confirmed_transcript_hash.clone());
        self.confirmation_tag = self.secrets.confirmation_key.tag(suite, &confirmed.0);
        self.interim = InterimTranscriptHash::after(suite, &confirmed, &self.confirmation_tag)?;
        Ok(())
    }

    /// Adds a member to the tree as if an earlier epoch had added it.
    pub(crate) fn add_member(&mut self, client: impl Into<Rc<TestClient>>) -> Forging<LeafIndex> {
        let client = client.into();
        let leaf = self.tree.add(&client.key_package.leaf_node)?;
        let _ = self.members.insert(leaf, client);
        self.recompute_tree_hash()?;
        Ok(leaf)
    }

    /// Renews the keys of the member at a leaf and of all nodes of its direct path, as a Commit
    /// from this member would. Returns the path secret for the member `other`, if it exists.
    pub(crate) fn renew(&mut self, leaf: LeafIndex, other: LeafIndex) -> Forging<Option<Vec<u8>>> {
        let client = self.member(leaf)?;
        let leaf_node = self.tree.leaf(leaf)?.ok_or("no such member")?;
        let template = pando_tree::LeafTemplate {
            credential: leaf_node.credential,
            capabilities: leaf_node.capabilities,
            extensions: leaf_node.extensions,
        };
        let group_id = &self.context.group_id;
        let path = self.tree.create_path(leaf, template, group_id, &*client.signer, &mut self.rng)?;
        self.tree = path.tree().clone();
        self.recompute_tree_hash()?;
        Ok(path.path_secret_for(other)?.map(|secret| secret.expose().to_vec()))
    }

    /// Returns a client that is not in the group. `change` changes its KeyPackage before it is
    /// signed.
    pub(crate) fn client(
        &mut self,
        name: &str,
        capabilities: &Capabilities,
        change: impl FnOnce(&mut pando_wire::KeyPackage),
    ) -> Forging<TestClient> {
        let mut client = TestClient::new(self.suite, name, capabilities, &mut self.rng)?;
        client.change(self.suite, change)?;
        Ok(client)
    }

    /// Returns a proposal sent by the member at a leaf.
    pub(crate) fn propose(&self, leaf: LeafIndex, proposal: Proposal) -> Forging<(Sent, SentProposal)> {
        let signer = self.member(leaf)?;
        self.propose_as(Sender::Member(leaf), proposal, &signer)
    }

    /// Returns a proposal sent by a sender of any type.
    pub(crate) fn propose_as(
        &self,
        sender: Sender,
        proposal: Proposal,
        client: &TestClient,
    ) -> Forging<(Sent, SentProposal)> {
        let content = self.content(sender, Content::Proposal(proposal.clone()));
        let framed = self.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*client.signer)?;
        let sent_proposal = SentProposal { reference: self.reference(&framed)?, proposal, sender };
        Ok((Sent::new(self.public(&framed)?)?, sent_proposal))
    }

    /// Returns the ExternalInit proposal of a joiner.
    pub(crate) fn external_init(&mut self) -> Forging<Proposal> {
        let external_pub = self.secrets.external.key_pair(self.suite)?.public;
        let (kem_output, _) = InitSecret::send(self.suite, &external_pub, &mut self.rng)?;
        Ok(Proposal::ExternalInit(ExternalInit { kem_output }))
    }

    /// Returns the value of an external PSK or of this epoch's resumption PSK. For an unknown
    /// external PSK, the value is empty.
    pub(crate) fn psk_value(&self, psk: &Psk) -> Forging<Vec<u8>> {
        match psk {
            Psk::External { psk_id } => Ok(self.external_psks.get(&**psk_id).cloned().unwrap_or_default()),
            Psk::Resumption { .. } => Ok(self.secrets.resumption_psk.expose().to_vec()),
        }
    }

    /// Returns a random nonce for a PSK identifier.
    pub(crate) fn nonce(&mut self) -> Opaque {
        bytes(&mut self.rng, self.suite.hash_len()).into()
    }
}

fn epoch_secrets(
    suite: Suite,
    joiner: &JoinerSecret,
    psk_secret: &PskSecret,
    context: &GroupContext,
) -> Forging<EpochSecrets> {
    Ok(joiner.with_psk_secret(suite, psk_secret).epoch_secret(suite, context)?.derive(suite)?)
}

fn psk_secret(suite: Suite, psks: &[(PreSharedKeyId, Vec<u8>)]) -> Forging<PskSecret> {
    let values: Vec<_> = psks.iter().map(|(id, value)| (id, PskValue::from(&**value))).collect();
    Ok(PskSecret::new(suite, values.iter().map(|(id, value)| (*id, value)))?)
}
