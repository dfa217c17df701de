//! Tests that use groups as applications do. Each file contains one scenario.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod a_branch_has_no_strangers;
mod a_branch_of_a_forgotten_epoch;
mod a_client_asks_to_be_added;
mod a_client_is_added_once;
mod a_committer_leaves_its_own_removal_to_others;
mod a_newcomer_knows_nothing_of_the_past;
mod a_reinitialization_gives_way;
mod a_reinitialized_group_falls_silent;
mod a_removal_wins_over_an_update;
mod a_removed_member_reads_nothing;
mod a_resync_races_a_commit;
mod a_server_follows_the_group;
mod a_server_is_deceived;
mod a_server_lets_somebody_in;
mod a_server_proposes_and_members_commit;
mod a_server_refuses_what_members_would;
mod a_server_rolls_back;
mod a_staged_commit_goes_stale;
mod a_welcome_for_each;
mod a_welcome_for_somebody_else;
mod accepted_formats;
mod an_encrypted_commit_waits_for_what_it_lacks;
mod an_opened_group_lives_long;
mod attacker;
mod authenticated_data;
mod bad_key_packages;
mod bad_pre_shared_keys;
mod branching;
mod changed_on_the_way;
mod chosen_proposals;
mod commits_without_a_path;
mod credential_changes;
mod custom_proposals;
mod dropped_deltas;
mod echoes_of_ones_own;
mod empty_commits;
mod every_operation_in_every_state;
mod everything_in_one_commit;
mod exporters;
mod extensions_are_proposed_by_several;
mod external_join_races_a_commit;
mod external_join_with_pre_shared_keys;
mod external_joins_in_a_row;
mod external_pre_shared_keys;
mod external_senders_must_be_acceptable;
mod false_successors;
mod grease;
mod group_extensions;
mod group_fixture;
mod group_of_one;
mod hundreds_are_welcomed_at_once;
mod incomplete_group_infos;
mod joining_while_others_sleep;
mod key_rotation;
mod killed_at_every_step;
mod late_messages;
mod leaf_reuse;
mod limits;
mod lost_proposals_are_tried_again;
mod messages_for_another_group;
mod nobody_can_block_commits;
mod nobody_is_left_behind;
mod one_commit_at_a_time;
mod one_leaf_for_each_identity;
mod ones_own_comes_first;
mod out_of_order;
mod padding_hides_lengths;
mod policies;
mod proposals;
mod proposals_that_stand_alone;
mod public_and_private_handshakes;
mod races;
mod refusals_name_the_rule;
mod reinitialized_with_another_suite;
mod reinitialized_with_other_extensions;
mod removed_and_added_again;
mod removed_while_committing;
mod replays;
mod required_capabilities;
mod restarts;
mod resumption_pre_shared_keys;
mod resync;
mod rows_grow_with_the_logarithm;
mod rows_that_are_no_group;
#[path = "../support/secrets.rs"]
mod secrets;
mod server;
mod shrinking_and_growing;
mod silence_while_proposals_are_pending;
mod stale_handshakes;
mod successors;
mod tampering;
mod the_key_for_external_joins_is_new_in_each_epoch;
mod the_limit_of_pending_proposals;
mod the_newest_update_counts;
mod the_next_epoch_is_published;
mod the_one_who_began_leaves;
mod the_tree_comes_another_way;
mod the_tree_is_read_when_it_is_needed;
mod the_welcome_is_sent_again;
mod two_members;
mod two_racing_committers;
mod unknown_proposals_wait;
mod updates_are_committed_by_others;
mod what_a_stolen_disk_tells;
mod what_a_thief_who_was_removed_reads;
mod what_an_exporter_secret_tells;
mod what_is_left_of_a_key_package;
mod who_has_no_say_from_outside;
mod who_is_removed_has_no_secrets;
mod who_may_be_removed;
