//! A client outside the group proposes its own Add, and a member commits this proposal. The client
//! cannot make any other proposal, and cannot propose to add another client.

use crate::group_fixture::{GroupFixture, client, suites};
use crate::proposals::remove;
use pando_mls::wire::{Content, Sender};
use pando_mls::{
    FramingError, GroupError, LeafIndex, Misuse, MlsMessage, MlsMessageBody, Violation, propose_own_add,
};

#[test]
fn a_client_asks_to_be_added() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        for committer in [0, 1] {
            let newcomer = fixture.newcomer();
            let message =
                propose_own_add(fixture.context(), newcomer.key_package(), &client(&*newcomer.signer))
                    .unwrap();
            fixture.deliver_proposal(usize::MAX, &message);
            let (_, welcome) = fixture.commit(committer, |builder| builder);
            fixture.enter(newcomer, &welcome.unwrap());
            fixture.chat(committer + 2);
        }
    }
}

#[test]
fn a_client_asks_for_itself_only() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let (newcomer, other) = (fixture.newcomer(), fixture.newcomer());
        let context = fixture.context().clone();
        let made = propose_own_add(&context, newcomer.key_package(), &client(&*other.signer));
        assert_eq!(made.unwrap_err(), GroupError::Misuse(Misuse::WrongSigner));
        let message = propose_own_add(&context, newcomer.key_package(), &client(&*newcomer.signer)).unwrap();
        // The signature covers the sender type. Therefore neither a change to an external sender
        // nor a change to another proposal is accepted.
        let MlsMessageBody::PublicMessage(public) = &message.body else { panic!("not public") };
        let mut sender = public.clone();
        sender.content.sender = Sender::External(0);
        let mut content = public.clone();
        content.content.content = Content::Proposal(remove(1));
        for member in &mut fixture.members {
            let changed = MlsMessage { body: MlsMessageBody::PublicMessage(sender.clone()) };
            let unknown = GroupError::Violation(Violation::UnknownExternalSender(0));
            assert_eq!(member.process(&changed).unwrap_err(), unknown);
            let changed = MlsMessage { body: MlsMessageBody::PublicMessage(content.clone()) };
            let error = member.process(&changed).unwrap_err();
            assert!(matches!(error, GroupError::Framing(FramingError::SenderNotAllowed { .. })), "{error:?}");
            assert_eq!(member.pending_proposals(), []);
        }
        fixture.agree();
        assert!(fixture.tree().is_member(LeafIndex(1)).unwrap());
    }
}
