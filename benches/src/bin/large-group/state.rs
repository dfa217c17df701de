//! Measures application messages, GroupInfos and stored rows.

use crate::measure::{Series, Session};
use pando_benches::large_group::{LargeGroup, written};
use pando_mls::Group;

const SIZES: [(usize, [&str; 2]); 3] = [
    (32, ["app_encrypt_32B", "app_decrypt_32B"]),
    (1024, ["app_encrypt_1024B", "app_decrypt_1024B"]),
    (65_536, ["app_encrypt_65536B", "app_decrypt_65536B"]),
];

/// Measures application messages from one member to another.
pub(crate) fn messages(session: &Session, n: u32, large_group: &mut LargeGroup) {
    let mut stored = Series::new("app_decrypt_storage_written");
    if !session.wants(&["app_decrypt_storage_written"]) && !SIZES.iter().any(|(_, ops)| session.wants(ops)) {
        return;
    }
    session.doing(n, "messages");
    let LargeGroup { committer, receiver, rng, .. } = large_group;
    // The sender's first message in an epoch is not timed, because it requires deriving more
    // keys.
    let first = committer.encrypt(b"first", rng);
    let (_, delta) = receiver.decrypt(&first);
    stored = stored.note(format!("{} for the sender's first message in the epoch", written(&delta)));
    for (size, ops) in SIZES {
        let data = vec![7; size];
        let [mut encrypt, mut decrypt] = ops.map(Series::new);
        while encrypt.goes_on(session) {
            let message = encrypt.time(|| committer.encrypt(&data, rng));
            let (read, delta) = decrypt.time(|| receiver.decrypt(&message));
            assert_eq!(*read, data);
            encrypt.bytes(message.len());
            stored.bytes(written(&delta));
        }
        session.report(n, [&encrypt, &decrypt]);
    }
    session.report(n, [&stored]);
}

/// Measures the GroupInfo and the rows of the whole group.
pub(crate) fn whole(session: &Session, n: u32, large_group: &LargeGroup) {
    if session.wants(&["export_group_info"]) {
        session.doing(n, "export_group_info");
        let mut series = Series::new("export_group_info");
        while series.goes_on(session) {
            let group_info = series.time(|| large_group.committer.group_info(true));
            series.bytes(group_info.len());
        }
        session.report(n, [&series]);
    }
    if session.wants(&["state_size", "load_group"]) {
        session.doing(n, "load_group");
        let member = &large_group.receiver;
        let rows = member.group.rows().unwrap();
        let (mut size, mut load) = (Series::new("state_size"), Series::new("load_group"));
        size.bytes(rows.iter().map(|(key, row)| key.to_bytes().len() + row.expose().len()).sum());
        while load.goes_on(session) {
            let group = load.time(|| Group::load(&rows, &member.client.cx()).unwrap());
            assert_eq!(group.epoch_authenticator(), member.group.epoch_authenticator());
        }
        session.report(n, [&size, &load]);
    }
}
