//! Creating a group together with its first Commit.

use crate::clients::policy;
use crate::fixture::{World, code};
use pando_api::{CreateGroup, EntryKind, ProblemCode};

#[tokio::test]
async fn a_group_and_its_first_commit_are_one_request() {
    let mut world = World::new(1).await;
    let mut alice = world.device("alice@example.org/phone", 1);
    let mut bob = world.device("bob@example.org/phone", 1);
    let extensions = world.extensions(&policy());
    let group_info = world.build_group(&mut alice, extensions);
    let key_packages = world.key_packages(&mut [&mut bob]);
    let first = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    let request = CreateGroup { group_info: group_info.clone().into(), first_commit: Some(first.clone()) };

    // If the first Commit is refused, there is no group.
    let mut altered = request.clone();
    altered.first_commit.as_mut().unwrap().welcome = Vec::new().into();
    let refusal = world.service.create_group(&alice.caller, altered, world.now).await;
    assert_eq!(code(refusal), ProblemCode::InvalidWelcome);
    assert_eq!(code(world.page(&alice.caller, 0, 1_000).await), ProblemCode::NotFound);

    let receipt = world.service.create_group(&alice.caller, request.clone(), world.now).await.unwrap();
    assert_eq!((receipt.kind, receipt.head.head.seq), (EntryKind::Commit, 2));
    receipt.verify(&first.commit, &world.keys).unwrap();
    let page = world.page(&alice.caller, 0, usize::MAX).await.unwrap();
    let kinds: Vec<_> = page.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Creation, EntryKind::Commit]);

    // A repetition returns the first answer, also after later Commits.
    alice.seq = 1;
    world.follow(&mut alice).await;
    world.service.run_due(world.now).await.unwrap();
    world.join(&mut bob).await;
    let commit = world.build_commit(&mut bob, None, |commit| commit);
    world.submit(&bob.caller, &commit).await.unwrap();
    let repeated = world.service.create_group(&alice.caller, request, world.now).await.unwrap();
    assert_eq!(repeated, receipt);
    // Without the first Commit, or with another one, it is another request.
    for first_commit in [None, Some(commit.clone())] {
        let other = CreateGroup { group_info: group_info.clone().into(), first_commit };
        let result = world.service.create_group(&alice.caller, other.clone(), world.now).await;
        if other.first_commit.is_some() {
            assert!(result.is_err());
        } else {
            // The creation alone is in the log, too.
            assert_eq!(result.unwrap().head.head.seq, 1);
        }
    }
    world.follow(&mut alice).await;
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).await.unwrap();
}
