//! Members mix in external PSKs. A member that lacks one of these PSKs cannot follow until it
//! obtains the PSK.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use pando_mls::{GroupError, Missing, NoPsks, Processed};

#[test]
fn pre_shared_keys_are_mixed_in() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        fixture.commit(0, |builder| builder.psk(external_psk(1)).psk(external_psk(2)));
        fixture.commit(2, |builder| builder.psk(external_psk(1)).without_path());
        fixture.chat(0);
        // Members that are added need the PSKs as well.
        let newcomer = fixture.newcomer();
        let (_, welcome) =
            fixture.commit(1, |builder| builder.add(newcomer.key_package()).psk(external_psk(3)));
        fixture.enter(newcomer, &welcome.unwrap());
        fixture.chat(3);
    }
}

#[test]
fn who_lacks_a_pre_shared_key_cannot_follow() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 2);
        let newcomer = fixture.newcomer();
        let (message, welcome) =
            fixture.build(0, |builder| builder.add(newcomer.key_package()).psk(external_psk(9))).unwrap();
        let without =
            fixture.members[1].operate(|group, cx| group.process(message.clone(), &cx.with_psks(&NoPsks)));
        assert!(
            matches!(without.unwrap_err(), GroupError::Missing(Missing::Psk(id)) if id.psk == external_psk(9))
        );
        let alone = crate::group_fixture::client(&*newcomer.signer).with_psks(&NoPsks);
        let joined = pando_mls::Group::join(&welcome.clone().unwrap(), &newcomer.bundle, None, &alone);
        assert!(matches!(joined.unwrap_err(), GroupError::Missing(Missing::Psk(_))));
        // The failed attempt has not changed the group. Once the member has the PSK, it accepts the
        // same Commit.
        assert!(matches!(fixture.members[2].process(&message).unwrap(), Processed::Commit(_)));
        fixture.deliver_commit(0, &message);
        fixture.enter(newcomer, &welcome.unwrap());
        fixture.chat(3);
    }
}
