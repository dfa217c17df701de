//! The group lists two servers as external senders. One of them proposes changes, and the members
//! commit these proposals.

use crate::group_fixture::{GroupFixture, client, external_psk, suites};
use crate::proposals::{add, extensions, external_senders, psk, reinit, remove, set_extensions};
use crate::server::Server;
use pando_mls::wire::Sender;
use pando_mls::{LeafIndex, Proposal, PublicProcessed, Signer, propose_as_external_sender};

/// Adds two external senders to the group, and returns the signer of the second one.
fn second_sender(fixture: &mut GroupFixture) -> Box<dyn Signer> {
    let (first, second) = (fixture.signer(), fixture.signer());
    fixture.commit(0, |builder| builder.extensions(external_senders(&[&*first, &*second])));
    second
}

#[test]
fn a_server_proposes_and_members_commit() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (server, newcomer) = (second_sender(&mut fixture), fixture.newcomer());
        let context = fixture.context().clone();
        for proposal in [
            add(newcomer.key_package()),
            remove(2),
            psk(external_psk(1), suite.hash_len()),
            set_extensions(context.extensions.clone()),
        ] {
            let message = propose_as_external_sender(&context, proposal, &client(&*server)).unwrap();
            fixture.deliver_proposal(usize::MAX, &message);
        }
        let (_, welcome) = fixture.commit(1, |builder| builder);
        assert_eq!(fixture.members.len(), 2);
        fixture.enter(newcomer, &welcome.unwrap());
        assert_eq!(fixture.leaf(2), LeafIndex(2));
        fixture.chat(2);
    }
}

#[test]
fn a_server_removes_leaf_0() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let server = second_sender(&mut fixture);
        let message = propose_as_external_sender(fixture.context(), remove(0), &client(&*server)).unwrap();
        fixture.deliver_proposal(usize::MAX, &message);
        // Leaf 0 cannot commit its own removal, but another member can.
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.members.len(), 3);
        let message = propose_as_external_sender(fixture.context(), remove(0), &client(&*server)).unwrap();
        fixture.deliver_proposal(usize::MAX, &message);
        fixture.commit(2, |builder| builder);
        assert_eq!(fixture.members.len(), 2);
        assert!(!fixture.tree().is_member(LeafIndex(0)).unwrap());
        fixture.chat(0);
    }
}

#[test]
fn a_server_ends_the_group() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let server = second_sender(&mut fixture);
        let reinit = reinit(suite, extensions(&[]));
        let proposal = Proposal::ReInit(Box::new(reinit.clone()));
        let message = propose_as_external_sender(fixture.context(), proposal, &client(&*server)).unwrap();
        fixture.deliver_proposal(usize::MAX, &message);
        let (commit, _) = fixture.build(0, |builder| builder).unwrap();
        for index in [0, 1] {
            assert_eq!(fixture.members[index].follow(&commit), index == 0);
            assert_eq!(fixture.members[index].group.reinit(), Some(&reinit));
        }
        fixture.agree();
    }
}

#[test]
fn an_observer_takes_proposals_from_outside() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let sender = second_sender(&mut fixture);
        let mut observer = Server::of(&fixture);
        let message = propose_as_external_sender(fixture.context(), remove(1), &client(&*sender)).unwrap();
        match observer.process(&message).unwrap() {
            PublicProcessed::Proposal(pending) => {
                assert_eq!((pending.sender, pending.proposal), (Sender::External(1), remove(1)));
            }
            other => panic!("not a proposal: {other:?}"),
        }
    }
}
