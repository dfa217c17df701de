//! Tests of Commits that contain proposals of all kinds, by reference and by value.

use crate::fixture::{GroupFixture, SETTINGS, add, description, remove, required_capabilities};
use pando_interop::proto::*;

/// Makes one member create proposals, and returns the proposals in the order of their creation.
async fn proposed_by(fixture: &mut GroupFixture, by: usize, key_package: Vec<u8>) -> Vec<Vec<u8>> {
    let member = &mut fixture.members[by];
    let (rpc, state_id) = (&mut member.rpc, member.state);
    let added = rpc.add_proposal(AddProposalRequest { state_id, key_package }).await.unwrap();
    let removed = RemoveProposalRequest { state_id, removed_id: b"charlie".to_vec() };
    let removed = rpc.remove_proposal(removed).await.unwrap();
    let extensions = vec![required_capabilities(), Extension { extension_type: 5, extension_data: vec![0] }];
    let extensions = GroupContextExtensionsProposalRequest { state_id, extensions };
    let extensions = rpc.group_context_extensions_proposal(extensions).await.unwrap();
    let external = ExternalPskProposalRequest { state_id, psk_id: b"id 1".to_vec() };
    let external = rpc.external_psk_proposal(external).await.unwrap();
    let resumption = ResumptionPskProposalRequest { state_id, epoch_id: 1 };
    let resumption = rpc.resumption_psk_proposal(resumption).await.unwrap();
    [added, removed, extensions, external, resumption].map(|answer| answer.into_inner().proposal).into()
}

/// A single Commit covers proposals of all kinds, as in the script `all_together`. In the first
/// run, the committer makes all proposals. In the second run, another member makes them and also
/// updates its leaf.
#[tokio::test]
async fn everything_in_one_commit() {
    for (setting, by) in SETTINGS.into_iter().flat_map(|setting| [(setting, 0), (setting, 1)]) {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob", "charlie", "diana"]).await;
        for member in &mut fixture.members {
            member.store_psk(b"id 1", b"secret 1").await;
            member.store_psk(b"id 2", b"secret 2").await;
        }
        // After this Commit, all members have the resumption PSKs of two epochs.
        fixture.commit(0, CommitRequest { force_path: true, ..CommitRequest::default() }, Vec::new()).await;
        let (ellen, frank) = (fixture.joiner("ellen").await, fixture.joiner("frank").await);
        let mut by_reference = proposed_by(&mut fixture, by, ellen.key_package.clone()).await;
        if by != 0 {
            let bob = &mut fixture.members[by];
            let update =
                bob.rpc.update_proposal(UpdateProposalRequest { state_id: bob.state }).await.unwrap();
            by_reference.push(update.into_inner().proposal);
        }
        let by_value = vec![
            add(&frank.key_package),
            remove("diana"),
            ProposalDescription { psk_id: b"id 2".to_vec(), ..description("externalPSK") },
            ProposalDescription { epoch_id: 2, ..description("resumptionPSK") },
        ];
        // The new members do not join, because they do not have these PSKs. Charlie and Diana are
        // removed.
        fixture.members.truncate(2);
        let request = CommitRequest { by_reference, by_value, ..CommitRequest::default() };
        let made = fixture.commit(0, request, Vec::new()).await;
        assert!(!made.welcome.is_empty());

        // Remove the extensions again, and the members that did not join.
        let no_extensions = description("groupContextExtensions");
        let by_value = vec![no_extensions, remove("ellen"), remove("frank")];
        fixture.commit(1, CommitRequest { by_value, ..CommitRequest::default() }, Vec::new()).await;
    }
}

#[tokio::test]
async fn a_commit_is_replaced_by_another_and_comes_back() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        let alice = &mut fixture.members[0];
        let state_id = alice.state;
        let lost = CommitRequest { state_id, force_path: true, ..CommitRequest::default() };
        let lost = alice.rpc.commit(lost).await.unwrap().into_inner();
        let kept = CommitRequest { state_id, ..CommitRequest::default() };
        let kept = alice.rpc.commit(kept).await.unwrap().into_inner();
        assert_ne!(lost.commit, kept.commit);
        assert!(kept.welcome.is_empty() && kept.ratchet_tree.is_empty());
        // The committer processes its own Commit like a Commit from another member.
        let authenticator = alice.take(&[], &kept.commit).await;
        assert_eq!(fixture.members[1].take(&[], &kept.commit).await, authenticator);
        fixture.agree().await;
    }
}

/// A request may contain a proposal that the service already has, because each request contains the
/// proposals to which it refers.
#[tokio::test]
async fn a_proposal_may_come_again() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        for member in &mut fixture.members {
            member.store_psk(b"id", b"secret").await;
        }
        let bob = &mut fixture.members[1];
        let request = ExternalPskProposalRequest { state_id: bob.state, psk_id: b"id".to_vec() };
        let proposal = bob.rpc.external_psk_proposal(request).await.unwrap().into_inner().proposal;
        // Alice creates a Commit that is dropped, and then another one.
        let alice = &mut fixture.members[0];
        let by_reference = vec![proposal.clone(), proposal];
        let request = CommitRequest { by_reference, ..CommitRequest::default() };
        let first = CommitRequest { state_id: alice.state, ..request.clone() };
        alice.rpc.commit(first).await.unwrap();
        fixture.commit(0, request, Vec::new()).await;
    }
}
