//! Sending application messages (docs/protocol.md, section 8.2).

use super::event::Event;
use super::lanes::Lane;
use super::purpose::Purpose;
use super::rows::{CONTENTS, ENCRYPTED, MessageRow};
use super::state::State;
use super::text;
use super::{Engine, EngineError};
use crate::operation::Operation;
use pando_api::{MessageContent, MessageId, SubmitMessage};
use pando_mls::{Decode, Encode, GroupId, Opaque};
use pando_store::Backend;
use pando_store::session::SessionError;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A message as the application has given it.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Content {
    #[tls_codec(with = "text")]
    media_type: String,
    expires: u64,
    body: Opaque,
}

impl Encode for Content {}

impl<B: Backend> Engine<B> {
    /// Starts to send a message. When this function returns, the message is stored, and it ends
    /// with [`Event::MessageSent`] or [`Event::MessageFailed`]. `expires` is the time in
    /// milliseconds since 1970 after which the receivers delete the message, or 0.
    ///
    /// # Errors
    /// [`EngineError::NotAMember`], [`EngineError::Store`].
    pub fn send(
        &mut self,
        group_id: &GroupId,
        media_type: &str,
        body: &[u8],
        expires: u64,
    ) -> Result<MessageId, EngineError> {
        let content = Content { media_type: media_type.to_owned(), expires, body: body.into() }.encode()?;
        self.step(|engine| {
            engine.check_usable(group_id)?;
            let id = MessageId(engine.rng.id());
            let number = engine.state.next_number();
            let row = MessageRow { group_id: group_id.clone(), id, is_encrypted: 0 };
            engine.state.messages.insert(number, row);
            engine.state.put_record(CONTENTS, number, content);
            engine.lanes.hasten(&Lane::Write(group_id.clone()));
            engine.write()?;
            Ok(id)
        })
    }

    /// Returns the request for the next message of a group. A message that may have been sent is
    /// sent unchanged.
    pub(super) fn next_message(
        &mut self,
        group_id: &GroupId,
        number: u64,
    ) -> Result<Option<(Purpose, Operation)>, EngineError> {
        let Some(row) = self.state.messages.get(number) else { return Ok(None) };
        let (id, is_encrypted) = (row.id, row.is_encrypted == 1);
        let store = self.session.store();
        let bytes = if is_encrypted {
            store.record(ENCRYPTED, number)?.map(|bytes| bytes.expose().to_vec())
        } else {
            match store.record(CONTENTS, number)? {
                Some(content) => return self.encrypt(group_id, number, id, content.expose()),
                None => None,
            }
        };
        match bytes {
            Some(bytes) => Ok(Some(submission(group_id, number, bytes))),
            None => self.fail_message(number, "the content of the message is missing"),
        }
    }

    /// Encrypts a message, and stores the result.
    fn encrypt(
        &mut self,
        group_id: &GroupId,
        number: u64,
        id: MessageId,
        content: &[u8],
    ) -> Result<Option<(Purpose, Operation)>, EngineError> {
        let Ok(Content { media_type, expires, body }) = Content::decode(content) else {
            return self.fail_message(number, "the stored content of the message is damaged");
        };
        let head = self.state.group(group_id).and_then(|row| row.head.clone());
        let media_type = media_type.into_bytes().into();
        let content = MessageContent { id, head, media_type, expires, body, extensions: Vec::new() };
        let content = content.encode_secret()?;
        let Self { session, state, .. } = self;
        let sent = session.send(group_id, content.as_slice(), |transaction, bytes| {
            if let Some(row) = state.messages.get_mut(number) {
                row.is_encrypted = 1;
            }
            state.put_record(ENCRYPTED, number, bytes.to_vec());
            state.write(transaction)
        });
        match sent {
            Ok(bytes) => Ok(Some(submission(group_id, number, bytes))),
            Err(SessionError::Group(error)) if !error.is_storage() => {
                self.fail_message(number, &error.to_string())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a message that cannot be sent.
    pub(super) fn fail_message<T>(&mut self, number: u64, reason: &str) -> Result<Option<T>, EngineError> {
        let now = self.now();
        if let Some(row) = self.state.remove_message(number) {
            let event = Event::MessageFailed { message: row.id, reason: reason.to_owned() };
            self.state.push_event(now, Some(&row.group_id), event);
        }
        self.write()?;
        Ok(None)
    }
}

impl State {
    /// Removes the rows of a message.
    pub(super) fn remove_message(&mut self, number: u64) -> Option<MessageRow> {
        let row = self.messages.remove(number);
        self.remove_record(CONTENTS, number);
        self.remove_record(ENCRYPTED, number);
        row
    }
}

fn submission(group_id: &GroupId, number: u64, bytes: Vec<u8>) -> (Purpose, Operation) {
    let request = SubmitMessage { message: bytes.into() };
    (Purpose::Message(number), Operation::SubmitMessage(group_id.clone(), request))
}
