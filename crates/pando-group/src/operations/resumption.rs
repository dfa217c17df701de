//! Successors of groups, by reinitialization (RFC 9420, section 11.2) or by branching (section
//! 11.3).
//!
//! The identity policy decides which members of the old and the new group match. A member of the
//! new group matches a member of the old group if its credential equals the old credential or may
//! succeed it.

use crate::identity::IdentityPolicy;
use crate::psk::{PskStore, is_resumption};
use crate::state::group::Group;
use crate::{
    CommitBuilder, Context, GroupError, KeyPackageBundle, KnownGroups, Missing, Misuse, Unpersisted,
    Violation,
};
use pando_crypto::{CryptoRng, Suite};
use pando_schedule::PskValue;
use pando_tree::{SourceError, Tree, TreeError};
use pando_wire::{
    Credential, Encode, Extensions, GroupContext, GroupId, KeyPackage, LeafIndex, Psk, ReInit,
    ResumptionPskUsage, Welcome,
};
use std::collections::{BTreeMap, VecDeque};

/// A successor of a group, with the Welcome that lets the other members join it.
#[derive(Debug)]
pub struct Created {
    /// The successor group.
    pub group: Group,
    /// The Welcome for the other members, or `None` if there are no other members.
    pub welcome: Option<Welcome>,
}

/// The members of a successor group, and options for adding them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Successor {
    /// The creator's KeyPackage, which is consumed.
    pub bundle: KeyPackageBundle,
    /// The other members' new KeyPackages.
    pub key_packages: Vec<KeyPackage>,
    /// Whether the Commit that adds the other members has a path.
    pub path: bool,
    /// Whether the Welcome contains the tree. If not, the other members must obtain the exported
    /// tree in another way.
    pub tree_in_welcome: bool,
}

impl Successor {
    /// Returns the default options: the Commit has a path, and the Welcome contains the tree.
    #[must_use]
    pub const fn new(bundle: KeyPackageBundle, key_packages: Vec<KeyPackage>) -> Self {
        Self { bundle, key_packages, path: true, tree_in_welcome: true }
    }

    /// Sets [`Successor::path`].
    #[must_use]
    pub const fn with_path(mut self, path: bool) -> Self {
        self.path = path;
        self
    }

    /// Sets [`Successor::tree_in_welcome`].
    #[must_use]
    pub const fn with_tree_in_welcome(mut self, tree_in_welcome: bool) -> Self {
        self.tree_in_welcome = tree_in_welcome;
        self
    }
}

