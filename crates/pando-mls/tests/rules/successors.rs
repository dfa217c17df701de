//! Tests of sections 11.2, 11.3 and 12.4.3.1: groups that claim to be successors of other groups.

use crate::fixture::violation;
use crate::group_fixture::{GroupFixture, Member, PsksOfGroup, client, suite};
use crate::material::{
    AnyIdentity, ForgedKeyPackage, LISTED, Strict, extension, key_package, psk_id, template,
};
use crate::raw_member::RawMember;
use pando_mls::{
    Extensions, Group, GroupError, GroupId, IdentityPolicy, Misuse, ProtocolVersion, ReInit, Successor,
    Suite, Violation,
};
use pando_wire::{Credential, KeyPackage, LeafIndex, Psk, ResumptionPskUsage};

const REINIT: ResumptionPskUsage = ResumptionPskUsage::ReInit;
const BRANCH: ResumptionPskUsage = ResumptionPskUsage::Branch;

fn parameters() -> Extensions {
    Extensions(vec![extension(LISTED, b"")])
}

/// Makes all members enter the last epoch of the group.
fn end(group: &mut GroupFixture) {
    let reinit = ReInit {
        group_id: "new".into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: group.suite.cipher_suite(),
        extensions: parameters(),
    };
    let (message, _) = group.build(0, |builder| builder.reinit(reinit)).unwrap();
    for member in &mut group.members {
        member.follow(&message);
    }
}

/// The claims that the raw member makes about its group.
struct Claim {
    suite: Suite,
    group_id: &'static [u8],
    extensions: Extensions,
    usage: ResumptionPskUsage,
    old: &'static [u8],
    /// The number of epochs of the old group that follow the claimed epoch.
    back: u64,
    /// The number of members in addition to the raw member and the invited client.
    others: usize,
    /// The identity that the raw member claims to have.
    name: &'static [u8],
}

/// Returns a valid claim: the raw member creates a group and claims that this group is a successor
/// of `old`.
fn claim(usage: ResumptionPskUsage) -> Claim {
    let (old, name) = (b"group".as_slice(), b"somebody".as_slice());
    let extensions = if usage == BRANCH { Extensions::default() } else { parameters() };
    Claim { suite: suite(1), group_id: b"new", extensions, usage, old, back: 0, others: 0, name }
}

impl Claim {
    /// Tries to join as an invited client that was `member` in the old group.
    fn joined(self, member: &Member) -> Result<Group, GroupError> {
        let Self { suite, group_id, extensions, usage, old, back, others, name } = self;
        let mut template = template();
        template.credential = Credential::Basic { identity: name.into() };
        let mut raw_member = RawMember::with_template(suite, template);
        let epoch = member.group.epoch() - back;
        let psk = Psk::Resumption { usage, psk_group_id: old.into(), psk_epoch: epoch };
        let value = member.group.resumption_psk(epoch).unwrap();
        raw_member.psks.push((psk_id(psk, suite.hash_len()), value));
        raw_member.context.group_id = group_id.into();
        (raw_member.context.epoch, raw_member.context.extensions) = (1, extensions);
        let group_and_invited_client = ForgedKeyPackage::of(&mut raw_member, |_| {});
        for _ in 0..others {
            let other = ForgedKeyPackage::of(&mut raw_member, |_| {});
            raw_member.add_leaf(&other.key_package);
        }
        raw_member.add_leaf(&group_and_invited_client.key_package);
        let welcome = raw_member.welcome(&group_and_invited_client.key_package);
        let psks = PsksOfGroup(&member.group);
        let cx = client(&*group_and_invited_client.signer).with_psks(&psks);
        // If a client joins without passing the old group, the error asks for it.
        let forgetful = Group::join(&welcome, &group_and_invited_client.bundle(), None, &cx);
        assert_eq!(forgetful.unwrap_err(), Misuse::OldGroupNeeded.into());
        member
            .group
            .join_successor(&welcome, &group_and_invited_client.bundle(), None, &cx)
            .map(pando_mls::Unpersisted::assume_persisted)
    }

