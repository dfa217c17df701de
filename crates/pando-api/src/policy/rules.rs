//! The evaluation of a group's policy: rules 1 to 10 of docs/protocol.md, section 9.

use super::content::{ExternalCommits, Policy};
use super::users::{certificate_at, certificate_of, has_member, user_at};
use super::violation::PolicyViolation;
use crate::certificate::DeviceCertificate;
use crate::{HandshakeData, UserId};
use pando_mls::{
    CommitView, Credential, ExtensionType, Extensions, GroupRules, LeafChange, LeafIndex, Proposal,
    RuleError, Sender, StateView,
};
use std::collections::BTreeMap;

/// The rules by which members and servers evaluate the policy of a group.
///
/// They read certificates and do not verify them; the identity policy does that. A group without a
/// valid policy cannot change.
#[derive(Debug, Clone, Copy, Default)]
pub struct PolicyRules;

impl PolicyRules {
    /// Checks the creation of a group (rule 10). A server calls this function for a new group,
    /// because it does not process a Commit that creates the group.
    ///
    /// # Errors
    /// [`PolicyViolation`] if the group has no valid policy, or if its creator is not an admin.
    pub fn check_creation(extensions: &Extensions, creator: &Credential) -> Result<(), PolicyViolation> {
        let policy = Policy::of(extensions).map_err(PolicyViolation::NoPolicy)?;
        let creator = certificate_of(creator)?.client.user();
        if policy.is_admin(&creator) { Ok(()) } else { Err(PolicyViolation::Creator) }
    }
}

impl GroupRules for PolicyRules {
    fn admit(&self, state: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        check_credential(proposal)?;
        Judge::new(state)?.judge(sender, proposal)
    }

    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let changes = commit.leaf_changes()?;
        let Some(before) = commit.before() else {
            let creator = changes.iter().find_map(LeafChange::new_leaf);
            let creator = creator.ok_or(PolicyViolation::Creator)?;
            return Ok(Self::check_creation(commit.after().extensions(), &creator.credential)?);
        };
        let mut judge = Judge::new(before)?;
        check_new_leaves(&changes)?;
        // Malformed data is treated as foreign data. Neither is a reason to refuse an ordered
        // Commit.
        let data = HandshakeData::read(commit.authenticated_data()).ok().flatten();
        let witness = data.and_then(|data| data.witness);
        let committer = match commit.committer() {
            Sender::Member(committer) => {
                for (sender, proposal) in commit.proposals() {
                    judge.judge(sender, proposal)?;
                }
                committer
            }
            _ => judge.judge_external_commit(commit, &changes, witness)?,
        };
        judge.check_last_admin(commit, witness.into_iter().chain([committer]))
    }
}

/// Rule 1 for a standalone proposal.
fn check_credential(proposal: &Proposal) -> Result<(), PolicyViolation> {
    let leaf_node = match proposal {
        Proposal::Add(add) => &add.key_package.leaf_node,
        Proposal::Update(update) => &update.leaf_node,
        _ => return Ok(()),
    };
    certificate_of(&leaf_node.credential)?;
    Ok(())
}

/// Rule 1 for a Commit: every new leaf has a device certificate. If the Commit removes and adds a
/// client, the new certificate has a higher version than the removed one or is the same
/// certificate. The identity policy cannot check that, because such a client has no leaf that is
/// updated.
fn check_new_leaves(changes: &[LeafChange]) -> Result<(), PolicyViolation> {
    let mut added = BTreeMap::new();
    for change in changes {
        let Some(leaf_node) = change.new_leaf() else { continue };
        let certificate = certificate_of(&leaf_node.credential)?;
        if matches!(change, LeafChange::Added { .. }) {
            added.insert(certificate.client, (certificate.version, &leaf_node.credential));
        }
    }
    for change in changes {
        let LeafChange::Removed { old, .. } = change else { continue };
        if added.is_empty() {
            break;
        }
        let Ok(removed) = certificate_of(&old.credential) else { continue };
        let Some((version, credential)) = added.get(&removed.client) else { continue };
        if *version <= removed.version && **credential != old.credential {
            return Err(PolicyViolation::Succession);
        }
    }
    Ok(())
}

/// A state with its policy, by which proposals are judged.
struct Judge<'a> {
    state: StateView<'a>,
    policy: Policy,
    /// The users of the senders so far. A Commit may have thousands of proposals of one sender.
    senders: BTreeMap<LeafIndex, UserId>,
}

impl<'a> Judge<'a> {
    fn new(state: StateView<'a>) -> Result<Self, PolicyViolation> {
        let policy = Policy::of(state.extensions()).map_err(PolicyViolation::NoPolicy)?;
        Ok(Self { state, policy, senders: BTreeMap::new() })
    }

    /// Judges a proposal by its sender (rules 2 to 6 and 8).
    fn judge(&mut self, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        match (sender, proposal) {
            (Sender::Member(leaf), _) => {
                let user = self.user_of_sender(leaf)?;
                self.judge_member(&user, proposal)
            }
            (Sender::External(_), Proposal::Remove(_)) => Ok(()),
            _ => Err(PolicyViolation::Outsider(proposal.proposal_type()).into()),
        }
    }

    /// Returns the user of the sender at `leaf`.
    fn user_of_sender(&mut self, leaf: LeafIndex) -> Result<UserId, RuleError> {
        if let Some(user) = self.senders.get(&leaf) {
            return Ok(user.clone());
        }
        let user = user_at(self.state, leaf)?.ok_or(PolicyViolation::Sender(leaf))?;
        self.senders.insert(leaf, user.clone());
        Ok(user)
    }

