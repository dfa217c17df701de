//! Requests to a group whose latest Commit is decided, but whose parts are not all applied yet.
//! Each gets the answer that it gets after the parts have been applied, and leaves the same rows.

use crate::clients::{Clients, Device};
use crate::fixture::World;
use pando_api::{RemovalIntent, SubmitCommit};
use pando_delivery::Refusal;
use pando_delivery::group::partition;
use pando_delivery::store::{
    Due, KeyRange, MemoryStore, Row, ScanLimit, Snapshot, Store, StoreError, Transaction,
};
use pando_mls::{CommitBuilder, LeafIndex};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tempfile::TempDir;

/// The key of the row that names the parts that are not applied yet.
const UNFINISHED: &[u8] = b"u";

/// A store that fails all writes some time after a Commit was decided, until a test resets it.
struct Stalling {
    store: MemoryStore,
    /// The number of parts that are applied before the store stalls. Negative if it does not stall.
    parts: Arc<AtomicI64>,
    has_stalled: Arc<AtomicBool>,
}

impl Store for Stalling {
    async fn write<T, E>(
        &self,
        partition: &[u8],
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        if self.has_stalled.load(Ordering::SeqCst) {
            return Err(StoreError::Overloaded.into());
        }
        let (parts, has_stalled) = (Arc::clone(&self.parts), Arc::clone(&self.has_stalled));
        let work = move |rows: &mut dyn Transaction| {
            let value = work(rows)?;
            // The row is there after the decision and after each part but the last one.
            if rows.get(UNFINISHED)?.is_some() && parts.fetch_sub(1, Ordering::SeqCst) == 0 {
                has_stalled.store(true, Ordering::SeqCst);
            }
            Ok(value)
        };
        self.store.write(partition, bytes, work).await
    }

    async fn read<T, E>(
        &self,
        partition: &[u8],
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.store.read(partition, work).await
    }

    async fn due(&self, now: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.store.due(now, limit).await
    }

    fn incarnation(&self) -> u64 {
        self.store.incarnation()
    }
}

/// A group after a Commit of Alice that removes Carol and adds Dave.
struct Scene {
    world: World<Stalling>,
    alice: Device,
    bob: Device,
    carol: Device,
    dave: Device,
    commit: SubmitCommit,
}

impl Scene {
    /// `parts` is the number of parts that are applied before the store stalls.
    async fn new(parts: Option<i64>) -> Self {
        let store = Stalling {
            store: MemoryStore::new(),
            parts: Arc::new(AtomicI64::new(-1)),
            has_stalled: Arc::default(),
        };
        let world = World::with_store(Clients::new(), store, (TempDir::new().unwrap(), 2)).await;
        let (mut world, mut alice, bob, carol) = world.create_three().await;
        let mut dave = world.device("dave@example.org/phone", 1);
        let key_packages = world.key_packages(&mut [&mut dave]);
        let commit = world.build_commit(&mut alice, None, |commit| {
            key_packages.into_iter().fold(commit.remove(LeafIndex(2)), CommitBuilder::add)
        });
        let store = Arc::clone(world.service.store());
        store.parts.store(parts.unwrap_or(-1), Ordering::SeqCst);
        world.submit(&alice.caller, &commit).await.unwrap();
        assert_eq!(store.has_stalled.swap(false, Ordering::SeqCst), parts.is_some());
        store.parts.store(-1, Ordering::SeqCst);
        Self { world, alice, bob, carol, dave, commit }
    }

    /// Returns the rows of the group.
    async fn rows(&self) -> Vec<Row> {
        let all = |rows: &dyn Snapshot| rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX));
        self.world.service.store().read(&partition(&self.world.group_id), all).await.unwrap().rows
    }

    async fn log(&self, reader: &Device) -> String {
        show(&self.world.page(&reader.caller, 1, 1 << 20).await)
    }

    async fn state(&self, reader: &Device) -> String {
        show(&self.world.state(&reader.caller).await)
    }
}