    fn refused(self, member: &Member) -> Violation {
        violation(self.joined(member).unwrap_err())
    }
}

#[test]
fn what_claims_to_follow_from_a_group_does() {
    let mut group = GroupFixture::of(suite(1), 2);
    let old = &group.members[1];
    // The claim names a group that has not ended, or names an unrelated group.
    assert_eq!(claim(REINIT).refused(old), Violation::NoSuccessor);
    assert_eq!(Claim { old: b"another", ..claim(BRANCH) }.refused(old), Violation::NoSuccessor);
    claim(BRANCH).joined(old).unwrap();
    group.chat(0);

    end(&mut group);
    let old = &group.members[1];
    assert_eq!(Claim { old: b"another", ..claim(REINIT) }.refused(old), Violation::NoSuccessor);
    claim(REINIT).joined(old).unwrap();
}

#[test]
fn a_branch_does_not_have_the_identifier_of_a_group_that_goes_on() {
    let mut group = GroupFixture::of(suite(1), 2);
    let old = &group.members[1];
    let own: &'static [u8] = b"group";
    assert_eq!(*old.group.public().context().group_id, *own);
    assert_eq!(Claim { group_id: own, ..claim(BRANCH) }.refused(old), Violation::AlreadyInGroup);
    // No member creates a branch with the identifier of the old group either.
    let newcomer = group.newcomer();
    let successor = Successor::new(newcomer.bundle, Vec::new());
    let cx = client(&*newcomer.signer);
    let made = group.members[1].group.branch(own, Extensions::default(), successor, &cx, &mut group.rng);
    assert_eq!(violation(made.unwrap_err()), Violation::AlreadyInGroup);
    group.chat(0);
}

/// Shows that the creator of a successor checks whether the client is already in a group with the
/// new identifier. The check is necessary because another member may have chosen the identifier in
/// a ReInit.
#[test]
fn what_follows_does_not_have_the_identifier_of_another_group() {
    for usage in [REINIT, BRANCH] {
        let mut group = GroupFixture::new(suite(1));
        if usage == REINIT {
            end(&mut group);
        }
        let mut begin = |joined: &dyn Fn(&GroupId) -> bool| {
            let newcomer = group.newcomer_with(|template_of| *template_of = template());
            let cx = client(&*newcomer.signer).with_groups(&joined);
            let successor = Successor::new(newcomer.bundle, Vec::new());
            let (group, rng) = (&group.members[0].group, &mut group.rng);
            let made = match usage {
                REINIT => group.reinitialize(successor, &cx, rng),
                _ => group.branch("new", Extensions::default(), successor, &cx, rng),
            };
            made.map(drop)
        };
        let taken = begin(&|id| **id == *b"new").unwrap_err();
        assert_eq!(violation(taken), Violation::AlreadyInGroup);
        // The client itself is in the old group.
        begin(&|id| **id == *b"group").unwrap();
    }
}

#[test]
fn what_follows_from_none_is_not_joined_as_if_it_did() {
    let mut group = GroupFixture::of(suite(1), 2);
    let newcomer = group.newcomer();
    let added = newcomer.bundle.key_package.clone();
    let (_, welcome) = group.commit(0, |builder| builder.add(added));
    let cx = client(&*newcomer.signer);
    let old = &group.members[1].group;
    let joined = old.join_successor(&welcome.unwrap(), &newcomer.bundle, None, &cx);
    assert_eq!(violation(joined.unwrap_err()), Violation::NoSuccessor);
}

#[test]
fn what_follows_is_what_was_agreed_on() {
    let wrong = Violation::SuccessorParameters;
    let mut group = GroupFixture::of(suite(1), 2);
    let old = &group.members[1];
    assert_eq!(Claim { suite: suite(3), ..claim(BRANCH) }.refused(old), wrong);
    end(&mut group);
    let old = &group.members[1];
    assert_eq!(Claim { suite: suite(3), ..claim(REINIT) }.refused(old), wrong);
    assert_eq!(Claim { group_id: b"newer", ..claim(REINIT) }.refused(old), wrong);
    assert_eq!(Claim { extensions: Extensions::default(), ..claim(REINIT) }.refused(old), wrong);
    // The claim names an epoch that is not the last one.
    assert_eq!(Claim { back: 1, ..claim(REINIT) }.refused(old), wrong);
}

