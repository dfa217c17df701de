//! Functions that create successor groups, for the scenarios about successors.

use crate::group_fixture::{GroupFixture, Member, Newcomer, client, template};
use pando_mls::{
    Created, GroupError, GroupId, IdentityPolicy, KeyPackage, ReInit, Rows, Successor, Suite, Welcome,
};

/// The two ways to create a successor group.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Reinitialized,
    Branched,
}

pub(crate) fn newcomers(fixture: &mut GroupFixture, suite: Suite, count: usize) -> Vec<Newcomer> {
    (0..count).map(|_| Newcomer::new(suite, template(), &mut fixture.rng)).collect()
}

pub(crate) fn key_packages(newcomers: &[Newcomer]) -> Vec<KeyPackage> {
    newcomers.iter().map(Newcomer::key_package).collect()
}

/// Reinitializes the group and makes all members enter its last epoch.
pub(crate) fn reinitialize(fixture: &mut GroupFixture, by: usize, reinit: ReInit) {
    let (message, _) = fixture.build(by, |builder| builder.reinit(reinit)).unwrap();
    for index in 0..fixture.members.len() {
        assert_eq!(fixture.members[index].follow(&message), index == by);
        assert!(!fixture.members[index].group.is_active());
    }
    fixture.agree();
}

/// Creates a successor group as a member of the old group.
pub(crate) fn create(
    fixture: &mut GroupFixture,
    by: usize,
    way: Way,
    creator: Newcomer,
    key_packages: Vec<KeyPackage>,
    policy: &dyn IdentityPolicy,
) -> Result<(Member, Welcome), GroupError> {
    let Newcomer { signer, bundle } = creator;
    let (successor, cx) = (Successor::new(bundle, key_packages), client(&*signer).with_policy(policy));
    let (old, rng) = (&fixture.members[by].group, &mut fixture.rng);
    let created = match way {
        Way::Reinitialized => old.reinitialize(successor, &cx, rng)?,
        Way::Branched => {
            let extensions = old.public().context().extensions.clone();
            old.branch(GroupId::from(b"branch".as_slice()), extensions, successor, &cx, rng)?
        }
    };
    let mut rows = Rows::new();
    let Created { group, welcome } = created.persist_to(&mut rows).unwrap();
    Ok((Member { signer, group, rows }, welcome.unwrap()))
}

/// Checks that the new group is usable.
pub(crate) fn lives_on(mut fixture: GroupFixture, members: Vec<Member>) {
    fixture.suite = members[0].group.public().suite();
    fixture.members = members;
    fixture.agree();
    fixture.commit(1, |builder| builder);
    fixture.chat(0);
    fixture.add(0, 1);
    let last = fixture.members.len() - 1;
    fixture.chat(last);
    fixture.commit(0, |builder| builder);
}
