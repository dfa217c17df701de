//! Several members propose group extensions. The Commit covers only the first proposal whose
//! extensions all members support. The committer's own proposals take precedence.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::{extensions, set_extensions};
use pando_mls::Extensions;

#[test]
fn extensions_are_replaced_once_and_by_what_members_support() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        for types in [&[0xf00d][..], &[0xf0f0], &[]] {
            fixture.propose(1, set_extensions(extensions(types)));
        }
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.context().extensions, extensions(&[0xf0f0]));
        fixture.propose(1, set_extensions(extensions(&[0xf0f0])));
        fixture.commit(0, |builder| builder.extensions(Extensions::default()));
        assert_eq!(fixture.context().extensions, Extensions::default());
    }
}