fn named(raw_member: &mut RawMember, name: &[u8]) -> KeyPackage {
    key_package(raw_member, |template| template.credential = Credential::Basic { identity: name.into() })
}

/// Returns the rule that prevents a member from creating a group with the clients of these names.
fn not_begun(member: &Member, usage: ResumptionPskUsage, names: &[&[u8]]) -> Violation {
    let mut raw_member = RawMember::new(suite(1));
    let creator = ForgedKeyPackage::of(&mut raw_member, |_| {});
    let key_packages = names.iter().map(|name| named(&mut raw_member, name)).collect();
    let successor = Successor::new(creator.bundle(), key_packages);
    let (cx, rng) = (client(&*creator.signer), &mut raw_member.rng);
    let begun = match usage {
        BRANCH => member.group.branch("branch", Extensions::default(), successor, &cx, rng),
        _ => member.group.reinitialize(successor, &cx, rng),
    };
    violation(begun.map(|_| ()).unwrap_err())
}

#[test]
fn nobody_is_left_behind() {
    let mut group = GroupFixture::of(suite(1), 3);
    end(&mut group);
    let old = &group.members[1];
    assert_eq!(claim(REINIT).refused(old), Violation::MemberMissing(LeafIndex(2)));
    assert_eq!(not_begun(old, REINIT, &[]), Violation::MemberMissing(LeafIndex(1)));
    // Another client does not count as the missing member.
    let strangers = Claim { name: b"a stranger", others: 1, ..claim(REINIT) };
    assert_eq!(strangers.refused(old), Violation::MemberMissing(LeafIndex(2)));
    Claim { others: 1, ..claim(REINIT) }.joined(old).unwrap();
    // Additional members are allowed in this case.
    Claim { others: 2, ..claim(REINIT) }.joined(old).unwrap();
}

#[test]
fn a_branch_has_no_strangers() {
    let group = GroupFixture::of(suite(1), 3);
    let old = &group.members[1];
    let stranger = Claim { name: b"a stranger", ..claim(BRANCH) };
    assert_eq!(stranger.refused(old), Violation::NotInOldGroup(LeafIndex(0)));
    // No member may be in the new group twice either.
    let crowd = Claim { others: 2, ..claim(BRANCH) };
    assert_eq!(crowd.refused(old), Violation::NotInOldGroup(LeafIndex(3)));
    Claim { others: 1, ..claim(BRANCH) }.joined(old).unwrap();

    let found = not_begun(old, BRANCH, &[b"somebody", b"a stranger"]);
    assert_eq!(found, Violation::NotInOldGroup(LeafIndex(2)));
}

/// Shows that the policy of the new group is used to compare identities. This policy may compare
/// identities differently.
#[test]
fn the_policy_decides_who_was_there() {
    let group = GroupFixture::of(suite(1), 2);
    let old = &group.members[1].group;
    let mut raw_member = RawMember::new(suite(1));
    let (creator, stranger) =
        (ForgedKeyPackage::of(&mut raw_member, |_| {}), named(&mut raw_member, b"a stranger"));
    let mut begin = |policy: &dyn IdentityPolicy| {
        let successor = Successor::new(creator.bundle(), vec![stranger.clone()]);
        let cx = client(&*creator.signer).with_policy(policy);
        old.branch("branch", Extensions::default(), successor, &cx, &mut raw_member.rng)
    };
    let refused = begin(&Strict).map(|_| ()).unwrap_err();
    assert_eq!(violation(refused), Violation::NotInOldGroup(LeafIndex(1)));
    drop(begin(&AnyIdentity).unwrap());
}
