//! A network of its own for a test: whatever the test starts and opens is in it, so it may have any
//! port, and nothing else on the machine is reached or disturbed.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::{Process, Ran};
use crate::world::START;

/// What [`alone`] runs.
pub const PROGRAMS: [&str; 2] = ["unshare", "ip"];

/// Runs `test` in a new network namespace with a loopback device and nothing else
/// (`network_namespaces(7)`). Needs root.
pub fn alone(test: impl FnOnce() + Send) {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "sh", "-c", "echo unshared; exec sleep infinity"]);
    // The namespace is there as long as this process, or one of the test's, is in it.
    let keeper = Process::start("unshare", &mut unshare);
    keeper.wait_for_line("unshared", START);
    let network = File::open(format!("/proc/{}/ns/net", keeper.pid().as_raw_nonzero())).unwrap();
    std::thread::scope(|scope| {
        // A namespace is a thread's: the one that runs the next test must not be moved.
        let inside = scope.spawn(|| {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(network.as_fd(), kind).unwrap();
            Ran::ok(Command::new("ip").args(["link", "set", "lo", "up"]));
            test();
        });
        if let Err(panic) = inside.join() {
            std::panic::resume_unwind(panic);
        }
    });
}
