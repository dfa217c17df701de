//! Sections 11.2, 11.3 and 12.4.3.1: groups that claim to be successors of others.

use crate::forge::{Forgery, Gullible, LISTED, Strict, extension, key_package, psk_id, template};
use crate::puppet::Puppet;
use crate::stage::violation;
use crate::world::{Knows, Member, World, client, suite};
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

/// Brings all members to the last epoch of the group.
fn end(world: &mut World) {
    let reinit = ReInit {
        group_id: "new".into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: world.suite.cipher_suite(),
        extensions: parameters(),
    };
    let (message, _) = world.build(0, |builder| builder.reinit(reinit)).unwrap();
    for member in &mut world.members {
        member.follow(&message);
    }
}

/// The puppet's claims about its group.
struct Claim {
    suite: Suite,
    group_id: &'static [u8],
    extensions: Extensions,
    usage: ResumptionPskUsage,
    old: &'static [u8],
    /// The number of epochs of the old group after the claimed one.
    back: u64,
    /// The number of members beside the puppet and the invited client.
    others: usize,
    /// The identity that the puppet claims.
    name: &'static [u8],
}

/// Returns a valid claim: the puppet creates a group and claims that it is a successor of `old`.
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
        let mut puppet = Puppet::with_template(suite, template);
        let epoch = member.group.epoch() - back;
        let psk = Psk::Resumption { usage, psk_group_id: old.into(), psk_epoch: epoch };
        let value = member.group.resumption_psk(epoch).unwrap();
        puppet.psks.push((psk_id(psk, suite.hash_len()), value));
        puppet.context.group_id = group_id.into();
        (puppet.context.epoch, puppet.context.extensions) = (1, extensions);
        let invited = Forgery::of(&mut puppet, |_| {});
        for _ in 0..others {
            let other = Forgery::of(&mut puppet, |_| {});
            puppet.seat(&other.key_package);
        }
        puppet.seat(&invited.key_package);
        let welcome = puppet.welcome(&invited.key_package);
        let psks = Knows(&member.group);
        let client = client(&*invited.signer).with_psks(&psks);
        // A client that joins without the old group gets an error that asks for it.
        let forgetful = Group::join(&welcome, &invited.bundle(), None, &client);
        assert_eq!(forgetful.unwrap_err(), Misuse::OldGroupNeeded.into());
        member
            .group
            .join_successor(&welcome, &invited.bundle(), None, &client)
            .map(pando_mls::Unpersisted::assume_persisted)
    }

    fn refused(self, member: &Member) -> Violation {
        violation(self.joined(member).unwrap_err())
    }
}

#[test]
fn what_claims_to_follow_from_a_group_does() {
    let mut world = World::of(suite(1), 2);
    let old = &world.members[1];
    // The claim names a group that has not ended, or another one.
    assert_eq!(claim(REINIT).refused(old), Violation::NoSuccessor);
    assert_eq!(Claim { old: b"another", ..claim(BRANCH) }.refused(old), Violation::NoSuccessor);
    claim(BRANCH).joined(old).unwrap();
    world.chat(0);

    end(&mut world);
    let old = &world.members[1];
    assert_eq!(Claim { old: b"another", ..claim(REINIT) }.refused(old), Violation::NoSuccessor);
    claim(REINIT).joined(old).unwrap();
}

#[test]
fn a_branch_does_not_have_the_identifier_of_a_group_that_goes_on() {
    let mut world = World::of(suite(1), 2);
    let old = &world.members[1];
    let own: &'static [u8] = b"group";
    assert_eq!(*old.group.public().context().group_id, *own);
    assert_eq!(Claim { group_id: own, ..claim(BRANCH) }.refused(old), Violation::AlreadyInGroup);
    // No member creates such a group either.
    let newcomer = world.newcomer();
    let successor = Successor::new(newcomer.bundle, Vec::new());
    let client = client(&*newcomer.signer);
    let made = world.members[1].group.branch(own, Extensions::default(), successor, &client, &mut world.rng);
    assert_eq!(violation(made.unwrap_err()), Violation::AlreadyInGroup);
    world.chat(0);
}

/// The creator of a successor asks whether the client is in a group with its identifier, because
/// another member may have chosen it in a ReInit.
#[test]
fn what_follows_does_not_have_the_identifier_of_another_group() {
    for usage in [REINIT, BRANCH] {
        let mut world = World::new(suite(1));
        if usage == REINIT {
            end(&mut world);
        }
        let mut begin = |joined: &dyn Fn(&GroupId) -> bool| {
            let newcomer = world.newcomer_with(|says| *says = template());
            let client = client(&*newcomer.signer).with_groups(&joined);
            let successor = Successor::new(newcomer.bundle, Vec::new());
            let (group, rng) = (&world.members[0].group, &mut world.rng);
            let made = match usage {
                REINIT => group.reinitialize(successor, &client, rng),
                _ => group.branch("new", Extensions::default(), successor, &client, rng),
            };
            made.map(drop)
        };
        let taken = begin(&|id| **id == *b"new").unwrap_err();
        assert_eq!(violation(taken), Violation::AlreadyInGroup);
        // The client is in the old group itself.
        begin(&|id| **id == *b"group").unwrap();
    }
}