/// Shows an answer, or the code of a refusal and its detail.
fn show<T: Debug>(answer: &Result<T, Refusal>) -> String {
    format!("{answer:?}")
}

/// Lets a request be the first one after the decision, with and without the interruption.
macro_rules! compare {
    ($($(#[$doc:meta])* $name:ident => |$scene:ident| $request:expr,)*) => {
        $($(#[$doc])*
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut results = Vec::new();
            for parts in [None, Some(0), Some(3)] {
                let mut $scene = Scene::new(parts).await;
                let answer = $request;
                let scene = &mut $scene;
                results.push((answer, scene.rows().await));
            }
            assert!(results[0].1.iter().all(|row| row.key != UNFINISHED));
            for interrupted in &results[1..] {
                assert_eq!(interrupted, &results[0]);
            }
        })*
    };
}

compare! {
    a_member_reads_the_log => |scene| scene.log(&scene.bob).await,
    the_removed_member_reads_up_to_its_removal => |scene| scene.log(&scene.carol).await,
    the_added_member_reads_from_its_addition => |scene| scene.log(&scene.dave).await,
    a_member_reads_the_state => |scene| scene.state(&scene.bob).await,
    the_removed_member_reads_no_state => |scene| scene.state(&scene.carol).await,
    the_added_member_reads_the_state => |scene| scene.state(&scene.dave).await,
    a_member_lists_its_groups => |scene| {
        show(&scene.world.service.list_groups(&scene.bob.caller).await)
    },
    a_removed_member_lists_its_groups => |scene| {
        show(&scene.world.service.list_groups(&scene.carol.caller).await)
    },
    an_admin_lists_reports => |scene| {
        show(&scene.world.service.list_reports(&scene.alice.caller, &scene.world.group_id).await)
    },
    a_stranger_learns_nothing => |scene| {
        let eve = scene.world.device("eve@example.org/phone", 1);
        scene.log(&eve).await
    },
    the_removed_member_acknowledges => |scene| {
        let (now, group_id) = (scene.world.now, &scene.world.group_id);
        show(&scene.world.service.acknowledge(&scene.carol.caller, group_id, 3, now).await)
    },
    the_removed_member_sends => |scene| {
        let message = scene.world.encrypt(&mut scene.carol, "message");
        let carol = scene.carol.caller.clone();
        show(&scene.world.send(&carol, &message).await)
    },
    a_member_sends => |scene| {
        let message = scene.world.encrypt(&mut scene.bob, "message");
        let bob = scene.bob.caller.clone();
        show(&scene.world.send(&bob, &message).await)
    },
    a_member_proposes_in_the_old_epoch => |scene| {
        let proposal = scene.world.build_update(&mut scene.bob);
        let bob = scene.bob.caller.clone();
        show(&scene.world.send(&bob, &proposal).await)
    },
    a_member_commits_in_the_old_epoch => |scene| {
        let commit = scene.world.build_commit(&mut scene.bob, None, |commit| commit);
        show(&scene.world.submit(&scene.bob.caller, &commit).await)
    },
    the_committer_commits_in_the_new_epoch => |scene| {
        let commit = scene.commit.commit.to_vec();
        scene.world.process(&mut scene.alice, &commit);
        let commit = scene.world.build_commit(&mut scene.alice, None, |commit| commit);
        show(&scene.world.submit(&scene.alice.caller, &commit).await)
    },
    the_committer_repeats_its_request => |scene| {
        show(&scene.world.submit(&scene.alice.caller, &scene.commit).await)
    },
    a_member_leaves => |scene| {
        let client = scene.bob.caller.client.clone();
        let (group_id, intent) = (scene.world.group_id.clone(), RemovalIntent { client, since: 2 });
        let now = scene.world.now;
        show(&scene.world.service.request_removal(&scene.bob.caller, &group_id, intent, now).await)
    },
    the_added_member_finds_its_welcome => |scene| {
        scene.world.service.run_due(scene.world.now).await.unwrap();
        show(&scene.world.service.read_inbox(&scene.dave.caller, (0, 1 << 20), scene.world.now).await)
    },
}
