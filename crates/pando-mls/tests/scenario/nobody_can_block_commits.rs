//! One member proposes everything at once that does not go together. Every other one can commit all the same, and
//! takes what does.

use crate::proposals::{add, custom, extensions, psk, reinit, remove, set_extensions};
use crate::world::{World, external_psk, fast_suites};
use pando_mls::{LeafIndex, Proposal};

#[test]
fn nobody_can_keep_others_from_making_commits() {
    for (committer, suite) in (0..3).flat_map(|committer| fast_suites().map(move |suite| (committer, suite)))
    {
        let mut world = World::of(suite, 4);
        // A fifth one, who never comes, and does not know the application's proposals.
        let plain = world.newcomer_with(|template| template.capabilities.proposals = vec![]).key_package();
        world.commit(0, |builder| builder.add(plain.clone()));
        for proposal in [
            remove(0),
            remove(1),
            remove(2),
            remove(2),
            // GREASE, which all list and nobody supports.
            set_extensions(extensions(&[0x1a1a])),
            set_extensions(extensions(&[0xf00d])),
            set_extensions(extensions(&[])),
            set_extensions(extensions(&[])),
            Proposal::ReInit(Box::new(reinit(suite, extensions(&[])))),
            psk(external_psk(1), 32),
            psk(external_psk(1), 32),
            add(plain.clone()),
            // Which the fifth leaf keeps from being committed.
            custom(0xf001, b""),
            custom(0xf002, b""),
        ] {
            world.propose(3, proposal);
        }
        world.propose_update(3);
        world.propose_update(3);
        world.propose_update(committer);
        world.commit(committer, |builder| builder);
        let left: Vec<_> = world.tree().members().collect();
        let committer = u32::try_from(committer).unwrap();
        assert_eq!(left, [committer, 3, 4].map(LeafIndex));
        world.chat(0);
    }
}
