//! A group of one member works: it can commit, derive secrets, grow, and shrink back to one member.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use crate::proposals::custom;
use pando_mls::{GroupError, LeafIndex, Violation};

#[test]
fn a_group_of_one() {
    for suite in suites() {
        let mut fixture = GroupFixture::new(suite);
        assert_eq!((fixture.context().epoch, fixture.tree().member_count()), (0, 1));
        let mut exported = vec![fixture.members[0].group.export("label", b"", 32).unwrap()];
        fixture.commit(0, |builder| builder);
        exported.push(fixture.members[0].group.export("label", b"", 32).unwrap());
        fixture.commit(0, |builder| builder.psk(external_psk(1)).without_path());
        exported.push(fixture.members[0].group.export("label", b"", 32).unwrap());
        fixture.commit(0, |builder| builder.proposal(custom(0xf001, b"a note to oneself")));
        assert_ne!(exported[0], exported[1]);
        assert_ne!(exported[1], exported[2]);
        fixture.send(0, b"to nobody");
        // The only member cannot remove itself.
        let refused = fixture.build(0, |builder| builder.remove(LeafIndex(0))).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::OwnRemove));
        assert_eq!(fixture.context().epoch, 3);
    }
}

#[test]
fn a_group_grows_from_one_and_shrinks_to_another_one() {
    for suite in suites() {
        let mut fixture = GroupFixture::new(suite);
        fixture.commit(0, |builder| builder);
        fixture.add(0, 1);
        fixture.chat(0);
        fixture.remove(1, 0);
        assert_eq!(fixture.tree().members().map(Result::unwrap).collect::<Vec<_>>(), [LeafIndex(1)]);
        fixture.commit(0, |builder| builder);
        fixture.join_external(None, vec![]);
        assert_eq!(fixture.leaf(1), LeafIndex(0));
        fixture.chat(1);
        // The group shrinks again when the other member is removed.
        fixture.remove(1, 0);
        assert_eq!(fixture.tree().members().map(Result::unwrap).collect::<Vec<_>>(), [LeafIndex(0)]);
        assert_eq!(fixture.tree().size().leaf_count(), 1);
        fixture.add(0, 2);
        fixture.chat(2);
    }
}
