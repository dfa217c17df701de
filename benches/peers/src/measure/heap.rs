//! Measures the memory that a member keeps allocated, and the peak during its operations.

use super::{Heap, groups, meter::Meter};
use crate::library::{Library, mls_rs::MlsRsAwsLc as Partner};

pub(super) const OPS: &[&str] = &[
    "heap_peak_during_join",
    "heap_joined_group",
    "heap_joined_group_and_store",
    "heap_peak_during_process_update_commit",
];

/// Measures the heap in a tree whose parent nodes are blank.
pub(super) fn heap<L: Library>(meter: &mut Meter, size: usize, allocator: &dyn Heap) {
    let groups::Setting { client, welcome, mut partner, .. } = groups::fresh::<L>(meter, size);
    let commit = Partner::update(&mut partner);

    meter.step("heap_peak_during_join");
    let again = client.clone();
    allocator.reset_peak();
    let before = allocator.current();
    let group = L::join(client, &welcome, None);
    meter.bytes("heap_peak_during_join", (allocator.peak().saturating_sub(before)) as u64);
    let with_group = allocator.current();
    let client = L::into_client(group);
    meter.bytes("heap_joined_group", with_group.saturating_sub(allocator.current()) as u64);
    drop(client);

    meter.step("heap_joined_group_and_store");
    let before = allocator.current();
    let mut group = L::join(again, &welcome, None);
    L::store(&mut group);
    meter.bytes("heap_joined_group_and_store", allocator.current().saturating_sub(before) as u64);

    meter.step("heap_peak_during_process_update_commit");
    allocator.reset_peak();
    let before = allocator.current();
    L::process(&mut group, &commit);
    meter.bytes("heap_peak_during_process_update_commit", allocator.peak().saturating_sub(before) as u64);
}
