//! A member is removed and a new member gets its leaf. Then a message of the removed member
//! arrives. The message is attributed to the removed member, because it is verified with the
//! signature key of the epoch in which it was sent.

use crate::group_fixture::{GroupFixture, read, suites};
use crate::proposals::custom;
use pando_mls::{Credential, KeyPackageTemplate, LeafIndex, Processed, Suite};

fn named(name: &'static [u8]) -> impl FnOnce(&mut KeyPackageTemplate) {
    move |template| template.credential = Credential::Basic { identity: name.into() }
}

fn reuse(suite: Suite, leaf: u32) {
    let mut fixture = GroupFixture::of(suite, 4);
    let (leaf, owner) = (LeafIndex(leaf), fixture.at(leaf));
    let old_key = fixture.tree().signature_key(leaf).unwrap();
    let epoch = fixture.context().epoch;
    let (late, later) = (fixture.send(owner, b"late"), fixture.send(owner, b"later"));
    let remover = (owner + 1) % 4;
    fixture.remove(remover, owner);
    // Another client gets the same leaf, and has already sent a message.
    let newcomer = fixture.newcomer_with(named(b"somebody else"));
    let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.key_package()));
    fixture.enter(newcomer, &welcome.unwrap());
    assert_eq!(fixture.leaf(3), leaf);
    assert_ne!(fixture.tree().signature_key(leaf).unwrap(), old_key);
    let new = fixture.send(3, b"new");

    let (first, second) = (&b"somebody"[..], &b"somebody else"[..]);
    for (message, expected, who, sent_in) in
        [(&late, b"late", first, epoch), (&new, b"new\0", second, epoch + 2)]
    {
        match fixture.members[0].process(message).unwrap() {
            Processed::Application { sender, credential, epoch, data, .. } => {
                assert_eq!((sender, epoch), (leaf, sent_in));
                assert_eq!(credential, Credential::Basic { identity: who.into() });
                assert!(expected.starts_with(&data));
            }
            other => panic!("not a message: {other:?}"),
        }
    }
    // The result is the same if the messages arrive in the other order.
    assert_eq!(read(fixture.members[1].process(&new)), (leaf, b"new".to_vec()));
    assert_eq!(read(fixture.members[1].process(&later)), (leaf, b"later".to_vec()));
    // The newcomer itself has no keys of the epoch of the late message.
    assert!(fixture.members[3].process(&late).is_err());
    fixture.propose(3, custom(0xf001, b""));
    fixture.commit(3, |builder| builder);
    fixture.chat(3);
}

#[test]
fn the_former_owner_of_a_leaf_is_still_known_by_its_late_message() {
    for suite in suites() {
        for leaf in [0, 2] {
            reuse(suite, leaf);
        }
    }
}
