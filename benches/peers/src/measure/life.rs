//! Measures the operations of a member in a group: joining, exchanging messages, and creating and
//! processing Commits of all kinds.
//!
//! The partner creates or processes the other side of each message. Afterwards, the measured member
//! and the partner must agree on the secrets.

use std::path::Path;

use super::{
    groups::{self, LARGEST_WARM, Setting},
    meter::{Meter, Samples},
};
use crate::library::{Add, Library, identity, mls_rs::MlsRsAwsLc as Partner};

pub(super) const OPS: &[&str] = &[
    "join_welcome_single",
    "state_size",
    "load_group",
    "export_group_info",
    "app_encrypt_32B",
    "app_decrypt_32B",
    "app_encrypt_1024B",
    "app_decrypt_1024B",
    "app_encrypt_65536B",
    "app_decrypt_65536B",
    "app_encrypt_32B_and_store",
    "app_decrypt_32B_and_store",
    "app_encrypt_1024B_and_store",
    "app_decrypt_1024B_and_store",
    "app_encrypt_65536B_and_store",
    "app_decrypt_65536B_and_store",
    "app_encrypt_storage_written",
    "app_decrypt_storage_written",
    "process_update_commit",
    "process_update_commit_stage_only",
    "process_update_commit_and_store",
    "process_update_commit_storage_written",
    "process_add_commit",
    "process_add_commit_and_store",
    "process_add_commit_nopath",
    "process_add_commit_nopath_and_store",
    "process_remove_commit",
    "process_remove_commit_and_store",
    "process_external_commit",
    "update_commit_create",
    "update_commit_merge_own",
    "add_commit_create",
    "add_commit_merge_own",
    "add_commit_nopath_create",
    "add_commit_nopath_merge_own",
    "remove_commit_create",
    "remove_commit_merge_own",
    "external_commit_join",
];

pub(super) const OPS_WARM: &[&str] = &[
    "join_welcome_warm",
    "process_update_commit_warm",
    "process_update_commit_warm_stage_only",
    "process_update_commit_warm_and_store",
    "update_commit_warm_create",
    "update_commit_warm_merge_own",
];

const MESSAGES: [(usize, [&str; 4]); 3] = [
    (32, ["app_encrypt_32B", "app_decrypt_32B", "app_encrypt_32B_and_store", "app_decrypt_32B_and_store"]),
    (
        1_024,
        [
            "app_encrypt_1024B",
            "app_decrypt_1024B",
            "app_encrypt_1024B_and_store",
            "app_decrypt_1024B_and_store",
        ],
    ),
    (
        65_536,
        [
            "app_encrypt_65536B",
            "app_decrypt_65536B",
            "app_encrypt_65536B_and_store",
            "app_decrypt_65536B_and_store",
        ],
    ),
];

const ALWAYS_STORED: &str = "with its store, which the library always uses";

type PartnerGroup = <Partner as Library>::Group;

/// Measures the operations in a tree whose parent nodes are blank.
pub(super) fn fresh<L: Library>(meter: &mut Meter, size: usize) {
    let setting = groups::fresh::<L>(meter, size);
    let partner = &setting.partner;
    let member = join::<L>(meter, "join_welcome_single", &setting);
    at_rest::<L>(meter, &member);
    messages::<L>(meter, &member, partner);

    let one = [Partner::key_package(&Partner::client(identity(size)))];
    let with_path = Add { path: true, tree_inside: false };
    let without = Add { path: false, tree_inside: false };
    let nobody = "a group of two has no third member to remove";
    // The removed member is in the middle of the tree.
    let leaf = (size > 2).then_some(size as u32 / 2);

    let update = partners_commit(meter, partner, Partner::update);
    let [plain, staged, stored] =
        ["process_update_commit", "process_update_commit_stage_only", "process_update_commit_and_store"];
    processing::<L>(meter, &member, [plain, stored], &update);
    staging::<L>(meter, &member, staged, &update.0);
    meter.step("process_update_commit_storage_written");
    meter.bytes(
        "process_update_commit_storage_written",
        written::<L>(&member, |group| L::process(group, &update.0)),
    );
    drop(update);
    let add = partners_commit(meter, partner, |group| Partner::add(group, &one, with_path).commit);
    processing::<L>(meter, &member, ["process_add_commit", "process_add_commit_and_store"], &add);
    let add = partners_commit(meter, partner, |group| Partner::add(group, &one, without).commit);
    processing::<L>(
        meter,
        &member,
        ["process_add_commit_nopath", "process_add_commit_nopath_and_store"],
        &add,
    );
    let ops = ["process_remove_commit", "process_remove_commit_and_store"];
    match leaf {
        Some(leaf) => {
            let remove = partners_commit(meter, partner, |group| Partner::remove(group, leaf));
            processing::<L>(meter, &member, ops, &remove);
        }
        None => meter.left_out(&ops, nobody),
    }
    meter.step("making an external Commit");
    let info = Partner::group_info(partner);
    let (outsider, external) = Partner::join_externally(Partner::client(identity(size + 1)), &info);
    meter.repeat(&["process_external_commit"], |samples| {
        let mut group = L::restore(&member);
        samples.time("process_external_commit", || L::process(&mut group, &external));
        samples.bytes("process_external_commit", external.len());
        assert_eq!(L::authenticator(&group), Partner::authenticator(&outsider));
    });
    drop(outsider);

    creating::<L>(meter, &member, partner, ["update_commit_create", "update_commit_merge_own"], L::update);
    let one = [L::key_package(&L::client(identity(size)))];
    let ops = ["add_commit_create", "add_commit_merge_own"];
    creating::<L>(meter, &member, partner, ops, |group| L::add(group, &one, with_path).commit);
    let ops = ["add_commit_nopath_create", "add_commit_nopath_merge_own"];
    creating::<L>(meter, &member, partner, ops, |group| L::add(group, &one, without).commit);
    let ops = ["remove_commit_create", "remove_commit_merge_own"];
    match leaf {
        Some(leaf) => creating::<L>(meter, &member, partner, ops, |group| L::remove(group, leaf)),
        None => meter.left_out(&ops, nobody),
    }
    meter.repeat(&["external_commit_join"], |samples| {
        let client = L::client(identity(size + 1));
        let (group, commit) = samples.time("external_commit_join", || L::join_externally(client, &info));
        samples.bytes("external_commit_join", commit.len());
        let mut partner = partner.clone();
        Partner::process(&mut partner, &commit);
        assert_eq!(L::authenticator(&group), Partner::authenticator(&partner));
    });
}

