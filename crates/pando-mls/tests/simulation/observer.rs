//! An observer that follows the group without its secrets, as long as its handshake messages are
//! public.
//!
//! The observer keeps two copies of the group: one in memory, and one that is loaded lazily from a
//! store that applies each Delta.

use crate::client::{Id, NOW, POLICY};
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::network::is_public;
use crate::random::Random;
use crate::service::PublicRecord;
use crate::simulation::Simulation;
use pando_mls::{
    Decode, GroupError, GroupInfo, IdentityPolicy, Limits, Missing, MlsMessage, PublicGroup, PublicProcessed,
    PublicStaged, RowKey, RowSource, Rows, RustCrypto, SecretBytes, SourceError, Suite, Unpersisted,
};
use std::sync::{Arc, Mutex};

pub(crate) struct Observer {
    group: PublicGroup,
    rows: Rows,
    opened: PublicGroup,
    store: Arc<Store>,
}

/// Rows that change while a group reads them.
#[derive(Default)]
struct Store(Mutex<Rows>);

impl RowSource for Store {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.0.lock().unwrap().row(key)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        RowSource::range(&*self.0.lock().unwrap(), first, last)
    }
}

/// A Commit that both copies have staged.
type Staged = [Box<PublicStaged>; 2];

impl Observer {
    pub(crate) fn new(suite: Suite, group_info: &GroupInfo, policy: &dyn IdentityPolicy) -> Outcome<Self> {
        let (group, delta) =
            PublicGroup::new(suite, group_info, None, policy, Limits::default())?.into_parts();
        let (mut rows, store) = (Rows::new(), Arc::new(Store::default()));
        delta.apply(&mut rows).unwrap();
        *store.0.lock().unwrap() = group.rows()?;
        let opened = PublicGroup::open(store.clone(), &RustCrypto, Limits::default())?;
        Ok(Self { group, rows, opened, store })
    }

    /// Stops the observer and restarts it from its stored rows.
    pub(crate) fn restart(&mut self) -> Outcome {
        for group in [&self.group, &self.opened] {
            ensure(group.rows()? == self.rows, || "its stored rows differ from its group".to_owned())?;
        }
        ensure(*self.store.0.lock().unwrap() == self.rows, || "the store differs from its rows".to_owned())?;
        self.group = PublicGroup::load(&self.rows, &RustCrypto, POLICY, Limits::default())?;
        ensure(self.group.rows()? == self.rows, || "its loaded group differs from its rows".to_owned())?;
        self.opened = PublicGroup::open(self.store.clone(), &RustCrypto, Limits::default())?;
        Ok(())
    }

    pub(crate) fn agrees_with(&self, record: &PublicRecord) -> Outcome {
        let seen = PublicRecord::of(self.group.public())?;
        ensure(seen == *record, || format!("the observer sees another group: {seen:#?} {record:#?}"))
    }

    /// Runs an operation on both copies, and stores its changes.
    fn operate(
        &mut self,
        mut operation: impl FnMut(&mut PublicGroup, usize) -> Result<Unpersisted<()>, GroupError>,
    ) -> Result<(), GroupError> {
        let (done, other) = (operation(&mut self.group, 0), operation(&mut self.opened, 1));
        let (delta, other_delta) =
            (done.as_ref().map(Unpersisted::delta), other.as_ref().map(Unpersisted::delta));
        assert_eq!(delta, other_delta, "the lazily loaded group gives another delta");
        done?.persist_to(&mut self.rows).unwrap();
        other?.persist_to(&mut self.store.0.lock().unwrap()).unwrap();
        assert_eq!(self.group.public().context(), self.opened.public().context());
        assert!(self.group.pending_proposals().eq(self.opened.pending_proposals()));
        Ok(())
    }

