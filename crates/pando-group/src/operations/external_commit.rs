//! Joining by an external Commit (RFC 9420, section 12.4.3.2).

use crate::operations::assemble_commit::{AssembledCommit, CommitParts};
use crate::operations::group_info::verify_group_info;
use crate::operations::transition::{apply_proposals, check_path_leaf};
use crate::psk::{propose_psk, psk_secret};
use crate::rules::{extensions, leaf_node, sending};
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::pending_proposal::Committed;
use crate::{Context, GroupError, Missing, Unpersisted};
use pando_crypto::CryptoRng;
use pando_schedule::InitSecret;
use pando_tree::LeafTemplate;
use pando_wire::{
    ExternalInit, ExternalPub, GroupInfo, LeafIndex, MlsMessage, Proposal, Psk, Remove, Sender, WireFormat,
};
use std::sync::Arc;

/// The builder of an external Commit.
#[derive(Debug)]
#[must_use = "call build"]
pub struct ExternalJoin<'a> {
    group_info: &'a GroupInfo,
    template: LeafTemplate,
    tree: Option<&'a [u8]>,
    resync: Resync,
    psks: Vec<Psk>,
    authenticated_data: Vec<u8>,
}

/// The leaf that an external Commit removes because the client has lost its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resync {
    /// No leaf is removed, and the client must not be in the group.
    None,
    /// The given leaf is removed.
    Leaf(LeafIndex),
    /// The leaf with the client's signature key is removed, if there is one.
    OwnKey,
}

impl<'a> ExternalJoin<'a> {
    /// Returns the builder of an external Commit. `group_info` describes the current epoch of the
    /// group and contains the `external_pub` extension. `template` contains the contents of the new
    /// leaf.
    pub const fn new(group_info: &'a GroupInfo, template: LeafTemplate) -> Self {
        Self {
            group_info,
            template,
            tree: None,
            resync: Resync::None,
            psks: Vec::new(),
            authenticated_data: Vec::new(),
        }
    }

    /// Sets the ratchet tree that a member has exported. The tree is required if the GroupInfo does
    /// not contain it.
    pub fn tree(self, tree: impl Into<Option<&'a [u8]>>) -> Self {
        Self { tree: tree.into(), ..self }
    }

    /// Removes the client's former leaf. If the client still has its former group
    /// ([`Context::with_groups`]), the new group replaces it.
    pub fn replace_leaf(self, leaf: impl Into<Option<LeafIndex>>) -> Self {
        Self { resync: leaf.into().map_or(Resync::None, Resync::Leaf), ..self }
    }

    /// Removes the leaf with the client's signature key, if there is one. If the client still has
    /// its former group, the new group replaces it.
    pub fn replace_own_leaf(self) -> Self {
        Self { resync: Resync::OwnKey, ..self }
    }

    /// Adds pre-shared keys to the key schedule.
    pub fn psks(mut self, psks: impl IntoIterator<Item = Psk>) -> Self {
        self.psks.extend(psks);
        self
    }

    /// Sets the authenticated data of the Commit, which is not encrypted.
    pub fn authenticated_data(self, data: &[u8]) -> Self {
        Self { authenticated_data: data.to_vec(), ..self }
    }

    /// Creates the Commit, and returns it together with the group in the state after the Commit.
    ///
    /// The group is in the state [`GroupState::Joining`] until [`Group::merge_pending`] is called.
    /// Call [`Group::merge_pending`] when the delivery service has accepted the Commit or has
    /// returned it ([`Processed::OwnCommit`](crate::Processed)). If another Commit was accepted
    /// instead, drop the group, delete its rows, and start over. Keep the client's former group
    /// until the Commit is accepted.
    ///
    /// # Errors
    /// - [`Misuse::DefaultCapability`](crate::Misuse), [`Misuse::SuiteNotListed`](crate::Misuse) if
    ///   the capabilities of the template list types that every client supports, or do not list the
    ///   version and the cipher suite of the group.
    /// - [`Missing`] if the tree, a PSK or the `external_pub` extension is missing.
    /// - [`GroupError::Violation`], [`GroupError::Tree`] if the group is invalid, or if no member
    ///   would accept the Commit.
    /// - [`GroupError::Exceeded`] if the group exceeds a limit of this client.
    pub fn build(
        self,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<(Group, MlsMessage)>, GroupError> {
        let suite = cx.suite(self.group_info.group_context.cipher_suite)?;
        let (signer, identities) = (cx.signer, cx.identities());
        sending::own_capabilities(&self.template.capabilities, suite)?;
        let state = verify_group_info(suite, self.group_info, self.tree, identities, &cx.config.limits)?;
        let resync = match self.resync {
            Resync::None => {
                cx.check_not_in_group(&state.context.group_id)?;
                None
            }
            Resync::Leaf(leaf) => Some(leaf),
            Resync::OwnKey => state.tree.find_signature_key(signer.public_key())?,
        };
        let external_pub = extensions::find::<ExternalPub>(&self.group_info.extensions)?;
        let external_pub = external_pub.ok_or(Missing::ExternalPub)?.external_pub;
        let (kem_output, init_secret) = InitSecret::send(suite, &external_pub, rng)?;

        // Collect the proposals, which the Commit contains by value.
        let old = resync.map(|leaf| state.tree.leaf(leaf)).transpose()?.flatten();
        let mut proposals = vec![Proposal::ExternalInit(ExternalInit { kem_output })];
        proposals.extend(resync.map(|removed| Proposal::Remove(Remove { removed })));
        proposals.extend(self.psks.into_iter().map(|psk| propose_psk(suite, psk, rng)));
        let committer = Sender::NewMemberCommit;
        let by_value = |proposal| Committed::ByValue(committer, Arc::new(proposal));
        let list: Vec<_> = proposals.into_iter().map(by_value).collect();
        let applied = apply_proposals(&state, committer, &list, identities)?;
        let psk_secret = psk_secret(suite, &applied.psks, |_, _| None, cx.psks)?;

        // Create the path.
        let group_id = &state.context.group_id;
        let path = applied.tree.create_external_path(self.template, group_id, signer, rng)?;
        check_path_leaf(&applied, path.leaf_node(), old.as_ref(), identities)?;
        // Verify the signature, because the client's signature key may belong to another cipher
        // suite.
        leaf_node::signature_is_valid(path.leaf_node(), suite, (group_id, path.sender()))?;
        cx.config.limits.check_tree_size(path.tree().size())?;

        // Assemble the Commit and the next epoch.
        let parts = CommitParts {
            state: &state,
            committer,
            proposals: &list,
            applied: &applied,
            path: Some(&path),
            init_secret: &init_secret,
            psk_secret: &psk_secret,
            wire_format: WireFormat::MLS_PUBLIC_MESSAGE,
            authenticated_data: &self.authenticated_data,
            signer,
        };
        let AssembledCommit { signed, public, secrets, .. } = parts.assemble(identities, cx.rules, rng)?;
        let message = signed.seal_public(suite, None)?.into();
        cx.config.limits.check_sent(&message)?;
        let mut group = Group::new(public, path.keys().clone(), secrets, cx.config);
        (group.state, group.joining) = (GroupState::Joining, Some(message.clone()));
        Ok(group.begin_instance()?.map(|group| (group, message)))
    }
}
