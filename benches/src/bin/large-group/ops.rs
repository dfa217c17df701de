//! The operations: the names that identify them in the results of all implementations, and their
//! descriptions.

/// The names and descriptions of the operations, in the order in which they are measured.
pub(crate) const OPS: &[(&str, &str)] = &[
    ("primitive_sign", "sign 300 bytes"),
    ("primitive_verify", "verify that"),
    ("primitive_verify_batch_1024", "verify 1,024 signatures of as many keys together, for each"),
    ("primitive_keygen", "make a key pair of the KEM"),
    ("primitive_hpke_seal", "HPKE, 32 bytes"),
    ("primitive_hpke_open", "HPKE, 32 bytes"),
    ("primitive_hash_1KiB", "the suite's hash"),
    ("primitive_aead_1KiB", "the suite's AEAD, sealing"),
    ("key_package_new", "make a KeyPackage; the signature key is there"),
    (
        "create_group_add_all_build",
        "make the Commit that adds all members, and the Welcome with the tree inside",
    ),
    ("create_group_add_all_merge", "enter its epoch; bytes: the Welcome"),
    ("create_group_add_all_oob_build", "the same with the tree out of band"),
    ("create_group_add_all_oob_merge", "the same with the tree out of band"),
    ("join_welcome_oob", "join by the Welcome for all members, the tree out of band"),
    ("heap_joined_group", "bytes in use for the joined group"),
    ("heap_peak_during_join", "peak of bytes in use while joining, including rows to store"),
    ("join_welcome_single", "join by a Welcome for one, the tree inside"),
    ("update_commit_create", "make a Commit without proposals, in the fresh tree"),
    ("update_commit_merge_own", "enter its epoch"),
    ("process_update_commit", "process it"),
    ("process_update_commit_storage_written", "bytes to store after that, keys of rows included"),
    ("heap_peak_during_process_update_commit", "peak of bytes in use meanwhile, above those before"),
    ("add_commit_create", "make a Commit that adds one, and the Welcome with the tree out of band"),
    ("process_add_commit", "process it"),
    ("add_commit_nopath_create", "the same without a path"),
    ("process_add_commit_nopath", "process it"),
    ("remove_commit_create", "make a Commit that removes one"),
    ("process_remove_commit", "process it"),
    ("external_commit_join", "join by an external Commit, making it, the tree out of band"),
    ("process_external_commit", "process it"),
    ("export_group_info", "make a GroupInfo with the tree inside"),
    ("app_encrypt_32B", "encrypt 32 bytes; the sender has sent before in this epoch"),
    ("app_decrypt_32B", "decrypt them"),
    ("app_decrypt_storage_written", "bytes to store after that, keys of rows included"),
    ("app_encrypt_1024B", "encrypt 1,024 bytes"),
    ("app_decrypt_1024B", "decrypt them"),
    ("app_encrypt_65536B", "encrypt 65,536 bytes"),
    ("app_decrypt_65536B", "decrypt them"),
    ("state_size", "bytes of all rows, their keys included"),
    ("load_group", "the group from its rows in memory"),
    ("update_commit_warm_create", "make a Commit without proposals, in the warm tree"),
    ("update_commit_warm_merge_own", "enter its epoch"),
    ("process_update_commit_warm", "process it"),
    ("process_update_commit_warm_storage_written", "bytes to store after that, keys of rows included"),
    ("heap_peak_during_process_update_commit_warm", "peak of bytes in use meanwhile, above those before"),
    ("add_commit_warm_create", "make a Commit that adds one, in the warm tree"),
    ("process_add_commit_warm", "process it"),
    ("remove_commit_warm_create", "make a Commit that removes one, in the warm tree"),
    ("process_remove_commit_warm", "process it"),
    ("process_update_commit_and_store", "process a Commit without proposals in the fresh tree, and store it"),
    ("app_encrypt_32B_and_store", "encrypt 32 bytes, and store that; from here on in the warm tree"),
    ("app_decrypt_32B_and_store", "decrypt them, and store that"),
    ("app_encrypt_1024B_and_store", "encrypt 1,024 bytes, and store that"),
    ("app_decrypt_1024B_and_store", "decrypt them, and store that"),
    ("app_encrypt_65536B_and_store", "encrypt 65,536 bytes, and store that"),
    ("app_decrypt_65536B_and_store", "decrypt them, and store that"),
    ("process_update_commit_warm_and_store", "process a Commit without proposals, and store it"),
    ("process_add_commit_warm_and_store", "process one that adds a member, and store it"),
    ("process_remove_commit_warm_and_store", "process one that removes a member, and store it"),
    (
        "open_store_and_decrypt_32B",
        "from a closed store: open it and the group, decrypt a message, and store that",
    ),
    ("open_store_and_process_update_commit", "the same with a Commit without proposals"),
    ("store_file_size", "the size of the database, encrypted"),
];

/// The largest group for which a fresh tree is created, because its creation takes minutes in
/// larger groups. In larger groups, operations that do not depend on blank parents are measured in
/// the warm tree.
pub(crate) const LARGEST_FRESH: u32 = 200_000;

/// The operations that do not depend on which parents are blank.
pub(crate) const ANY_TREE: &[&str] = &[
    "heap_joined_group",
    "heap_peak_during_join",
    "join_welcome_single",
    "export_group_info",
    "app_encrypt_32B",
    "app_decrypt_32B",
    "app_decrypt_storage_written",
    "app_encrypt_1024B",
    "app_decrypt_1024B",
    "app_encrypt_65536B",
    "app_decrypt_65536B",
    "state_size",
    "load_group",
];

/// Returns whether an operation does not need a group.
pub(crate) fn needs_no_group(op: &str) -> bool {
    op.starts_with("primitive_") || op == "key_package_new"
}

/// Returns whether an operation is measured in the warm tree at every group size. All operations
/// with a store except one are measured in this way.
pub(crate) fn is_warm(op: &str) -> bool {
    op.contains("_warm") || (op.contains("_store") && !op.contains("storage") && op != crate::stored::UPDATE)
}

/// Returns the list of operations that `--help` prints.
pub(crate) fn list() -> String {
    let lines: Vec<_> = OPS.iter().map(|(name, meaning)| format!("  {name}: {meaning}")).collect();
    format!("Operations:\n{}", lines.join("\n"))
}
