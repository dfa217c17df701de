//! A ReInit must be the only proposal of its Commit, so it waits while other proposals are pending.

use crate::proposals::{extensions, psk, reinit};
use crate::world::{World, external_psk, suites};
use pando_mls::Proposal;

#[test]
fn a_reinitialization_gives_way() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let reinit = || Proposal::ReInit(Box::new(reinit(suite, extensions(&[]))));
        world.propose(1, reinit());
        world.propose(1, psk(external_psk(1), suite.hash_len()));
        world.commit(0, |builder| builder);
        world.propose(1, reinit());
        world.commit(0, |builder| builder.psk(external_psk(2)));
        assert!(world.members.iter().all(|member| member.group.is_active()));
        // Of two ReInits, one is committed.
        world.propose(1, reinit());
        world.propose(0, reinit());
        let (message, _) = world.build(0, |builder| builder).unwrap();
        for index in [0, 1] {
            assert_eq!(world.members[index].follow(&message), index == 0);
            assert!(world.members[index].group.reinit().is_some());
        }
        world.agree();
    }
}