    /// Judges a proposal of a member whose user is `user`.
    fn judge_member(&self, user: &UserId, proposal: &Proposal) -> Result<(), RuleError> {
        let policy = &self.policy;
        match proposal {
            Proposal::Add(_) if policy.grants(policy.add, user) => Ok(()),
            Proposal::Add(add) => {
                let added = certificate_of(&add.key_package.leaf_node.credential);
                let added = added.map_err(PolicyViolation::from)?.client.user();
                if added == *user { Ok(()) } else { Err(PolicyViolation::Add.into()) }
            }
            Proposal::Remove(_) if policy.grants(policy.remove, user) => Ok(()),
            Proposal::Remove(remove) => {
                let removed = user_at(self.state, remove.removed)?;
                if removed.as_ref() == Some(user) { Ok(()) } else { Err(PolicyViolation::Remove.into()) }
            }
            Proposal::Update(_) | Proposal::PreSharedKey(_) => Ok(()),
            Proposal::GroupContextExtensions(_) if !policy.is_admin(user) => {
                Err(PolicyViolation::Extensions.into())
            }
            Proposal::GroupContextExtensions(new) => Ok(self.check_extensions(&new.extensions)?),
            Proposal::ReInit(_) if !policy.is_admin(user) => Err(PolicyViolation::ReInit.into()),
            Proposal::ReInit(reinit) => Ok(self.check_extensions(&reinit.extensions)?),
            Proposal::ExternalInit(_) | Proposal::Other(_) => {
                Err(PolicyViolation::ProposalType(proposal.proposal_type()).into())
            }
        }
    }

    /// Rules 5 and 6: the external senders stay the same, and the new policy is valid.
    fn check_extensions(&self, new: &Extensions) -> Result<(), PolicyViolation> {
        let old = self.state.extensions();
        if old.get(ExtensionType::EXTERNAL_SENDERS) != new.get(ExtensionType::EXTERNAL_SENDERS) {
            return Err(PolicyViolation::ExternalSenders);
        }
        Policy::of(new).map(drop).map_err(PolicyViolation::NewPolicy)
    }

    /// Judges an external Commit (rule 7). Returns the leaf of the joiner.
    fn judge_external_commit(
        &self,
        commit: &CommitView<'_>,
        changes: &[LeafChange],
        witness: Option<LeafIndex>,
    ) -> Result<LeafIndex, RuleError> {
        let joiner = changes.iter().find_map(|change| match change {
            LeafChange::Added { leaf, new } => Some((*leaf, &new.credential)),
            _ => None,
        });
        let (leaf, credential) = joiner.ok_or(PolicyViolation::ExternalCommit)?;
        let joiner = certificate_of(credential).map_err(PolicyViolation::from)?;
        // The joiner's former leaf is a leaf of its user, too.
        let mut candidates = Vec::from_iter(witness);
        for (_, proposal) in commit.proposals() {
            match proposal {
                Proposal::Remove(remove) if self.is_client_at(remove.removed, &joiner)? => {
                    candidates.push(remove.removed);
                }
                Proposal::Remove(_) => return Err(PolicyViolation::ExternalRemove.into()),
                Proposal::ExternalInit(_) | Proposal::PreSharedKey(_) => {}
                other => return Err(PolicyViolation::Outsider(other.proposal_type()).into()),
            }
        }
        let user = joiner.client.user();
        let is_allowed = match self.policy.external_commits {
            // Otherwise a group whose last admin was removed by the server would stay without one.
            ExternalCommits::Nobody => {
                self.policy.is_admin(&user)
                    && !has_member(self.state, candidates, |member| self.policy.is_admin(member))?
            }
            ExternalCommits::Everyone => true,
            ExternalCommits::UsersOfMembers => {
                self.policy.is_admin(&user) || has_member(self.state, candidates, |member| *member == user)?
            }
        };
        if is_allowed { Ok(leaf) } else { Err(PolicyViolation::ExternalCommit.into()) }
    }

    /// Returns whether the member at `leaf` is the client of `joiner`.
    fn is_client_at(&self, leaf: LeafIndex, joiner: &DeviceCertificate) -> Result<bool, RuleError> {
        let old = certificate_at(self.state, leaf)?;
        Ok(old.is_some_and(|old| old.client == joiner.client))
    }

    /// Rule 9: if a Commit removes a client of an admin, changes the admins, or reinitializes the
    /// group with other admins, then afterwards a client of an admin is a member.
    fn check_last_admin(
        &self,
        commit: &CommitView<'_>,
        candidates: impl IntoIterator<Item = LeafIndex>,
    ) -> Result<(), RuleError> {
        let (after, mut removes_admin, mut new_policy) = (commit.after(), false, None);
        for (sender, proposal) in commit.proposals() {
            match (sender, proposal) {
                (Sender::Member(_) | Sender::NewMemberCommit, Proposal::Remove(remove)) if !removes_admin => {
                    let removed = user_at(self.state, remove.removed)?;
                    removes_admin = removed.is_some_and(|user| self.policy.is_admin(&user));
                }
                (_, Proposal::GroupContextExtensions(_)) => {
                    let policy = Policy::of(after.extensions());
                    new_policy = Some(policy.map_err(PolicyViolation::NewPolicy)?);
                }
                // Rule 10 lets only an admin by this policy create the successor.
                (_, Proposal::ReInit(reinit)) => {
                    let policy = Policy::of(&reinit.extensions);
                    new_policy = Some(policy.map_err(PolicyViolation::NewPolicy)?);
                }
                _ => {}
            }
        }
        let policy = new_policy.as_ref().unwrap_or(&self.policy);
        let must_check = removes_admin || policy.admins != self.policy.admins;
        if must_check && !has_member(after, candidates, |user| policy.is_admin(user))? {
            return Err(PolicyViolation::LastAdmin.into());
        }
        Ok(())
    }
}
