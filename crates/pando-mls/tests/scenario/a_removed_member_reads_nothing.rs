//! A removed member receives every message that is sent after its removal, but can decrypt none of
//! them.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use crate::proposals::remove;
use pando_mls::{
    BasicIdentities, GroupError, Misuse, MlsMessage, Processed, PskStore, PskValue, SourceError, Suite,
};

/// Removes the member at `leaf`, and gives it all messages from its removal on.
fn removed(suite: Suite, leaf: u32, public: bool) {
    let mut fixture = if public { GroupFixture::public(suite) } else { GroupFixture::new(suite) };
    fixture.add(0, 3);
    let mut gone = fixture.members.remove(fixture.at(leaf));
    // Another member proposes the removal, and the Commit covers this proposal by reference.
    let proposal = fixture.members[0].propose(remove(leaf), &mut fixture.rng).unwrap();
    fixture.deliver_proposal(0, &proposal);
    let (commit, _) = fixture.commit(1, |builder| builder);
    let mut log: Vec<MlsMessage> = vec![fixture.send(1, b"without you")];
    log.push(fixture.commit(0, |builder| builder.psk(external_psk(1))).0);
    log.push(fixture.send(0, b"still without you"));
    log.push(fixture.commit(2, |builder| builder.without_path().psk(external_psk(2))).0);
    log.push(fixture.members[1].propose_update(&mut fixture.rng).unwrap());

    assert!(matches!(gone.process(&proposal).unwrap(), Processed::Proposal(_)));
    match gone.process(&commit).unwrap() {
        Processed::Commit(staged) => {
            assert!(staged.removes_me());
            assert_eq!(gone.merge(*staged), []);
        }
        other => panic!("not a Commit: {other:?}"),
    }
    assert!(!gone.group.is_active());
    for message in &log {
        assert!(gone.process(message).is_err());
    }
    // The removed member cannot read the messages in reverse order either, nor with every PSK that
    // exists.
    for message in log.iter().rev() {
        let cx =
            crate::group_fixture::client(&*gone.signer).with_policy(&BasicIdentities).with_psks(&Everything);
        let refused = gone.group.process(message.clone(), &cx).unwrap_err();
        assert!(matches!(refused, GroupError::Framing(_) | GroupError::Misuse(_)), "{refused:?}");
    }
    assert_ne!(gone.group.epoch_authenticator(), fixture.members[0].group.epoch_authenticator());
    let exported = gone.group.export("label", b"context", 32);
    assert_eq!(exported.unwrap_err(), GroupError::Misuse(Misuse::Ended));
}

/// A PSK store that finds a value for every PSK.
struct Everything;

impl PskStore for Everything {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        crate::group_fixture::AllPsks.external(psk_id)
    }

    fn resumption(&self, _: &pando_mls::GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(vec![0; 32].into()))
    }
}

#[test]
fn a_removed_member_with_the_whole_later_log_reads_nothing() {
    for suite in suites() {
        removed(suite, 0, false);
        removed(suite, 2, true);
    }
}
