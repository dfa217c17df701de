//! A malicious member that knows the secrets of the group. Therefore, its messages can have valid
//! signatures, encryption and confirmation tags.

use crate::group_fixture::{GroupFixture, Psks, edited, template};
use pando_framing::{Padding, SignedContent};
use pando_mls::wire::{
    AuthenticatedContent, Commit, Content, ExternalInit, ExternalPub, FramedContent, LeafNode, ProposalOrRef,
    Sender, UpdatePath, WireFormat,
};
use pando_mls::{
    Decode, Encode, EpochRow, Extensions, GroupContext, LeafIndex, MlsMessage, Proposal, ProposalRef, Psk,
    PskStore, PskValue, RatchetLimits, RowKey, Tree,
};
use pando_schedule::{
    CommitSecret, ConfirmedTranscriptHash, EpochSecrets, InitSecret, InterimTranscriptHash, MembershipKey,
    PskSecret, SecretTree, SenderDataSecret,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The leaf index of the malicious member.
const INSIDER: LeafIndex = LeafIndex(0);

/// The flag of a message that makes it encrypted.
pub(crate) const PRIVATE: u8 = 1;
/// The flags of a Commit, in this order:
///
/// - The Commit has no path.
/// - The leaf node of its path is signed again after the edits.
/// - The Commit refers to proposals that were sent before.
/// - The Commit contains the ciphertexts of a different path.
/// - The Commit is an external Commit.
/// - The confirmation tag of the Commit is wrong.
pub(crate) const WITHOUT_PATH: u8 = 2;
pub(crate) const SIGN_AGAIN: u8 = 4;
pub(crate) const BY_REFERENCE: u8 = 8;
pub(crate) const OTHER_SECRETS: u8 = 0x10;
pub(crate) const EXTERNAL: u8 = 0x20;
pub(crate) const WRONG_TAG: u8 = 0x40;

pub(crate) struct Insider<'a> {
    fixture: &'a GroupFixture,
    context: GroupContext,
    tree: Tree,
    secret_tree: SecretTree,
    rng: ChaCha20Rng,
}

impl<'a> Insider<'a> {
    pub(crate) fn new(fixture: &'a GroupFixture) -> Self {
        let context = fixture.group_info.group_context.clone();
        let tree = fixture.tree.clone();
        let stored = fixture.rows(INSIDER.0).iter().filter_map(|(key, row)| match key {
            RowKey::Epoch(epoch, EpochRow::Secret(id)) if *epoch == context.epoch => {
                Some((*id, row.expose()))
            }
            _ => None,
        });
        let secret_tree = SecretTree::restore(fixture.suite, tree.size(), RatchetLimits::default(), stored);
        let rng = ChaCha20Rng::seed_from_u64(4);
        Self { fixture, context, tree, secret_tree: secret_tree.expect("it was stored"), rng }
    }

