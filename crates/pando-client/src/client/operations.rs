//! Starting operations.
//!
//! Each function calls the function of the same name of [`Engine`](crate::Engine), and returns when
//! the operation is stored.

use super::Client;
use super::error::ClientError;
use crate::engine::{Engine, OperationId};
use pando_api::{ClaimTarget, MessageId, Policy, UserId};
use pando_mls::GroupId;
use pando_store::Backend;

impl<T, B: Backend> Client<T, B> {
    /// Starts to create a group with this policy, and to add all clients of these users. Our user
    /// must be an admin of the policy. Our other clients are added if our user is among the users.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_group(
        &self,
        policy: Policy,
        users: impl IntoIterator<Item = UserId> + Send,
    ) -> Result<(GroupId, OperationId), ClientError> {
        let users: Vec<_> = users.into_iter().collect();
        self.start(|engine| engine.create_group(policy, users)).await
    }

    /// Starts to add clients to a group: all clients of users, or single clients.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add(
        &self,
        group_id: &GroupId,
        targets: impl IntoIterator<Item = ClaimTarget> + Send,
    ) -> Result<OperationId, ClientError> {
        let (group_id, targets) = (group_id.clone(), targets.into_iter().collect::<Vec<_>>());
        self.start(move |engine| engine.add(&group_id, targets)).await
    }

    /// Starts to remove clients from a group: all clients of users, or single clients. Our own
    /// client leaves by [`Client::leave`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove(
        &self,
        group_id: &GroupId,
        targets: impl IntoIterator<Item = ClaimTarget> + Send,
    ) -> Result<OperationId, ClientError> {
        let (group_id, targets) = (group_id.clone(), targets.into_iter().collect::<Vec<_>>());
        self.start(move |engine| engine.remove(&group_id, targets)).await
    }

    /// Starts to replace the policy of a group.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_policy(&self, group_id: &GroupId, policy: Policy) -> Result<OperationId, ClientError> {
        let group_id = group_id.clone();
        self.start(move |engine| engine.set_policy(&group_id, policy)).await
    }

    /// Starts to renew the keys of our leaf, so that a thief of the present keys cannot read later
    /// messages.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update(&self, group_id: &GroupId) -> Result<OperationId, ClientError> {
        let group_id = group_id.clone();
        self.start(move |engine| engine.update(&group_id)).await
    }

    /// Starts to leave a group. Another member commits the removal; until then, the client receives
    /// messages.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn leave(&self, group_id: &GroupId) -> Result<OperationId, ClientError> {
        let group_id = group_id.clone();
        self.start(move |engine| engine.leave(&group_id)).await
    }

    /// Starts to join a group by an external Commit, as the group's policy allows. If the client
    /// has a leaf in the group, the Commit replaces it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn join(&self, group_id: &GroupId) -> Result<OperationId, ClientError> {
        let group_id = group_id.clone();
        self.start(move |engine| engine.join(&group_id)).await
    }

    /// Starts to send a message of a media type. It ends with
    /// [`Event::MessageSent`](crate::Event::MessageSent) or
    /// [`Event::MessageFailed`](crate::Event::MessageFailed). `expires` is the time in milliseconds
    /// since 1970 after which the receivers delete the message, or 0.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(
        &self,
        group_id: &GroupId,
        media_type: &str,
        body: impl AsRef<[u8]> + Send,
        expires: u64,
    ) -> Result<MessageId, ClientError> {
        let (group_id, media_type, body) = (group_id.clone(), media_type.to_owned(), body.as_ref().to_vec());
        self.start(move |engine| engine.send(&group_id, &media_type, &body, expires)).await
    }

    /// Lets the client list the groups of our user again, and report those that it does not have
    /// with [`Event::GroupFound`](crate::Event::GroupFound). It does so by itself when its store is
    /// opened for the first time.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn find_groups(&self) -> Result<(), ClientError> {
        self.start(Engine::find_groups).await
    }
}
