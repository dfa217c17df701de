//! Full disks and failed syncs under a service. All acknowledged entries are in the log, the log
//! has no gap, and no group is stuck: repeating the requests completes them.
//!
//! The Commits are written in parts of two changes, so the failures also hit the middle of a
//! Commit.

use crate::clients::Device;
use crate::failures::{EIO, ENOSPC, FailingDisk};
use crate::fixture::is_log;
use crate::service_fixture::World;
use pando_api::{Digest, ProblemCode, Receipt, SubmitCommit};
use pando_delivery::Refusal;
use pando_delivery::group::{is_unfinished as is_unfinished_in, partition};
use pando_delivery::store::{Snapshot, Store};
use pando_disk_faults::{Call, watch};
use pando_mls::CommitBuilder;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of files, with which the server writes Commits in parts.
const FILES: u16 = 2;

/// A group, and requests of its members that a failure interrupts.
struct Scene {
    world: World,
    alice: Device,
    bob: Device,
    dave: Device,
    message: Vec<u8>,
    commit: SubmitCommit,
    /// The answers to requests, by the requests' messages.
    receipts: BTreeMap<Digest, Receipt>,
}

impl Scene {
    async fn new() -> Self {
        let (mut world, mut alice, mut bob, _) = World::with_three(FILES).await;
        let mut dave = world.device("dave@example.org/phone", 1);
        let message = world.encrypt(&mut alice, "message");
        let key_packages = world.key_packages(&mut [&mut dave]);
        let commit = world
            .build_commit(&mut bob, None, |commit| key_packages.into_iter().fold(commit, CommitBuilder::add));
        Self { world, alice, bob, dave, message, commit, receipts: BTreeMap::new() }
    }

    /// Sends all requests in order. A repeated request must get the answer that it got before.
    async fn send_all(&mut self) -> Result<(), Refusal> {
        let Self { world, alice, bob, message, commit, .. } = self;
        let sent = world.send(&alice.caller, message).await?;
        let committed = world.submit(&bob.caller, commit).await?;
        for receipt in [sent, committed] {
            let known = self.receipts.entry(receipt.digest).or_insert_with(|| receipt.clone());
            assert_eq!(*known, receipt, "another answer to the same request");
        }
        let failed = self.world.service.run_due(self.world.now).await?;
        assert_eq!(failed, 0);
        Ok(())
    }

    /// Checks the log after all requests have succeeded, and lets the new member join.
    async fn check(mut self) {
        let history = self.world.history(&self.alice.caller, 1).await;
        let expected = [Digest::of(&self.message), Digest::of(&self.commit.commit)];
        let (seqs, digests): (Vec<_>, Vec<_>) = history.into_iter().unzip();
        assert_eq!(seqs, [1, 2, 3, 4]);
        assert_eq!(digests[2..], expected);
        self.world.join(&mut self.dave).await;
        let Self { mut world, mut alice, mut bob, mut dave, .. } = self;
        for member in [&mut alice, &mut bob, &mut dave] {
            world.follow(member).await;
            assert_eq!(member.group().epoch(), 2);
        }
        let message = world.encrypt(&mut dave, "hello");
        world.send(&dave.caller, &message).await.unwrap();
        let commit = world.build_commit(&mut alice, None, |commit| commit);
        world.submit(&alice.caller, &commit).await.unwrap();
    }
}

/// Returns whether the Commit is decided, and parts of it are not applied yet.
async fn is_unfinished(world: &World) -> bool {
    let read = |rows: &dyn Snapshot| is_unfinished_in(rows);
    world.service.store().read(&partition(&world.group_id), read).await.unwrap()
}

/// Returns whether a failing store has caused the refusal, so that a client repeats its request.
fn is_failure(refusal: &Refusal) -> bool {
    [ProblemCode::OutcomeUnknown, ProblemCode::Overloaded, ProblemCode::Internal]
        .into_iter()
        .any(|code| refusal.is(code))
}

/// The disk is full from the n-th write on, for many values of n, until it has space again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_service_loses_nothing() {
    let (mut interrupted, mut unfinished) = (0, 0);
    for writes in (0..).step_by(5) {
        let mut scene = Scene::new().await;
        let disk = FailingDisk::new(Call::Write, is_log, ENOSPC);
        let _watch = watch(scene.world.folder(), disk.clone());
        disk.fail_after(writes);
        let result = scene.send_all().await;
        disk.repair();
        let Err(refusal) = result else {
            assert!(interrupted > 5 && unfinished > 2, "{interrupted} times, {unfinished} in a Commit");
            return scene.check().await;
        };
        assert!(is_failure(&refusal), "{refusal}");
        interrupted += 1;
        unfinished += u32::from(is_unfinished(&scene.world).await);
        // The server goes on in one round, and is started again in the next.
        if interrupted % 2 == 0 {
            scene.world = scene.world.restart().await;
        }
        scene.send_all().await.unwrap();
        scene.check().await;
    }
}

/// The n-th sync fails, for each n. The server stops and is started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_under_the_service_loses_nothing() {
    for syncs in 0.. {
        let mut scene = Scene::new().await;
        let disk: Arc<FailingDisk> = FailingDisk::new(Call::Sync, is_log, EIO);
        let _watch = watch(scene.world.folder(), disk.clone());
        disk.fail_after(syncs);
        let result = scene.send_all().await;
        disk.repair();
        let Err(refusal) = result else {
            assert!(syncs > 5, "{syncs} syncs were enough");
            return scene.check().await;
        };
        assert!(is_failure(&refusal), "{refusal}");
        // A store whose log may be incomplete answers no request.
        let page = scene.world.page(&scene.alice.caller, 0, 1_000).await;
        assert!(page.is_err_and(|refusal| is_failure(&refusal)));
        scene.world = scene.world.restart().await;
        scene.send_all().await.unwrap();
        scene.check().await;
    }
}
