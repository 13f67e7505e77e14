//! The other side of the launcher's test point: hears of each record and lets it go on.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// The test's end of the pair.
#[derive(Debug)]
pub struct TestPoint(UnixStream);

impl TestPoint {
    /// A pair: the test's end, and the end a host inherits.
    pub fn pair() -> (Self, OwnedFd) {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .unwrap();
        let ours = UnixStream::from(ours);
        ours.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        (Self(ours), theirs)
    }

    /// Waits for the next record and returns its number; none once the host is gone.
    pub fn next_record(&self) -> Option<u64> {
        let mut number = [0; 8];
        let mut stream = &self.0;
        match stream.read_exact(&mut number) {
            Ok(()) => Some(u64::from_le_bytes(number)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => None,
            Err(error) => panic!("no record for two minutes: {error}"),
        }
    }

    /// Lets the host go on after the record it told of.
    pub fn go_on(&self) {
        let mut stream = &self.0;
        stream.write_all(&[1]).unwrap();
    }
}
