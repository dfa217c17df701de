//! Any member replaces the group's extensions, and newcomers see them.

use crate::proposals::extensions;
use crate::world::{World, suites};
use pando_mls::{Extension, ExtensionType, Extensions, GroupError, Violation};

#[test]
fn extensions_of_the_group_are_replaced() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        for (by, content) in [(1, vec![7]), (0, vec![8, 9])] {
            // All members support this type.
            let extensions = Extensions(vec![Extension {
                extension_type: ExtensionType(0xf0f0),
                extension_data: content.into(),
            }]);
            world.commit(by, |builder| builder.extensions(extensions.clone()));
            assert_eq!(world.context().extensions, extensions);
        }
        world.add(0, 1);
        world.chat(3);
        // An extension that a member does not support is rejected, and so is a duplicate type.
        let refused = world.build(0, |builder| builder.extensions(extensions(&[0xf00d]))).unwrap_err();
        let unsupported = Violation::ExtensionUnsupportedByMember(ExtensionType(0xf00d));
        assert_eq!(refused, GroupError::Violation(unsupported));
        let refused = world.build(0, |builder| builder.extensions(extensions(&[0xf0f0; 2]))).unwrap_err();
        let violation = Violation::DuplicateExtension(ExtensionType(0xf0f0));
        assert_eq!(refused, GroupError::Proposal { index: 0, violation });
        world.commit(3, |builder| builder.extensions(Extensions::default()));
        assert_eq!(world.context().extensions, Extensions::default());
    }
}
