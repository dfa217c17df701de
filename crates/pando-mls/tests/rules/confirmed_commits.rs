//! Shows that an observer checks the GroupInfo that accompanies a Commit (section 12.4.1). The
//! GroupInfo must describe the epoch that the Commit begins, and a member of that epoch must have
//! signed this GroupInfo. Otherwise the observer does not enter the epoch.

use crate::fixture::{RuleFixture, violation};
use crate::group_fixture::{Member, over_the_wire};
use crate::make::{add, reinit};
use crate::material::{ForgedKeyPackage, LISTED, by_value, extension, remove, stranger};
use crate::raw_member::RawMember;
use pando_crypto::Signer;
use pando_mls::{
    BasicIdentities, CipherSuite, ExtensionType, Extensions, GroupError, GroupInfo, LeafIndex, Limits,
    Misuse, MlsMessage, Processed, Proposal, ProtocolVersion, PublicGroup, PublicProcessed, PublicStaged,
    Suite, Violation,
};

/// An observer that has staged a Commit of the raw member. The raw member is already in the epoch
/// that the Commit begins.
struct Attempt {
    raw_member: RawMember,
    /// A member that is in the new epoch.
    staying: Member,
    /// A member that the Commit removes, and that is still in the previous epoch.
    removed: Member,
    observer: PublicGroup,
    staged: PublicStaged,
    /// The GroupInfo of the previous epoch.
    old: GroupInfo,
}

fn staged(observer: &mut PublicGroup, commit: &MlsMessage) -> PublicStaged {
    let message = over_the_wire(commit);
    match observer.process(message, &BasicIdentities, &pando_mls::AdmitAll, None).unwrap().assume_persisted()
    {
        PublicProcessed::Commit(staged) => *staged,
        other => panic!("not a Commit: {other:?}"),
    }
}

fn sign(group_info: &mut GroupInfo, suite: Suite, signer: &dyn Signer) {
    let to_be_signed = group_info.to_be_signed().unwrap();
    group_info.signature = suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed).unwrap();
}

impl Attempt {
    /// Returns an attempt in which the raw member removes the member at leaf 2.
    fn new() -> Self {
        let RuleFixture { mut raw_member, mut members, mut observer, .. } = RuleFixture::new();
        let old = raw_member.group_info();
        let commit = raw_member.commit(by_value(&[remove(2)]), |tree, _| {
            tree.remove(LeafIndex(2)).unwrap();
            tree.truncate().unwrap();
        });
        let staged = staged(&mut observer, &commit);
        let (removed, mut staying) = (members.remove(1), members.remove(0));
        match staying.process(&commit).unwrap() {
            Processed::Commit(staged) => drop(staying.merge(*staged)),
            other => panic!("not a Commit: {other:?}"),
        }
        Self { raw_member, staying, removed, observer, staged, old }
    }

    /// Returns the rule for which the observer rejects a GroupInfo, after checking that the
    /// observer has not changed.
    fn refused(&mut self, group_info: &GroupInfo) -> Violation {
        let rows = self.observer.rows().unwrap();
        let error = self.observer.merge(&self.staged, group_info).unwrap_err();
        assert_eq!(self.observer.rows().unwrap(), rows);
        violation(error)
    }

    /// Returns the rule for which the observer rejects a GroupInfo that was changed before it was
    /// signed.
    fn refused_signed(&mut self, change: impl FnOnce(&mut GroupInfo)) -> Violation {
        let mut group_info = self.raw_member.group_info();
        change(&mut group_info);
        self.raw_member.sign_group_info(&mut group_info);
        self.refused(&group_info)
    }

    /// Checks that the valid GroupInfo is still accepted for the same staged epoch.
    fn merges(mut self, group_info: &GroupInfo) {
        let _ = self.observer.merge(&self.staged, group_info).unwrap();
        assert_eq!(self.observer.public().context(), &self.raw_member.context);
    }

    fn check_continues(self) {
        let group_info = self.raw_member.group_info();
        self.merges(&group_info);
    }
}

#[test]
fn it_describes_the_epoch_that_the_commit_begins() {
    let mut attempt = Attempt::new();
    let changes: [fn(&mut GroupInfo); 9] = [
        |info| info.group_context.version = ProtocolVersion(2),
        |info| info.group_context.cipher_suite = CipherSuite(3),
        |info| info.group_context.group_id = b"others".as_slice().into(),
        |info| info.group_context.epoch -= 1,
        |info| info.group_context.epoch += 1,
        |info| info.group_context.tree_hash = vec![1; 32].into(),
        |info| info.group_context.confirmed_transcript_hash = vec![1; 32].into(),
        |info| info.group_context.confirmed_transcript_hash = Vec::new().into(),
        |info| info.group_context.extensions.0.push(extension(LISTED, b"")),
    ];
    for change in changes {
        assert_eq!(attempt.refused_signed(change), Violation::GroupInfoContext);
    }
    let old = attempt.old.clone();
    assert_eq!(attempt.refused(&old), Violation::GroupInfoContext);
    attempt.check_continues();
}

#[test]
fn it_has_the_confirmation_tag_of_the_commit() {
    let mut attempt = Attempt::new();
    let tag = attempt.raw_member.group_info().confirmation_tag;
    for position in 0..tag.len() {
        let found = attempt.refused_signed(|info| {
            let mut changed = tag.to_vec();
            changed[position] ^= 1;
            info.confirmation_tag = changed.into();
        });
        assert_eq!(found, Violation::ConfirmationTag);
    }
    let found = attempt.refused_signed(|info| info.confirmation_tag = tag[1..].to_vec().into());
    assert_eq!(found, Violation::ConfirmationTag);
    let old_tag = attempt.old.confirmation_tag.clone();
    let found = attempt.refused_signed(|info| info.confirmation_tag = old_tag);
    assert_eq!(found, Violation::ConfirmationTag);
    attempt.check_continues();
}

