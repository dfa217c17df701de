//! The raw member: a member without a `Group`. The raw member's secrets are accessible, and it
//! builds its messages with the lower crates. The other members cannot distinguish it from an
//! ordinary member, so it can send them messages that no valid client would send.

use crate::material::template;
use pando_crypto::{SecretBytes, Signer, Suite};
use pando_framing::{Padding, SignedContent};
use pando_mls::{KeyPackageBundle, KeyPackageTemplate};
use pando_schedule::{
    CommitSecret, ConfirmedTranscriptHash, EpochSecrets, InitSecret, InterimTranscriptHash, JoinerSecret,
    PskSecret, PskValue, RatchetLimits, SecretTree,
};
use pando_tree::{LeafTemplate, NewPath, Tree};
use pando_wire::{
    Commit, Content, Encode, EncryptedGroupSecrets, Extension, ExtensionBody, Extensions, ExternalInit,
    ExternalPub, FramedContent, GroupContext, GroupId, GroupInfo, GroupSecrets, KeyPackage, LeafIndex,
    LeafNode, LeafNodeSource, Mac, MlsMessage, Opaque, PreSharedKeyId, Proposal, ProposalOrRef, ProposalRef,
    ProtocolVersion, RatchetTree, Sender, Signature, UpdatePath, Welcome, WireFormat,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The leaf of the raw member.
pub(crate) const RAW_MEMBER: LeafIndex = LeafIndex(0);

const PUBLIC: WireFormat = WireFormat::MLS_PUBLIC_MESSAGE;

pub(crate) struct RawMember {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) tree: Tree,
    pub(crate) context: GroupContext,
    /// The PSKs of the epoch, which the raw member's Welcomes name.
    pub(crate) psks: Vec<(PreSharedKeyId, PskValue)>,
    joiner: JoinerSecret,
    secrets: EpochSecrets,
    interim: InterimTranscriptHash,
    confirmation_tag: Mac,
}

impl RawMember {
    /// Returns a group in its seventh epoch, without a history. The raw member is its only member.
    pub(crate) fn new(suite: Suite) -> Self {
        Self::with_template(suite, template())
    }

