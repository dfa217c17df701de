//! Compares the operations of Pando and mls-rs in small groups, with the same kind of backend. The
//! comparison either alternates timed runs of the two libraries or counts their instructions with
//! callgrind.
//!
//! Pando and mls-rs run their operations on one thread, in groups that were created in the same
//! way, with bytes as input and output. [`Operation`] lists the operations, and [`World`] runs
//! them.

pub mod counts;
pub mod table;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use crate::library::{Add, Library, identity};

/// A measured operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// Creating a KeyPackage, encoded as a message.
    KeyPackage,
    /// Creating a group with a single member, regardless of the group size.
    Create,
    /// Creating a group, creating a Commit with a path that adds all other members, and merging the
    /// Commit.
    CreateWithAll,
    /// Joining as the last member by a Welcome that contains the tree. The Commit has no path.
    Join,
    /// Joining as the last member by an external Commit, from a GroupInfo that contains the tree.
    ExternalJoin,
    /// Creating a Commit without proposals.
    UpdateMade,
    /// Entering the epoch of our own Commit without proposals.
    UpdateMerged,
    /// Processing a Commit without proposals, and entering the epoch that it starts.
    UpdateProcessed,
    /// Creating a Commit with a path that adds a member, and a Welcome that contains the tree.
    AddMade,
    /// Entering the epoch of our own Commit that adds a member with a path.
    AddMerged,
    /// Processing a Commit that adds a member with a path, and entering the epoch that it starts.
    AddProcessed,
    /// Creating a Commit without a path that adds a member, and a Welcome that contains the tree.
    AddWithoutPathMade,
    /// Entering the epoch of our own Commit that adds a member without a path.
    AddWithoutPathMerged,
    /// Processing a Commit that adds a member without a path, and entering the epoch that it
    /// starts.
    AddWithoutPathProcessed,
    /// Creating a Commit that removes a member from a group with one additional member.
    RemoveMade,
    /// Entering the epoch of our own Commit that removes a member.
    RemoveMerged,
    /// Processing a Commit that removes a member, and entering the epoch that it starts.
    RemoveProcessed,
    /// Processing the external Commit by which the last member joins, and entering the epoch that
    /// it starts.
    ExternalJoinProcessed,
    /// Encrypting 32 bytes.
    Encrypt,
    /// Decrypting a message of 32 bytes.
    Decrypt,
    /// Reading the group from its store in memory.
    Load,
    /// Reading the group from its store in memory, except that Pando reads nodes of the tree only
    /// when they are needed.
    Open,
}

use Operation::*;

impl Operation {
    /// Returns whether the group lacks its last member before the operation, because the operation
    /// makes that member join.
    const fn one_is_missing(self) -> bool {
        matches!(self, Join | ExternalJoin | ExternalJoinProcessed)
    }
}

/// A group of a library. The tree is warm, because each member has joined by an external Commit,
/// which fills the parents above its leaf. The first member creates Commits and sends messages, and
/// the last member receives them. All other members are inactive.
pub struct World<L: Library> {
    members: usize,
    stores: bool,
    first: L::Group,
    last: Option<L::Group>,
    /// The KeyPackages of all members except the first, for creating a group that adds them all at
    /// once.
    key_packages: Vec<Vec<u8>>,
}

impl<L: Library> World<L> {
    /// Creates a group of this size. If `stores` is set, writing to the store is part of each
    /// operation; otherwise, it is done after the operation.
    #[must_use]
    pub fn new(members: usize, stores: bool) -> Self {
        let mut first = L::create(L::client(identity(0)));
        let mut last = None;
        for number in 1..members {
            let (joined, commit) = L::join_externally(L::client(identity(number)), &L::group_info(&first));
            L::process(&mut first, &commit);
            L::store(&mut first);
            last = Some(joined);
        }
        let key_packages = (1..members).map(|number| L::key_package(&L::client(identity(number)))).collect();
        let mut world = Self { members, stores, first, last, key_packages };
        // Create more epochs than the number of past epochs that a group keeps, and create the
        // ratchets of the first member.
        for _ in 0..6 {
            world.update(None);
        }
        world.message(None);
        world
    }

