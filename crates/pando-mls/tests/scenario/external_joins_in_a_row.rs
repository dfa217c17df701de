//! A group grows from a single member only by external joins, one after another.

use crate::group_fixture::{GroupFixture, fast_suites};
use pando_mls::LeafIndex;

#[test]
fn external_joins_follow_one_another() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::new(suite);
        for joined in 1..7 {
            fixture.join_external(None, vec![]);
            assert_eq!(fixture.leaf(joined), LeafIndex(u32::try_from(joined).unwrap()));
        }
        fixture.chat(5);
        fixture.commit(2, |builder| builder);
        fixture.join_external(None, vec![]);
        fixture.chat(0);
        fixture.commit(7, |builder| builder);
    }
}