    pub(crate) fn with_template(suite: Suite, template: KeyPackageTemplate) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
        let bundle = KeyPackageBundle::new(suite, template, &*signer, &mut rng).unwrap();
        let tree = Tree::new(suite, &bundle.key_package.leaf_node).unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id: b"group".as_slice().into(),
            epoch: 7,
            tree_hash: Opaque::default(),
            confirmed_transcript_hash: vec![3; suite.hash_len()].into(),
            extensions: Extensions::default(),
        };
        let joiner = JoinerSecret::from(vec![4; suite.hash_len()]);
        let secrets = epoch(suite, &joiner, &PskSecret::zero(suite), &context);
        let (interim, confirmation_tag) = (InterimTranscriptHash::default(), Mac::default());
        let psks = Vec::new();
        let mut raw_member =
            Self { suite, rng, signer, tree, context, psks, joiner, secrets, interim, confirmation_tag };
        raw_member.derive_epoch();
        raw_member
    }

    /// Derives the secrets of the epoch from the current tree, context and PSKs.
    pub(crate) fn derive_epoch(&mut self) {
        self.context.tree_hash = self.tree.tree_hash().unwrap();
        self.secrets = epoch(self.suite, &self.joiner, &self.psk_secret(), &self.context);
        self.confirm();
    }

    /// Derives the confirmation tag of the epoch, and the interim transcript hash for the next
    /// Commit.
    fn confirm(&mut self) {
        let confirmed = ConfirmedTranscriptHash(self.context.confirmed_transcript_hash.clone());
        self.confirmation_tag = self.secrets.confirmation_key.tag(self.suite, &confirmed.0);
        self.interim = InterimTranscriptHash::after(self.suite, &confirmed, &self.confirmation_tag).unwrap();
    }

    fn psk_secret(&self) -> PskSecret {
        PskSecret::new(self.suite, self.psks.iter().map(|(id, value)| (id, value))).unwrap()
    }

    /// Adds a client to the tree, as if an earlier Commit had added the client.
    pub(crate) fn add_leaf(&mut self, key_package: &KeyPackage) -> LeafIndex {
        let leaf = self.tree.add(&key_package.leaf_node).unwrap();
        self.derive_epoch();
        leaf
    }

    pub(crate) fn own_leaf(&self) -> LeafNode {
        self.tree.leaf(RAW_MEMBER).unwrap().unwrap()
    }

    /// Returns the epoch authenticator, for comparison with that of another member.
    pub(crate) fn epoch_authenticator(&self) -> &[u8] {
        self.secrets.epoch_authenticator.expose()
    }

    /// Returns the signed GroupInfo, which contains all data that a joiner needs.
    pub(crate) fn group_info(&self) -> GroupInfo {
        let external_pub = self.secrets.external.key_pair(self.suite).unwrap().public;
        let ratchet_tree = Extension {
            extension_type: RatchetTree::TYPE,
            extension_data: self.tree.export().unwrap().into(),
        };
        let external_pub = Extension::new(&ExternalPub { external_pub }).unwrap();
        let mut group_info = GroupInfo {
            group_context: self.context.clone(),
            extensions: Extensions(vec![ratchet_tree, external_pub]),
            confirmation_tag: self.confirmation_tag.clone(),
            signer: RAW_MEMBER,
            signature: Signature::default(),
        };
        self.sign_group_info(&mut group_info);
        group_info
    }

    pub(crate) fn sign_group_info(&self, group_info: &mut GroupInfo) {
        let to_be_signed = group_info.to_be_signed().unwrap();
        group_info.signature =
            self.suite.sign_with_label(&*self.signer, "GroupInfoTBS", &to_be_signed).unwrap();
    }

    /// Returns a Welcome to the current epoch for a client that is already in the tree.
    pub(crate) fn welcome(&mut self, key_package: &KeyPackage) -> Welcome {
        let group_info = self.group_info();
        self.welcome_to(&group_info, key_package)
    }

    /// Returns a Welcome to the group that a GroupInfo describes.
    pub(crate) fn welcome_to(&mut self, group_info: &GroupInfo, key_package: &KeyPackage) -> Welcome {
        let psks = self.psks.iter().map(|(id, _)| id.clone()).collect();
        self.welcome_with(group_info, key_package, psks)
    }

    /// Returns a Welcome that lists these PSKs.
    pub(crate) fn welcome_with(
        &mut self,
        group_info: &GroupInfo,
        key_package: &KeyPackage,
        psks: Vec<PreSharedKeyId>,
    ) -> Welcome {
        let suite = self.suite;
        let welcome_secret = self.joiner.with_psk_secret(suite, &self.psk_secret()).welcome_secret(suite);
        let encrypted_group_info = welcome_secret.unwrap().seal(suite, group_info).unwrap();
        let secrets =
            GroupSecrets { joiner_secret: SecretBytes::from(self.joiner.expose()), path_secret: None, psks };
        let secrets = secrets.encode_secret().unwrap();
        let (key, context) = (&key_package.init_key, &encrypted_group_info);
        let encrypted_group_secrets =
            suite.encrypt_with_label(key, "Welcome", context, &secrets, &mut self.rng).unwrap();
        let new_member = suite.key_package_ref(key_package).unwrap();
        let secrets = vec![EncryptedGroupSecrets { new_member, encrypted_group_secrets }];
        Welcome { cipher_suite: suite.cipher_suite(), secrets, encrypted_group_info }
    }

    fn framed(&self, sender: Sender, content: Content) -> FramedContent {
        FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender,
            authenticated_data: Opaque::default(),
            content,
        }
    }

    fn sign(&self, sender: Sender, content: Content, signer: &dyn Signer) -> SignedContent {
        SignedContent::sign(self.suite, signer, PUBLIC, self.framed(sender, content), &self.context).unwrap()
    }

    fn seal(&self, signed: &SignedContent) -> MlsMessage {
        let is_member = matches!(signed.content().sender, Sender::Member(_));
        let key = is_member.then_some(&self.secrets.membership_key);
        signed.seal_public(self.suite, key).unwrap().into()
    }

    /// Returns a proposal of the raw member, together with its reference.
    pub(crate) fn propose(&self, proposal: Proposal) -> (MlsMessage, ProposalRef) {
        self.propose_by(RAW_MEMBER, proposal, &*self.signer)
    }

    /// Returns a proposal in the name of another member, whose signature key the caller has.
    pub(crate) fn propose_by(
        &self,
        leaf: LeafIndex,
        proposal: Proposal,
        signer: &dyn Signer,
    ) -> (MlsMessage, ProposalRef) {
        let signed = self.sign(Sender::Member(leaf), Content::Proposal(proposal), signer);
        let content = signed.authenticated().unwrap().encode().unwrap();
        (self.seal(&signed), self.suite.proposal_ref(&content).unwrap())
    }

    /// Returns an encrypted message for any leaf and generation. Any member can derive the keys for
    /// such a message, except the signature key.
    pub(crate) fn encrypt_as(
        &mut self,
        (leaf, generation): (LeafIndex, u32),
        content: Content,
        signer: &dyn Signer,
    ) -> MlsMessage {
        let (suite, ratchet) = (self.suite, content.content_type().into());
        let secret = SecretBytes::from(self.secrets.encryption.expose()).into();
        let mut secret_tree = SecretTree::new(self.tree.size(), secret, RatchetLimits::default());
        for _ in 0..generation {
            secret_tree.take_next(suite, leaf, ratchet).unwrap();
        }
        let (format, content) = (WireFormat::MLS_PRIVATE_MESSAGE, self.framed(Sender::Member(leaf), content));
        let signed = SignedContent::sign(suite, signer, format, content, &self.context).unwrap();
        let secret = &self.secrets.sender_data;
        signed.seal_private(suite, &mut secret_tree, secret, Padding::None, &mut self.rng).unwrap().into()
    }

    /// Returns a proposal from a sender outside the group.
    pub(crate) fn propose_as(&self, sender: Sender, proposal: Proposal, signer: &dyn Signer) -> MlsMessage {
        self.seal(&self.sign(sender, Content::Proposal(proposal), signer))
    }

    /// Returns a Commit of the raw member that is valid except for its confirmation tag.
    pub(crate) fn commit_of(&self, proposals: Vec<ProposalOrRef>, path: Option<UpdatePath>) -> MlsMessage {
        self.commit_as(Sender::Member(RAW_MEMBER), proposals, path, &*self.signer)
    }

    /// Returns a Commit like [`Self::commit_of`], but from any sender.
    pub(crate) fn commit_as(
        &self,
        sender: Sender,
        proposals: Vec<ProposalOrRef>,
        path: Option<UpdatePath>,
        signer: &dyn Signer,
    ) -> MlsMessage {
        let content = Content::Commit(Box::new(Commit { proposals, path }));
        let mut signed = self.sign(sender, content, signer);
        signed.set_confirmation_tag(vec![0; self.suite.hash_len()].into()).unwrap();
        self.seal(&signed)
    }

    /// Returns a Commit of the raw member with the given confirmation tag and without a path.
    pub(crate) fn commit_with_tag(&self, proposals: Vec<ProposalOrRef>, tag: Mac) -> MlsMessage {
        let content = Content::Commit(Box::new(Commit { proposals, path: None }));
        let mut signed = self.sign(Sender::Member(RAW_MEMBER), content, &*self.signer);
        signed.set_confirmation_tag(tag).unwrap();
        self.seal(&signed)
    }

    /// Returns a path for a tree to which the proposals have been applied. The leaf of the path is
    /// modified by `change` and then signed.
    pub(crate) fn path(&mut self, tree: &Tree, change: impl FnOnce(&mut LeafNode)) -> UpdatePath {
        let group_id = &self.context.group_id;
        let mut path = path_of(tree, &self.context, RAW_MEMBER, &*self.signer, &mut self.rng);
        change(&mut path.leaf_node);
        sign_leaf(self.suite, &mut path.leaf_node, (group_id, RAW_MEMBER), &*self.signer);
        path
    }

    /// Returns a path in the name of another member, whose signature key the caller has.
    pub(crate) fn path_as(&mut self, leaf: LeafIndex, tree: &Tree, signer: &dyn Signer) -> UpdatePath {
        path_of(tree, &self.context, leaf, signer, &mut self.rng)
    }

    /// Returns a path of an external joiner.
    pub(crate) fn external_path(
        &mut self,
        tree: &Tree,
        signer: &dyn Signer,
        change: impl FnOnce(&mut LeafNode),
    ) -> UpdatePath {
        let (template, group_id) = (template_of(self.own_leaf()), self.context.group_id.clone());
        let path = tree.create_external_path(template, &group_id, signer, &mut self.rng).unwrap();
        let position = path.sender();
        let mut path = path.encrypt(&self.context, &[], &mut self.rng).unwrap();
        change(&mut path.leaf_node);
        self.sign_leaf(&mut path.leaf_node, position, signer);
        path
    }

    /// Signs a leaf for a position in the group. The caller must set the signature key in the leaf.
    pub(crate) fn sign_leaf(&self, leaf_node: &mut LeafNode, position: LeafIndex, signer: &dyn Signer) {
        sign_leaf(self.suite, leaf_node, (&self.context.group_id, position), signer);
    }

    /// Returns a modified and signed leaf for an Update of the raw member.
    pub(crate) fn updated_leaf(&mut self, change: impl FnOnce(&mut LeafNode)) -> LeafNode {
        let mut leaf_node = self.own_leaf();
        leaf_node.encryption_key = self.suite.hpke_generate_key_pair(&mut self.rng).unwrap().public;
        leaf_node.leaf_node_source = LeafNodeSource::Update;
        change(&mut leaf_node);
        self.sign_leaf(&mut leaf_node, RAW_MEMBER, &*self.signer);
        leaf_node
    }

    /// Creates a valid Commit and enters the new epoch. `apply` applies the proposals to the tree
    /// and to the group's extensions.
    pub(crate) fn commit(
        &mut self,
        proposals: Vec<ProposalOrRef>,
        apply: impl FnOnce(&mut Tree, &mut Extensions),
    ) -> MlsMessage {
        let template = template_of(self.own_leaf());
        self.commit_with(proposals, Some(template), apply)
    }

    /// Creates a valid Commit whose path has a leaf with this template. If there is no template,
    /// the Commit has no path.
    pub(crate) fn commit_with(
        &mut self,
        proposals: Vec<ProposalOrRef>,
        template: Option<LeafTemplate>,
        apply: impl FnOnce(&mut Tree, &mut Extensions),
    ) -> MlsMessage {
        let (mut tree, mut extensions) = (self.tree.clone(), self.context.extensions.clone());
        apply(&mut tree, &mut extensions);
        let group_id = &self.context.group_id;
        let path = template.map(|template| {
            tree.create_path(RAW_MEMBER, template, group_id, &*self.signer, &mut self.rng).unwrap()
        });
        self.complete(None, proposals, (tree, extensions), path)
    }

    /// Creates a valid external Commit of a joiner whose leaf has this template. The raw member
    /// enters the new epoch.
    pub(crate) fn external_commit(&mut self, signer: &dyn Signer, template: LeafTemplate) -> MlsMessage {
        let external_pub = self.secrets.external.key_pair(self.suite).unwrap().public;
        let (kem_output, init) = InitSecret::send(self.suite, &external_pub, &mut self.rng).unwrap();
        let init_proposal = ProposalOrRef::Proposal(Proposal::ExternalInit(ExternalInit { kem_output }));
        let GroupContext { group_id, extensions, .. } = self.context.clone();
        let path = self.tree.create_external_path(template, &group_id, signer, &mut self.rng).unwrap();
        let after = (self.tree.clone(), extensions);
        self.complete(Some(&(signer, init)), vec![init_proposal], after, Some(path))
    }

    /// Signs and confirms a Commit of the raw member or of an external joiner, and enters the new
    /// epoch.
    fn complete(
        &mut self,
        joiner: Option<&(&dyn Signer, InitSecret)>,
        proposals: Vec<ProposalOrRef>,
        (tree, extensions): (Tree, Extensions),
        path: Option<NewPath>,
    ) -> MlsMessage {
        let suite = self.suite;
        let tree = path.as_ref().map_or(tree, |path| path.tree().clone());
        let (epoch_number, tree_hash) = (self.context.epoch + 1, tree.tree_hash().unwrap());
        let mut context = GroupContext { epoch: epoch_number, tree_hash, extensions, ..self.context.clone() };
        let update_path = path.as_ref().map(|path| path.encrypt(&context, &[], &mut self.rng).unwrap());
        // Sign the Commit and derive the secrets.
        let content = Content::Commit(Box::new(Commit { proposals, path: update_path }));
        let (sender, signer, init) = match joiner {
            Some((signer, init)) => (Sender::NewMemberCommit, *signer, init),
            None => (Sender::Member(RAW_MEMBER), &*self.signer, &self.secrets.init),
        };
        let mut signed = self.sign(sender, content, signer);
        let (content, signature) = (signed.content(), signed.signature());
        let confirmed =
            ConfirmedTranscriptHash::after(suite, &self.interim, PUBLIC, content, signature).unwrap();
        context.confirmed_transcript_hash = confirmed.0;
        let commit_secret = path.map_or_else(
            || CommitSecret::zero(suite),
            |path| CommitSecret::from(path.commit_secret().expose()),
        );
        let joiner = init.joiner_secret(suite, &commit_secret, &context).unwrap();
        let secrets = epoch(suite, &joiner, &PskSecret::zero(suite), &context);
        let tag = secrets.confirmation_key.tag(suite, &context.confirmed_transcript_hash);
        signed.set_confirmation_tag(tag).unwrap();
        let message = self.seal(&signed);
        // Enter the next epoch.
        self.tree = tree;
        (self.context, self.secrets, self.joiner) = (context, secrets, joiner);
        self.psks.clear();
        self.confirm();
        message
    }
}

