//! A client is in two groups. A message of one group is delivered to the other group, which rejects
//! it without harm. Objects that are not messages for a group are rejected, too.

use crate::group_fixture::{GroupFixture, read, suites};
use pando_mls::{
    FramingError, Group, GroupError, GroupId, KeyPackageBundle, Misuse, MlsMessage, MlsMessageBody,
};

#[test]
fn messages_for_another_group_are_refused() {
    for suite in suites() {
        for mut fixture in [GroupFixture::new(suite), GroupFixture::public(suite)] {
            fixture.add(0, 1);
            // Leaf 0 creates another group with the same signature key.
            let signer = &*fixture.members[0].signer;
            let bundle =
                KeyPackageBundle::new(suite, crate::group_fixture::template(), signer, &mut fixture.rng);
            let cx = crate::group_fixture::client(signer);
            let other = GroupId::from(b"another".as_slice());
            let created = Group::builder(other).build(bundle.unwrap(), &cx, &mut fixture.rng);
            let mut other = created.unwrap().assume_persisted();
            let message = other.encrypt(b"elsewhere", &cx, &mut fixture.rng).unwrap().assume_persisted();
            let commit = other.commit().build(&cx, &mut fixture.rng).unwrap().assume_persisted();
            for message in [message, commit.message] {
                for member in &mut fixture.members {
                    let refused = member.process(&message).unwrap_err();
                    assert_eq!(refused, GroupError::Framing(FramingError::WrongGroup));
                }
            }
            fixture.agree();
            fixture.chat(0);
        }
    }
}

#[test]
fn what_is_no_message_for_a_group_is_refused() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let newcomer = fixture.newcomer();
        let (_, welcome) = fixture.build(0, |builder| builder.add(newcomer.key_package())).unwrap();
        let group_info = fixture.members[0].group_info(true);
        for body in [
            MlsMessageBody::KeyPackage(Box::new(newcomer.key_package())),
            MlsMessageBody::Welcome(welcome.unwrap()),
            MlsMessageBody::GroupInfo(Box::new(group_info)),
        ] {
            let refused = fixture.members[1].process(&MlsMessage { body }).unwrap_err();
            assert_eq!(refused, GroupError::Misuse(Misuse::WrongMessage));
        }
        // The member's own Commit is still pending.
        let message = fixture.send(1, b"hello");
        assert_eq!(read(fixture.members[0].process(&message)).1, b"hello");
    }
}