    /// Runs an operation and returns the time that it took.
    pub fn run(&mut self, operation: Operation) -> Duration {
        match operation {
            KeyPackage => {
                let client = newcomer::<L>();
                timed(true, || L::key_package(&client)).1
            }
            Create => {
                let client = newcomer::<L>();
                self.begin(|| L::create(client)).1
            }
            CreateWithAll => {
                let (client, others) = (newcomer::<L>(), &self.key_packages);
                let create = || {
                    let mut group = L::create(client);
                    black_box(L::add(&mut group, others, Add { path: true, tree_inside: true }));
                    L::merge(&mut group);
                    group
                };
                self.begin(create).1
            }
            Join => self.join(),
            ExternalJoin | ExternalJoinProcessed => self.join_externally(operation),
            UpdateMade | UpdateMerged | UpdateProcessed => self.update(Some(operation)),
            AddMade | AddMerged | AddProcessed => {
                let parts = [AddMade, AddMerged, AddProcessed];
                let took = self.add(Some(operation), parts, &newcomer::<L>(), true).1;
                self.remove(None);
                took
            }
            AddWithoutPathMade | AddWithoutPathMerged | AddWithoutPathProcessed => {
                let parts = [AddWithoutPathMade, AddWithoutPathMerged, AddWithoutPathProcessed];
                let took = self.add(Some(operation), parts, &newcomer::<L>(), false).1;
                self.remove(None);
                took
            }
            RemoveMade | RemoveMerged | RemoveProcessed => {
                self.add(None, [AddMade, AddMerged, AddProcessed], &newcomer::<L>(), false);
                self.remove(Some(operation))
            }
            Encrypt | Decrypt => self.message(Some(operation)),
            Load | Open => {
                let read = if operation == Load { L::load } else { L::open };
                let (loaded, took) = timed(true, || read(&self.first));
                assert_eq!(L::authenticator(&loaded), L::authenticator(&self.first));
                took
            }
        }
    }

    fn join(&mut self) -> Duration {
        let client = newcomer::<L>();
        let (welcome, _) = self.add(None, [AddMade, AddMerged, AddProcessed], &client, false);
        let (joined, took) = self.begin(|| L::join(client, &welcome, None));
        assert_eq!(L::authenticator(&joined), L::authenticator(&self.first));
        self.remove(None);
        took
    }

    fn join_externally(&mut self, operation: Operation) -> Duration {
        let (client, group_info) = (newcomer::<L>(), L::group_info(&self.first));
        let stores = self.stores;
        let ((joined, commit), joining) = timed(operation == ExternalJoin, || {
            let (mut joined, commit) = L::join_externally(client, &group_info);
            if stores {
                L::store(&mut joined);
            }
            (joined, commit)
        });
        let is_processing = operation == ExternalJoinProcessed;
        let process = |group: &mut L::Group| L::process(group, &commit);
        let ((), processing) = step::<L, _>(&mut self.first, stores, is_processing, process);
        if let Some(last) = &mut self.last {
            step::<L, _>(last, stores, false, process);
        }
        assert_eq!(L::authenticator(&joined), L::authenticator(&self.first));
        self.remove(None);
        if is_processing { processing } else { joining }
    }

    fn update(&mut self, operation: Option<Operation>) -> Duration {
        let parts = [UpdateMade, UpdateMerged, UpdateProcessed];
        self.commit(operation, parts, |first| (L::update(first), ())).1
    }

    /// Removes the last added member.
    fn remove(&mut self, operation: Option<Operation>) -> Duration {
        let leaf = self.members.try_into().unwrap();
        let parts = [RemoveMade, RemoveMerged, RemoveProcessed];
        self.commit(operation, parts, |first| (L::remove(first, leaf), ())).1
    }