#[test]
fn it_is_signed_by_a_member_of_the_new_epoch() {
    let mut attempt = Attempt::new();
    // The raw member signs but names another signer: the removed member, or a leaf that does not
    // exist.
    for leaf in [2, 3, 1 << 31, u32::MAX].map(LeafIndex) {
        let found = attempt.refused_signed(|info| info.signer = leaf);
        assert_eq!(found, Violation::GroupInfoSigner(leaf));
    }
    let found = attempt.refused_signed(|info| info.signer = LeafIndex(1));
    assert_eq!(found, Violation::GroupInfoSignature);
    // The removed member signs, first in its own name and then in the name of the raw member. A
    // client outside the group signs, too.
    let (suite, good) = (attempt.raw_member.suite, attempt.raw_member.group_info());
    for (leaf, is_removed, expected) in [
        (2, true, Violation::GroupInfoSigner(LeafIndex(2))),
        (0, true, Violation::GroupInfoSignature),
        (0, false, Violation::GroupInfoSignature),
    ] {
        let mut group_info = GroupInfo { signer: LeafIndex(leaf), ..good.clone() };
        let stranger = stranger(suite);
        sign(&mut group_info, suite, if is_removed { &*attempt.removed.signer } else { &*stranger });
        assert_eq!(attempt.refused(&group_info), expected);
    }
    let old = attempt.removed.group_info(false);
    assert_eq!(attempt.refused(&old), Violation::GroupInfoSigner(LeafIndex(2)));
    // The GroupInfo is changed after it was signed.
    let changes: [fn(&mut GroupInfo); 4] = [
        |info| info.signature = Vec::new().into(),
        |info| info.confirmation_tag = Vec::new().into(),
        |info| info.group_context.epoch += 1,
        |info| info.extensions.0.push(extension(LISTED, b"")),
    ];
    for change in changes {
        let mut group_info = good.clone();
        change(&mut group_info);
        assert_eq!(attempt.refused(&group_info), Violation::GroupInfoSignature);
    }
    attempt.check_continues();
}

#[test]
fn another_member_of_the_new_epoch_may_sign_it() {
    for with_tree in [false, true] {
        let attempt = Attempt::new();
        let group_info = attempt.staying.group_info(with_tree);
        attempt.merges(&group_info);
    }
}

#[test]
fn a_new_member_does_not_vouch_for_the_commit_that_adds_it() {
    let RuleFixture { mut raw_member, mut observer, .. } = RuleFixture::new();
    let newcomer = ForgedKeyPackage::of(&mut raw_member, |_| {});
    let proposals = by_value(&[add(newcomer.key_package.clone())]);
    let commit = raw_member.commit_with(proposals, None, |tree, _| {
        assert_eq!(tree.add(&newcomer.key_package.leaf_node).unwrap(), LeafIndex(3));
    });
    let staged = staged(&mut observer, &commit);
    let mut group_info = GroupInfo { signer: LeafIndex(3), ..raw_member.group_info() };
    sign(&mut group_info, raw_member.suite, &*newcomer.signer);
    let refused = observer.merge(&staged, &group_info).unwrap_err();
    assert_eq!(violation(refused), Violation::GroupInfoSigner(LeafIndex(3)));
    // The GroupInfo of the committer is accepted.
    let _ = observer.merge(&staged, &raw_member.group_info()).unwrap();
    assert_eq!(observer.public().context(), &raw_member.context);
}

/// Shows that an observer that does not know that the group has ended can stage a Commit that
/// follows the end.
#[test]
fn a_group_that_has_ended_does_not_go_on() {
    let RuleFixture { mut raw_member, mut observer, .. } = RuleFixture::new();
    let end = Proposal::ReInit(Box::new(reinit(raw_member.suite, Extensions::default())));
    let end = raw_member.commit(by_value(&[end]), |_, _| {});
    let ending = staged(&mut observer, &end);
    let group_info = raw_member.group_info();
    let _ = observer.merge(&ending, &group_info).unwrap();
    let limits = Limits::default();
    let mut other = PublicGroup::new(raw_member.suite, &group_info, None, &BasicIdentities, limits)
        .unwrap()
        .assume_persisted();
    let next = raw_member.commit(Vec::new(), |_, _| {});
    let next = staged(&mut other, &next);
    let group_info = raw_member.group_info();
    let stale = GroupError::Misuse(Misuse::StaleCommit);
    assert_eq!(observer.merge(&next, &group_info).unwrap_err(), stale);
    assert_eq!(observer.merge_unconfirmed(&next).unwrap_err(), stale);
    let _ = other.merge(&next, &group_info).unwrap();
}

#[test]
fn its_extensions_are_of_one_type_each() {
    let mut attempt = Attempt::new();
    let twice = [extension(LISTED, b"1"), extension(LISTED, b"2")];
    let found = attempt.refused_signed(|info| info.extensions.0.extend(twice));
    assert_eq!(found, Violation::DuplicateExtension(LISTED));
    attempt.check_continues();
}

/// Shows that a tree in the GroupInfo is ignored, because the observer already has the tree of the
/// epoch. Only joiners use and verify such a tree.
#[test]
fn a_tree_inside_is_ignored() {
    let attempt = Attempt::new();
    let mut group_info = attempt.raw_member.group_info();
    let inside = group_info.extensions.0.iter_mut();
    let mut tree = inside.filter(|inside| inside.extension_type == ExtensionType::RATCHET_TREE);
    tree.next().unwrap().extension_data = vec![1, 2, 3].into();
    attempt.raw_member.sign_group_info(&mut group_info);
    attempt.merges(&group_info);
}
