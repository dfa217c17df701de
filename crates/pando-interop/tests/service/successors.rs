//! Tests of successor groups, created by reinitialization and by branching.

use crate::fixture::{GroupFixture, SETTINGS, required_capabilities};
use pando_interop::proto::*;

/// Reinitializes the group, with all members in the successor group. The last parameter says
/// whether the tree is delivered outside of the Welcome, and whether the first Commit has a path.
pub(crate) async fn begins_anew(
    fixture: &mut GroupFixture,
    proposal: Vec<u8>,
    committer: usize,
    welcomer: usize,
    (external_tree, force_path): (bool, bool),
) {
    let by_reference = vec![proposal.clone()];
    let by = &mut fixture.members[committer];
    let request = CommitRequest { state_id: by.state, by_reference, ..CommitRequest::default() };
    let commit = by.rpc.re_init_commit(request).await.unwrap().into_inner().commit;
    let mut ended = Vec::new();
    for (index, member) in fixture.members.iter_mut().enumerate() {
        let state_id = member.state;
        let answer = if index == committer {
            let request = HandlePendingCommitRequest { state_id };
            member.rpc.handle_pending_re_init_commit(request).await
        } else {
            let (proposal, commit) = (vec![proposal.clone()], commit.clone());
            member.rpc.handle_re_init_commit(HandleCommitRequest { state_id, proposal, commit }).await
        };
        ended.push(answer.unwrap().into_inner());
    }
    assert!(ended.iter().all(|one| one.epoch_authenticator == ended[0].epoch_authenticator));

    let others = ended.iter().enumerate().filter(|(index, _)| *index != welcomer);
    let request = ReInitWelcomeRequest {
        reinit_id: ended[welcomer].reinit_id,
        key_package: others.map(|(_, one)| one.key_package.clone()).collect(),
        force_path,
        external_tree,
    };
    let begun = fixture.members[welcomer].rpc.re_init_welcome(request).await.unwrap().into_inner();
    assert_eq!(begun.ratchet_tree.is_empty(), !external_tree);
    for (index, member) in fixture.members.iter_mut().enumerate() {
        if index == welcomer {
            member.state = begun.state_id;
            continue;
        }
        let request = HandleReInitWelcomeRequest {
            reinit_id: ended[index].reinit_id,
            welcome: begun.welcome.clone(),
            ratchet_tree: begun.ratchet_tree.clone(),
        };
        let joined = member.rpc.handle_re_init_welcome(request).await.unwrap().into_inner();
        assert_eq!(joined.epoch_authenticator, begun.epoch_authenticator);
        member.state = joined.state_id;
    }
    fixture.agree().await;
    fixture.commit(0, CommitRequest { force_path: true, ..CommitRequest::default() }, Vec::new()).await;
}

#[tokio::test]
async fn a_group_is_reinitialized() {
    let ways = [(false, false), (true, false), (false, true)];
    for (setting, way) in SETTINGS.into_iter().flat_map(|setting| ways.map(|way| (setting, way))) {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob", "charlie"]).await;
        let alice = &mut fixture.members[0];
        let request = ReInitProposalRequest {
            state_id: alice.state,
            // Either the cipher suite or the group identifier changes.
            cipher_suite: if way.0 { setting.suite } else { 3 },
            group_id: if way.0 { b"next".to_vec() } else { b"group".to_vec() },
            extensions: vec![required_capabilities()],
        };
        let proposal = alice.rpc.re_init_proposal(request).await.unwrap().into_inner().proposal;
        begins_anew(&mut fixture, proposal, 1, 2, way).await;
    }
}

#[tokio::test]
async fn members_branch_off() {
    for (setting, external_tree) in SETTINGS.into_iter().zip([false, true]) {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob", "charlie"]).await;
        let mut joiners = Vec::new();
        for member in &fixture.members[1..] {
            joiners.push(fixture.joiner_at(member.rpc.clone(), member.name).await);
        }
        let alice = &mut fixture.members[0];
        let request = CreateBranchRequest {
            state_id: alice.state,
            group_id: b"branch".to_vec(),
            extensions: vec![required_capabilities()],
            key_packages: joiners.iter().map(|joiner| joiner.key_package.clone()).collect(),
            force_path: external_tree,
            external_tree,
        };
        let made = alice.rpc.create_branch(request).await.unwrap().into_inner();
        let old: Vec<_> = fixture.members.iter().map(|member| member.state).collect();
        fixture.members[0].state = made.state_id;
        for (member, joiner) in fixture.members[1..].iter_mut().zip(joiners) {
            let request = HandleBranchRequest {
                state_id: member.state,
                transaction_id: joiner.transaction,
                welcome: made.welcome.clone(),
                ratchet_tree: made.ratchet_tree.clone(),
            };
            let joined = member.rpc.handle_branch(request).await.unwrap().into_inner();
            assert_eq!(joined.epoch_authenticator, made.epoch_authenticator);
            member.state = joined.state_id;
        }
        fixture.agree().await;
        fixture.commit(1, CommitRequest::default(), Vec::new()).await;
        // The old group continues to work.
        for (member, old) in fixture.members.iter_mut().zip(old) {
            member.state = old;
        }
        fixture.agree().await;
        fixture.commit(2, CommitRequest::default(), Vec::new()).await;
    }
}