/// Returns a template with the contents of a leaf.
pub(crate) fn template_of(leaf_node: LeafNode) -> LeafTemplate {
    let LeafNode { credential, capabilities, extensions, .. } = leaf_node;
    LeafTemplate { credential, capabilities, extensions }
}

/// Returns a path that is encrypted with the old context, which lacks the new tree hash. Only
/// members that decrypt the path detect this.
fn path_of(
    tree: &Tree,
    context: &GroupContext,
    leaf: LeafIndex,
    signer: &dyn Signer,
    rng: &mut ChaCha20Rng,
) -> UpdatePath {
    let template = template_of(tree.leaf(leaf).unwrap().unwrap());
    let path = tree.create_path(leaf, template, &context.group_id, signer, rng).unwrap();
    path.encrypt(context, &[], rng).unwrap()
}

fn sign_leaf(suite: Suite, leaf_node: &mut LeafNode, position: (&GroupId, LeafIndex), signer: &dyn Signer) {
    let to_be_signed = leaf_node.to_be_signed(position).unwrap();
    leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed).unwrap();
}

fn epoch(
    suite: Suite,
    joiner: &JoinerSecret,
    psk_secret: &PskSecret,
    context: &GroupContext,
) -> EpochSecrets {
    let intermediate = joiner.with_psk_secret(suite, psk_secret);
    intermediate.epoch_secret(suite, context).unwrap().derive(suite).unwrap()
}