impl Group {
    /// Creates the group that a ReInit describes, and the Welcome for all other members (section
    /// 11.2).
    ///
    /// # Errors
    /// - [`Misuse::NotReinitialized`] if this group was not reinitialized;
    ///   [`Misuse::UnsupportedCipherSuite`] if the client does not support the new cipher suite.
    /// - [`GroupError::Violation`] if a KeyPackage is not valid, if a KeyPackage of a member is
    ///   missing, or if the client is in another group with the new identifier.
    pub fn reinitialize(
        &self,
        successor: Successor,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<Created>, GroupError> {
        let reinit = self.reinit.clone().ok_or(Misuse::NotReinitialized)?;
        let ReInit { group_id, cipher_suite, extensions, .. } = reinit;
        let context = (cx.suite(cipher_suite)?, group_id, extensions);
        let created = self.create_successor(context, ResumptionPskUsage::ReInit, successor, cx, rng)?;
        self.check_reinitialized(&created.peek().group, self.epoch(), cx.policy)?;
        Ok(created)
    }

    /// Creates a group with some members of this group, and the Welcome for them (section 11.3).
    /// The extensions of the new group may differ from those of this group.
    ///
    /// # Errors
    /// [`GroupError::Violation`] if a KeyPackage is not valid or does not belong to a member, or if
    /// the client is already in a group with that identifier; [`Misuse::Ended`] if this group has
    /// ended for the client.
    pub fn branch(
        &self,
        group_id: impl Into<GroupId>,
        extensions: Extensions,
        successor: Successor,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<Created>, GroupError> {
        self.check_active()?;
        let context = (self.public.suite, group_id.into(), extensions);
        let created = self.create_successor(context, ResumptionPskUsage::Branch, successor, cx, rng)?;
        self.check_branched(&created.peek().group, self.epoch(), cx.policy)?;
        Ok(created)
    }

    /// Joins the successor of this group.
    ///
    /// # Errors
    /// [`GroupError::Violation`] if the new group is not a valid successor of this group;
    /// [`Misuse::Ended`] or [`Misuse::JoinPending`] if this client has no secrets of this group.
    /// See [`Group::join`] for the other errors.
    pub fn join_successor(
        &self,
        welcome: &Welcome,
        bundle: &KeyPackageBundle,
        tree: Option<&[u8]>,
        cx: &Context<'_>,
    ) -> Result<Unpersisted<Self>, GroupError> {
        self.check_has_secrets()?;
        let (policy, own) = (cx.policy, &self.public.context.group_id);
        let psks = WithOld { old: self, psks: cx.psks };
        // The checks below decide whether the new group may reuse the identifier of this group,
        // because that depends on how this group ended.
        let groups = OtherGroups { own, groups: cx.groups };
        let joining = cx.with_psks(&psks).with_groups(&groups);
        let (group, ids) = Self::join_any(welcome, bundle, tree, &joining)?;
        let id = ids.iter().find(|id| is_resumption(id)).ok_or(Violation::NoSuccessor)?;
        match &id.psk {
            Psk::Resumption { psk_group_id, .. } if *psk_group_id != self.public.context.group_id => {
                return Err(Violation::NoSuccessor.into());
            }
            Psk::Resumption { usage: ResumptionPskUsage::ReInit, psk_epoch, .. } => {
                self.check_reinitialized(&group, *psk_epoch, policy)?;
            }
            Psk::Resumption { psk_epoch, .. } => {
                self.check_branched(&group, *psk_epoch, policy)?;
            }
            Psk::External { .. } => return Err(Violation::NoSuccessor.into()),
        }
        group.begin_instance()
    }

    /// Creates a group whose first Commit adds all other members and uses the resumption PSK. That
    /// Commit is not sent, because the group has no other members yet.
    fn create_successor(
        &self,
        (suite, group_id, extensions): (Suite, GroupId, Extensions),
        usage: ResumptionPskUsage,
        successor: Successor,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<Created>, GroupError> {
        // Joiners perform the same check.
        if group_id != self.public.context.group_id {
            cx.check_not_in_group(&group_id)?;
        }
        let Successor { bundle, key_packages, path, tree_in_welcome } = successor;
        let mut group = Self::create_unstored(suite, group_id, extensions, bundle, cx, rng)?;
        let (psk_group_id, psk_epoch) = (self.public.context.group_id.clone(), self.epoch());
        let psk = Psk::Resumption { usage, psk_group_id, psk_epoch };
        let builder = key_packages.into_iter().fold(group.commit().psk(psk), CommitBuilder::add);
        let builder = if path { builder } else { builder.without_path() };
        let mut builder = if tree_in_welcome { builder } else { builder.without_tree() };
        let psks = WithOld { old: self, psks: &crate::NoPsks };
        let output = builder.make(&cx.with_psks(&psks), rng)?;
        drop(group.merge_pending()?);
        Ok(group.begin_instance()?.map(|group| Created { group, welcome: output.welcome }))
    }

    /// 11.2 and 12.4.3.1: the new group must have the parameters of the ReInit and contain all
    /// members of the old group.
    fn check_reinitialized(
        &self,
        new: &Self,
        psk_epoch: u64,
        policy: &dyn IdentityPolicy,
    ) -> Result<(), GroupError> {
        let reinit = self.reinit.as_ref().ok_or(Violation::NoSuccessor)?;
        let GroupContext { version, cipher_suite, group_id, extensions, .. } = &new.public.context;
        let same = (version, cipher_suite, group_id, extensions)
            == (&reinit.version, &reinit.cipher_suite, &reinit.group_id, &reinit.extensions);
        if psk_epoch != self.epoch() || !same {
            return Err(Violation::SuccessorParameters.into());
        }
        let there = credentials(&new.public.tree)?.into_iter().map(|(_, credential)| credential);
        let members = credentials(&self.public.tree)?.into_iter();
        let missing = unmatched(members, there, policy, |old, new| policy.may_succeed(old, new))?;
        missing.map_or(Ok(()), |leaf| Err(Violation::MemberMissing(leaf).into()))
    }

    /// 11.3 and 12.4.3.1: the new group must have the version and cipher suite of the old group,
    /// and must contain only members of the old group.
    fn check_branched(
        &self,
        new: &Self,
        psk_epoch: u64,
        policy: &dyn IdentityPolicy,
    ) -> Result<(), GroupError> {
        let (context, old) = (&new.public.context, &self.public.context);
        if (context.version, context.cipher_suite) != (old.version, old.cipher_suite) {
            return Err(Violation::SuccessorParameters.into());
        }
        if context.group_id == old.group_id {
            return Err(Violation::AlreadyInGroup.into());
        }
        let tree = &self.public.tree;
        let old: Vec<_> = if psk_epoch == self.epoch() {
            credentials(tree)?.into_iter().map(|(_, credential)| credential).collect()
        } else {
            let members = self.history.members(psk_epoch, tree).ok_or(Missing::Epoch(psk_epoch))?;
            members.map(|leaf_node| Ok(leaf_node?.credential)).collect::<Result<_, TreeError>>()?
        };
        let members = credentials(&new.public.tree)?.into_iter();
        let stranger = unmatched(members, old, policy, |new, old| policy.may_succeed(old, new))?;
        stranger.map_or(Ok(()), |leaf| Err(Violation::NotInOldGroup(leaf).into()))
    }
}

fn credentials(tree: &Tree) -> Result<Vec<(LeafIndex, Credential)>, TreeError> {
    let credential = |leaf: Result<LeafIndex, TreeError>| {
        let leaf = leaf?;
        Ok((leaf, tree.credential(leaf)?.ok_or(TreeError::NotAMember(leaf))?))
    };
    tree.members().map(credential).collect()
}

/// Returns the first member in `these` that has no match in `those`. Each credential in `those`
/// matches at most one member in `these`.
///
/// Equal credentials are matched first. Then each changed credential is matched with the first
/// remaining credential that fits. All credentials may have changed, so only credentials with the
/// same identity are compared.
fn unmatched(
    these: impl Iterator<Item = (LeafIndex, Credential)>,
    those: impl IntoIterator<Item = Credential>,
    policy: &dyn IdentityPolicy,
    matches: impl Fn(&Credential, &Credential) -> bool,
) -> Result<Option<LeafIndex>, GroupError> {
    let mut remaining: BTreeMap<Vec<u8>, Vec<Credential>> = BTreeMap::new();
    for credential in those {
        remaining.entry(credential.encode()?).or_default().push(credential);
    }
    let mut changed = Vec::new();
    for (leaf, credential) in these {
        let same = remaining.get_mut(&credential.encode()?).and_then(Vec::pop);
        if same.is_none() {
            changed.push((leaf, credential));
        }
    }
    if changed.is_empty() {
        return Ok(None);
    }
    let mut identities: BTreeMap<Vec<u8>, VecDeque<Credential>> = BTreeMap::new();
    for credential in remaining.into_values().flatten() {
        identities.entry(policy.identity(&credential)).or_default().push_back(credential);
    }
    for (leaf, credential) in changed {
        let matched = identities.get_mut(&policy.identity(&credential)).and_then(|same| {
            let position = same.iter().position(|other| matches(&credential, other))?;
            // Removing the credential costs no more than finding it.
            same.remove(position)
        });
        if matched.is_none() {
            return Ok(Some(leaf));
        }
    }
    Ok(None)
}

/// The application's PSKs, and the resumption PSKs of the old group.
struct WithOld<'a> {
    old: &'a Group,
    psks: &'a dyn PskStore,
}

impl PskStore for WithOld<'_> {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        self.psks.external(psk_id)
    }

