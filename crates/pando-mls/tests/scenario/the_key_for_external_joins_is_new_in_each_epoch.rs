//! A client can join with a GroupInfo only in the epoch of that GroupInfo. After further epochs,
//! the client needs a new GroupInfo, with which it can join.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{ExtensionType, GroupInfo};

fn external_pub(group_info: &GroupInfo) -> Vec<u8> {
    group_info.extensions.get(ExtensionType::EXTERNAL_PUB).unwrap().extension_data.to_vec()
}

#[test]
fn the_key_of_an_old_epoch_does_not_open_the_new_one() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let mut old = fixture.members[0].group_info(true);
        for by in [1, 0, 1] {
            fixture.commit(by, |builder| builder);
            let newcomer = fixture.newcomer();
            let (_, message) = fixture.external(newcomer, &old, None, None, vec![]).unwrap();
            for member in &mut fixture.members {
                assert!(member.process(&message).is_err());
            }
            fixture.agree();
            let new = fixture.members[0].group_info(true);
            assert_ne!(external_pub(&new), external_pub(&old));
            // All members publish the same key.
            assert_eq!(external_pub(&fixture.members[1].group_info(true)), external_pub(&new));
            old = new;
        }
        fixture.join_external(None, vec![]);
        fixture.chat(2);
    }
}
