//! Sending proposals as a member (RFC 9420, section 12.1).

use crate::operations::new_leaf::{NewLeaf, same_leaf};
use crate::operations::transition::admit;
use crate::rules::{proposal, sending};
use crate::state::group::Group;
use crate::state::pending_proposal::{PendingProposal, ProposalStatus};
use crate::storage::row_codec;
use crate::storage::row_key::RowKey;
use crate::{Context, Exceeded, GroupError, Misuse, Unpersisted, Violation};
use pando_crypto::CryptoRng;
use pando_tree::LeafTemplate;
use pando_wire::{
    Content, Encode, LeafNode, LeafNodeSource, MlsMessage, Proposal, ProposalRef, Sender, Signature, Update,
};

/// Returns the position of the next entry that is added to a list.
fn next<T>(list: &[T]) -> Result<u32, GroupError> {
    u32::try_from(list.len()).map_err(|_| Exceeded::PendingProposals(list.len()).into())
}

impl Group {
    /// Creates a message with a proposal and with authenticated data. The authenticated data is not
    /// encrypted. The proposal also becomes pending for this member.
    ///
    /// # Errors
    /// - [`GroupError::Violation`] if no member would accept the proposal.
    /// - [`Misuse::Ended`] if the group has ended for this client; [`Misuse::WrongSigner`] if the
    ///   signer's key is not the signature key in our leaf.
    /// - [`Misuse::DefaultCapability`], [`Misuse::SuiteNotListed`], [`Misuse::GreaseRequired`] if a
    ///   leaf or the extensions violate a rule for senders.
    /// - [`Misuse::UpdateWithoutKey`] for an Update that [`Group::propose_update`] has not created
    ///   in this epoch.
    /// - [`Exceeded::PendingProposals`](crate::Exceeded) or
    ///   [`Exceeded::PendingProposalBytes`](crate::Exceeded) if too many proposals are pending;
    ///   [`Exceeded::MessageBytes`](crate::Exceeded) if the message is larger than this client
    ///   itself would accept.
    pub fn propose(
        &mut self,
        proposal: Proposal,
        authenticated_data: &[u8],
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<MlsMessage>, GroupError> {
        self.check_active()?;
        if let Proposal::Update(update) = &proposal
            && !self.updates.iter().any(|key_pair| key_pair.public == update.leaf_node.encryption_key)
        {
            return Err(Misuse::UpdateWithoutKey.into());
        }
        let message = self.send_proposal(proposal, authenticated_data, cx, rng)?;
        Ok(self.unpersisted(message))
    }

    fn send_proposal(
        &mut self,
        proposal: Proposal,
        authenticated_data: &[u8],
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<MlsMessage, GroupError> {
        self.check_active()?;
        let sender = Sender::Member(self.own_leaf());
        proposal::may_come_from(sender, &proposal)?;
        proposal::psk_usage(&proposal)?;
        let (suite, identities) = (self.public.suite, cx.identities());
        sending::proposal(&proposal, suite, cx.crypto, identities, &self.config.limits)?;
        self.check_custom_type(&proposal)?;
        proposal::is_valid(&self.public, sender, &proposal, identities)?;
        let content = Content::Proposal(proposal.clone());
        let signed = self.sign(self.handshake_format(), content, authenticated_data, cx)?;
        let reference = self.public.suite.proposal_ref(&signed.authenticated()?.encode()?)?;
        let authenticated_data = authenticated_data.into();
        let pending = PendingProposal { reference: reference.clone(), sender, proposal, authenticated_data };
        let (status, refused) = admit(&self.public, cx.rules, &pending)?;
        if let Some(reason) = refused {
            return Err(Violation::GroupRules(reason).into());
        }
        // Check for room first, so that a rejected proposal consumes no key.
        let proposal_row = row_codec::proposal(&pending, status)?;
        self.proposals.position(&pending, status, proposal_row.expose().len(), &self.config.limits)?;
        let message = self.seal(&signed, rng)?;
        let row = row_codec::own_proposal(&message, &reference)?;
        self.insert_proposal(pending, status, proposal_row)?;
        self.changes.write(RowKey::OwnProposal(self.own_proposals.next_position()?), row);
        self.own_proposals.push(self.public.suite, message.clone(), reference)?;
        Ok(message)
    }

    /// 12.2: all members must support the type of a proposal, except for members that pending
    /// proposals remove.
    fn check_custom_type(&self, proposal: &Proposal) -> Result<(), GroupError> {
        let Proposal::Other(other) = proposal else { return Ok(()) };
        let mut staying = self.public.tree.clone();
        for pending in self.proposals.pending() {
            if let Proposal::Remove(remove) = &pending.proposal
                && staying.is_member(remove.removed)?
            {
                staying.remove(remove.removed)?;
            }
        }
        if proposal::type_is_supported(other.proposal_type, &staying) {
            Ok(())
        } else {
            Err(Violation::ProposalTypeUnsupported(other.proposal_type).into())
        }
    }

    /// Withdraws one of our own proposals of this epoch, for example one that was never delivered.
    /// Our Commits leave out a withdrawn proposal, and it does not prevent us from sending
    /// application data. Another member that has received the proposal may still commit it.
    ///
    /// # Errors
    /// [`Misuse::UnknownProposal`] if there is no such proposal in this epoch;
    /// [`Misuse::NotOurProposal`] if another client sent it; [`Misuse::Ended`] or
    /// [`Misuse::JoinPending`] if the group is not active.
    pub fn withdraw_proposal(&mut self, reference: &ProposalRef) -> Result<Unpersisted<()>, GroupError> {
        self.check_active()?;
        let (proposal, _, position) =
            self.proposals.get(reference).ok_or_else(|| Misuse::UnknownProposal(reference.clone()))?;
        if proposal.sender != Sender::Member(self.own_leaf()) {
            return Err(Misuse::NotOurProposal(reference.clone()).into());
        }
        let row = row_codec::proposal(proposal, ProposalStatus::Withdrawn)?;
        self.proposals.withdraw(reference);
        self.changes.write(RowKey::Proposal(position), row);
        Ok(self.unpersisted(()))
    }

    /// Proposes an Update of our leaf with a new encryption key and, if given, the contents of
    /// `new_leaf`.
    ///
    /// # Errors
    /// See [`Group::propose`].
    pub fn propose_update(
        &mut self,
        new_leaf: Option<NewLeaf<'_>>,
        authenticated_data: &[u8],
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<MlsMessage>, GroupError> {
        let (suite, leaf) = (self.public.suite, self.own_leaf());
        let old = self.public.tree.leaf(leaf)?.ok_or(Misuse::NotAMember(leaf))?;
        if let Some(new_leaf) = &new_leaf {
            sending::no_default_types(&new_leaf.template.capabilities)?;
        }
        let NewLeaf { template, signer } =
            new_leaf.unwrap_or_else(|| NewLeaf { template: same_leaf(old), signer: cx.signer });
        sending::suite_is_listed(&template.capabilities, suite)?;
        let key_pair = suite.hpke_generate_key_pair(rng)?;
        let LeafTemplate { credential, capabilities, extensions } = template;
        let mut leaf_node = LeafNode {
            encryption_key: key_pair.public.clone(),
            signature_key: signer.public_key().clone(),
            credential,
            capabilities,
            leaf_node_source: LeafNodeSource::Update,
            extensions,
            signature: Signature::default(),
        };
        let to_be_signed = leaf_node.to_be_signed((&self.public.context.group_id, leaf))?;
        leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed)?;
        let proposal = Proposal::Update(Box::new(Update { leaf_node }));
        // The proposal is signed with the key in the tree, and not with the new key.
        let (key, row) = (RowKey::OwnUpdate(next(&self.updates)?), row_codec::own_update(&key_pair)?);
        let message = self.send_proposal(proposal, authenticated_data, cx, rng)?;
        self.changes.write(key, row);
        self.updates.push(key_pair);
        Ok(self.unpersisted(message))
    }
}
