//! Measures operations with a store, which is an encrypted SQLite database. The changes are stored
//! before a message is sent or shown.

use crate::measure::{Series, Session};
use pando_benches::large_group::LargeGroup;
use pando_benches::stored_member::{Place, StoredMember};
use std::time::Instant;

/// The operations that encrypt and decrypt messages, with the length of the data.
const MESSAGES: [(usize, [&str; 2]); 3] = [
    (32, ["app_encrypt_32B_and_store", "app_decrypt_32B_and_store"]),
    (1024, ["app_encrypt_1024B_and_store", "app_decrypt_1024B_and_store"]),
    (65_536, ["app_encrypt_65536B_and_store", "app_decrypt_65536B_and_store"]),
];

/// The operations that begin with a closed store.
const OPENING: [&str; 3] =
    ["open_store_and_decrypt_32B", "open_store_and_process_update_commit", "store_file_size"];

/// The operation that processes a Commit in the fresh tree.
pub(crate) const UPDATE: &str = "process_update_commit_and_store";

/// The operations that process a Commit in the warm tree: without proposals, adding a member, and
/// removing a member.
pub(crate) const WARM: [&str; 3] = [
    "process_update_commit_warm_and_store",
    "process_add_commit_warm_and_store",
    "process_remove_commit_warm_and_store",
];

/// Measures processing and storing a Commit without proposals in the fresh tree.
pub(crate) fn fresh(session: &Session, n: u32, large_group: &mut LargeGroup) {
    if !session.wants(&[UPDATE]) {
        return;
    }
    session.doing(n, UPDATE);
    let folder = tempfile::tempdir().unwrap();
    let mut stored_member = StoredMember::join(large_group, &Place::new(folder.path(), session.durable));
    let mut update = Series::new(UPDATE).note(note(session));
    let start = Instant::now();
    // Limit the total time, because creating such a Commit takes much longer than processing it.
    while update.goes_on(session) && (update.runs() == 0 || start.elapsed().as_secs() < 20) {
        let commit = large_group.commit(|builder| builder);
        update.time(|| stored_member.process_commit(&commit));
    }
    large_group.assert_agreement(&stored_member.member);
    session.report(n, [&update]);
}

/// Measures all other operations with a store in the warm tree.
pub(crate) fn warm(session: &Session, n: u32, large_group: &mut LargeGroup) {
    let messages: Vec<_> = MESSAGES.iter().flat_map(|(_, ops)| *ops).collect();
    if !session.wants(&WARM) && !session.wants(&OPENING) && !session.wants(&messages) {
        return;
    }
    session.doing(n, "with a store");
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path(), session.durable);
    let mut stored_member = StoredMember::join(large_group, &place);

    for (size, ops) in MESSAGES {
        let data = vec![7; size];
        let [mut encrypt, mut decrypt] = ops.map(|op| Series::new(op).note(note(session)));
        // The sender's first message in an epoch is not timed, because it requires deriving more
        // keys.
        let first = large_group.committer.encrypt(&data, &mut large_group.rng);
        stored_member.decrypt(&first);
        while decrypt.goes_on(session) {
            let message = encrypt.time(|| stored_member.encrypt(&data, &mut large_group.rng));
            encrypt.bytes(message.len());
            let message = large_group.committer.encrypt(&data, &mut large_group.rng);
            let read = decrypt.time(|| stored_member.decrypt(&message));
            assert_eq!(*read, data);
        }
        session.report(n, [&encrypt, &decrypt]);
    }

    let [mut update, mut add, mut remove] = WARM.map(|op| Series::new(op).note(note(session)));
    while update.goes_on(session) {
        let commit = large_group.commit(|builder| builder);
        update.time(|| stored_member.process_commit(&commit));
        let newcomer = large_group.newcomer();
        let key_package = newcomer.bundle().key_package;
        let commit = large_group.commit(|builder| builder.add(key_package).without_tree());
        add.time(|| stored_member.process_commit(&commit));
        let tree = large_group.committer.group.public().tree();
        let leaf = tree.find_signature_key(newcomer.signer.public_key()).unwrap().unwrap();
        let commit = large_group.commit(|builder| builder.remove(leaf));
        remove.time(|| stored_member.process_commit(&commit));
    }
    large_group.assert_agreement(&stored_member.member);
    session.report(n, [&update, &add, &remove]);

    let [mut decrypt, mut process, mut size] = OPENING.map(Series::new);
    let mut client = stored_member.close();
    while decrypt.goes_on(session) {
        let message = large_group.committer.encrypt(&[7; 32], &mut large_group.rng);
        let (stored_member, data) = decrypt.time(|| StoredMember::open_and_decrypt(client, &place, &message));
        assert_eq!(*data, [7; 32]);
        client = stored_member.close();
        let commit = large_group.commit(|builder| builder);
        let stored_member = process.time(|| StoredMember::open_and_process_commit(client, &place, &commit));
        large_group.assert_agreement(&stored_member.member);
        client = stored_member.close();
    }
    size.bytes(usize::try_from(place.size()).unwrap());
    session.report(n, [&decrypt, &process, &size]);
}

fn note(session: &Session) -> &'static str {
    if session.durable { "on the disk" } else { "without fsync" }
}
