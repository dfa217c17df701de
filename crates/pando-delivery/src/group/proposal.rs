//! Proposals (docs/protocol.md, section 10).

use super::append::{Appended, Message, Moment, append, find};
use super::caller::Caller;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::handshake::{GroupSnapshot, Handshake, read_certificate};
use super::key::Key;
use super::public_rows::{self, split};
use crate::error::Refusal;
use crate::store::Transaction;
use pando_api::{DeviceCertificate, EntryKind, LogId, Policy, ProblemCode};
use pando_mls::wire::{LeafNode, LeafNodeSource};
use pando_mls::{Delta, Position, Proposal, PublicGroup, PublicProcessed, Sender};

/// The largest number of bytes of a proposal.
const MAX_BYTES: usize = 16 << 10;

/// The most pending proposals of one sender, and of all members.
const MAX_OF_SENDER: usize = 16;
const MAX_OF_MEMBERS: usize = 2_048;

/// A proposal that was checked, with everything that its transaction writes.
#[derive(Debug)]
pub struct CheckedProposal {
    log: LogId,
    epoch: u64,
    bytes: Vec<u8>,
    delta: Delta,
    certificate: Option<DeviceCertificate>,
}

impl CheckedProposal {
    /// Checks a proposal of `caller`. `group` is a clone of the public group of the snapshot. If
    /// this function returns a proposal, the clone has the proposal. The clone takes the place of
    /// the group after the transaction has succeeded, and is dropped after any error.
    ///
    /// # Errors
    /// A [`Refusal`] with the code of the first rule that the proposal violates.
    pub fn check(
        handshake: Handshake,
        snapshot: &GroupSnapshot,
        group: &mut PublicGroup,
        (env, caller): (&Environment<'_>, &Caller),
    ) -> Result<Self, Refusal> {
        if handshake.is_commit() {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a proposal"));
        }
        snapshot.check(group.public(), (env, caller), &handshake)?;
        check_quota(group, &handshake)?;
        let policy = policy(group)?;
        let processed = group.process(handshake.message, env.identities, env.rules, Some(env.seconds()));
        let processed = processed.map_err(|error| Refusal::of(&error, ProblemCode::InvalidProposal))?;
        let (processed, delta) = split(processed);
        let proposal = match processed {
            PublicProcessed::Proposal(pending) => pending.proposal,
            PublicProcessed::NotAdmitted(_, reason) => return Err(Refusal::new(ProblemCode::Policy, reason)),
            PublicProcessed::Commit(_) => {
                return Err(Refusal::new(ProblemCode::InvalidMessage, "not a proposal"));
            }
        };
        check_lifetime(&policy, &proposal)?;
        if delta.is_empty() {
            // The server cannot verify the membership tag, so a proposal has many encodings.
            let why = "the proposal is pending already, with other bytes";
            return Err(Refusal::new(ProblemCode::InvalidProposal, why));
        }
        let certificate = new_leaf(&proposal).map(|leaf| check_leaf(env, leaf)).transpose()?;
        let (log, epoch) = (snapshot.log.clone(), handshake.content.epoch);
        Ok(Self { log, epoch, bytes: handshake.bytes, delta, certificate })
    }

    /// Returns the position of the public group after the message.
    pub(crate) const fn position(&self) -> Position {
        self.delta.becomes()
    }

    /// Returns the certificate of the leaf that the proposal adds or changes, if there is one.
    #[must_use]
    pub const fn certificates(&self) -> &[DeviceCertificate] {
        self.certificate.as_slice()
    }

    /// Writes the proposal. If the log has the proposal already, writes nothing and returns the
    /// entry that the log has.
    ///
    /// # Errors
    /// - [`ProblemCode::StaleEpoch`] if a Commit has ended the epoch in the meantime.
    /// - [`ProblemCode::GroupEnded`] if the group has ended.
    pub fn write(&self, rows: &mut dyn Transaction, moment: Moment) -> Result<Appended, Refusal> {
        let mut row = GroupRow::read(rows)?;
        if let Some(appended) = find(rows, &self.log, &self.bytes)? {
            return Ok(appended);
        }
        row.check_active(&self.log.domain)?;
        row.check_epoch(self.epoch, false, None)?;
        public_rows::apply(rows, &self.delta)?;
        let message = Message { kind: EntryKind::Proposal, epoch: self.epoch, bytes: &self.bytes };
        let (appended, end) = append(rows, &self.log, Some(row.end), message, moment)?;
        row.end = end;
        row.write(rows)?;
        rows.put(&Key::Proposal(end.seq).encode(), &[])?;
        Ok(appended)
    }
}

/// Checks that a member's proposal leaves room for other senders, and for the server's removals.
fn check_quota(group: &PublicGroup, handshake: &Handshake) -> Result<(), Refusal> {
    if handshake.size() > MAX_BYTES {
        let limit = u64::try_from(MAX_BYTES).ok();
        return Err(Refusal::new(ProblemCode::TooLarge, "").with(|problem| problem.limit = limit));
    }
    let (mut of_members, mut of_sender) = (0_usize, 0_usize);
    for pending in group.pending_proposals() {
        of_members = of_members.saturating_add((!matches!(pending.sender, Sender::External(_))).into());
        of_sender = of_sender.saturating_add((pending.sender == handshake.content.sender).into());
    }
    if of_members >= MAX_OF_MEMBERS || of_sender >= MAX_OF_SENDER {
        return Err(Refusal::new(ProblemCode::Limit, "too many proposals are pending"));
    }
    Ok(())
}

/// Returns the leaf that a proposal adds or changes.
pub(crate) fn new_leaf(proposal: &Proposal) -> Option<&LeafNode> {
    match proposal {
        Proposal::Add(add) => Some(&add.key_package.leaf_node),
        Proposal::Update(update) => Some(&update.leaf_node),
        _ => None,
    }
}

/// Returns the policy of the current epoch.
pub(crate) fn policy(group: &PublicGroup) -> Result<Policy, Refusal> {
    Policy::of(&group.public().context().extensions)
        .map_err(|error| Refusal::new(ProblemCode::Policy, error.to_string()))
}

/// Checks that the KeyPackage of an Add has a lifetime that the policy allows.
pub(crate) fn check_lifetime(policy: &Policy, proposal: &Proposal) -> Result<(), Refusal> {
    let Proposal::Add(add) = proposal else { return Ok(()) };
    let LeafNodeSource::KeyPackage { lifetime } = add.key_package.leaf_node.leaf_node_source else {
        return Ok(());
    };
    let seconds = lifetime.not_after.saturating_sub(lifetime.not_before);
    if seconds > policy.parameters.key_package_lifetime {
        let why = "the lifetime of an added KeyPackage is longer than the policy allows";
        return Err(Refusal::new(ProblemCode::Policy, why));
    }
    Ok(())
}

/// Checks the lifetime and the certificate of a leaf as for a Commit. Otherwise, the proposal would
/// be pending, but no Commit that contains it would be accepted.
pub(crate) fn check_leaf(env: &Environment<'_>, leaf: &LeafNode) -> Result<DeviceCertificate, Refusal> {
    if let LeafNodeSource::KeyPackage { lifetime } = &leaf.leaf_node_source
        && !(lifetime.not_before..=lifetime.not_after).contains(&env.seconds())
    {
        return Err(Refusal::new(ProblemCode::CertificateInvalid, "the KeyPackage is not valid now"));
    }
    env.identities
        .validate(&leaf.credential, &leaf.signature_key, Some(env.seconds()))
        .map_err(|error| Refusal::new(ProblemCode::CertificateInvalid, error.to_string()))?;
    let certificate = read_certificate(&leaf.credential)?;
    env.admission.check(&certificate)?;
    Ok(certificate)
}