#[test]
fn what_follows_from_none_is_not_joined_as_if_it_did() {
    let mut world = World::of(suite(1), 2);
    let newcomer = world.newcomer();
    let added = newcomer.bundle.key_package.clone();
    let (_, welcome) = world.commit(0, |builder| builder.add(added));
    let client = client(&*newcomer.signer);
    let old = &world.members[1].group;
    let joined = old.join_successor(&welcome.unwrap(), &newcomer.bundle, None, &client);
    assert_eq!(violation(joined.unwrap_err()), Violation::NoSuccessor);
}

#[test]
fn what_follows_is_what_was_agreed_on() {
    let wrong = Violation::SuccessorParameters;
    let mut world = World::of(suite(1), 2);
    let old = &world.members[1];
    assert_eq!(Claim { suite: suite(3), ..claim(BRANCH) }.refused(old), wrong);
    end(&mut world);
    let old = &world.members[1];
    assert_eq!(Claim { suite: suite(3), ..claim(REINIT) }.refused(old), wrong);
    assert_eq!(Claim { group_id: b"newer", ..claim(REINIT) }.refused(old), wrong);
    assert_eq!(Claim { extensions: Extensions::default(), ..claim(REINIT) }.refused(old), wrong);
    // The claim names an epoch before the last one.
    assert_eq!(Claim { back: 1, ..claim(REINIT) }.refused(old), wrong);
}

fn named(puppet: &mut Puppet, name: &[u8]) -> KeyPackage {
    key_package(puppet, |template| template.credential = Credential::Basic { identity: name.into() })
}

/// Returns the rule that prevents a member from creating a group with others.
fn not_begun(member: &Member, usage: ResumptionPskUsage, names: &[&[u8]]) -> Violation {
    let mut puppet = Puppet::new(suite(1));
    let creator = Forgery::of(&mut puppet, |_| {});
    let key_packages = names.iter().map(|name| named(&mut puppet, name)).collect();
    let successor = Successor::new(creator.bundle(), key_packages);
    let (client, rng) = (client(&*creator.signer), &mut puppet.rng);
    let begun = match usage {
        BRANCH => member.group.branch("branch", Extensions::default(), successor, &client, rng),
        _ => member.group.reinitialize(successor, &client, rng),
    };
    violation(begun.map(|_| ()).unwrap_err())
}

#[test]
fn nobody_is_left_behind() {
    let mut world = World::of(suite(1), 3);
    end(&mut world);
    let old = &world.members[1];
    assert_eq!(claim(REINIT).refused(old), Violation::MemberMissing(LeafIndex(2)));
    assert_eq!(not_begun(old, REINIT, &[]), Violation::MemberMissing(LeafIndex(1)));
    // Another client does not count as a missing member.
    let strangers = Claim { name: b"a stranger", others: 1, ..claim(REINIT) };
    assert_eq!(strangers.refused(old), Violation::MemberMissing(LeafIndex(2)));
    Claim { others: 1, ..claim(REINIT) }.joined(old).unwrap();
    // Additional members are allowed.
    Claim { others: 2, ..claim(REINIT) }.joined(old).unwrap();
}

#[test]
fn a_branch_has_no_strangers() {
    let world = World::of(suite(1), 3);
    let old = &world.members[1];
    let stranger = Claim { name: b"a stranger", ..claim(BRANCH) };
    assert_eq!(stranger.refused(old), Violation::NotInOldGroup(LeafIndex(0)));
    // No member is in it twice either.
    let crowd = Claim { others: 2, ..claim(BRANCH) };
    assert_eq!(crowd.refused(old), Violation::NotInOldGroup(LeafIndex(3)));
    Claim { others: 1, ..claim(BRANCH) }.joined(old).unwrap();

    let found = not_begun(old, BRANCH, &[b"somebody", b"a stranger"]);
    assert_eq!(found, Violation::NotInOldGroup(LeafIndex(2)));
}

/// The new group's policy may compare identities differently.
#[test]
fn the_policy_decides_who_was_there() {
    let world = World::of(suite(1), 2);
    let old = &world.members[1].group;
    let mut puppet = Puppet::new(suite(1));
    let (creator, stranger) = (Forgery::of(&mut puppet, |_| {}), named(&mut puppet, b"a stranger"));
    let mut begin = |policy: &dyn IdentityPolicy| {
        let successor = Successor::new(creator.bundle(), vec![stranger.clone()]);
        let client = client(&*creator.signer).with_policy(policy);
        old.branch("branch", Extensions::default(), successor, &client, &mut puppet.rng)
    };
    let refused = begin(&Strict).map(|_| ()).unwrap_err();
    assert_eq!(violation(refused), Violation::NotInOldGroup(LeafIndex(1)));
    drop(begin(&Gullible).unwrap());
}
