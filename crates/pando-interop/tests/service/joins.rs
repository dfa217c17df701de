//! Tests of all ways to join a group.

use crate::fixture::{GroupFixture, Member, SETTINGS, Setting, add, connect, description, store_psk};
use pando_interop::proto::*;
use pando_mls::{Decode, ExtensionType, MlsMessage, MlsMessageBody};

#[tokio::test]
async fn by_a_welcome_with_and_without_the_tree_and_a_path() {
    for setting in SETTINGS {
        for (external_tree, force_path) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
            let joiner = fixture.joiner("charlie").await;
            let request = AddProposalRequest {
                state_id: fixture.members[1].state,
                key_package: joiner.key_package.clone(),
            };
            let proposed = fixture.members[1].rpc.add_proposal(request).await.unwrap().into_inner().proposal;
            let by_reference = vec![proposed];
            let request =
                CommitRequest { by_reference, force_path, external_tree, ..CommitRequest::default() };
            let made = fixture.commit(0, request, vec![joiner]).await;
            assert_eq!(made.ratchet_tree.is_empty(), !external_tree);
            assert_eq!(fixture.members.len(), 3);
            fixture
                .commit(2, CommitRequest { force_path: true, ..CommitRequest::default() }, Vec::new())
                .await;
        }
    }
}

#[tokio::test]
async fn by_a_welcome_with_a_pre_shared_key() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice"]).await;
        let mut joiner = fixture.joiner("bob").await;
        fixture.members[0].store_psk(b"id", b"secret").await;
        store_psk(&mut joiner.rpc, joiner.transaction, b"id", b"secret").await;
        let psk = ProposalDescription { psk_id: b"id".to_vec(), ..description("externalPSK") };
        let by_value = vec![psk, add(&joiner.key_package)];
        fixture.commit(0, CommitRequest { by_value, ..CommitRequest::default() }, vec![joiner]).await;
    }
}

/// Makes a client join by an external Commit, which all members process.
async fn joins(
    fixture: &mut GroupFixture,
    name: &'static str,
    external_tree: bool,
    remove_prior: bool,
    psks: Vec<PreSharedKey>,
) {
    let Setting { encrypt, .. } = fixture.setting;
    let GroupInfoResponse { group_info, ratchet_tree } = fixture.members[0].group_info(external_tree).await;
    let MlsMessageBody::GroupInfo(described) = MlsMessage::decode(&group_info).unwrap().body else {
        panic!("not a GroupInfo")
    };
    assert_eq!(described.extensions.get(ExtensionType::RATCHET_TREE).is_none(), external_tree);
    assert_eq!(ratchet_tree.is_empty(), !external_tree);
    let mut rpc = connect(2).await;
    let request = ExternalJoinRequest {
        group_info,
        ratchet_tree,
        encrypt_handshake: encrypt,
        identity: name.into(),
        remove_prior,
        psks,
    };
    let joined = rpc.external_join(request).await.unwrap().into_inner();
    if remove_prior {
        fixture.members.retain(|member| member.name != name);
    }
    for member in &mut fixture.members {
        assert_eq!(member.take(&[], &joined.commit).await, joined.epoch_authenticator);
    }
    fixture.members.push(Member { rpc, name, state: joined.state_id });
    fixture.agree().await;
}

#[tokio::test]
async fn by_an_external_commit() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        joins(&mut fixture, "charlie", false, false, Vec::new()).await;
        joins(&mut fixture, "diana", true, false, Vec::new()).await;
        for member in &mut fixture.members {
            member.store_psk(b"id", b"secret").await;
        }
        let psks = vec![PreSharedKey { psk_id: b"id".to_vec(), psk_secret: b"secret".to_vec() }];
        joins(&mut fixture, "ellen", false, false, psks).await;
        // A member that has lost its state rejoins.
        joins(&mut fixture, "bob", false, true, Vec::new()).await;
        joins(&mut fixture, "bob", true, true, Vec::new()).await;
        assert_eq!(fixture.members.len(), 5);
        fixture.commit(4, CommitRequest { force_path: true, ..CommitRequest::default() }, Vec::new()).await;
    }
}
