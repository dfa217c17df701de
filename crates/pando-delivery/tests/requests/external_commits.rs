//! External Commits (docs/protocol.md, sections 9 and 10): a client comes back into its group by
//! the state that it reads at the server.

use crate::clients::group_id;
use crate::world::{World, path};
use pando_api::{EntryKind, GroupState, LogPage, ProblemCode, Receipt, SubmitCommit};
use pando_mls::LeafIndex;

/// Bob has lost his state. He replaces his leaf, and a member removes nothing by hand.
#[tokio::test]
async fn a_client_replaces_its_leaf() {
    let (mut world, [mut alice, bob, mut carol]) = World::with_three().await;
    let resync = world.rejoin(&bob).await;
    let receipt: Receipt = world.commit(&bob, resync.clone()).await.decode(200);
    assert_eq!((receipt.kind, receipt.epoch, receipt.head.head.seq), (EntryKind::Commit, 1, 3));
    receipt.verify(&resync.commit, &world.server().keys).unwrap();
    let repeated: Receipt = world.commit(&bob, resync).await.decode(200);
    assert_eq!(repeated, receipt);
    for member in [&mut alice, &mut carol] {
        world.follow(member).await;
        let group = member.device.group();
        let leaves: Vec<_> = group.members().map(|member| member.unwrap().leaf).collect();
        assert_eq!((group.epoch(), leaves), (2, vec![LeafIndex(0), LeafIndex(1), LeafIndex(2)]));
    }
    assert!(
        alice.device.group().epoch_authenticator().unwrap()
            == carol.device.group().epoch_authenticator().unwrap()
    );
    // The new membership of Bob begins with this Commit, and the one before ends with it.
    let page: LogPage = world.get(&bob, &format!("{}?after=2", path("/log"))).await.decode(200);
    assert_eq!(page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3]);
    world.refresh(&mut alice).await;
    let state: GroupState = world.get(&bob, &path("/info")).await.decode(200);
    assert_eq!(state.head.head.seq, 4);
}

/// An external Commit of an earlier state loses its epoch, and the client begins again.
#[tokio::test]
async fn a_late_client_begins_again() {
    let (mut world, [mut alice, bob, _]) = World::with_three().await;
    let late = world.rejoin(&bob).await;
    world.refresh(&mut alice).await;
    let answer = world.commit(&bob, late).await;
    assert_eq!(answer.code(), ProblemCode::EpochConflict);
    let problem = answer.problem();
    assert_eq!((problem.epoch, problem.winner.unwrap().seq), (Some(2), 3));
    let resync = world.rejoin(&bob).await;
    world.commit(&bob, resync).await.decode::<Receipt>(200);
}

/// No other client sends the Commit of a client, and no user without a member joins.
#[tokio::test]
async fn only_the_client_itself_comes_back() {
    let (mut world, [alice, bob, carol]) = World::with_three().await;
    let service = world.server();
    let state = service.service.group_state(&carol.session.caller, &group_id()).await.unwrap();
    let tree = service.service.tree(&carol.session.caller, &group_id(), &state.tree_hash).await.unwrap();
    let (info, tree) = (state.group_info.to_vec(), tree.to_vec());
    let resync: SubmitCommit = world.rejoin(&bob).await;
    assert_eq!(world.commit(&alice, resync.clone()).await.code(), ProblemCode::SenderMismatch);
    // A client of a user without a member.
    let mallory = world.log_in("mallory@example.org/phone", 1).await;
    let before = service.store().changes();
    let join = world.clients.build_external_commit_with(&mallory.device, &info, (&tree, None));
    assert_eq!(world.commit(&mallory, join).await.code(), ProblemCode::NotFound);
    assert_eq!(service.store().changes(), before);
    world.commit(&bob, resync).await.decode::<Receipt>(200);
    // With a new certificate, the client replaces its leaf again, and its old session has ended.
    let newer = world.log_in("bob@example.org/phone", 2).await;
    let renewed = world.rejoin(&newer).await;
    world.commit(&newer, renewed.clone()).await.decode::<Receipt>(200);
    assert_eq!(world.commit(&bob, renewed).await.code(), ProblemCode::CertificateSuperseded);
}