    /// Returns the result of processing a message for each copy.
    fn process(&mut self, message: &MlsMessage) -> Result<[PublicProcessed; 2], GroupError> {
        let mut processed = [None, None];
        self.operate(|group, number| {
            let taken = group.process(message.clone(), POLICY, &pando_mls::AdmitAll, Some(NOW))?;
            Ok(taken.map(|taken| processed[number] = Some(taken)))
        })?;
        Ok(processed.map(Option::unwrap))
    }

    /// Merges a Commit. Unless the Commit ends the group, checks it with a member's GroupInfo.
    /// Every fourth time, first merges the Commit without the GroupInfo and rolls back.
    fn merge(&mut self, staged: &Staged, group_info: Option<&GroupInfo>) -> Outcome {
        if staged[0].public().context().epoch.is_multiple_of(4) {
            let before = self.group.rows()?;
            self.operate(|group, number| group.merge_unconfirmed(&staged[number]))?;
            self.operate(|group, _| group.roll_back())?;
            // The rollback leads to a different position.
            let is_back = are_same(&self.rows, &before) && self.group.rows()? == self.rows;
            ensure(is_back, || "it has not returned to the previous state".to_owned())?;
        }
        self.operate(|group, number| match group_info {
            Some(group_info) => group.merge(&staged[number], group_info),
            None => group.merge_unconfirmed(&staged[number]),
        })?;
        Ok(())
    }

    /// Follows the Commit of an epoch, if possible. Returns whether it was possible. `proposals`
    /// may be in any order.
    fn follow(
        &mut self,
        proposals: Vec<MlsMessage>,
        commit: &MlsMessage,
        group_info: Option<&GroupInfo>,
    ) -> Outcome<bool> {
        let mut all_public = true;
        for message in proposals {
            let public = is_public(&message);
            let taken = matches!(self.process(&message), Ok([PublicProcessed::Proposal(_), _]));
            ensure(taken == public, || "the observer takes the wrong proposals".to_owned())?;
            all_public &= public;
        }
        let public = is_public(commit);
        match self.process(commit) {
            Ok([PublicProcessed::Commit(staged), PublicProcessed::Commit(other)]) if public => {
                self.merge(&[staged, other], group_info)?;
                Ok(true)
            }
            Err(_) if !public => Ok(false),
            Err(GroupError::Missing(Missing::Proposal(_))) if !all_public => Ok(false),
            Err(error) => Err(error).during(|| "the observer takes a Commit".to_owned()),
            Ok(other) => Err(Failure(format!("the observer takes a Commit: it is {other:?}"))),
        }
    }
}

impl Simulation {
    /// Makes the observer follow the newest Commit. If the Commit is not public and the group has
    /// not ended, the observer starts over.
    pub(crate) fn observe(&mut self, helper: Id, random: &mut Random) -> Outcome {
        let Some(mut observer) = self.observer.take() else { return self.observe_anew(helper) };
        let epoch = self.service.epoch(self.service.head() - 1)?;
        let order = random.shuffled(0..epoch.proposals.len()).into_iter();
        let proposals = order.map(|position| MlsMessage::decode(&epoch.proposals[position].bytes));
        let proposals = proposals.collect::<Result<_, _>>()?;
        let commit = epoch.commit.as_ref().map(|commit| MlsMessage::decode(&commit.bytes)).transpose()?;
        let commit = commit.ok_or_else(|| Failure("there was no Commit".to_owned()))?;
        let goes_on = self.clients[helper].member()?.group.is_active();
        let group_info = goes_on.then(|| self.group_info(helper, false)).transpose()?;
        if !observer.follow(proposals, &commit, group_info.as_ref())? {
            return if goes_on { self.observe_anew(helper) } else { Ok(()) };
        }
        observer.agrees_with(&self.service.current()?.public)?;
        self.observer = Some(observer);
        self.count("observed");
        Ok(())
    }
}

/// Compares rows without their positions.
fn are_same(one: &Rows, other: &Rows) -> bool {
    let but_position = |(key, _): &(&RowKey, _)| **key != RowKey::State;
    one.iter().filter(but_position).eq(other.iter().filter(but_position))
}
