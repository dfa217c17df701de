//! A client outside the group proposes a change although it is not an external sender, or an
//! external sender proposes a change that external senders must not propose. All members reject
//! such proposals.

use crate::group_fixture::{GroupFixture, client, fast_suites};
use crate::proposals::{external_senders, remove};
use pando_mls::wire::Update;
use pando_mls::{
    CryptoError, Extensions, FramingError, GroupContext, GroupError, LeafIndex, Misuse, MlsMessage, Proposal,
    ProposalType, Violation, propose_as_external_sender,
};

/// Returns the error with which every member rejects a message.
fn refused(fixture: &mut GroupFixture, message: &MlsMessage) -> GroupError {
    let errors: Vec<_> =
        fixture.members.iter_mut().map(|member| member.process(message).unwrap_err()).collect();
    fixture.agree();
    assert!(errors.iter().all(|error| *error == errors[0]));
    errors[0].clone()
}

#[test]
fn who_is_not_an_external_sender_has_no_say() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let stranger = fixture.signer();
        let (other, server) = (fixture.signer(), fixture.signer());
        fixture.commit(0, |builder| builder.extensions(external_senders(&[&*other, &*server])));
        let real = fixture.context().clone();
        let made = propose_as_external_sender(&real, remove(1), &client(&*stranger));
        assert_eq!(made.unwrap_err(), GroupError::Misuse(Misuse::WrongSigner));

        // A stranger claims the index of another external sender.
        let mut claimed = real.clone();
        claimed.extensions = external_senders(&[&*stranger]);
        let forged = propose_as_external_sender(&claimed, remove(1), &client(&*stranger)).unwrap();
        assert_eq!(
            refused(&mut fixture, &forged),
            GroupError::Framing(FramingError::Crypto(CryptoError::InvalidSignature))
        );

        // A stranger claims an index that does not exist.
        claimed.extensions = external_senders(&[&*server, &*server, &*stranger]);
        let forged = propose_as_external_sender(&claimed, remove(1), &client(&*stranger)).unwrap();
        assert_eq!(
            refused(&mut fixture, &forged),
            GroupError::Violation(Violation::UnknownExternalSender(2))
        );

        // The group no longer has any external senders.
        fixture.commit(1, |builder| builder.extensions(Extensions::default()));
        let none = GroupContext { extensions: external_senders(&[&*server]), ..fixture.context().clone() };
        let late = propose_as_external_sender(&none, remove(1), &client(&*server)).unwrap();
        assert_eq!(refused(&mut fixture, &late), GroupError::Violation(Violation::UnknownExternalSender(0)));
    }
}

#[test]
fn an_external_sender_cannot_update_or_name_who_is_not_there() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let server = fixture.signer();
        fixture.commit(0, |builder| builder.extensions(external_senders(&[&*server])));
        let context = fixture.context().clone();
        let leaf_node = fixture.tree().leaf(LeafIndex(0)).unwrap().unwrap();
        let update = Proposal::Update(Box::new(Update { leaf_node }));
        let made = propose_as_external_sender(&context, update, &client(&*server));
        let not_from_outside = Violation::ProposalFromOutside(ProposalType::UPDATE);
        assert_eq!(made.unwrap_err(), GroupError::Violation(not_from_outside));
        for leaf in [2, 1 << 31, u32::MAX] {
            let message = propose_as_external_sender(&context, remove(leaf), &client(&*server)).unwrap();
            let nobody = Violation::RemovedIsNoMember(LeafIndex(leaf));
            assert_eq!(refused(&mut fixture, &message), GroupError::Violation(nobody));
        }
    }
}

#[test]
fn an_external_sender_speaks_in_its_epoch_only() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let server = fixture.signer();
        fixture.commit(0, |builder| builder.extensions(external_senders(&[&*server])));
        let old = fixture.context().clone();
        let late = propose_as_external_sender(&old, remove(1), &client(&*server)).unwrap();
        fixture.commit(0, |builder| builder);
        let expected = GroupError::EpochMismatch { message: old.epoch, group: old.epoch + 1 };
        assert_eq!(refused(&mut fixture, &late), expected);
    }
}
