//! Reading facts about a stored group without loading it.

use crate::GroupError;
use crate::state::group_state::GroupState;
use crate::storage::position::{Instance, Position, StateRow};
use crate::storage::row_codec::{MemberRow, PublicRow};
use crate::storage::row_key::RowKey;
use pando_crypto::SecretBytes;
use pando_schedule::PskValue;
use pando_wire::{Decode, GroupContext, LeafIndex, ReInit};

/// Facts about a stored group that are read without loading the group.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredGroup {
    /// The GroupContext.
    pub context: GroupContext,
    /// The state of the group.
    pub state: GroupState,
    /// The instance of the group at this client.
    pub instance: Instance,
    /// The position of the rows in the group's history.
    pub position: Position,
    /// The parameters of the successor group, if this group was reinitialized.
    pub reinit: Option<ReInit>,
    /// Our leaf, or `None` if the group is followed without secrets.
    pub own_leaf: Option<LeafIndex>,
    /// The resumption PSK of the current epoch (section 8.6), or `None` for a removed member.
    pub resumption_psk: Option<PskValue>,
}

impl StoredGroup {
    /// Decodes the rows [`RowKey::State`], [`RowKey::Public`] and, if present, [`RowKey::Member`].
    ///
    /// # Errors
    /// [`GroupError::Stored`] if a row is malformed.
    pub fn read(
        state: &SecretBytes,
        public: &SecretBytes,
        member: Option<&SecretBytes>,
    ) -> Result<Self, GroupError> {
        let state = StateRow::read(state.expose()).ok_or(GroupError::Stored(RowKey::State))?;
        let StateRow { position, state } = state;
        let PublicRow { context, instance, reinit, .. } =
            PublicRow::decode(public.expose()).map_err(|_| GroupError::Stored(RowKey::Public))?;
        let member = member.map(|member| MemberRow::decode(member.expose())).transpose();
        let member = member.map_err(|_| GroupError::Stored(RowKey::Member))?;
        let own_leaf = member.as_ref().map(|member| member.leaf);
        let psk = member.map(|member| member.resumption_psk).filter(|psk| !psk.expose().is_empty());
        let resumption_psk = psk.map(PskValue::from);
        Ok(Self { context, state, instance, position, reinit, own_leaf, resumption_psk })
    }
}
