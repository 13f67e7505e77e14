//! The launcher killed right after each record and each state of an update.

use std::io::{Read as _, Write as _};

use newleaf_launcher::proto::Ask;
use newleaf_launcher::serve::TEST_POINT_STATE;
use newleaf_launcher::state::{CorePhase, CoreSlot, Way};

use super::world;
use super::world::{World, arm};

/// What the launcher is killed right after.
#[derive(Debug, Clone, Copy)]
enum Fatal {
    /// The record of this number.
    Record(u64),
    /// The state of this number; the first, 1, was there before.
    State(u64),
}

/// The states of an update, good or bad: armed, a try burnt, then probation and good, or the other
/// try burnt and gone back.
const STATES: std::ops::RangeInclusive<u64> = 2..=5;

impl Fatal {
    /// Whether what the launcher tells of is this, or lies behind it.
    const fn is(self, told: u64) -> bool {
        let is_state = told & TEST_POINT_STATE != 0;
        match self {
            Self::Record(seq) => !is_state && told >= seq,
            Self::State(seq) => is_state && told & !TEST_POINT_STATE >= seq,
        }
    }

    /// Whether the first record was on disk, and the launcher had been asked.
    const fn has_begun(self) -> bool {
        matches!(self, Self::State(_) | Self::Record(2..))
    }

    /// Whether the new version was on trial.
    const fn is_armed(self) -> bool {
        matches!(self, Self::State(_) | Self::Record(3..))
    }
}

/// Kills the launcher right after each of these, starts it again, and looks.
fn killed_at_each(behaviour: &str, fatal: impl Iterator<Item = Fatal>) {
    for fatal in fatal {
        let world = World::new();
        let next = world.stage("1.1.0", behaviour);
        let (host, mut steps) = world.start_stepped();
        let (public, layout) = (host.public, world.layout.clone());
        let killer = std::thread::spawn(move || {
            let mut seq = [0; 8];
            while steps.read_exact(&mut seq).is_ok() && !fatal.is(u64::from_le_bytes(seq)) {
                steps.write_all(&[1]).unwrap();
            }
            host.crash();
        });
        begin(public, &layout, &next);
        killer.join().unwrap();

        let host = world.start();
        let open = world.endings().is_empty();
        if open && world.state().core.trial.is_some() {
            host.wait_for_end();
        }
        let core = world.state().core;
        assert_eq!(
            host.version(),
            core.good.version.as_str(),
            "{behaviour} killed after {fatal:?}"
        );
        let expected = if behaviour == "good" && fatal.is_armed() { "1.1.0" } else { "1.0.0" };
        assert_eq!(core.good.version.as_str(), expected, "{behaviour} killed after {fatal:?}");
        assert_eq!(core.phase, CorePhase::Idle);
        if fatal.has_begun() {
            assert_eq!(world.endings().len(), 1, "{behaviour} killed after {fatal:?}");
        }
    }
}

/// Begins the update; the launcher may die at any word of it.
fn begin(public: std::net::SocketAddr, layout: &newleaf_launcher::Layout, next: &CoreSlot) {
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(public).unwrap();
    drop(stream.read_to_string(&mut answer));
    let append = Ask::Append { update: Some(world::update()), entry: Box::new(world::began(next)) };
    for ask in [append, arm(next, Way::Forward)] {
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(layout.admin_socket()) else {
            return;
        };
        let said = writeln!(stream, "{}", serde_json::to_string(&ask).unwrap());
        if said.is_err() || stream.read(&mut [0; 4096]).is_err() {
            return;
        }
    }
}

#[test]
fn a_launcher_killed_after_any_record_of_a_good_update_finishes_it() {
    killed_at_each("good", (1..=8).map(Fatal::Record));
}

#[test]
fn a_launcher_killed_after_any_state_of_a_good_update_finishes_it() {
    killed_at_each("good", STATES.map(Fatal::State));
}

#[test]
fn a_launcher_killed_after_any_record_of_a_bad_update_undoes_it() {
    killed_at_each("exits", (1..=7).map(Fatal::Record));
}

#[test]
fn a_launcher_killed_after_any_state_of_a_bad_update_undoes_it() {
    killed_at_each("exits", STATES.map(Fatal::State));
}
