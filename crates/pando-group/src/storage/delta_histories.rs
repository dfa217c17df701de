//! A property test that applies Deltas of several groups, instances and objects in any order. Some
//! Deltas are applied twice, and some are merged first. The test shows that the stored rows always
//! correspond to a prefix of the history of a single object.

use crate::state::group_state::GroupState;
use crate::storage::change_log::ChangeLog;
use crate::storage::delta::{Delta, DeltaError};
use crate::storage::lineage::Lineage;
use crate::storage::position::{Position, StateRow};
use crate::storage::row_key::{Changes, EpochRow, RowKey, Rows};
use pando_crypto::{CryptoProvider, RustCrypto, SecretBytes, Suite};
use pando_wire::{CipherSuite, GroupId, NodeIndex};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn suite() -> Suite {
    RustCrypto.suite(CipherSuite(1)).unwrap()
}

fn copy_rows(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

/// Returns the changes that write the given rows.
fn written(rows: &Rows) -> Changes {
    copy_rows(rows).into_iter().map(|(key, row)| (key, Some(row))).collect()
}

fn copy(delta: &Delta) -> Delta {
    let rows = delta.rows.iter().map(|(key, row)| (*key, row.as_ref().map(|row| row.expose().into())));
    Delta {
        group_id: delta.group_id.clone(),
        instance: delta.instance,
        is_whole: delta.is_whole,
        follows: delta.follows.clone(),
        becomes: delta.becomes,
        state: delta.state,
        rows: rows.collect(),
        forget_before: delta.forget_before,
    }
}

/// An in-memory object of a group, with its expected rows.
struct Object {
    group_id: GroupId,
    lineage: Lineage,
    rows: Rows,
}

/// All Deltas, the rows at each position, and the predecessor of each position.
#[derive(Default)]
struct History {
    objects: Vec<Object>,
    deltas: Vec<Delta>,
    at: BTreeMap<Position, Rows>,
    before: BTreeMap<Position, Position>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A client creates or joins a group with this identifier.
    Begin(u8),
    /// An object is loaded again from its rows.
    LoadAgain(usize),
    /// An object writes or deletes a row.
    Write(usize, u8, Option<u8>),
    /// An object encrypts a message. The plaintext does not affect the rows.
    Send(usize, u8),
    /// An object forgets epochs.
    Forget(usize, u64),
    /// Two Deltas are merged if the second Delta follows the first.
    Merge(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let object = 0_usize..8;
    prop_oneof![
        1 => (0_u8..2).prop_map(Step::Begin),
        1 => object.clone().prop_map(Step::LoadAgain),
        4 => (object.clone(), 0_u8..4, any::<Option<u8>>()).prop_map(|(object, key, row)| Step::Write(object, key, row)),
        4 => (object.clone(), any::<u8>()).prop_map(|(object, end)| Step::Send(object, end)),
        1 => (object, 0_u64..4).prop_map(|(object, epoch)| Step::Forget(object, epoch)),
        3 => (0_usize..64, 0_usize..64).prop_map(|(one, other)| Step::Merge(one, other)),
    ]
}

fn key(number: u8) -> RowKey {
    match number {
        0 => RowKey::Member,
        1 => RowKey::PrivateKey(NodeIndex(3)),
        epoch => RowKey::Epoch(epoch.into(), EpochRow::Past),
    }
}

impl History {
    fn object(&mut self, number: usize) -> Option<&mut Object> {
        let count = self.objects.len();
        self.objects.get_mut(number.checked_rem(count)?)
    }

    fn change(&mut self, number: usize, change: impl FnOnce(&mut ChangeLog)) {
        let Some(object) = self.object(number) else { return };
        let mut log = ChangeLog::default();
        change(&mut log);
        let before = object.lineage.position;
        let delta = object.lineage.advance(suite(), &object.group_id, GroupState::Active, log.take());
        assert_eq!(delta.is_empty(), delta.becomes() == before);
        // Compute the expected rows independently.
        for (key, row) in &delta.rows {
            match row {
                Some(row) => drop(object.rows.insert(*key, row.expose().into())),
                None => drop(object.rows.remove(key)),
            }
        }
        let epoch = delta.forget_before;
        object.rows.retain(|key, _| !matches!(key, RowKey::Epoch(of, _) if *of < epoch));
        let (becomes, rows) = (delta.becomes(), copy_rows(&object.rows));
        if becomes != before {
            // Two objects that reach the same position by the same changes must have the same rows.
            assert!(self.at.insert(becomes, copy_rows(&rows)).is_none_or(|other| other == rows));
            self.before.insert(becomes, before);
            self.deltas.push(delta);
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Begin(name) => {
                let group_id = GroupId::from([name].as_slice());
                // Each instance has a different secret.
                let secret = u8::try_from(self.deltas.len()).unwrap();
                let mut rows: Rows = [(RowKey::Public, vec![secret].into())].into();
                let lineage = Lineage::begin(suite(), &group_id, &written(&rows));
                let row = StateRow { position: lineage.position, state: GroupState::Active };
                rows.insert(RowKey::State, row.encode());
                let delta = lineage.whole(group_id.clone(), GroupState::Active, written(&rows));
                self.at.insert(lineage.position, copy_rows(&rows));
                self.deltas.push(delta);
                self.objects.push(Object { group_id, lineage, rows });
            }
            Step::LoadAgain(number) => {
                let Some(Object { group_id, lineage, rows }) = self.object(number) else { return };
                let again = Object { group_id: group_id.clone(), lineage: *lineage, rows: copy_rows(rows) };
                self.objects.push(again);
            }
            Step::Write(number, name, row) => self.change(number, |log| match row {
                Some(row) => log.write(key(name), vec![row].into()),
                None => log.delete([key(name)]),
            }),
            Step::Send(number, end) => self.change(number, |log| {
                log.write(RowKey::Member, SecretBytes::from(vec![0]));
                log.send(&[end]);
            }),
            Step::Forget(number, epoch) => self.change(number, |log| log.forget(epoch)),
            Step::Merge(one, other) => {
                let Some(count) = Some(self.deltas.len()).filter(|count| *count > 0) else { return };
                let (one, other) = (&self.deltas[one % count], &self.deltas[other % count]);
                match copy(one).then(copy(other)) {
                    Ok(merged) => {
                        assert_eq!((one.instance, one.group_id()), (other.instance, other.group_id()));
                        assert_eq!(merged.becomes(), other.becomes());
                        self.deltas.push(merged);
                    }
                    Err((_, given_back)) => assert_eq!((&given_back.0, &given_back.1), (one, other)),
                }
            }
        }
    }

    /// Returns whether `later` follows `earlier` in the history of an object.
    fn follows(&self, mut later: Position, earlier: Position) -> bool {
        while later != earlier {
            let Some(before) = self.before.get(&later) else { return false };
            later = *before;
        }
        true
    }
}

fn position(rows: &Rows) -> Option<Position> {
    Some(StateRow::read(rows.get(&RowKey::State)?.expose())?.position)
}

proptest! {
    #[test]
    fn rows_are_those_of_one_history(
        steps in vec(step(), 1..60),
        order in vec((0_usize..1_000, 0_usize..3), 1..120),
    ) {
        let mut history = History::default();
        history.take(Step::Begin(0));
        steps.into_iter().for_each(|step| history.take(step));
        // Use three stores, each of which holds the rows of one group.
        let mut stores = [Rows::new(), Rows::new(), Rows::new()];
        for (number, store) in order {
            let delta = &history.deltas[number % history.deltas.len()];
            let rows = &mut stores[store];
            let (before, unchanged) = (position(rows), copy_rows(rows));
            match copy(delta).apply(rows) {
                Ok(()) => {
                    let after = position(rows).unwrap();
                    prop_assert_eq!(after, delta.becomes());
                    prop_assert_eq!(&*rows, &history.at[&after]);
                    if let Some(before) = before {
                        prop_assert!(history.follows(after, before));
                    }
                }
                Err(DeltaError::Stale | DeltaError::Occupied) => prop_assert_eq!(&*rows, &unchanged),
                Err(DeltaError::OtherGroup) => prop_assert!(false, "rows do not know their group"),
            }
        }
    }

    /// If two objects that were loaded from the same rows send different messages, only one of the
    /// two Deltas can be stored.
    #[test]
    fn two_objects_do_not_use_one_key(one in any::<[u8; 32]>(), other in any::<[u8; 32]>()) {
        let lineage = Lineage::begin(suite(), &GroupId::default(), &Changes::new());
        let send = |end: &[u8]| {
            let (mut log, mut lineage) = (ChangeLog::default(), lineage);
            log.write(RowKey::Member, SecretBytes::from(vec![0]));
            log.send(end);
            lineage.advance(suite(), &GroupId::default(), GroupState::Active, log.take())
        };
        let (first, second) = (send(&one), send(&other));
        let row = StateRow { position: lineage.position, state: GroupState::Active };
        let mut rows: Rows = [(RowKey::State, row.encode())].into();
        first.apply(&mut rows).unwrap();
        prop_assert_eq!(second.apply(&mut rows).is_ok(), one == other);
    }
}
