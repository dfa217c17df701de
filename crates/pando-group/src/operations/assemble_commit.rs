//! The steps of assembling a Commit that a member and an external joiner share (RFC 9420, section
//! 12.4.1).
//!
//! The caller has already checked and applied the proposals and has created the path. This module
//! neither seals the message nor creates the Welcome, because only members take those steps.

use crate::GroupError;
use crate::group_rules::GroupRules;
use crate::identity::Identities;
use crate::operations::transition::{Applied, check_rules, check_tree, confirm};
use crate::state::commit_view::StateView;
use crate::state::pending_proposal::Committed;
use crate::state::public_state::PublicState;
use pando_crypto::{CryptoRng, Signer};
use pando_framing::SignedContent;
use pando_schedule::{
    CommitSecret, EpochSecrets, InitSecret, InterimTranscriptHash, JoinerSecret, PskSecret, WelcomeSecret,
};
use pando_tree::NewPath;
use pando_wire::{Commit, Content, FramedContent, ProposalOrRef, Sender, WireFormat};

/// The inputs from which a Commit is assembled.
pub(crate) struct CommitParts<'a> {
    /// The public state of the epoch that the Commit ends.
    pub(crate) state: &'a PublicState,
    pub(crate) committer: Sender,
    pub(crate) proposals: &'a [Committed],
    pub(crate) applied: &'a Applied,
    pub(crate) path: Option<&'a NewPath>,
    pub(crate) init_secret: &'a InitSecret,
    pub(crate) psk_secret: &'a PskSecret,
    pub(crate) wire_format: WireFormat,
    pub(crate) authenticated_data: &'a [u8],
    /// The signer of the Commit. The signer holds the key in the committer's leaf before the
    /// Commit, or the key of an external joiner.
    pub(crate) signer: &'a dyn Signer,
}

/// A signed Commit with its confirmation tag, and the epoch to which it leads.
pub(crate) struct AssembledCommit {
    pub(crate) signed: SignedContent,
    pub(crate) public: PublicState,
    pub(crate) secrets: EpochSecrets,
    /// The joiner secret, which the Welcome contains.
    pub(crate) joiner_secret: JoinerSecret,
    pub(crate) welcome_secret: WelcomeSecret,
}

impl CommitParts<'_> {
    /// Signs the Commit and derives the secrets of the next epoch.
    ///
    /// # Errors
    /// - [`GroupError::Violation`] if the new tree violates a rule.
    /// - [`GroupError::Tree`] if a path secret cannot be encrypted, [`GroupError::Framing`] if the
    ///   signer fails.
    pub(crate) fn assemble(
        self,
        identities: Identities<'_>,
        rules: &dyn GroupRules,
        rng: &mut dyn CryptoRng,
    ) -> Result<AssembledCommit, GroupError> {
        let Self { state, applied, path, .. } = self;
        let suite = state.suite;

        // Compute the provisional GroupContext.
        let tree = path.map_or(&applied.tree, NewPath::tree).clone();
        let clients = check_tree(state, applied, &tree, path.map(NewPath::sender), identities)?;
        let mut context = applied.context.clone();
        context.tree_hash = tree.tree_hash()?;

        // Check the Commit against the group's rules.
        let after = StateView::new(&context, &tree);
        check_rules(
            rules,
            (state.view(), after),
            (self.committer, self.authenticated_data),
            self.proposals,
            applied,
            path.map(NewPath::sender),
        )?;

        // Encrypt the path secrets under the provisional GroupContext.
        let update_path =
            path.map(|path| path.encrypt(&context, &applied.added_leaves(), rng)).transpose()?;
        let commit_secret = path.map_or_else(
            || CommitSecret::zero(suite),
            |path| CommitSecret::from(path.commit_secret().expose()),
        );

        // Sign the Commit and compute the confirmed transcript hash.
        let commit =
            Commit { proposals: self.proposals.iter().map(proposal_or_ref).collect(), path: update_path };
        let content = FramedContent {
            group_id: state.context.group_id.clone(),
            epoch: state.context.epoch,
            sender: self.committer,
            authenticated_data: self.authenticated_data.into(),
            content: Content::Commit(Box::new(commit)),
        };
        let mut signed = SignedContent::sign(suite, self.signer, self.wire_format, content, &state.context)?;
        let confirmed = confirm(state, self.wire_format, signed.content(), signed.signature())?;
        context.confirmed_transcript_hash = confirmed.0.clone();

        // Run the key schedule.
        let joiner_secret = self.init_secret.joiner_secret(suite, &commit_secret, &context)?;
        let intermediate = joiner_secret.with_psk_secret(suite, self.psk_secret);
        let welcome_secret = intermediate.welcome_secret(suite)?;
        let secrets = intermediate.epoch_secret(suite, &context)?.derive(suite)?;

        // Compute the confirmation tag and the interim transcript hash.
        let confirmation_tag = secrets.confirmation_key.tag(suite, &confirmed.0);
        signed.set_confirmation_tag(confirmation_tag.clone())?;
        let interim_transcript_hash = InterimTranscriptHash::after(suite, &confirmed, &confirmation_tag)?;
        let public = PublicState { suite, context, tree, clients, interim_transcript_hash, confirmation_tag };
        Ok(AssembledCommit { signed, public, secrets, joiner_secret, welcome_secret })
    }
}

fn proposal_or_ref(committed: &Committed) -> ProposalOrRef {
    match committed {
        Committed::ByValue(_, proposal) => ProposalOrRef::Proposal((**proposal).clone()),
        Committed::ByReference(pending) => ProposalOrRef::Reference(pending.reference.clone()),
    }
}