    /// Adds a member. Returns the Welcome and the time.
    fn add(
        &mut self,
        operation: Option<Operation>,
        parts: [Operation; 3],
        newcomer: &L::Client,
        path: bool,
    ) -> (Vec<u8>, Duration) {
        let key_packages = [L::key_package(newcomer)];
        self.commit(operation, parts, |first| {
            let added = L::add(first, &key_packages, Add { path, tree_inside: true });
            (added.commit, added.welcome)
        })
    }

    /// Makes the first member create a Commit, which both active members merge. Returns the time of
    /// the part that the operation measures: creating, merging or processing.
    fn commit<T>(
        &mut self,
        operation: Option<Operation>,
        parts: [Operation; 3],
        make: impl FnOnce(&mut L::Group) -> (Vec<u8>, T),
    ) -> (T, Duration) {
        let [making, merging, processing] = parts.map(|part| operation == Some(part));
        let ((commit, result), made) = step::<L, _>(&mut self.first, self.stores, making, make);
        let ((), merged) = step::<L, _>(&mut self.first, self.stores, merging, L::merge);
        let mut took = if making { made } else { merged };
        if let Some(last) = &mut self.last {
            let process = |group: &mut L::Group| L::process(group, &commit);
            let ((), processed) = step::<L, _>(last, self.stores, processing, process);
            took = if processing { processed } else { took };
            assert_eq!(L::authenticator(last), L::authenticator(&self.first));
        }
        (result, took)
    }

    fn message(&mut self, operation: Option<Operation>) -> Duration {
        let encrypt = |group: &mut L::Group| L::encrypt(group, &[7; 32]);
        let (message, encrypted) =
            step::<L, _>(&mut self.first, self.stores, operation == Some(Encrypt), encrypt);
        let Some(last) = &mut self.last else { return encrypted };
        let decrypt = |group: &mut L::Group| L::decrypt(group, &message);
        let (data, decrypted) = step::<L, _>(last, self.stores, operation == Some(Decrypt), decrypt);
        assert_eq!(data, [7; 32]);
        if operation == Some(Decrypt) { decrypted } else { encrypted }
    }

    /// Creates or joins a group. Returns the group and the time.
    fn begin(&self, does: impl FnOnce() -> L::Group) -> (L::Group, Duration) {
        let (mut group, took) = timed(true, || {
            let mut group = does();
            if self.stores {
                L::store(&mut group);
            }
            group
        });
        L::store(&mut group);
        (group, took)
    }
}

/// Creates a client that is not in any group.
fn newcomer<L: Library>() -> L::Client {
    L::client(identity(usize::MAX))
}

/// Runs an operation on a group, and stores the result, either as a part of the operation or
/// afterwards.
fn step<L: Library, T>(
    group: &mut L::Group,
    stores: bool,
    counts: bool,
    does: impl FnOnce(&mut L::Group) -> T,
) -> (T, Duration) {
    let done = timed(counts, || {
        let result = does(group);
        if stores {
            L::store(group);
        }
        result
    });
    L::store(group);
    done
}

/// Runs a function and returns its result and its time. If `counts` is set, callgrind counts its
/// instructions.
fn timed<T>(counts: bool, does: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = if counts { measured(does) } else { does() };
    (result, start.elapsed())
}

/// Runs a function whose instructions are counted. Callgrind identifies `measured` by its name.
#[inline(never)]
fn measured<T>(does: impl FnOnce() -> T) -> T {
    black_box(does())
}

/// The two groups of a library in which its operations run.
pub struct Worlds<L: Library> {
    all_are_here: World<L>,
    one_is_missing: World<L>,
}

impl<L: Library> Worlds<L> {
    /// Creates the groups for operations with the given number of members.
    #[must_use]
    pub fn new(members: usize, stores: bool) -> Self {
        Self { all_are_here: World::new(members, stores), one_is_missing: World::new(members - 1, stores) }
    }

    /// Runs an operation in the appropriate group and returns the time that it took.
    pub fn run(&mut self, operation: Operation) -> Duration {
        let world =
            if operation.one_is_missing() { &mut self.one_is_missing } else { &mut self.all_are_here };
        world.run(operation)
    }
}
