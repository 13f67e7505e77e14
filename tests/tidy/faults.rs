//! The faults that an update must survive, each with the tests that show it. After each of them the
//! old version or the new one runs, and the update can be finished.

use std::path::Path;

use newleaf_tests::build::source_root;

/// A file, and a test in it.
type Shown = (&'static str, &'static str);

/// What befalls the machine, and what shows that it survives.
const FAULTS: [(&str, &[Shown]); 30] = [
    (
        "SIGKILL at every system call that changes something, and at every record",
        &[
            (SWEEP, "an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished"),
            (SWEEP, "a_launcher_on_a_disk_that_fails_at_any_system_call_comes_up_again"),
            ("tests/update/killed.rs", "core_killed_at_each_record_comes_up_on_a_working_version"),
            (
                "tests/update/killed.rs",
                "an_app_killed_at_each_record_comes_up_on_a_working_version",
            ),
            ("tests/update/random.rs", "a_host_killed_at_a_random_instant_comes_up_with_its_data"),
        ],
    ),
    (
        "power loss, with any part of what was not synced",
        &[
            (
                "tests/update/fault/power.rs",
                "a_power_cut_at_any_instant_leaves_a_machine_that_goes_on",
            ),
            (
                "tests/update/fault/database.rs",
                "a_power_cut_while_core_is_updated_loses_no_row_that_people_were_told_of",
            ),
        ],
    ),
    (
        "no space left, at each write and on a really small disk",
        &[
            (SWEEP, "an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished"),
            (DISK, "an_update_whose_room_goes_in_the_middle_can_be_finished_once_there_is_room"),
            ("core/launcher/tests/processes/start.rs", "a_full_disk_does_not_keep_a_host_down"),
        ],
    ),
    (
        "I/O errors of writes, and writes that end short",
        &[
            (
                STANDS_STILL,
                "an_app_update_whose_disk_is_full_after_any_record_is_ended_by_the_same_host",
            ),
            (
                STANDS_STILL,
                "a_core_update_whose_disk_is_full_before_point_a_is_undone_by_the_same_host",
            ),
            (SWEEP, "an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished"),
            (DISK, "an_update_whose_room_goes_in_the_middle_can_be_finished_once_there_is_room"),
        ],
    ),
    (
        "I/O errors of fsync are failures",
        &[(DISK, "where_nothing_can_be_synced_nothing_is_taken_for_done")],
    ),
    (
        "errors of reads while verifying blame no version",
        &[
            (SWEEP, "an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished"),
            (APP, "a_disk_that_cannot_be_read_is_a_failure_and_not_a_breach_of_trust"),
            (
                "core/launcher/tests/processes/damage.rs",
                "a_good_version_that_the_disk_never_gives_leaves_the_one_before_serving_and_can_be_brought_anew",
            ),
        ],
    ),
    (
        "a folder that is read only, before or from then on",
        &[
            (
                GROUND,
                "a_slots_folder_that_cannot_be_written_is_named_with_owner_mode_and_the_mending_command",
            ),
            (SWEEP, "an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished"),
        ],
    ),
    (
        "a state that is torn, empty, or of a newer schema",
        &[
            (STATE, "a_torn_state_is_answered_from_the_one_before"),
            (STATE, "a_state_of_a_newer_schema_is_refused_by_name"),
            (
                "core/launcher/tests/processes/damage.rs",
                "a_torn_state_is_told_loudly_and_what_it_lost_is_named",
            ),
        ],
    ),
    (
        "slots and staging of an earlier crash",
        &[
            ("core/host/src/adapter/slots/mod.rs", "a_slot_that_is_not_the_packages_is_made_anew"),
            ("core/host/src/adapter/slots/sweep.rs", "only_what_is_named_stays"),
        ],
    ),
    (
        "two who update at once",
        &[
            ("core/update/tests/updates/refused.rs", "a_double_click_starts_one_update"),
            ("tests/attack/host.rs", "a_double_click_is_answered_with_the_running_update"),
            ("tests/attack/host.rs", "a_second_host_on_one_folder_is_refused"),
        ],
    ),
    (
        "no folder for temporary files, umask 077, a wrong owner, a program without its right to run",
        &[
            (DISK, "an_update_needs_no_other_folder_and_no_friendly_umask"),
            ("core/update/src/preflight/write.rs", "the_command_fits_the_owner"),
            (GROUND, "a_file_that_another_user_owns_is_named_with_the_line_that_gives_it_back"),
            (
                GROUND,
                "slots_from_which_nothing_can_run_are_told_with_the_line_that_mounts_them_with_exec",
            ),
            (
                "core/package/tests/package/format.rs",
                "unpacked_files_have_fixed_modes_and_only_programs_can_be_run",
            ),
        ],
    ),
    (
        "a launcher that lost its capability",
        &[(
            "tests/update/ports.rs",
            "a_lost_capability_is_told_before_the_restart_and_given_back_by_the_line_that_is_told",
        )],
    ),
    (
        "signatures that are missing or by a wrong key, expired files, a wrong clock",
        &[
            ("core/trust/tests/attack/root.rs", "an_unsigned_root_is_refused"),
            ("tests/attack/repository.rs", "a_role_signed_by_the_wrong_key_is_refused"),
            ("tests/attack/repository.rs", "an_expired_timestamp_is_refused"),
            (
                "core/trust/tests/attack/freshness.rs",
                "a_clock_set_back_a_year_gains_nothing_and_is_warned_of",
            ),
        ],
    ),
    (
        "older metadata, older versions, the same metadata for ever",
        &[
            ("tests/attack/repository.rs", "a_replayed_older_timestamp_is_refused"),
            (
                "core/trust/tests/attack/freshness.rs",
                "an_expired_timestamp_is_refused_also_when_it_is_only_used_again",
            ),
            (
                "core/update/tests/updates/core.rs",
                "a_core_before_is_not_offered_once_a_newer_one_took_away_what_it_needs",
            ),
        ],
    ),
    (
        "sizes that lie, bombs, names that leave the folder, links, names that come twice",
        &[
            (REFUSED, "a_signed_size_that_lies_is_refused_though_the_digest_is_right"),
            (REFUSED, "a_decompression_bomb_gives_not_a_byte_more_than_was_signed"),
            (HOSTILE, "names_that_leave_the_folder_are_refused"),
            (HOSTILE, "anything_but_a_plain_file_is_refused"),
            (HOSTILE, "a_name_that_occurs_twice_is_refused"),
        ],
    ),
    (
        "200 to a range, 416, a changed entity tag, a wrong content range",
        &[
            (INTERRUPTED, "a_server_that_answers_200_to_a_range_is_taken_from_its_first_byte"),
            (INTERRUPTED, "a_server_that_answers_416_is_asked_for_the_whole_file"),
            (INTERRUPTED, "a_file_whose_entity_tag_changed_is_taken_from_its_first_byte"),
            (INTERRUPTED, "a_part_with_another_content_range_than_was_asked_for_is_not_glued_on"),
        ],
    ),
    (
        "resets, standstills, a byte a second, the death of the process that downloads",
        &[
            (INTERRUPTED, "a_connection_reset_at_1_50_and_99_percent_is_taken_up_where_it_stopped"),
            (INTERRUPTED, "a_download_that_stands_still_is_taken_up_again"),
            (INTERRUPTED, "one_byte_a_second_is_slow_and_no_standstill"),
            (INTERRUPTED, "a_download_is_taken_up_after_the_death_of_its_process"),
        ],
    ),
    (
        "429 and 503 with a time to wait, sign-in pages, proxies that want a password",
        &[
            (REFUSED, "a_busy_repository_is_left_alone_as_long_as_it_asks"),
            (REFUSED, "the_sign_in_page_of_a_network_costs_nothing_of_what_came"),
            (REFUSED, "a_proxy_that_wants_a_password_is_named_and_given_it"),
        ],
    ),
    (
        "a first mirror that is dead, stale, or serves other bytes",
        &[
            (MIRRORS, "a_dead_first_address_is_passed_over_for_metadata_and_packages"),
            (MIRRORS, "a_stale_mirror_that_has_not_the_package_yet_is_passed_over"),
            (MIRRORS, "a_mirror_that_serves_corrupt_bytes_is_passed_over"),
        ],
    ),
    (
        "a delta that is not there, over a changed base, or of a wrong result",
        &[
            (HINTS, "a_delta_that_is_not_there_sends_on_to_the_compressed_copy"),
            (HINTS, "a_base_that_was_modified_on_disk_leads_to_the_package_without_noise"),
            (HINTS, "a_delta_whose_output_is_wrong_leads_to_the_package_without_noise"),
        ],
    ),
    (
        "a program of another machine, cut short, without its loader, that exits or crashes at once",
        &[
            (
                "core/host/src/adapter/slots/program.rs",
                "a_program_that_cannot_run_here_is_found_out_by_its_self_test",
            ),
            (
                "core/launcher/tests/processes/update.rs",
                "a_program_that_cannot_run_here_is_taken_back",
            ),
            ("tests/update/broken.rs", "a_core_that_exits_at_start_is_rolled_back"),
        ],
    ),
    (
        "a worker that hangs before it is ready, leaves right after, or says so twice",
        &[
            ("tests/update/broken.rs", "a_core_that_hangs_is_rolled_back"),
            (
                "core/launcher/tests/processes/update.rs",
                "a_version_that_leaves_once_it_is_ready_is_taken_back",
            ),
            (
                "core/launcher/tests/processes/update.rs",
                "a_version_that_is_ready_twice_is_probed_and_good",
            ),
        ],
    ),
    (
        "a worker that is ready and unhealthy, or whose probe hangs, under load",
        &[
            (
                "tests/update/load.rs",
                "no_request_fails_while_an_app_and_core_are_updated_and_one_core_is_rolled_back",
            ),
            (
                "core/host/src/probe.rs",
                "a_worker_that_says_nothing_is_waited_for_no_longer_than_allowed",
            ),
        ],
    ),
    (
        "a worker that dies while it is watched, and once it is no more",
        &[
            (
                "core/launcher/tests/processes/update.rs",
                "a_version_that_dies_twice_while_watched_is_taken_back",
            ),
            (
                "core/launcher/tests/processes/start.rs",
                "a_version_that_dies_after_its_probation_is_started_again_and_stays_good",
            ),
            (INSTANTS, "a_version_that_dies_at_5_s_and_again_at_59_s_of_its_minute_is_taken_back"),
            (INSTANTS, "a_version_that_dies_at_61_s_is_started_again_and_stays_good"),
        ],
    ),
    (
        "a launcher that is killed in any phase, one without a successor, workers without a launcher",
        &[
            (SWEEP, "a_launcher_on_a_disk_that_fails_at_any_system_call_comes_up_again"),
            (
                "core/launcher/tests/processes/succession.rs",
                "a_successor_whose_program_is_missing_leaves_the_old_launcher_and_what_it_serves",
            ),
            ("core/launcher/src/lock.rs", "a_starting_launcher_waits_for_the_workers_of_the_last"),
            (
                "core/launcher/src/lock.rs",
                "clearing_run_away_lets_no_launcher_start_beside_workers",
            ),
        ],
    ),
    (
        "requests of every kind while a worker drains, to the hard limit",
        &[
            (HANDOVER, "keep_alive_clients_lose_nothing_over_six_handovers"),
            (
                HANDOVER,
                "however_long_a_client_was_silent_its_next_request_is_answered_while_another_serves",
            ),
            (HANDOVER, "http2_is_told_to_go_away_at_once_and_its_requests_are_answered"),
            (HANDOVER, "a_half_sent_upload_is_taken_to_its_end_while_the_next_worker_serves"),
            (HANDOVER, "an_event_stream_is_told_to_come_back_and_ends"),
            (HANDOVER, "whoever_took_a_connection_over_is_told_and_waited_for"),
            (
                "tests/update/websocket.rs",
                "a_websocket_is_told_of_a_restart_of_core_and_a_silent_client_notices_nothing",
            ),
            (HANDOVER, "a_client_that_never_reads_is_cut_at_the_limit_and_counted"),
            (UPLOADS, "an_upload_that_comes_slowly_across_a_drain_is_answered"),
            (UPLOADS, "who_is_refused_in_the_middle_of_an_upload_reads_why"),
        ],
    ),
    (
        "a report that fails, a page that is loaded again after the commit",
        &[
            (
                "core/host/tests/api/events.rs",
                "a_viewer_that_comes_back_misses_nothing_and_sees_nothing_twice",
            ),
            (
                "core/host/src/adapter/history.rs",
                "rows_that_were_deleted_are_made_again_from_the_journal",
            ),
        ],
    ),
    (
        "the way back across a contracted schema",
        &[(
            "core/host/src/db/expand.rs",
            "the_old_version_goes_on_after_expand_and_is_refused_after_contract",
        )],
    ),
    (
        "an app that traps, is of another contract, loops, or eats memory",
        &[
            ("core/plugin-host/tests/hostile.rs", "lifecycle_failures_are_told_apart"),
            ("core/plugin-host/tests/hostile.rs", "an_endless_loop_ends_and_its_neighbour_goes_on"),
            ("core/plugin-host/tests/hostile.rs", "memory_beyond_the_limit_is_a_trap"),
            ("core/plugin-host/tests/prepare.rs", "garbage_is_refused_by_the_child_in_words"),
            ("core/plan/tests/plan/verdicts.rs", "an_app_made_for_a_newer_contract_is_refused"),
            (
                "core/update/tests/updates/core.rs",
                "a_core_with_which_an_app_breaks_is_refused_and_both_stay_as_they_were",
            ),
        ],
    ),
    (
        "a version that was taken back and is offered again, and an operator who goes back twice",
        &[
            (APP, "a_version_that_fails_is_not_offered_again_and_a_full_disk_is_no_evidence"),
            (APP, "an_app_goes_back_by_hand_and_its_grants_go_back_too"),
        ],
    ),
];