/// Measures the operations in a tree whose parent nodes are filled.
pub(super) fn warm<L: Library>(meter: &mut Meter, size: usize, builder: Option<&Path>) {
    let mut setting = match builder {
        _ if size <= LARGEST_WARM => groups::warm::<L>(meter, size),
        Some(builder) => groups::from_fixture::<L>(meter, size, builder),
        None => {
            let ops = super::Scenario::Warm.ops(L::IMPL);
            return meter.left_out(&ops, "no peer can build such a tree in reasonable time: needs --builder");
        }
    };
    let mut member = join::<L>(meter, "join_welcome_warm", &setting);
    let [plain, staged, stored] = [
        "process_update_commit_warm",
        "process_update_commit_warm_stage_only",
        "process_update_commit_warm_and_store",
    ];
    if setting.commits.is_empty() {
        // Fill the parents above the last member.
        meter.step("filling the last parents");
        let mut group = L::restore(&member);
        let commit = L::update(&mut group);
        L::merge(&mut group);
        Partner::process(&mut setting.partner, &commit);
        member = L::save(&group);
        let update = partners_commit(meter, &setting.partner, Partner::update);
        processing::<L>(meter, &member, [plain, stored], &update);
        staging::<L>(meter, &member, staged, &update.0);
    } else {
        // Only the Commit in the epoch of the Welcome is measured. The later Commits are only
        // processed, as a check.
        let commit = setting.commits.first().unwrap().clone();
        let mut follower = setting.partner.clone();
        Partner::process(&mut follower, &commit);
        let first = (commit, Partner::authenticator(&follower));
        processing::<L>(meter, &member, [plain, stored], &first);
        staging::<L>(meter, &member, staged, &first.0);
        meter.step("following the builder");
        let mut group = L::restore(&member);
        for commit in &setting.commits {
            L::process(&mut group, commit);
            Partner::process(&mut setting.partner, commit);
            assert_eq!(L::authenticator(&group), Partner::authenticator(&setting.partner));
        }
        // Fill the parents above the two members that have just been added.
        let commit = L::update(&mut group);
        L::merge(&mut group);
        Partner::process(&mut setting.partner, &commit);
        member = L::save(&group);
    }
    let ops = ["update_commit_warm_create", "update_commit_warm_merge_own"];
    creating::<L>(meter, &member, &setting.partner, ops, L::update);
}

/// Measures joining by a Welcome that contains the tree and adds only a few members.
fn join<L: Library>(meter: &mut Meter, op: &'static str, setting: &Setting<L>) -> L::Saved {
    let mut member = None;
    let mut join = |samples: &mut Samples| {
        let client = setting.client.clone();
        let group = samples.time(op, || L::join(client, &setting.welcome, None));
        samples.bytes(op, setting.welcome.len());
        if member.is_none() {
            assert_eq!(L::authenticator(&group), Partner::authenticator(&setting.partner));
            member = Some(L::save(&group));
        }
    };
    meter.repeat(&[op], &mut join);
    member.unwrap_or_else(|| {
        meter.step("joining");
        L::save(&L::join(setting.client.clone(), &setting.welcome, None))
    })
}

/// Measures the size of the store after joining.
fn at_rest<L: Library>(meter: &mut Meter, member: &L::Saved) {
    let mut group = L::restore(member);
    L::store(&mut group);
    meter.bytes("state_size", L::stored(&group));
    meter.repeat(&["load_group"], |samples| {
        let loaded = samples.time("load_group", || L::load(&group));
        assert_eq!(L::authenticator(&loaded), L::authenticator(&group));
    });
    meter.repeat(&["export_group_info"], |samples| {
        let info = samples.time("export_group_info", || L::group_info(&group));
        samples.bytes("export_group_info", info.len());
    });
}

