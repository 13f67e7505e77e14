//! A core whose program the disk damaged, mended by the command that the recovery page names.

use std::path::PathBuf;

use newleaf_domain::{Digest, Version};
use newleaf_launcher::state::{CoreSlot, Origin, State};
use newleaf_launcher::{Layout, StoppedHost, state_file};
use newleaf_update::port::fake::World;
use serde_json::json;

use crate::place::Place;
use crate::repository::initialised;

/// What core 1.1.0 is in these stories: it says how it was called.
const PROGRAM: &[u8] = b"#!/bin/sh\necho core 1.1.0 was asked: $*\n";

/// A host that is core 1.1.0 of its repository, asked by the program of 1.0.0; the program of 1.1.0
/// is not there.
fn scene() -> (Place, PathBuf) {
    let world = World::new();
    let path = world.publisher().core_of("1.1.0", json!({"schema": 1}), PROGRAM.to_vec());
    let (place, targets) = initialised(&world);
    let name = std::path::Path::new(&path).file_name().unwrap().to_string_lossy().into_owned();
    let (_, package) = targets.iter().find(|(at, _)| at.ends_with(&name)).unwrap();
    let layout = Layout::new(place.dir());
    let first = state_file::read(&layout).unwrap().core.good;
    let slot = CoreSlot {
        digest: Digest::of(package),
        version: Version::parse("1.1.0").unwrap(),
        origin: Origin::Release,
        binary: Some(Digest::of(PROGRAM)),
        ..first
    };
    std::fs::remove_file(layout.state()).unwrap();
    let program = layout.program(&slot);
    drop(StoppedHost::create(layout, State::first(slot)).unwrap());
    (place, program)
}

fn damage(program: &std::path::Path) {
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(program, "#!/bin/sh\necho damaged\n").unwrap();
}

#[test]
fn an_update_of_core_brings_a_damaged_program_anew_and_goes_on_with_it() {
    let (place, program) = scene();
    for version in [&[][..], &["--version", "1.1.0"]] {
        damage(&program);
        let before = std::fs::read(place.dir().join("state")).unwrap();
        let said = place.run(&[&["update", "core"], version].concat());
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.starts_with("core 1.1.0: its program is damaged on disk: "), "{said:?}");
        assert!(said.out.contains("the same release was brought anew"), "{said:?}");
        assert!(said.out.contains("core 1.1.0 was asked: update core"), "{said:?}");
        assert_eq!(std::fs::read(&program).unwrap(), PROGRAM);
        assert_eq!(std::fs::read(place.dir().join("state")).unwrap(), before);
    }
    let journal = std::fs::read_to_string(place.dir().join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("was brought anew and put in its place").count(), 2, "{journal}");
}

#[test]
fn a_damaged_program_is_never_run_and_what_cannot_be_mended_is_refused() {
    let (place, program) = scene();
    damage(&program);
    for looks in [&["status"][..], &["update", "core", "--dry-run"], &["plan", "core"]] {
        let said = place.run(looks);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains("damaged on disk"), "{said:?}");
        assert!(said.err.contains("newleaf update core, with the service stopped"), "{said:?}");
    }
    std::fs::remove_dir_all(place.repository()).unwrap();
    let said = place.run(&["update", "core"]);
    assert_eq!((said.code, said.err.lines().count()), (1, 4), "{said:?}");
    assert!(said.err.contains("its program is damaged on disk"), "{said:?}");
    assert!(said.err.contains("[place]/updates"), "{said:?}");
    assert_eq!(std::fs::read(&program).unwrap(), b"#!/bin/sh\necho damaged\n");
}
