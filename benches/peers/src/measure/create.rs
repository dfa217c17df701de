//! Measures creating KeyPackages, creating groups to which a single Commit adds all other members,
//! and joining these groups with the tree out of band.

use super::{
    groups::{self, key_packages},
    meter::Meter,
};
use crate::library::{Add, Library, identity};

pub(super) const OPS: &[&str] =
    &["key_package_new", "create_group_add_all_build", "create_group_add_all_merge"];
pub(super) const OPS_OOB: &[&str] = &["create_group_add_all_oob_build", "create_group_add_all_oob_merge"];
pub(super) const OPS_JOIN_OOB: &[&str] = &["join_welcome_oob"];

/// Measures adding all members by a Commit with a path. The input is the encoded KeyPackages, and
/// the output is the encoded Commit and Welcome.
pub(super) fn create<L: Library>(meter: &mut Meter, size: usize, tree_inside: bool) {
    let ops @ [build, merge] = if tree_inside {
        ["create_group_add_all_build", "create_group_add_all_merge"]
    } else {
        ["create_group_add_all_oob_build", "create_group_add_all_oob_merge"]
    };
    if tree_inside {
        let client = L::client(identity(0));
        meter.repeat(&["key_package_new"], |samples| {
            let key_package = samples.time("key_package_new", || L::key_package(&client));
            samples.bytes("key_package_new", key_package.len());
        });
    }
    let others = key_packages::<L>(meter, 1..size);
    meter.repeat(&ops, |samples| {
        let mut group = L::create(L::client(identity(0)));
        let added = samples.time(build, || L::add(&mut group, &others, Add { path: true, tree_inside }));
        samples.bytes(build, added.commit.len());
        samples.bytes(merge, added.welcome.len());
        samples.note(build, "bytes: the Commit");
        samples.note(merge, "bytes: the Welcome");
        samples.time(merge, || L::merge(&mut group));
    });
}

/// Measures joining by the Welcome for all members, with the tree out of band.
pub(super) fn join_oob<L: Library>(meter: &mut Meter, size: usize) {
    let (client, welcome, tree) = groups::out_of_band::<L>(meter, size);
    meter.repeat(OPS_JOIN_OOB, |samples| {
        let client = client.clone();
        samples.time("join_welcome_oob", || L::join(client, &welcome, Some(&tree)));
        samples.bytes("join_welcome_oob", welcome.len());
        samples.note("join_welcome_oob", format!("bytes: the Welcome; the tree adds {}", tree.len()));
    });
}