fn messages<L: Library>(meter: &mut Meter, member: &L::Saved, partner: &PartnerGroup) {
    for (size, [encrypt, decrypt, encrypt_stored, decrypt_stored]) in MESSAGES {
        let text = vec![7; size];
        let mut partner = partner.clone();
        let mut group = L::restore(member);
        meter.repeat(&[encrypt], |samples| {
            let message = samples.time(encrypt, || L::encrypt(&mut group, &text));
            samples.bytes(encrypt, message.len());
            if L::STORES_ALWAYS {
                samples.note(encrypt, ALWAYS_STORED);
            }
            assert_eq!(Partner::decrypt(&mut partner, &message), text);
        });
        meter.repeat(&[decrypt], |samples| {
            let message = Partner::encrypt(&mut partner, &text);
            let read = samples.time(decrypt, || L::decrypt(&mut group, &message));
            if L::STORES_ALWAYS {
                samples.note(decrypt, ALWAYS_STORED);
            }
            assert_eq!(read, text);
        });
        L::store(&mut group);
        meter.repeat(&[encrypt_stored], |samples| {
            let message = samples.time(encrypt_stored, || {
                let message = L::encrypt(&mut group, &text);
                L::store(&mut group);
                message
            });
            assert_eq!(Partner::decrypt(&mut partner, &message), text);
        });
        meter.repeat(&[decrypt_stored], |samples| {
            let message = Partner::encrypt(&mut partner, &text);
            let read = samples.time(decrypt_stored, || {
                let read = L::decrypt(&mut group, &message);
                L::store(&mut group);
                read
            });
            assert_eq!(read, text);
        });
    }
    meter.step("app_decrypt_storage_written");
    let message = Partner::encrypt(&mut partner.clone(), &[7; 32]);
    meter.bytes(
        "app_encrypt_storage_written",
        written::<L>(member, |group| drop(L::encrypt(group, &[7; 32]))),
    );
    meter.bytes(
        "app_decrypt_storage_written",
        written::<L>(member, |group| drop(L::decrypt(group, &message))),
    );
}

/// Returns the number of bytes that a step writes to a store that contains the state before the
/// step.
fn written<L: Library>(member: &L::Saved, step: impl FnOnce(&mut L::Group)) -> u64 {
    let mut group = L::restore(member);
    L::store(&mut group);
    L::written(&mut group, |group| {
        step(group);
        L::store(group);
    })
}

/// Creates a Commit of the partner. Returns the Commit and the authenticator of the epoch that it
/// starts. The partner itself stays in its epoch.
fn partners_commit(
    meter: &mut Meter,
    partner: &PartnerGroup,
    make: impl FnOnce(&mut PartnerGroup) -> Vec<u8>,
) -> (Vec<u8>, Vec<u8>) {
    meter.step("making a Commit to process");
    let mut partner = partner.clone();
    let commit = make(&mut partner);
    Partner::merge(&mut partner);
    (commit, Partner::authenticator(&partner))
}

/// Measures how long a member takes to process a Commit, without and with the store.
fn processing<L: Library>(
    meter: &mut Meter,
    member: &L::Saved,
    [plain, stored]: [&'static str; 2],
    (commit, authenticator): &(Vec<u8>, Vec<u8>),
) {
    meter.repeat(&[plain], |samples| {
        let mut group = L::restore(member);
        samples.time(plain, || L::process(&mut group, commit));
        samples.bytes(plain, commit.len());
        if L::STORES_ALWAYS {
            samples.note(plain, ALWAYS_STORED);
        }
        assert_eq!(&L::authenticator(&group), authenticator);
    });
    meter.repeat(&[stored], |samples| {
        let mut group = L::restore(member);
        L::store(&mut group);
        samples.time(stored, || {
            L::process(&mut group, commit);
            L::store(&mut group);
        });
    });
}

/// Measures how long a member takes to process a Commit without merging it.
fn staging<L: Library>(meter: &mut Meter, member: &L::Saved, op: &'static str, commit: &[u8]) {
    if L::stage(&mut L::restore(member), commit) {
        meter.repeat(&[op], |samples| {
            let mut group = L::restore(member);
            samples.time(op, || L::stage(&mut group, commit));
        });
    }
}

/// Measures how long a member takes to create and to merge a Commit. The partner must be able to
/// process the Commit.
fn creating<L: Library>(
    meter: &mut Meter,
    member: &L::Saved,
    partner: &PartnerGroup,
    ops @ [create, merge]: [&'static str; 2],
    make: impl Fn(&mut L::Group) -> Vec<u8>,
) {
    let mut checked = false;
    meter.repeat(&ops, |samples| {
        let mut group = L::restore(member);
        let commit = samples.time(create, || make(&mut group));
        samples.bytes(create, commit.len());
        samples.time(merge, || L::merge(&mut group));
        if !checked {
            samples.alive("checking a Commit");
            let mut partner = partner.clone();
            Partner::process(&mut partner, &commit);
            assert_eq!(L::authenticator(&group), Partner::authenticator(&partner));
            checked = true;
        }
    });
}
