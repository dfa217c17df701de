//! A group requires all handshake messages to be encrypted, or requires all of them to be public.
//! Messages from outside the group are always public.

use crate::group_fixture::{GroupFixture, fast_suites};
use pando_mls::{AcceptedHandshakes, GroupConfig, GroupError, Violation};

#[test]
fn handshakes_in_another_format_are_refused() {
    for suite in fast_suites() {
        for (accepted, encrypt) in
            [(AcceptedHandshakes::Public, true), (AcceptedHandshakes::Encrypted, false)]
        {
            let wrong = GroupConfig::default().with_encrypt_handshakes(encrypt);
            let mut fixture = GroupFixture::with_config(suite, wrong);
            let config = wrong.with_accepted_handshakes(accepted).with_encrypt_handshakes(!encrypt);
            let newcomer = fixture.newcomer();
            let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.bundle.key_package.clone()));
            fixture.members.push(newcomer.join(&welcome.unwrap(), None, config).unwrap());

            let refused = GroupError::Violation(Violation::HandshakeFormat);
            let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
            assert_eq!(fixture.members[1].process(&update).unwrap_err(), refused);
            let (commit, _) = fixture.build(0, |builder| builder.only_pending([])).unwrap();
            assert_eq!(fixture.members[1].process(&commit).unwrap_err(), refused);
            fixture.members[0].clear_pending();

            // Handshake messages in the right format are accepted, and so are application data and
            // external Commits.
            let (commit, _) = fixture.build(1, |builder| builder.only_pending([])).unwrap();
            fixture.deliver_commit(1, &commit);
            fixture.join_external(None, vec![]);
            fixture.chat(0);
        }
    }
}
