//! A handshake message of another epoch is rejected before it is decrypted, and uses up no key. The
//! error is the same for encrypted and public messages, and for epochs whose secrets are kept or
//! deleted.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::custom;
use pando_mls::{GroupConfig, GroupError, Processed};

#[test]
fn handshakes_of_another_epoch_use_no_key() {
    for (suite, encrypt_handshakes) in suites().flat_map(|suite| [(suite, false), (suite, true)]) {
        let config = GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes).with_past_epochs(2);
        let mut fixture = GroupFixture::with_config(suite, config);
        fixture.add(0, 2);
        let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        let proposal = fixture.members[2].propose(custom(0xf001, b"stale"), &mut fixture.rng).unwrap();
        let (commit, _) = fixture.build(2, |builder| builder).unwrap();
        fixture.members[2].clear_pending();
        let stale = [update, proposal, commit];
        let sent = fixture.context().epoch;
        // The secrets of an epoch are kept for only two further epochs.
        for later in 1..=4 {
            fixture.commit(1, |builder| builder);
            let wrong = GroupError::EpochMismatch { message: sent, group: sent + later };
            for message in &stale {
                for _ in 0..2 {
                    let member = &mut fixture.members[1];
                    let before = member.group.rows().unwrap();
                    let refused = member.process(message).unwrap_err();
                    assert_eq!(refused, wrong);
                    assert!(member.group.take_delta().delta().is_empty());
                    assert_eq!(member.group.rows().unwrap(), before);
                    assert_eq!(member.pending_proposals(), []);
                }
            }
        }
        fixture.agree();
        fixture.chat(1);
    }
}

/// Shows that a handshake message that arrives early can be processed once its epoch has begun,
/// because it has used up no key.
#[test]
fn handshakes_of_the_next_epoch_are_taken_later() {
    for (suite, encrypt_handshakes) in suites().flat_map(|suite| [(suite, false), (suite, true)]) {
        let config = GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes);
        let mut fixture = GroupFixture::with_config(suite, config);
        fixture.add(0, 2);
        let epoch = fixture.context().epoch;
        let (first, _) = fixture.build(0, |builder| builder).unwrap();
        let mut late = fixture.members.pop().unwrap();
        fixture.deliver_commit(0, &first);
        let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        fixture.deliver_proposal(0, &update);
        let (second, _) = fixture.build(1, |builder| builder).unwrap();
        for message in [&update, &second] {
            let wrong = GroupError::EpochMismatch { message: epoch + 1, group: epoch };
            assert_eq!(late.process(message).unwrap_err(), wrong);
            assert!(late.group.take_delta().delta().is_empty());
        }
        late.follow(&first);
        assert!(matches!(late.process(&update).unwrap(), Processed::Proposal(_)));
        late.follow(&second);
        fixture.deliver_commit(1, &second);
        fixture.members.push(late);
        fixture.agree();
    }
}
