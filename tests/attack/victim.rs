//! A host on notes 1.0.0 whose repository is a mirror that the test may tamper with.

use newleaf_tests::process::Ran;
use newleaf_tests::world::{Host, HostSettings, Mirror, World};

/// The host, its mirror, and the world they came from.
pub(crate) struct Victim {
    pub(crate) world: World,
    pub(crate) mirror: Mirror,
    pub(crate) host: Host,
}

impl Victim {
    /// Runs notes 1.0.0; notes 2.0.0 is published and stands in the mirror.
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.registry.publish_app("tests/apps/notes-1.0.0");
        let mirror = Mirror::of(&world.registry, &world.path("mirror"));
        let host = Host::start(
            &world.path("host"),
            &mirror.url(),
            &world.registry.root,
            HostSettings::default(),
        );
        host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
        host.add_note("kept", "one");
        world.registry.publish_app("plugins/notes");
        mirror.refresh(&world.registry);
        Self { world, mirror, host }
    }

    /// Tries the update to notes 2.0.0: it must exit with `code` and say each of `words`, and
    /// notes 1.0.0 must go on serving what it holds.
    pub(crate) fn refuses(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not said:\n{said}");
        }
        self.still_serves();
        ran
    }

    /// Notes 1.0.0 serves, with its data.
    pub(crate) fn still_serves(&self) {
        assert_eq!(self.host.app_version("acme/notes"), "1.0.0");
        assert_eq!(self.host.count_notes("kept"), 1);
    }
}
