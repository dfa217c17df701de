//! Some members branch off into a group of their own. Both groups continue, and neither knows the
//! secrets of the other.

use crate::group_fixture::{GroupFixture, Member, client, suite, suites};
use crate::successors::{Way, create, key_packages, lives_on, newcomers};
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{
    BasicIdentities, Created, Extension, Extensions, FramingError, Group, GroupError, Missing, Rows,
    Successor,
};

#[test]
fn everybody_branches_off() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let mut newcomers = newcomers(&mut fixture, suite, 3);
        let (creator, packages) = (newcomers.pop().unwrap(), key_packages(&newcomers));
        let (creator, welcome) =
            create(&mut fixture, 0, Way::Branched, creator, packages, &BasicIdentities).unwrap();
        assert_eq!(creator.group.epoch(), 1);
        assert_eq!(creator.group.public().context().extensions, fixture.context().extensions);
        let mut members = vec![creator];
        for (newcomer, old) in newcomers.into_iter().zip([1, 2]) {
            members.push(newcomer.join_successor(&welcome, &fixture.members[old]).unwrap());
        }
        lives_on(fixture, members);
    }
}

#[test]
fn a_branch_may_have_other_extensions() {
    let mut fixture = GroupFixture::of(suite(1), 2);
    let required = Extension::new(&RequiredCapabilities::default()).unwrap();
    let extensions = Extensions(vec![required]);
    assert_ne!(extensions, fixture.context().extensions);
    let mut newcomers = newcomers(&mut fixture, suite(1), 2);
    let (creator, other) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
    let successor = Successor::new(creator.bundle, vec![other.key_package()]);
    let (old, id, cx) = (&fixture.members[0].group, "branch", client(&*creator.signer));
    let created = old.branch(id, extensions.clone(), successor, &cx, &mut fixture.rng).unwrap();
    let mut rows = Rows::new();
    let Created { group, welcome } = created.persist_to(&mut rows).unwrap();
    let creators = Member { signer: creator.signer, group, rows };
    let others = other.join_successor(&welcome.unwrap(), &fixture.members[1]).unwrap();
    assert_eq!(others.group.public().context().extensions, extensions);
    lives_on(fixture, vec![creators, others]);
}

#[test]
fn some_members_branch_off() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 4);
        let mut newcomers = newcomers(&mut fixture, suite, 2);
        let (creator, other) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
        let packages = vec![other.key_package()];
        let (mut creator, welcome) =
            create(&mut fixture, 0, Way::Branched, creator, packages, &BasicIdentities).unwrap();
        // The old group continues in the meantime.
        fixture.commit(0, |builder| builder);
        // Joining requires the resumption PSK of the old group.
        let alone = Group::join(&welcome, &other.bundle, None, &client(&*other.signer)).map(|_| ());
        assert!(matches!(alone.unwrap_err(), GroupError::Missing(Missing::Psk(_))));
        let mut other = other.join_successor(&welcome, &fixture.members[3]).unwrap();
        fixture.chat(0);
        // A member that was not invited cannot join the branch either, and cannot read its
        // messages.
        let uninvited = fixture.newcomer().join_successor(&welcome, &fixture.members[1]).map(|_| ());
        assert_eq!(uninvited.unwrap_err(), GroupError::Missing(Missing::WelcomeSecrets));
        let among_us = creator.send(b"among us", &mut fixture.rng).unwrap();
        for member in &mut fixture.members {
            let refused = member.process(&among_us).unwrap_err();
            assert_eq!(refused, GroupError::Framing(FramingError::WrongGroup));
        }
        crate::group_fixture::read(other.process(&among_us));
        let among_them = fixture.send(1, b"among them");
        assert!(creator.process(&among_them).is_err());
        lives_on(fixture, vec![creator, other]);
    }
}