const GROUND: &str = "tests/attack/ground.rs";
const INSTANTS: &str = "core/launcher/src/supervisor/instants.rs";
const UPLOADS: &str = "core/host/src/http/uploads.rs";
const STANDS_STILL: &str = "core/update/tests/updates/interrupted.rs";
const SWEEP: &str = "tests/update/fault/sweep.rs";
const DISK: &str = "tests/update/fault/disk.rs";
const APP: &str = "core/update/tests/updates/app.rs";
const STATE: &str = "core/launcher/src/state_file.rs";
const HOSTILE: &str = "core/package/tests/package/hostile.rs";
const REFUSED: &str = "tests/update/download/refused.rs";
const INTERRUPTED: &str = "tests/update/download/interrupted.rs";
const MIRRORS: &str = "tests/update/download/mirrors.rs";
const HINTS: &str = "tests/update/download/hints.rs";
const HANDOVER: &str = "core/host/src/http/handover.rs";

#[test]
fn every_fault_has_the_tests_that_show_it() {
    for (number, (fault, shown)) in (1..).zip(FAULTS) {
        assert!(!shown.is_empty(), "{number}, {fault}: nothing shows it");
        for (file, test) in shown {
            assert!(
                is_test(&source_root().join(file), test),
                "{number}, {fault}: no {test} in {file}"
            );
        }
    }
}

/// Whether the file has a function of this name with the mark of a test before it.
fn is_test(file: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut is_marked = false;
    for line in text.lines().map(str::trim) {
        let line = line.trim_start_matches("async ");
        let named = line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name));
        if named.is_some_and(|rest| rest.starts_with('(')) {
            return is_marked;
        }
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        } else if line.starts_with("fn ") || line == "}" {
            is_marked = false;
        }
    }
    false
}
