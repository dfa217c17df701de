//! A client is invited to a group that falsely claims to be the successor of another group, or that
//! does not have the agreed parameters.

use crate::group_fixture::{GroupFixture, Newcomer, PsksOfGroup, client, fast_suites, suite, template};
use crate::proposals::{extensions, reinit};
use crate::successors::{Way, create, newcomers, reinitialize};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{BasicIdentities, Group, GroupError, GroupId, Misuse, Psk, Suite, Violation, Welcome};

fn id(name: &[u8]) -> GroupId {
    name.into()
}

/// Returns a Welcome to a group that a member has created without the successor API. Also returns
/// the client that it invites.
fn made(fixture: &mut GroupFixture, suite: Suite, group_id: &[u8], psks: Vec<Psk>) -> (Newcomer, Welcome) {
    let Newcomer { signer, bundle } = Newcomer::new(suite, template(), &mut fixture.rng);
    let invited = Newcomer::new(suite, template(), &mut fixture.rng);
    let knows = PsksOfGroup(&fixture.members[1].group);
    let cx = client(&*signer).with_psks(&knows);
    let extensions = extensions(&[0xf0f0]);
    let created = Group::builder(id(group_id)).extensions(extensions).build(bundle, &cx, &mut fixture.rng);
    let mut group = created.unwrap().assume_persisted();
    let builder = group.commit().add(invited.key_package());
    let builder = psks.into_iter().fold(builder, pando_mls::CommitBuilder::psk);
    let output = builder.build(&cx, &mut fixture.rng).unwrap().assume_persisted();
    (invited, output.welcome.unwrap())
}

/// Returns the error that a client reports when it is invited to a group with a false claim.
fn forged(fixture: &mut GroupFixture, suite: Suite, group_id: &[u8], psk: &Psk) -> GroupError {
    let (invited, welcome) = made(fixture, suite, group_id, vec![psk.clone()]);
    let knows = PsksOfGroup(&fixture.members[1].group);
    let alone = client(&*invited.signer).with_psks(&knows);
    let joined = Group::join(&welcome, &invited.bundle, None, &alone).map(|_| ());
    assert_eq!(joined.unwrap_err(), GroupError::Misuse(Misuse::OldGroupNeeded));
    let old = &fixture.members[0].group;
    old.join_successor(&welcome, &invited.bundle, None, &alone).map(|_| ()).unwrap_err()
}

#[test]
fn what_claims_to_follow_must_be_what_was_agreed_on() {
    for (ours, other) in [(1, 3), (2, 1), (3, 2)] {
        claims_are_compared(suite(ours), suite(other));
    }
}

fn claims_are_compared(ours: Suite, other: Suite) {
    let mut fixture = GroupFixture::of(ours, 2);
    let psk = |fixture: &GroupFixture, usage, back| Psk::Resumption {
        usage,
        psk_group_id: id(b"group"),
        psk_epoch: fixture.context().epoch - back,
    };
    let (again, branch) = (ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch);
    let no_successor = GroupError::Violation(Violation::NoSuccessor);
    let parameters = GroupError::Violation(Violation::SuccessorParameters);

    // The group claims to reinitialize a group that was not reinitialized, or names another group.
    let claim = psk(&fixture, again, 0);
    assert_eq!(forged(&mut fixture, ours, b"next", &claim), no_successor);
    let elsewhere = Psk::Resumption { usage: branch, psk_group_id: id(b"x"), psk_epoch: 1 };
    assert_eq!(forged(&mut fixture, ours, b"next", &elsewhere), no_successor);
    // The branch has a different cipher suite.
    let claim = psk(&fixture, branch, 0);
    assert_eq!(forged(&mut fixture, other, b"next", &claim), parameters);
    // The reinitialized group has a different group ID or cipher suite, or names a different epoch.
    reinitialize(&mut fixture, 0, reinit(ours, extensions(&[0xf0f0])));
    let claim = psk(&fixture, again, 0);
    assert_eq!(forged(&mut fixture, ours, b"newer", &claim), parameters);
    assert_eq!(forged(&mut fixture, other, b"next", &claim), parameters);
    let claim = psk(&fixture, again, 1);
    assert_eq!(forged(&mut fixture, ours, b"next", &claim), parameters);
}

#[test]
fn an_ordinary_group_follows_from_none() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let newcomer = fixture.newcomer();
        let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.key_package()));
        let joined = newcomer.join_successor(&welcome.unwrap(), &fixture.members[0]).map(|_| ());
        assert_eq!(joined.unwrap_err(), GroupError::Violation(Violation::NoSuccessor));
        let creator = newcomers(&mut fixture, suite, 1).pop().unwrap();
        let created =
            create(&mut fixture, 0, Way::Reinitialized, creator, vec![], &BasicIdentities).map(|_| ());
        assert_eq!(created.unwrap_err(), GroupError::Misuse(Misuse::NotReinitialized));
    }
}

#[test]
fn nothing_follows_from_two_groups() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let psks = [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch].map(|usage| Psk::Resumption {
            usage,
            psk_group_id: id(b"group"),
            psk_epoch: 1,
        });
        let (invited, welcome) = made(&mut fixture, suite, b"next", psks.to_vec());
        let joined = invited.join_successor(&welcome, &fixture.members[0]).map(|_| ());
        assert_eq!(joined.unwrap_err(), GroupError::Violation(Violation::SeveralResumptionPsks));
    }
}
