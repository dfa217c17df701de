//! Creates groups that are successors of others, for the stories about them.

use crate::world::{Member, Newcomer, World, client, template};
use pando_mls::{
    Created, GroupError, GroupId, IdentityPolicy, KeyPackage, ReInit, Rows, Successor, Suite, Welcome,
};

/// The two kinds of successors.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Reinitialized,
    Branched,
}

pub(crate) fn newcomers(world: &mut World, suite: Suite, count: usize) -> Vec<Newcomer> {
    (0..count).map(|_| Newcomer::new(suite, template(), &mut world.rng)).collect()
}

pub(crate) fn key_packages(newcomers: &[Newcomer]) -> Vec<KeyPackage> {
    newcomers.iter().map(Newcomer::key_package).collect()
}

/// Brings all members to the last epoch of their group.
pub(crate) fn reinitialize(world: &mut World, by: usize, reinit: ReInit) {
    let (message, _) = world.build(by, |builder| builder.reinit(reinit)).unwrap();
    for index in 0..world.members.len() {
        assert_eq!(world.members[index].follow(&message), index == by);
        assert!(!world.members[index].group.is_active());
    }
    world.agree();
}

/// A member creates a successor of its group.
pub(crate) fn create(
    world: &mut World,
    by: usize,
    way: Way,
    creator: Newcomer,
    key_packages: Vec<KeyPackage>,
    policy: &dyn IdentityPolicy,
) -> Result<(Member, Welcome), GroupError> {
    let Newcomer { signer, bundle } = creator;
    let (successor, client) = (Successor::new(bundle, key_packages), client(&*signer).with_policy(policy));
    let (old, rng) = (&world.members[by].group, &mut world.rng);
    let created = match way {
        Way::Reinitialized => old.reinitialize(successor, &client, rng)?,
        Way::Branched => {
            let extensions = old.public().context().extensions.clone();
            old.branch(GroupId::from(b"branch".as_slice()), extensions, successor, &client, rng)?
        }
    };
    let mut rows = Rows::new();
    let Created { group, welcome } = created.persist_to(&mut rows).unwrap();
    Ok((Member { signer, group, rows }, welcome.unwrap()))
}

/// Checks that the new group works.
pub(crate) fn lives_on(mut world: World, members: Vec<Member>) {
    world.suite = members[0].group.public().suite();
    world.members = members;
    world.agree();
    world.commit(1, |builder| builder);
    world.chat(0);
    world.add(0, 1);
    let last = world.members.len() - 1;
    world.chat(last);
    world.commit(0, |builder| builder);
}
