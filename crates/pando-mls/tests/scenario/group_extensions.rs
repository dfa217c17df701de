//! Any member can replace the group's extensions, and newcomers learn the new ones.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::extensions;
use pando_mls::{Extension, ExtensionType, Extensions, GroupError, Violation};

#[test]
fn extensions_of_the_group_are_replaced() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        for (by, content) in [(1, vec![7]), (0, vec![8, 9])] {
            // All members support this extension type.
            let extensions = Extensions(vec![Extension {
                extension_type: ExtensionType(0xf0f0),
                extension_data: content.into(),
            }]);
            fixture.commit(by, |builder| builder.extensions(extensions.clone()));
            assert_eq!(fixture.context().extensions, extensions);
        }
        fixture.add(0, 1);
        fixture.chat(3);
        // An extension that a member does not support is rejected, and so is a duplicate extension
        // type.
        let refused = fixture.build(0, |builder| builder.extensions(extensions(&[0xf00d]))).unwrap_err();
        let unsupported = Violation::ExtensionUnsupportedByMember(ExtensionType(0xf00d));
        assert_eq!(refused, GroupError::Violation(unsupported));
        let refused = fixture.build(0, |builder| builder.extensions(extensions(&[0xf0f0; 2]))).unwrap_err();
        let violation = Violation::DuplicateExtension(ExtensionType(0xf0f0));
        assert_eq!(refused, GroupError::Proposal { index: 0, violation });
        fixture.commit(3, |builder| builder.extensions(Extensions::default()));
        assert_eq!(fixture.context().extensions, Extensions::default());
    }
}
