//! The units of systemd: what they promise is what the host does, and systemd itself takes them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

/// The keys of each section, with their values in the order of the file.
type Unit = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The highest exposure that `systemd-analyze security` may see, in tenths.
const EXPOSURE: &str = "--threshold=20";

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Reads the form of `systemd.syntax(7)`, as far as the units use it.
fn parse(text: &str) -> Unit {
    let mut unit = Unit::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no key in {line:?}"));
        let keys = unit.entry(section.clone()).or_default();
        keys.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    unit
}

/// The only value of a key.
fn one<'a>(unit: &'a Unit, section: &str, key: &str) -> &'a str {
    let values = unit.get(section).and_then(|keys| keys.get(key));
    match values.map(Vec::as_slice) {
        Some([value]) => value,
        other => panic!("{section}.{key} is {other:?}"),
    }
}

fn seconds(unit: &Unit, key: &str) -> u64 {
    one(unit, "Service", key).parse().unwrap()
}

#[test]
fn the_service_has_one_right_and_gives_no_other() {
    let unit = parse(&text("newleaf.service"));
    for (key, value) in [
        ("AmbientCapabilities", "CAP_NET_BIND_SERVICE"),
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("UMask", "0077"),
    ] {
        assert_eq!(one(&unit, "Service", key), value, "{key}");
    }
    let filter = &unit["Service"]["SystemCallFilter"];
    assert_eq!(filter[0], "@system-service", "without a first list of what is allowed, all is");
}

#[test]
fn the_service_may_write_the_folder_it_serves_and_run_compiled_apps() {
    let unit = parse(&text("newleaf.service"));
    let start = one(&unit, "Service", "ExecStart").split(' ').collect::<Vec<_>>();
    assert!(Path::new(start[0]).is_absolute());
    assert_eq!(start[1..3], ["serve", "--dir"]);
    assert_eq!(one(&unit, "Service", "ReadWritePaths"), start[3]);
    let state = Path::new("/var/lib").join(one(&unit, "Service", "StateDirectory"));
    assert_eq!(state, Path::new(start[3]), "systemd makes the folder that is served");
    assert_eq!(one(&unit, "Service", "MemoryDenyWriteExecute"), "no");
}

#[test]
fn the_service_waits_longer_than_the_host_does() {
    let unit = parse(&text("newleaf.service"));
    assert_eq!(one(&unit, "Service", "Type"), "notify");
    assert_eq!(one(&unit, "Service", "Restart"), "always");
    let config = newleaf::config::Config::parse(REPOSITORY, Path::new("newleaf.toml")).unwrap();
    let core = config.core;
    assert!(seconds(&unit, "TimeoutStartSec") > core.ready_within.duration().as_secs());
    assert!(seconds(&unit, "TimeoutStopSec") > core.drain_within.duration().as_secs());
    let hangs = core.hang_within.duration().as_secs();
    assert!(seconds(&unit, "WatchdogSec") > 2 * hangs, "the launcher's own cure comes first");
}

const REPOSITORY: &str = "[repository]\nurl = \"https://updates.example.com\"\n";

#[test]
fn the_socket_is_passed_to_the_service_under_the_name_that_the_host_knows() {
    let unit = parse(&text("newleaf.socket"));
    assert_eq!(one(&unit, "Socket", "Service"), "newleaf.service");
    assert_eq!(one(&unit, "Socket", "FileDescriptorName"), "public");
    assert_eq!(one(&unit, "Socket", "ListenStream"), "80");
}

#[test]
fn systemd_takes_the_units_where_it_is_there_to_ask() {
    let dir = tempfile::tempdir().unwrap();
    // The program is not installed on this machine.
    let service = text("newleaf.service").replace("/usr/local/bin/newleaf", "/bin/true");
    std::fs::write(dir.path().join("newleaf.service"), service).unwrap();
    std::fs::write(dir.path().join("newleaf.socket"), text("newleaf.socket")).unwrap();
    let ask = |arguments: &[&str]| {
        Command::new("systemd-analyze").args(arguments).current_dir(dir.path()).output()
    };
    let Ok(verified) = ask(&["verify", "./newleaf.service", "./newleaf.socket"]) else { return };
    is_taken(&verified);
    is_taken(&ask(&["security", "--offline=true", EXPOSURE, "./newleaf.service"]).unwrap());
}

fn is_taken(answer: &Output) {
    let said = [&answer.stdout[..], &answer.stderr].concat();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&said));
}
