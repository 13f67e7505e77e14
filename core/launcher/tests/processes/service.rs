//! Under a service manager: sockets, readiness, signs of life.

use std::time::Instant;

use newleaf_launcher::journal::Entry;

use super::world;
use super::world::World;

#[test]
fn a_socket_of_a_service_manager_is_taken_over_and_outlives_an_update() {
    let world = World::new();
    let next = world.stage("1.1.0", "good");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let host = world.start_with_socket(socket);
    assert_eq!((host.public, host.version().as_str()), (addr, "1.0.0"));
    host.update_to(&next);
    host.wait_for_end();
    assert_eq!(host.version(), "1.1.0");
}

/// What a service manager hears of a host.
struct Manager(std::os::unix::net::UnixDatagram);

impl Manager {
    /// Waits for a message that holds `part`.
    fn hears(&self, part: &str) -> String {
        let mut text = [0; 512];
        loop {
            let length = self.0.recv(&mut text).unwrap();
            let text = String::from_utf8_lossy(&text[..length]);
            if text.contains(part) {
                return text.into_owned();
            }
        }
    }
}

#[test]
fn a_service_manager_hears_of_readiness_life_and_the_end() {
    let world = World::new();
    let socket = world.layout.dir().join("notify");
    let manager = Manager(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let host = world
        .start_told(&[("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "40000")]);
    assert_eq!(manager.hears("READY"), "READY=1\nSTATUS=1.0.0 serves\n");
    assert_eq!(manager.hears("WATCHDOG"), "WATCHDOG=1\n");
    assert_eq!(host.environment_of_worker("NOTIFY_SOCKET"), None);
    assert_eq!(host.environment_of_worker("WATCHDOG_USEC"), None);
    let next = world.stage("1.1.0", "good");
    host.update_to(&next);
    manager.hears("STATUS=1.0.0 serves; 1.1.0 is on trial\n");
    manager.hears("STATUS=1.1.0 serves and is watched\n");
    manager.hears("STATUS=1.1.0 serves\n");
    assert!(host.stop());
    manager.hears("STOPPING=1\n");
}

#[test]
fn a_worker_that_hangs_is_ended_and_started_again_while_the_launcher_shows_that_it_lives() {
    let world = World::new();
    let socket = world.layout.dir().join("notify");
    let manager = Manager(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let host = world
        .start_told(&[("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "100000")]);
    manager.hears("READY=1");
    let stuck = host.worker();
    host.stick();
    let stuck_at = Instant::now();
    // Each third of the 3 s in which it does not answer, a question is open more.
    let mut last_sign = stuck_at;
    loop {
        match manager.hears("=1") {
            told if told.starts_with("WATCHDOG") => last_sign = Instant::now(),
            told if told.starts_with("STATUS=1.0.0 starts") => break,
            _ => {}
        }
    }
    // Alive up to the end, not only while it was not sure of the worker.
    let (silent, stuck_for) = (last_sign.elapsed(), stuck_at.elapsed());
    assert!(silent * 4 < stuck_for, "silent for {silent:?} of {stuck_for:?}");
    world::wait_for_exit_of(stuck);
    manager.hears("WATCHDOG");
    assert_eq!(host.version(), "1.0.0");
    host.wait_for(|entry| {
        matches!(entry, Entry::Notice { text } if text == "1.0.0 gave no sign of life for 3 s and was ended")
    });
    assert!(world.state().bad.is_empty());
}

#[test]
fn a_successor_is_announced_as_a_reload_and_then_as_ready() {
    let world = World::new();
    let next = world.stage("2.0.0", "good");
    let socket = world.layout.dir().join("notify");
    let manager = Manager(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let host = world.start_told(&[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    manager.hears("READY=1");
    host.update_to(&next);
    let told = manager.hears("RELOADING=1\nMONOTONIC_USEC=");
    assert!(told.ends_with("STATUS=the launcher of 2.0.0 takes over\n"), "{told}");
    assert_eq!(manager.hears("READY=1"), "READY=1\nSTATUS=2.0.0 serves\n");
}
