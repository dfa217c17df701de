//! Several members propose group extensions. The Commit covers one of the proposals: the first that
//! all members support. The committer's own proposals come first.

use crate::proposals::{extensions, set_extensions};
use crate::world::{World, suites};
use pando_mls::Extensions;

#[test]
fn extensions_are_replaced_once_and_by_what_members_support() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        for types in [&[0xf00d][..], &[0xf0f0], &[]] {
            world.propose(1, set_extensions(extensions(types)));
        }
        world.commit(0, |builder| builder);
        assert_eq!(world.context().extensions, extensions(&[0xf0f0]));
        world.propose(1, set_extensions(extensions(&[0xf0f0])));
        world.commit(0, |builder| builder.extensions(Extensions::default()));
        assert_eq!(world.context().extensions, Extensions::default());
    }
}