    /// Signs content with the key of its sender. Returns `None` if this sender is not allowed to
    /// send the content.
    fn sign(&self, sender: Sender, private: bool, content: Content) -> Option<SignedContent> {
        let fixture = self.fixture;
        let signer = match sender {
            Sender::Member(_) => &fixture.signers[0],
            Sender::External(_) => &fixture.external,
            _ => &fixture.newcomer_signer,
        };
        let format = if private { WireFormat::MLS_PRIVATE_MESSAGE } else { WireFormat::MLS_PUBLIC_MESSAGE };
        let content = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender,
            authenticated_data: vec![].into(),
            content,
        };
        SignedContent::sign(fixture.suite, &**signer, format, content, &self.context).ok()
    }

    fn seal(&mut self, signed: &SignedContent, private: bool) -> MlsMessage {
        let suite = self.fixture.suite;
        if private {
            let secret =
                SenderDataSecret::from(self.fixture.secret(INSIDER.0, "sender_data_secret").expose());
            let sealed =
                signed.seal_private(suite, &mut self.secret_tree, &secret, Padding::Padme, &mut self.rng);
            return sealed.expect("seals").into();
        }
        let key = MembershipKey::from(self.fixture.secret(INSIDER.0, "membership_key").expose());
        let is_member = matches!(signed.content().sender, Sender::Member(_));
        signed.seal_public(suite, is_member.then_some(&key)).expect("seals").into()
    }

    /// Returns a message with a proposal, and the reference of the proposal.
    pub(crate) fn propose(
        &mut self,
        sender: Sender,
        private: bool,
        proposal: Proposal,
    ) -> Option<(MlsMessage, ProposalRef)> {
        let signed = self.sign(sender, private, Content::Proposal(proposal))?;
        let content: AuthenticatedContent = signed.authenticated().expect("complete").into_inner();
        let reference = self.fixture.suite.proposal_ref(&content.encode().expect("short")).expect("short");
        Some((self.seal(&signed, private), reference))
    }

    /// Creates a Commit with the given proposals. The flags select its kind, and the edits change
    /// its path. The tree hash, signature, epoch secrets and confirmation tag are computed from the
    /// changed path. Also returns the epoch secrets.
    pub(crate) fn commit(
        &mut self,
        flags: u8,
        edits: &[u8],
        proposals: &[Proposal],
        references: Option<Vec<ProposalRef>>,
    ) -> Option<(MlsMessage, EpochSecrets)> {
        let (fixture, suite) = (self.fixture, self.fixture.suite);
        let mut list: Vec<_> = match references {
            Some(references) => references.into_iter().map(ProposalOrRef::Reference).collect(),
            None => proposals.iter().cloned().map(ProposalOrRef::Proposal).collect(),
        };
        let is_external = flags & EXTERNAL != 0;
        let init = if is_external {
            let external_pub =
                fixture.group_info.extensions.find::<ExternalPub>().expect("good").expect("there");
            let sent = InitSecret::send(suite, &external_pub.external_pub, &mut self.rng);
            let (kem_output, init) = sent.expect("a good key");
            list.insert(0, ProposalOrRef::Proposal(Proposal::ExternalInit(ExternalInit { kem_output })));
            init
        } else {
            InitSecret::from(fixture.secret(INSIDER.0, "init_secret").expose())
        };
        let sender = if is_external { Sender::NewMemberCommit } else { Sender::Member(INSIDER) };
        let mut context = self.context.clone();
        context.epoch += 1;
        let (tree, added) = applied(&self.tree, proposals, &mut context.extensions);
        let psk_secret = self.psk_secret(proposals)?;
        // Create the path.
        let (path, commit_secret) = if flags & WITHOUT_PATH != 0 {
            context.tree_hash = tree.tree_hash().expect("short");
            (None, CommitSecret::zero(suite))
        } else {
            let (path, secret) = self.path((flags, edits), &tree, &added, &mut context)?;
            (Some(path), secret)
        };
        // Compute the signature, the transcript hashes and the confirmation tag.
        let (private, commit) = (flags & PRIVATE != 0, Commit { proposals: list, path });
        let mut signed = self.sign(sender, private, Content::Commit(Box::new(commit)))?;
        let before = ConfirmedTranscriptHash(context.confirmed_transcript_hash);
        let interim = InterimTranscriptHash::after(suite, &before, &fixture.group_info.confirmation_tag);
        let format = if private { WireFormat::MLS_PRIVATE_MESSAGE } else { WireFormat::MLS_PUBLIC_MESSAGE };
        let (interim, content) = (interim.expect("short"), signed.content());
        let confirmed =
            ConfirmedTranscriptHash::after(suite, &interim, format, content, signed.signature()).ok()?;
        context.confirmed_transcript_hash = confirmed.0;
        let joiner = init.joiner_secret(suite, &commit_secret, &context).ok()?;
        let epoch = joiner.with_psk_secret(suite, &psk_secret).epoch_secret(suite, &context).ok()?;
        let epoch = epoch.derive(suite).expect("a good secret");
        let tag = if flags & WRONG_TAG != 0 {
            vec![6; suite.hash_len()].into()
        } else {
            epoch.confirmation_key.tag(suite, &context.confirmed_transcript_hash)
        };
        signed.set_confirmation_tag(tag).expect("a Commit");
        Some((self.seal(&signed, private), epoch))
    }

    /// Creates a path for the tree, and sets the tree hash of the GroupContext. Returns the path
    /// and its commit secret.
    fn path(
        &mut self,
        (flags, edits): (u8, &[u8]),
        tree: &Tree,
        added: &[LeafIndex],
        context: &mut GroupContext,
    ) -> Option<(UpdatePath, CommitSecret)> {
        let (fixture, is_external, rng) = (self.fixture, flags & EXTERNAL != 0, &mut self.rng);
        let mut create = || {
            if is_external {
                let template = template(fixture.suite, "newcomer");
                tree.create_external_path(template, &context.group_id, &*fixture.newcomer_signer, rng)
            } else {
                let template = template(fixture.suite, "0");
                tree.create_path(INSIDER, template, &context.group_id, &*fixture.signers[0], rng)
            }
        };
        let path = create().ok()?;
        let other = if flags & OTHER_SECRETS != 0 { create().ok() } else { None };
        context.tree_hash = path.tree().tree_hash().expect("short");
        let mut update_path = path.encrypt(context, added, &mut self.rng).ok()?;
        if let Some(other) = other {
            let other = other.encrypt(context, added, &mut self.rng).ok()?;
            for (node, other) in update_path.nodes.iter_mut().zip(other.nodes) {
                node.encrypted_path_secret = other.encrypted_path_secret;
            }
        }
        let mut update_path = UpdatePath::decode(&edited(&update_path.encode().ok()?, edits)).ok()?;
        if flags & SIGN_AGAIN != 0 {
            let signer = if is_external { &fixture.newcomer_signer } else { &fixture.signers[0] };
            let leaf: &mut LeafNode = &mut update_path.leaf_node;
            let tbs = leaf.to_be_signed((&context.group_id, path.sender())).ok()?;
            leaf.signature = fixture.suite.sign_with_label(&**signer, "LeafNodeTBS", &tbs).expect("signs");
        }
        let merged = if is_external {
            tree.merge_external_path(&update_path)
        } else {
            tree.merge_path(INSIDER, &update_path, added)
        };
        // If this merge fails, it fails for the receiver too. In that case, the receiver never uses
        // the tree hash.
        if let Ok(merged) = merged {
            context.tree_hash = merged.tree().tree_hash().expect("short");
        }
        Some((update_path, CommitSecret::from(path.commit_secret().expose())))
    }

    /// Computes the PSK secret from all PSKs in the proposals. Returns `None` if a PSK is unknown.
    fn psk_secret(&self, proposals: &[Proposal]) -> Option<PskSecret> {
        let psks = proposals.iter().filter_map(|proposal| match proposal {
            Proposal::PreSharedKey(psk) => Some(&psk.psk),
            _ => None,
        });
        let with_values: Option<Vec<_>> = psks
            .map(|id| {
                let value: Option<PskValue> = match &id.psk {
                    Psk::External { psk_id } => Psks.external(psk_id).expect("does not fail"),
                    Psk::Resumption { psk_group_id, psk_epoch, .. }
                        if *psk_group_id == self.context.group_id =>
                    {
                        self.fixture.load(INSIDER.0).resumption_psk(*psk_epoch)
                    }
                    Psk::Resumption { psk_group_id, psk_epoch, .. } => {
                        Psks.resumption(psk_group_id, *psk_epoch).expect("does not fail")
                    }
                };
                Some((id, value?))
            })
            .collect();
        PskSecret::new(self.fixture.suite, with_values?.iter().map(|(id, value)| (*id, value))).ok()
    }
}

/// Returns the tree after applying the proposals, and the added leaves in ascending order.
/// Proposals that cannot be applied are skipped.
fn applied(tree: &Tree, proposals: &[Proposal], extensions: &mut Extensions) -> (Tree, Vec<LeafIndex>) {
    let mut tree = tree.clone();
    for proposal in proposals {
        match proposal {
            Proposal::Remove(remove) => drop(tree.remove(remove.removed)),
            Proposal::GroupContextExtensions(proposal) => *extensions = proposal.extensions.clone(),
            _ => {}
        }
    }
    let added = proposals.iter().filter_map(|proposal| match proposal {
        Proposal::Add(add) => Some(&add.key_package.leaf_node),
        _ => None,
    });
    let mut added = tree.add_all(added).unwrap_or_default();
    added.sort_unstable();
    tree.truncate().unwrap();
    (tree, added)
}
