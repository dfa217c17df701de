//! Fuzzes a delivery service that follows a group. The service starts with an edited GroupInfo and
//! processes edited messages. The group exists twice: once in memory, and once opened from a store
//! that applies either every Delta at once or none of them.

use crate::group_fixture::{edited, fixture};
use pando_mls::wire::{Mac, PublicMessage};
use pando_mls::{
    Decode, Encode, GroupError, GroupInfo, Limits, MlsMessage, MlsMessageBody, PublicGroup, PublicProcessed,
    RowKey, RowSource, Rows, RustCrypto, SecretBytes, SourceError, Unpersisted,
};
use std::sync::{Arc, Mutex};

/// A bit of the first byte of an input. If it is set, a member signs the GroupInfo after the edits.
pub(crate) const SIGNED: u8 = 0x20;

/// A bit of the first byte of an input. If it is set, the store of the opened group applies no
/// Delta.
const LATE: u8 = 0x08;

/// A store whose rows change while a group reads from it.
struct Store(Mutex<Rows>);

impl RowSource for Store {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.0.lock().expect("no panic").row(key)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        RowSource::range(&*self.0.lock().expect("no panic"), first, last)
    }
}

/// A group in memory with its rows, and the same group opened from a store.
struct Both {
    group: PublicGroup,
    rows: Rows,
    opened: PublicGroup,
    store: Arc<Store>,
    is_late: bool,
}

impl Both {
    /// Runs an operation on both groups. The operation must either succeed for both groups or fail
    /// with the same error.
    fn operate<T>(
        &mut self,
        operation: impl Fn(&mut PublicGroup, usize) -> Result<Unpersisted<T>, GroupError>,
    ) -> Result<[T; 2], GroupError> {
        match (operation(&mut self.group, 0), operation(&mut self.opened, 1)) {
            (Ok(result), Ok(other)) => {
                assert_eq!(result.delta(), other.delta(), "the opened group writes another Delta");
                let result = result.persist_to(&mut self.rows).expect("it follows");
                let other_result = if self.is_late {
                    other.assume_persisted()
                } else {
                    other.persist_to(&mut self.store.0.lock().expect("no panic")).expect("it follows")
                };
                assert_eq!(self.opened.public().context(), self.group.public().context());
                assert!(self.opened.pending_proposals().eq(self.group.pending_proposals()));
                Ok([result, other_result])
            }
            (Err(error), Err(other)) => {
                assert_eq!(error, other, "the opened group rejects for another reason");
                Err(error)
            }
            _ => panic!("one group rejects a message that the other accepts"),
        }
    }
}

/// Follows a group. The first byte selects the group and the number of edits of the GroupInfo. The
/// edits follow, with four bytes each, and then the messages.
pub fn public_group(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let (edits, mut bytes) = bytes.split_at(bytes.len().min(usize::from(first % 8) * 4));
    let fixture = fixture(*first);
    let described = edited(&fixture.group_info.encode().expect("encodes"), edits);
    let Ok(mut group_info) = GroupInfo::decode(&described) else { return };
    if first & SIGNED != 0 {
        fixture.sign_group_info(&mut group_info);
    }
    let policy = fixture.policy();
    let observed = PublicGroup::new(fixture.suite, &group_info, None, policy, Limits::default());
    let Ok(group) = observed else { return };
    assert!(first & SIGNED != 0 || group_info == fixture.group_info, "accepted an unsigned GroupInfo");
    let mut rows = Rows::new();
    let group = group.persist_to(&mut rows).expect("it follows");
    let store = Arc::new(Store(Mutex::new(group.rows().expect("rows"))));
    let opened = PublicGroup::open(store.clone(), &RustCrypto, Limits::default()).expect("opens");
    let mut both = Both { group, rows, opened, store, is_late: first & LATE != 0 };
    let mut number = 0;
    while let ([which, edits, rest @ ..], 0..24) = (bytes, number) {
        let (edits, behind) = rest.split_at(rest.len().min(usize::from(edits % 4) * 4));
        (bytes, number) = (behind, number + 1);
        let honest = &fixture.honest[usize::from(*which) % fixture.honest.len()];
        let Ok(message) = MlsMessage::decode(&edited(honest, edits)) else { continue };
        let epoch = both.group.public().context().epoch;
        let taken =
            |group: &mut PublicGroup, _| group.process(message.clone(), policy, &pando_mls::AdmitAll, None);
        let Ok([processed, other]) = both.operate(taken) else { continue };
        let honest = MlsMessage::decode(honest).expect("it was encoded");
        assert!(untagged(message) == untagged(honest), "accepted a message that was not sent: {processed:?}");
        assert_eq!(both.group.public().context().epoch, epoch, "nothing is merged yet");
        if let (PublicProcessed::Commit(staged), PublicProcessed::Commit(other)) = (processed, other) {
            let staged = [staged, other];
            let merge = |group: &mut PublicGroup, number: usize| group.merge_unconfirmed(&staged[number]);
            let before = both.group.rows().expect("rows");
            both.operate(merge).expect("it follows");
            both.operate(|group, _| group.roll_back()).expect("there is a previous state");
            assert!(are_same(&both.rows, &before), "roll_back did not restore the previous state");
            both.operate(merge).expect("it follows");
        }
    }
    let Both { group, rows, opened, .. } = both;
    assert!(group.rows().expect("rows") == rows, "the stored rows differ from the group");
    assert!(opened.rows().expect("rows") == rows, "the opened group differs");
    let loaded = PublicGroup::load(&rows, &RustCrypto, policy, Limits::default()).expect("loads");
    assert!(loaded.rows().expect("rows") == rows, "the loaded group differs");
    assert_eq!(loaded.public().context(), group.public().context());
    assert!(loaded.pending_proposals().eq(group.pending_proposals()));
}

/// Returns whether two sets of rows are equal, apart from the state row.
fn are_same(one: &Rows, other: &Rows) -> bool {
    let but_position = |(key, _): &(&RowKey, _)| **key != RowKey::State;
    one.iter().filter(but_position).eq(other.iter().filter(but_position))
}

/// Returns a message without its tags, because verifying them requires the secrets of the group.
fn untagged(message: MlsMessage) -> Option<PublicMessage> {
    let MlsMessageBody::PublicMessage(mut message) = message.body else { return None };
    message.membership_tag = message.membership_tag.map(|_| Mac::default());
    message.auth.confirmation_tag = message.auth.confirmation_tag.map(|_| Mac::default());
    Some(*message)
}
