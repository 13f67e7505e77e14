//! A host under the filter of system calls that `newleaf.service` sets, with the socket that
//! `newleaf.socket` passes: it starts, compiles an app, and updates app and core.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;

use newleaf_tests::build;
use newleaf_tests::process::{Process, Ran};
use newleaf_tests::skip::{skipped, system_tier};
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// What the groups of systemd hold.
const GROUPS: &str = include_str!("syscalls.txt");

/// The system calls that the unit allows: its first line allows some, `~` takes away, any other adds.
fn allowed() -> BTreeSet<&'static str> {
    let unit = build::source_root().join("core/host/packaging/newleaf.service");
    let unit = std::fs::read_to_string(unit).unwrap().leak();
    let mut allowed = BTreeSet::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (names, is_taken) = match line.strip_prefix('~') {
            Some(names) => (names, true),
            None => (line, false),
        };
        for call in names.split(' ').flat_map(expand) {
            if is_taken {
                allowed.remove(call);
            } else {
                allowed.insert(call);
            }
        }
    }
    allowed
}

/// The calls of a group; a call by its name is itself.
fn expand(name: &'static str) -> Vec<&'static str> {
    if !name.starts_with('@') {
        return vec![name];
    }
    let group = GROUPS.split_once(&format!("\n{name}\n"));
    let (_, rest) = group.unwrap_or_else(|| panic!("{name} is not in syscalls.txt"));
    rest.split("\n\n").next().unwrap_or_default().split_whitespace().collect()
}

/// Whether the machine has the calls that are named; says so where not.
fn can_run(test: &str) -> bool {
    let (is_reached, is_known) = (system_tier(test), cfg!(target_arch = "x86_64"));
    if is_reached && !is_known {
        skipped(test, "x86_64, whose system calls it names");
    }
    is_reached && is_known
}

#[test]
fn a_host_under_the_filter_of_its_unit_takes_its_socket_and_updates_app_and_core() {
    if !can_run("a host under the filter of its unit") {
        return;
    }
    let world = World::new();
    world.registry.publish_core(CoreRelease::Stock);
    world.registry.publish_app("tests/apps/notes-1.0.0");
    let dir = world.path("confined");
    // Makes the folder and its settings.
    let host = Host::start_at(
        &build::program("newleaf"),
        &dir,
        &world.registry.url,
        &world.registry.root,
        HostSettings::default(),
    );
    let (program, public) = (host.program().to_owned(), host.public);
    drop(host);
    let list = world.path("allowed");
    std::fs::write(&list, allowed().into_iter().collect::<Vec<_>>().join("\n")).unwrap();
    let listener = TcpListener::bind(public).unwrap();
    let (mut command, stdin) = Process::passing(&listener);
    command.env("LISTEN_FDNAMES", "public");
    command.arg(build::program("confined")).arg(&list).arg(&program);
    command.arg("serve").arg("--dir").arg(&dir);
    let host = Host::serve_by(&dir, &program, &mut command, stdin);
    drop(listener);
    assert_eq!(host.public, public);
    host.run(&["check"]).assert_code(0);
    host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
    assert_eq!(host.get("/apps/acme/notes/").status, 200);
    world.registry.publish_app("tests/apps/notes-1.1.0");
    world.registry.publish_core(CoreRelease::Newer);
    for target in ["acme/notes", "core"] {
        host.run(&["update", target, "--yes"]).assert_code(0);
    }
    assert_eq!(host.app_version("acme/notes"), "1.1.0");
    assert_eq!(host.core_version(), "1.1.0");
    assert_eq!(host.get("/apps/acme/notes/").status, 200);
}

#[test]
fn what_a_filter_does_not_name_is_refused() {
    if !can_run("a filter of system calls") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("allowed");
    let mut calls = allowed();
    calls.remove("mkdir");
    calls.remove("mkdirat");
    std::fs::write(&list, calls.into_iter().collect::<Vec<_>>().join(" ")).unwrap();
    let mut made = Command::new(build::program("confined"));
    let ran = Ran::of(made.arg(&list).arg("mkdir").arg(dir.path().join("other")));
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("Operation not permitted"), "{}", ran.stderr);
}