    fn resumption(&self, group_id: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        if *group_id == self.old.public.context.group_id {
            Ok(self.old.resumption_psk(epoch))
        } else {
            self.psks.resumption(group_id, epoch)
        }
    }
}

/// The groups that the client is in, except for the old group.
struct OtherGroups<'a> {
    own: &'a GroupId,
    groups: &'a dyn KnownGroups,
}

impl KnownGroups for OtherGroups<'_> {
    fn is_in_group(&self, group_id: &GroupId) -> Result<bool, SourceError> {
        Ok(group_id != self.own && self.groups.is_in_group(group_id)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentityError;
    use pando_wire::SignaturePublicKey;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A policy for credentials that consist of an owner and a number from 0 to 3. One bit for each
    /// pair of numbers tells whether one number may succeed the other.
    struct Numbers {
        successions: u16,
        tells_identities: bool,
    }

    fn credential((whose, number): (u8, u8)) -> Credential {
        Credential::Basic { identity: [whose, number].as_slice().into() }
    }

    fn parts(credential: &Credential) -> (u8, u8) {
        match credential {
            Credential::Basic { identity } => (identity[0], identity[1]),
            other => panic!("{other:?}"),
        }
    }

    impl IdentityPolicy for Numbers {
        fn validate(
            &self,
            _: &Credential,
            _: &SignaturePublicKey,
            _: Option<u64>,
        ) -> Result<(), IdentityError> {
            Ok(())
        }

        fn identity(&self, credential: &Credential) -> Vec<u8> {
            if self.tells_identities { vec![parts(credential).0] } else { Vec::new() }
        }

        fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
            let ((owner, old), (heir, new)) = (parts(old), parts(new));
            owner == heir && self.successions >> (4 * old + new) & 1 == 1
        }
    }

    /// The naive algorithm, which compares all pairs.
    fn obviously_unmatched(
        these: &[(u8, u8)],
        those: &[(u8, u8)],
        matches: impl Fn(&Credential, &Credential) -> bool,
    ) -> Option<LeafIndex> {
        let mut those: Vec<_> = those.iter().copied().map(credential).collect();
        those.sort_by_key(|that| that.encode().unwrap());
        let mut changed = Vec::new();
        for (leaf, this) in (0..).zip(these.iter().copied().map(credential)) {
            match those.iter().position(|that| *that == this) {
                Some(same) => drop(those.remove(same)),
                None => changed.push((leaf, this)),
            }
        }
        for (leaf, this) in changed {
            match those.iter().position(|that| matches(&this, that)) {
                Some(matching) => drop(those.remove(matching)),
                None => return Some(LeafIndex(leaf)),
            }
        }
        None
    }

    proptest! {
        /// Both algorithms agree, regardless of which credentials are equal and which may succeed
        /// one another.
        #[test]
        fn those_who_match_are_those_who_match_when_each_is_compared_with_each(
            members in vec((0_u8..2, 0_u8..4, 0_u8..4), 0..20),
            others in vec((0_u8..2, 0_u8..4), 0..4),
            (some, more) in any::<(u16, u16)>(),
            tells_identities in any::<bool>(),
        ) {
            let policy = Numbers { successions: some | more, tells_identities };
            let these: Vec<_> = members.iter().map(|&(whose, new, _)| (whose, new)).collect();
            let those: Vec<_> = members.iter().map(|&(whose, _, old)| (whose, old)).chain(others).collect();
            let matches = |new: &Credential, old: &Credential| policy.may_succeed(old, new);
            let numbered = (0..).map(LeafIndex).zip(these.iter().copied().map(credential));
            let found = unmatched(numbered, those.iter().copied().map(credential), &policy, matches);
            prop_assert_eq!(found.unwrap(), obviously_unmatched(&these, &those, matches));
        }
    }
}
