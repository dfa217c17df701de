//! Small groups: each operation of Pando and of mls-rs with the same kind of backend. The two are
//! timed in turns, or their instructions are counted by callgrind.
//!
//! Both libraries run their operations on one thread, in groups that were made in the same way,
//! with bytes as input and output. [`Operation`] lists the operations, and [`World`] runs them.

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
    /// Making a KeyPackage, as a message.
    KeyPackage,
    /// Creating a group of one, whatever the number of members is.
    Create,
    /// Creating a group, making a Commit with a path that adds all other members, and merging it.
    CreateWithAll,
    /// Joining by a Welcome with the tree inside, as the last member. The Commit has no path.
    Join,
    /// Joining by an external Commit, as the last member, from a GroupInfo with the tree inside.
    ExternalJoin,
    /// Making a Commit without proposals.
    UpdateMade,
    /// Entering the epoch of that.
    UpdateMerged,
    /// Processing it, and entering its epoch.
    UpdateProcessed,
    /// Making a Commit with a path that adds one more member, and a Welcome with the tree inside.
    AddMade,
    /// Entering the epoch of that.
    AddMerged,
    /// Processing it, and entering its epoch.
    AddProcessed,
    /// Making the same Commit without a path.
    AddWithoutPathMade,
    /// Entering the epoch of that.
    AddWithoutPathMerged,
    /// Processing it, and entering its epoch.
    AddWithoutPathProcessed,
    /// Making a Commit that removes a member from a group of one more.
    RemoveMade,
    /// Entering the epoch of that.
    RemoveMerged,
    /// Processing it, and entering its epoch.
    RemoveProcessed,
    /// Processing the external Commit of the last member, and entering its epoch.
    ExternalJoinProcessed,
    /// Encrypting 32 bytes.
    Encrypt,
    /// Decrypting that.
    Decrypt,
    /// Reading the group from its store in memory.
    Load,
    /// The same, except that Pando reads nodes of the tree when they are needed.
    Open,
}

use Operation::*;

impl Operation {
    /// Returns whether the group has one member less before the operation, because the last member
    /// joins by it.
    const fn one_is_missing(self) -> bool {
        matches!(self, Join | ExternalJoin | ExternalJoinProcessed)
    }
}

/// A group of a library. Its tree is warm, because each member has joined by an external Commit,
/// which fills the parents above it. The first member makes Commits and sends, and the last one
/// receives. The other members do nothing.
pub struct World<L: Library> {
    members: usize,
    stores: bool,
    first: L::Group,
    last: Option<L::Group>,
    /// The KeyPackages of all members but the first, for a group that adds them at once.
    key_packages: Vec<Vec<u8>>,
}

impl<L: Library> World<L> {
    /// Makes a group of this size. If it `stores`, writing to the store is part of each operation;
    /// otherwise it is done afterwards.
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
        // Makes more epochs than the past epochs that are kept, and the ratchets of the first
        // member.
        for _ in 0..6 {
            world.update(None);
        }
        world.message(None);
        world
    }

    /// Runs an operation, and returns its time.
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

    /// Adds a member, and returns the Welcome and the time.
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

    /// Lets the first member make a Commit, which both members merge. Returns the time of the part
    /// that is the operation: making, merging or processing.
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

    /// Creates or joins a group, and returns it with the time.
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

/// A client that is in no group.
fn newcomer<L: Library>() -> L::Client {
    L::client(identity(usize::MAX))
}

/// Runs an operation on a group, and stores the result, as a part of the operation or after it.
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

/// Runs a function, counted by callgrind or not, and returns its time.
fn timed<T>(counts: bool, does: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = if counts { measured(does) } else { does() };
    (result, start.elapsed())
}

/// Runs a function whose instructions are counted. Callgrind finds this function by its name.
#[inline(never)]
fn measured<T>(does: impl FnOnce() -> T) -> T {
    black_box(does())
}

/// The two groups of a library, in which its operations run.
pub struct Worlds<L: Library> {
    all_are_here: World<L>,
    one_is_missing: World<L>,
}

impl<L: Library> Worlds<L> {
    /// Makes the groups for operations with this many members.
    #[must_use]
    pub fn new(members: usize, stores: bool) -> Self {
        Self { all_are_here: World::new(members, stores), one_is_missing: World::new(members - 1, stores) }
    }

    /// Runs an operation, and returns its time.
    pub fn run(&mut self, operation: Operation) -> Duration {
        let world =
            if operation.one_is_missing() { &mut self.one_is_missing } else { &mut self.all_are_here };
        world.run(operation)
    }
}
