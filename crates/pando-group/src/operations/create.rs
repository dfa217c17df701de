//! Creating a group (RFC 9420, section 11).

use crate::rules::extensions::{self, Requirements};
use crate::rules::{leaf_node, sending};
use crate::state::client_index::ClientIndex;
use crate::state::commit_view::{CommitView, StateView};
use crate::state::group::Group;
use crate::state::public_state::PublicState;
use crate::{Context, GroupError, KeyPackageBundle, Unpersisted};
use pando_crypto::{CryptoRng, Suite};
use pando_schedule::{ConfirmedTranscriptHash, EpochSecret, InterimTranscriptHash};
use pando_tree::{PrivateKeys, Tree};
use pando_wire::{Extensions, GroupContext, GroupId, LeafIndex, Opaque, ProtocolVersion};

/// The builder of a group (section 11).
#[derive(Debug, Clone)]
#[must_use = "call build"]
pub struct GroupBuilder {
    group_id: GroupId,
    extensions: Extensions,
}

impl Group {
    /// Returns the builder of a group with the given identifier and no extensions.
    pub fn builder(group_id: impl Into<GroupId>) -> GroupBuilder {
        GroupBuilder { group_id: group_id.into(), extensions: Extensions::default() }
    }
}

impl GroupBuilder {
    /// Returns the identifier of the group that will be created.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    /// Sets the group's extensions: `required_capabilities`, `external_senders` and extensions of
    /// the application.
    pub fn extensions(self, extensions: Extensions) -> Self {
        Self { extensions, ..self }
    }

    /// Creates the group with a single member.
    ///
    /// The member's leaf is taken from the KeyPackage, which is consumed. The KeyPackage also
    /// determines the cipher suite.
    ///
    /// # Errors
    /// - [`Misuse::WrongSigner`](crate::Misuse) if the KeyPackage does not have the signer's key;
    ///   [`Misuse::UnsupportedCipherSuite`](crate::Misuse) if the client does not support the
    ///   cipher suite of the KeyPackage.
    /// - [`Misuse::DefaultCapability`](crate::Misuse), `SuiteNotListed`, `GreaseRequired` if the
    ///   leaf or the extensions violate a rule for senders.
    /// - [`Exceeded::GroupIdBytes`](crate::Exceeded) if the identifier is longer than this client
    ///   would accept for joining a group.
    /// - [`GroupError::Violation`] if the leaf does not satisfy the group's extensions or the
    ///   identity policy.
    pub fn build(
        self,
        bundle: KeyPackageBundle,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<Group>, GroupError> {
        let suite = cx.suite(bundle.key_package.cipher_suite)?;
        Group::create_unstored(suite, self.group_id, self.extensions, bundle, cx, rng)?.begin_instance()
    }
}

impl Group {
    /// Creates a group that does not have an instance yet.
    pub(crate) fn create_unstored(
        suite: Suite,
        group_id: GroupId,
        extensions: Extensions,
        bundle: KeyPackageBundle,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, GroupError> {
        let leaf = &bundle.key_package.leaf_node;
        let tree = Tree::new(suite, leaf)?;
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id,
            epoch: 0,
            tree_hash: tree.tree_hash()?,
            confirmed_transcript_hash: Opaque::default(),
            extensions,
        };
        cx.check_signer(Some(&leaf.signature_key))?;
        cx.config.limits.check_group_id(&context.group_id)?;
        let identities = cx.identities();
        extensions::no_duplicates(&context.extensions)?;
        sending::no_grease_is_required(&context.extensions)?;
        sending::own_capabilities(&leaf.capabilities, suite)?;
        leaf_node::encryption_key_is_valid(leaf, suite)?;
        let requirements = Requirements::of(&context.extensions)?;
        leaf_node::is_valid_alone(leaf, &requirements, identities)?;
        leaf_node::signature_is_valid(leaf, suite, (&GroupId::default(), LeafIndex(0)))?;
        extensions::external_senders_are_valid(&context.extensions, &Extensions::default(), identities)?;
        cx.rules.check(&CommitView::creation(StateView::new(&context, &tree)))?;
        let private_keys = PrivateKeys::new(&tree, LeafIndex(0), bundle.leaf_key_pair)?;
        let secrets = EpochSecret::random(suite, rng).derive(suite)?;
        let confirmation_tag = secrets.confirmation_key.tag(suite, &context.confirmed_transcript_hash);
        let confirmed = ConfirmedTranscriptHash::default();
        let interim_transcript_hash = InterimTranscriptHash::after(suite, &confirmed, &confirmation_tag)?;
        let clients = ClientIndex::of(&tree, cx.policy)?;
        let public = PublicState { suite, context, tree, clients, interim_transcript_hash, confirmation_tag };
        Ok(Self::new(public, private_keys, secrets, cx.config))
    }
}
