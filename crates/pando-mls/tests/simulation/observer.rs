//! Somebody who follows the group without its secrets, for as long as its handshakes are public.

use crate::device::{Id, NOW, POLICY};
use crate::dice::Dice;
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::network::is_public;
use crate::service::PublicRecord;
use crate::world::World;
use pando_mls::{
    Decode, GroupError, GroupInfo, IdentityPolicy, Limits, Missing, MlsMessage, PublicGroup, PublicProcessed,
    PublicStaged, RowKey, Rows, RustCrypto, Suite,
};

pub(crate) struct Observer {
    group: PublicGroup,
    rows: Rows,
}

impl Observer {
    pub(crate) fn new(suite: Suite, group_info: &GroupInfo, policy: &dyn IdentityPolicy) -> Outcome<Self> {
        let (group, delta) = PublicGroup::new(suite, group_info, None, policy, Limits::default())?;
        let mut rows = Rows::new();
        delta.apply(&mut rows).unwrap();
        Ok(Self { group, rows })
    }

    /// Stops, and begins again with what it has stored.
    pub(crate) fn restart(&mut self) -> Outcome {
        ensure(self.group.rows()? == self.rows, || "it has stored something else".to_owned())?;
        self.group = PublicGroup::load(&self.rows, &RustCrypto, POLICY, Limits::default())?;
        ensure(self.group.rows()? == self.rows, || "it has loaded something else".to_owned())
    }

    pub(crate) fn agrees_with(&self, record: &PublicRecord) -> Outcome {
        let seen = PublicRecord::of(self.group.public())?;
        ensure(seen == *record, || format!("the observer sees something else: {seen:#?} {record:#?}"))
    }

    fn process(&mut self, message: MlsMessage) -> Result<PublicProcessed, GroupError> {
        let (processed, delta) = self.group.process(message, POLICY, &pando_mls::AdmitAll, Some(NOW))?;
        delta.apply(&mut self.rows).unwrap();
        Ok(processed)
    }

    /// Enters the epoch of a Commit, with the GroupInfo that a member gives if the group goes on.
    /// Every fourth time, it enters the epoch without a GroupInfo before, and returns.
    fn merge(&mut self, staged: &PublicStaged, group_info: Option<&GroupInfo>) -> Outcome {
        if staged.public().context().epoch.is_multiple_of(4) {
            let before = self.group.rows()?;
            self.group.merge_unconfirmed(staged)?.apply(&mut self.rows).unwrap();
            self.group.roll_back()?.apply(&mut self.rows).unwrap();
            // The way back leads to another position.
            let is_back = are_same(&self.rows, &before) && self.group.rows()? == self.rows;
            ensure(is_back, || "it has not returned to the state before".to_owned())?;
        }
        let delta = match group_info {
            Some(group_info) => self.group.merge(staged, group_info)?,
            None => self.group.merge_unconfirmed(staged)?,
        };
        delta.apply(&mut self.rows).unwrap();
        Ok(())
    }

    /// Follows an epoch, if that can be done; returns whether it could. `proposals` come in any order.
    fn follow(
        &mut self,
        proposals: Vec<MlsMessage>,
        commit: MlsMessage,
        group_info: Option<&GroupInfo>,
    ) -> Outcome<bool> {
        let mut all_public = true;
        for message in proposals {
            let public = is_public(&message);
            let taken = matches!(self.process(message), Ok(PublicProcessed::Proposal(_)));
            ensure(taken == public, || "the observer takes the wrong proposals".to_owned())?;
            all_public &= public;
        }
        let public = is_public(&commit);
        match self.process(commit) {
            Ok(PublicProcessed::Commit(staged)) if public => {
                self.merge(&staged, group_info)?;
                Ok(true)
            }
            Err(_) if !public => Ok(false),
            Err(GroupError::Missing(Missing::Proposal(_))) if !all_public => Ok(false),
            Err(error) => Err(error).during(|| "the observer takes a Commit".to_owned()),
            Ok(other) => Err(Failure(format!("the observer takes a Commit: it is {other:?}"))),
        }
    }
}

impl World {
    /// The observer follows the Commit that has led to the newest epoch, or begins anew if it is not public and the
    /// group has not ended.
    pub(crate) fn observe(&mut self, helper: Id, dice: &mut Dice) -> Outcome {
        let Some(mut observer) = self.observer.take() else { return self.observe_anew(helper) };
        let epoch = self.service.epoch(self.service.head() - 1)?;
        let order = dice.shuffled(0..epoch.proposals.len()).into_iter();
        let proposals = order.map(|position| MlsMessage::decode(&epoch.proposals[position].bytes));
        let proposals = proposals.collect::<Result<_, _>>()?;
        let commit = epoch.commit.as_ref().map(|commit| MlsMessage::decode(&commit.bytes)).transpose()?;
        let commit = commit.ok_or_else(|| Failure("there was no Commit".to_owned()))?;
        let goes_on = self.devices[helper].member()?.group.is_active();
        let group_info = goes_on.then(|| self.group_info(helper, false)).transpose()?;
        if !observer.follow(proposals, commit, group_info.as_ref())? {
            return if goes_on { self.observe_anew(helper) } else { Ok(()) };
        }
        observer.agrees_with(&self.service.current()?.public)?;
        self.observer = Some(observer);
        self.count("observed");
        Ok(())
    }
}

/// Compares rows, but for their position.
fn are_same(one: &Rows, other: &Rows) -> bool {
    let but_position = |(key, _): &(&RowKey, _)| **key != RowKey::State;
    one.iter().filter(but_position).eq(other.iter().filter(but_position))
}
