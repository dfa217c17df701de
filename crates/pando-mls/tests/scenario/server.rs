//! A server, with its store, that follows a group without knowing the group's secrets.

use crate::group_fixture::{GroupFixture, over_the_wire};
use pando_mls::{
    BasicIdentities, GroupError, GroupInfo, IdentityPolicy, Limits, MlsMessage, PublicGroup, PublicProcessed,
    PublicStaged, Rows, Suite,
};

pub(crate) struct Server {
    pub(crate) group: PublicGroup,
    pub(crate) rows: Rows,
}

impl Server {
    /// Returns a server that obtains the group from its first member.
    pub(crate) fn of(fixture: &GroupFixture) -> Self {
        Self::new(fixture.suite, &fixture.members[0].group_info(true), &BasicIdentities).unwrap()
    }

    pub(crate) fn new(
        suite: Suite,
        group_info: &GroupInfo,
        policy: &dyn IdentityPolicy,
    ) -> Result<Self, GroupError> {
        let (group, delta) =
            PublicGroup::new(suite, group_info, None, policy, Limits::default())?.into_parts();
        let mut rows = Rows::new();
        delta.apply(&mut rows).unwrap();
        Ok(Self { group, rows })
    }

    pub(crate) fn process(&mut self, message: &MlsMessage) -> Result<PublicProcessed, GroupError> {
        self.process_with(message, &BasicIdentities, None)
    }

    pub(crate) fn process_with(
        &mut self,
        message: &MlsMessage,
        policy: &dyn IdentityPolicy,
        now: Option<u64>,
    ) -> Result<PublicProcessed, GroupError> {
        let (processed, delta) =
            self.group.process(over_the_wire(message), policy, &pando_mls::AdmitAll, now)?.into_parts();
        delta.apply(&mut self.rows).unwrap();
        Ok(processed)
    }

    /// Processes a proposal, or merges a Commit without a GroupInfo that confirms it.
    pub(crate) fn follow(&mut self, message: &MlsMessage) {
        if let PublicProcessed::Commit(staged) = self.process(message).unwrap() {
            self.merge_unconfirmed(&staged).unwrap();
        }
    }

    /// Stages a Commit.
    pub(crate) fn stage(&mut self, message: &MlsMessage) -> PublicStaged {
        match self.process(message).unwrap() {
            PublicProcessed::Commit(staged) => *staged,
            other => panic!("not a Commit: {other:?}"),
        }
    }

    pub(crate) fn merge(&mut self, staged: &PublicStaged, group_info: &GroupInfo) -> Result<(), GroupError> {
        self.group.merge(staged, group_info)?.persist_to(&mut self.rows).unwrap();
        Ok(())
    }

    pub(crate) fn merge_unconfirmed(&mut self, staged: &PublicStaged) -> Result<(), GroupError> {
        self.group.merge_unconfirmed(staged)?.persist_to(&mut self.rows).unwrap();
        Ok(())
    }

    pub(crate) fn roll_back(&mut self) -> Result<(), GroupError> {
        self.group.roll_back()?.persist_to(&mut self.rows).unwrap();
        Ok(())
    }

    /// Returns the encoded tree, as joiners need it.
    pub(crate) fn tree(&self) -> Vec<u8> {
        self.group.public().tree().export().unwrap()
    }

    /// Checks that the server has the same view of the group as the members.
    pub(crate) fn agrees_with(&self, fixture: &GroupFixture) {
        assert_eq!(self.group.public().context(), fixture.context());
        assert_eq!(self.group.public().tree().to_wire(), fixture.tree().to_wire());
    }
}
