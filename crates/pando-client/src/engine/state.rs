//! The engine's rows in memory.
//!
//! A step of the engine changes rows in memory and writes the changed ones in its transaction. If
//! the transaction fails, all rows are loaded again.

use super::event::{Event, EventId, StoredEvent};
use super::rows::{
    ClaimRow, ClientRow, EVENTS, GroupRow, GroupStage, Intent, MessageRow, OperationRow, ReportRow, Row,
    Stage,
};
use pando_mls::{Decode, Encode, GroupId};
use pando_store::session::AppError;
use pando_store::{Backend, Store, StoreError, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// A table in memory.
#[derive(Debug)]
pub(crate) struct Table<R> {
    rows: BTreeMap<u64, R>,
    /// The numbers of the rows that the store does not have yet, or still has.
    changed: BTreeSet<u64>,
}

impl<R: Row> Table<R> {
    fn load<B: Backend>(store: &Store<B>) -> Result<Self, StoreError> {
        let mut rows = BTreeMap::new();
        let mut damaged = None;
        store.scan_records(R::TABLE, 0..=u64::MAX, &mut |number, value| {
            match R::decode(value.expose()) {
                Ok(row) => drop(rows.insert(number, row)),
                Err(_) => damaged = Some(number),
            }
            Ok(())
        })?;
        match damaged {
            None => Ok(Self { rows, changed: BTreeSet::new() }),
            Some(_) => Err(StoreError::Corrupt(pando_store::Record::Application)),
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&R> {
        self.rows.get(&number)
    }

    /// Returns a row that the caller changes.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut R> {
        self.changed.insert(number);
        self.rows.get_mut(&number)
    }

    pub(crate) fn insert(&mut self, number: u64, row: R) {
        self.changed.insert(number);
        self.rows.insert(number, row);
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<R> {
        self.changed.insert(number);
        self.rows.remove(&number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &R)> {
        self.rows.iter().map(|(number, row)| (*number, row))
    }

    /// Writes the changed rows.
    fn write<B: Backend>(&mut self, transaction: &mut Transaction<'_, B>) -> Result<(), AppError> {
        for number in std::mem::take(&mut self.changed) {
            match self.rows.get(&number) {
                Some(row) => transaction.put_record(R::TABLE, number, &row.encode_secret()?)?,
                None => transaction.remove_records(R::TABLE, number..=number)?,
            }
        }
        Ok(())
    }
}

/// The rows, and the changes of the step that has not been written.
#[derive(Debug)]
pub(crate) struct State {
    client: Table<ClientRow>,
    pub(crate) groups: Table<GroupRow>,
    pub(crate) operations: Table<OperationRow>,
    pub(crate) claims: Table<ClaimRow>,
    pub(crate) messages: Table<MessageRow>,
    pub(crate) reports: Table<ReportRow>,
    /// The numbers of groups by their identifiers.
    numbers: BTreeMap<GroupId, u64>,
    /// The events of the step.
    events: Vec<StoredEvent>,
    /// The number that the last event has at most.
    last_event: EventId,
    /// Records of tables that are not in memory: the table, the number, and the value, or `None` to
    /// remove the record.
    records: Vec<(Vec<u8>, u64, Option<Vec<u8>>)>,
}

impl State {
    /// Loads all rows.
    pub(crate) fn load<B: Backend>(store: &Store<B>) -> Result<Self, StoreError> {
        let groups = Table::<GroupRow>::load(store)?;
        let numbers = groups.iter().map(|(number, row)| (row.group_id.clone(), number)).collect();
        let mut client = Table::load(store)?;
        if client.get(0).is_none() {
            client.rows.insert(0, ClientRow::default());
        }
        let last_event = EventId(client.get(0).map(|row: &ClientRow| row.last_number).unwrap_or_default());
        Ok(Self {
            client,
            groups,
            operations: Table::load(store)?,
            claims: Table::load(store)?,
            messages: Table::load(store)?,
            reports: Table::load(store)?,
            numbers,
            events: Vec::new(),
            last_event,
            records: Vec::new(),
        })
    }

    /// Returns the row of the client.
    pub(crate) fn client(&self) -> ClientRow {
        self.client.get(0).cloned().unwrap_or_default()
    }

    /// Returns the number that the last event has at most.
    pub(crate) const fn last_event(&self) -> EventId {
        self.last_event
    }

    /// Changes the row of the client.
    pub(crate) fn change_client<T>(&mut self, change: impl FnOnce(&mut ClientRow) -> T) -> T {
        let mut row = self.client();
        let result = change(&mut row);
        self.client.insert(0, row);
        result
    }

    /// Returns a number that no other row or event has.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.change_client(|client| {
            client.last_number = client.last_number.saturating_add(1);
            client.last_number
        })
    }

    /// Returns the row of a group.
    pub(crate) fn group(&self, group_id: &GroupId) -> Option<&GroupRow> {
        self.groups.get(*self.numbers.get(group_id)?)
    }

    /// Returns the row of a group, which the caller changes.
    pub(crate) fn group_mut(&mut self, group_id: &GroupId) -> Option<&mut GroupRow> {
        self.groups.get_mut(*self.numbers.get(group_id)?)
    }

    /// Stores the row of a new group, or replaces the row of a former group.
    pub(crate) fn put_group(&mut self, row: GroupRow) {
        let number = match self.numbers.get(&row.group_id) {
            Some(number) => *number,
            None => self.next_number(),
        };
        self.numbers.insert(row.group_id.clone(), number);
        self.groups.insert(number, row);
    }

    /// Returns the stage of a group.
    pub(crate) fn stage(&self, group_id: &GroupId) -> Option<GroupStage> {
        self.group(group_id).map(|row| row.stage)
    }

    /// Returns the operations of a group, the earliest first.
    pub(crate) fn operations_of<'a>(
        &'a self,
        group_id: &'a GroupId,
    ) -> impl Iterator<Item = (u64, &'a OperationRow)> {
        self.operations.iter().filter(move |(_, row)| row.group_id == *group_id)
    }

    /// Returns the operation of a group whose request was made and is not decided, if there is one.
    /// A leave is decided when the server has accepted it.
    pub(crate) fn started<'a>(&'a self, group_id: &'a GroupId) -> Option<(u64, &'a OperationRow)> {
        let is_started = |row: &OperationRow| match row.stage {
            Stage::Waiting => false,
            Stage::Accepted => row.intent != Intent::Leave,
            Stage::Creating(_) | Stage::Committing(_) | Stage::Leaving(_) | Stage::Created => true,
        };
        self.operations_of(group_id).find(|(_, row)| is_started(row))
    }

    /// Returns the messages of a group that wait for their receipts, the earliest first.
    pub(crate) fn messages_of<'a>(
        &'a self,
        group_id: &'a GroupId,
    ) -> impl Iterator<Item = (u64, &'a MessageRow)> {
        self.messages.iter().filter(move |(_, row)| row.group_id == *group_id)
    }

    /// Adds an event.
    pub(crate) fn push_event(&mut self, time: u64, group_id: Option<&GroupId>, event: Event) {
        let id = EventId(self.next_number());
        self.events.push(StoredEvent { id, time, group_id: group_id.cloned(), event });
    }

    /// Stores a record of a table that is not in memory.
    pub(crate) fn put_record(&mut self, table: &[u8], number: u64, value: Vec<u8>) {
        self.records.push((table.to_vec(), number, Some(value)));
    }

    /// Removes a record of a table that is not in memory.
    pub(crate) fn remove_record(&mut self, table: &[u8], number: u64) {
        self.records.push((table.to_vec(), number, None));
    }

    /// Writes all changes of the step.
    pub(crate) fn write<B: Backend>(&mut self, transaction: &mut Transaction<'_, B>) -> Result<(), AppError> {
        self.client.write(transaction)?;
        self.groups.write(transaction)?;
        self.operations.write(transaction)?;
        self.claims.write(transaction)?;
        self.messages.write(transaction)?;
        self.reports.write(transaction)?;
        for event in std::mem::take(&mut self.events) {
            self.last_event = event.id;
            transaction.put_record(EVENTS, event.id.0, &event.encode_secret()?)?;
        }
        for (table, number, value) in std::mem::take(&mut self.records) {
            match value {
                Some(value) => transaction.put_record(&table, number, &value)?,
                None => transaction.remove_records(&table, number..=number)?,
            }
        }
        Ok(())
    }
}

/// Returns events that the application has not acknowledged, from the one after `after` on.
pub(crate) fn read_events<B: Backend>(
    store: &Store<B>,
    after: EventId,
    most: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut events = Vec::new();
    let corrupt = || StoreError::Corrupt(pando_store::Record::Application);
    store.scan_records(EVENTS, after.0.saturating_add(1)..=u64::MAX, &mut |_, value| {
        if events.len() < most {
            events.push(StoredEvent::decode(value.expose()).map_err(|_| corrupt())?);
        }
        Ok(())
    })?;
    Ok(events)
}
