//! The groups in which operations are measured. One member is a client of the measured library. All
//! other members are clients of mls-rs with AWS-LC, because that combination can build large
//! groups. Of the mls-rs clients, only one processes all messages: the partner.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::meter::Meter;
use crate::library::{Add, Library, identity, mls_rs::MlsRsAwsLc as Partner};

/// A group that has a member of the measured library.
pub(super) struct Setting<L: Library> {
    /// The measured client before it joins the group.
    pub(super) client: L::Client,
    /// The Welcome for the measured client, which contains the tree.
    pub(super) welcome: Vec<u8>,
    /// The partner, a member of the group that uses mls-rs.
    pub(super) partner: <Partner as Library>::Group,
    /// The Commits of other members, beginning with the epoch of the Welcome.
    pub(super) commits: Vec<Vec<u8>>,
}

const INSIDE: Add = Add { path: false, tree_inside: true };

/// The size of the largest warm tree that this program builds itself. Building a larger tree would
/// take hours.
pub(super) const LARGEST_WARM: usize = 1_000;

/// Creates the KeyPackages of members that only join.
pub(super) fn key_packages<L: Library>(meter: &mut Meter, numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    let mut made = Vec::with_capacity(numbers.len());
    for number in numbers {
        if made.len() % 1_000 == 0 {
            meter.step("making KeyPackages");
        }
        made.push(L::key_package(&L::client(identity(number))));
    }
    made
}

/// Creates the measured client and its KeyPackage.
fn client<L: Library>() -> (L::Client, Vec<u8>) {
    let client = L::client(identity(usize::MAX));
    let key_package = L::key_package(&client);
    (client, key_package)
}

/// Makes the partner add the measured client at the first free leaf.
fn with_client<L: Library>(mut partner: <Partner as Library>::Group) -> Setting<L> {
    let (client, key_package) = client::<L>();
    let added = Partner::add(&mut partner, &[key_package], INSIDE);
    Partner::merge(&mut partner);
    Setting { client, welcome: added.welcome, partner, commits: Vec::new() }
}

/// Creates a group whose parent nodes are all blank.
pub(super) fn fresh<L: Library>(meter: &mut Meter, size: usize) -> Setting<L> {
    let mut partner = Partner::create(Partner::client(identity(0)));
    let others = key_packages::<Partner>(meter, 1..size - 1);
    meter.step("building a group with blank parents");
    if !others.is_empty() {
        Partner::add(&mut partner, &others, Add { path: false, tree_inside: false });
        Partner::merge(&mut partner);
    }
    with_client(partner)
}

/// Creates a group. Returns the measured client, the Welcome for all added members, and the tree.
pub(super) fn out_of_band<L: Library>(meter: &mut Meter, size: usize) -> (L::Client, Vec<u8>, Vec<u8>) {
    let mut partner = Partner::create(Partner::client(identity(0)));
    let (client, key_package) = client::<L>();
    let mut others = key_packages::<Partner>(meter, 1..size - 1);
    others.push(key_package);
    meter.step("building a group with the tree out of band");
    let added = Partner::add(&mut partner, &others, Add { path: true, tree_inside: false });
    Partner::merge(&mut partner);
    (client, added.welcome, Partner::tree(&partner))
}

/// Returns the leaf of the measured client in a warm tree. The leaf is in the second quarter of the
/// leaves, so that each parent above it has leaves on both sides. The partner at the first leaf is
/// neither close to this leaf nor at the greatest distance from it.
fn warm_leaf(size: usize) -> usize {
    let leaves = size.next_power_of_two();
    if size < 4 { size - 1 } else { leaves / 4 + 1 }
}

/// Creates a group in which every second member commits after joining, which fills the parents
/// above it. Only the partner processes all Commits. The measured client takes the leaf of a
/// removed member, so the parents above that leaf are blank.
pub(super) fn warm<L: Library>(meter: &mut Meter, size: usize) -> Setting<L> {
    let mut partner = Partner::create(Partner::client(identity(0)));
    // The smallest groups do not have a member that the client could replace.
    let leaf = warm_leaf(size);
    let others = if leaf < size - 1 { size } else { size - 1 };
    for left in (0..others).step_by(2) {
        if left % 100 == 0 {
            meter.step("building a group with filled parents");
        }
        let pair: Vec<_> = [left, left + 1].into_iter().filter(|leaf| (1..others).contains(leaf)).collect();
        let clients: Vec<_> = pair.iter().map(|leaf| Partner::client(identity(*leaf))).collect();
        let added: Vec<_> = clients.iter().map(Partner::key_package).collect();
        if added.is_empty() {
            continue;
        }
        let welcome = Partner::add(&mut partner, &added, INSIDE).welcome;
        Partner::merge(&mut partner);
        if left > 0 {
            let mut member = Partner::join(clients.into_iter().next().unwrap(), &welcome, None);
            let commit = Partner::update(&mut member);
            Partner::process(&mut partner, &commit);
        }
    }
    let leaf = u32::try_from(leaf).unwrap();
    if others == size {
        let _ = Partner::remove(&mut partner, leaf);
    } else {
        let _ = Partner::update(&mut partner);
    }
    Partner::merge(&mut partner);
    with_client(partner)
}

/// Joins a group that the program `builder` builds in a folder; see "Fixtures" in `README.md`.
pub(super) fn from_fixture<L: Library>(meter: &mut Meter, size: usize, builder: &Path) -> Setting<L> {
    const COMMITS: usize = 5;
    let folder = std::env::temp_dir().join(format!("pando-peers-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (client, key_package) = client::<L>();
    let partner = Partner::client(identity(usize::MAX - 1));
    fs::write(folder.join("0.kp"), key_package).unwrap();
    fs::write(folder.join("1.kp"), Partner::key_package(&partner)).unwrap();
    meter.step("waiting for a group with filled parents");
    let status = Command::new(builder)
        .args(["--fixture".as_ref(), folder.as_os_str()])
        .args(["--warm", "--size", &size.to_string(), "--runs", &COMMITS.to_string()])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{} failed", builder.display());
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let welcome = read("welcome.mls");
    let commits = (0..COMMITS).map(|number| read(&format!("commit-{number}.mls"))).collect();
    fs::remove_dir_all(&folder).unwrap();
    meter.step("joining a group with filled parents");
    let partner = Partner::join(partner, &welcome, None);
    Setting { client, welcome, partner, commits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaf_in_a_warm_tree_is_in_the_second_quarter() {
        assert_eq!(
            [2, 3, 4, 10, 100, 1_000, 10_000, 50_000].map(warm_leaf),
            [1, 2, 2, 5, 33, 257, 4_097, 16_385]
        );
    }
}
