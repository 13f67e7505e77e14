//! Messages of [`crate::proto`] as packets of a socket pair, with descriptors beside them.
//!
//! `SOCK_SEQPACKET` keeps the borders of messages, and end of file tells each side of the other's
//! death. A message that no packet takes, such as a state with many apps, rides beside a short one
//! in a sealed file of memory. All of it is safe code: the worker's end is its standard input.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::enclosure::{self, MAX_ENCLOSED, Slip};
use crate::proto::MAX_MESSAGE;

/// The most descriptors that ride beside one message. Every version has room for so many.
pub const MAX_DESCRIPTORS: usize = 32;

/// The most addresses that a host listens on, public and admin together: `run/admin.sock`, a lock
/// and an enclosure ride beside them.
pub const MAX_LISTENERS: usize = MAX_DESCRIPTORS - 3;

/// Why a message could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side is gone.
    #[error("the other end of the control socket is closed")]
    Closed,
    /// The other side does not read; only where [`Blocking::No`] was asked for.
    #[error("the other end of the control socket does not read")]
    Full,
    /// The message is longer than any may be.
    #[error("a message of {length} bytes is longer than {MAX_ENCLOSED}")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// More descriptors than ride beside one message.
    #[error("{count} descriptors are more than the {MAX_DESCRIPTORS} that one message takes")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A message that no packet takes could not be put into memory, or read from there.
    #[error("pass on a message that is longer than {MAX_MESSAGE} bytes")]
    Enclosure(#[source] std::io::Error),
    /// Not a message that this version knows.
    #[error("understand a message of the control socket")]
    Form(#[source] UnknownForm),
    /// The system refused.
    #[error("use the control socket")]
    System(#[source] std::io::Error),
}

/// A message in a form that this version does not know: a newer version may have sent it.
#[derive(Debug, thiserror::Error)]
#[error("its form is not known here")]
pub struct UnknownForm {
    /// The number that its answer must repeat, where it has one.
    pub id: Option<u64>,
    /// What is not known of it.
    #[source]
    pub source: serde_json::Error,
}

impl UnknownForm {
    fn of(bytes: &[u8], source: serde_json::Error) -> Self {
        Self { id: number_of(bytes), source }
    }
}

/// The number of a message, where it has one.
fn number_of(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice(bytes).ok().and_then(|Numbered { id }| id)
}

/// The part of every request's form that never changes.
#[derive(serde::Deserialize)]
struct Numbered {
    id: Option<u64>,
}

/// Whether a send may wait for the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// Wait until there is room.
    Yes,
    /// Fail with [`WireError::Full`] at once.
    No,
}

/// One end of the control socket.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
}

impl Wire {
    /// A connected pair: the launcher's end, and the worker's, to be given as its standard input.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn pair() -> Result<(Self, OwnedFd), WireError> {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(system)?;
        for end in [&ours, &theirs] {
            rustix::net::sockopt::set_socket_send_buffer_size(end, MAX_MESSAGE).map_err(system)?;
        }
        Ok((Self { socket: ours }, theirs))
    }

    /// The worker's end, from its standard input.
    ///
    /// # Errors
    /// Standard input cannot be duplicated.
    pub fn from_stdin() -> Result<Self, WireError> {
        let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(WireError::System)?;
        Ok(Self { socket })
    }

    /// A second handle of the same end, so that one thread may read while others send.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn try_clone(&self) -> Result<Self, WireError> {
        let socket = self.socket.try_clone().map_err(WireError::System)?;
        Ok(Self { socket })
    }

    /// Sends one message, and `descriptors` beside it.
    ///
    /// # Errors
    /// The other side is gone or does not read, or the message is too long.
    pub fn send<M: Serialize>(
        &self,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
        blocking: Blocking,
    ) -> Result<(), WireError> {
        let unknown = |source| WireError::Form(UnknownForm { id: None, source });
        let bytes = serde_json::to_vec(message).map_err(unknown)?;
        if bytes.len() <= MAX_MESSAGE {
            return self.send_packet(&bytes, descriptors, blocking);
        }
        if bytes.len() > MAX_ENCLOSED {
            return Err(WireError::TooLong { length: bytes.len() });
        }
        let enclosure = enclosure::seal(&bytes).map_err(WireError::Enclosure)?;
        let slip = Slip::of(bytes.len(), number_of(&bytes));
        let slip = serde_json::to_vec(&slip).map_err(unknown)?;
        self.send_packet(&slip, &[descriptors, &[enclosure.as_fd()]].concat(), blocking)
    }

    fn send_packet(
        &self,
        bytes: &[u8],
        descriptors: &[BorrowedFd<'_>],
        blocking: Blocking,
    ) -> Result<(), WireError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        let count = descriptors.len();
        let fits = count == 0
            || count <= MAX_DESCRIPTORS
                && beside.push(SendAncillaryMessage::ScmRights(descriptors));
        if !fits {
            return Err(WireError::TooMany { count });
        }
        let flags = match blocking {
            Blocking::Yes => SendFlags::NOSIGNAL,
            Blocking::No => SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        };
        let packet = [IoSlice::new(bytes)];
        rustix::io::retry_on_intr(|| {
            rustix::net::sendmsg(&self.socket, &packet, &mut beside, flags)
        })
        .map(drop)
        .map_err(|error| match error {
            Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => WireError::Closed,
            Errno::AGAIN => WireError::Full,
            error => system(error),
        })
    }

    /// Whether [`Self::receive`] would not wait: there is a message, or the other side is gone.
    pub fn has_news(&self) -> bool {
        let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = rustix::io::retry_on_intr(|| poll(&mut polled, Some(&now)));
        // What cannot be asked is not waited for.
        ready.is_ok_and(|ready| ready > 0)
    }

    /// Waits for the next message and the descriptors beside it.
    ///
    /// # Errors
    /// The other side is gone, or what came is no message.
    pub fn receive<M: DeserializeOwned>(&self) -> Result<(M, Vec<OwnedFd>), WireError> {
        let mut bytes = vec![0; MAX_MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let mut packet = [IoSliceMut::new(&mut bytes)];
            rustix::net::recvmsg(&self.socket, &mut packet, &mut beside, RecvFlags::CMSG_CLOEXEC)
        })
        .map_err(|error| match error {
            Errno::CONNRESET => WireError::Closed,
            error => system(error),
        })?;
        let mut descriptors: Vec<OwnedFd> = beside
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                RecvAncillaryMessage::ScmCredentials(_) | _ => None,
            })
            .flatten()
            .collect();
        if received.bytes == 0 {
            return Err(WireError::Closed);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            return Err(WireError::TooLong { length: received.bytes });
        }
        bytes.truncate(received.bytes);
        if !descriptors.is_empty()
            && let Some(slip) = Slip::read(&bytes)
            && let Some(enclosure) = descriptors.pop()
        {
            bytes = slip.open(enclosure).map_err(WireError::Enclosure)?;
        }
        let message = serde_json::from_slice(&bytes)
            .map_err(|source| WireError::Form(UnknownForm::of(&bytes, source)))?;
        Ok((message, descriptors))
    }
}

impl From<OwnedFd> for Wire {
    /// One end, from the descriptor of [`Wire::pair`].
    fn from(socket: OwnedFd) -> Self {
        Self { socket }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn system(error: Errno) -> WireError {
    WireError::System(error.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::proto::{Pulse, ToLauncher};

    #[test]
    fn a_message_arrives_with_its_descriptors() {
        let (ours, theirs) = Wire::pair().unwrap();
        let theirs = Wire { socket: theirs };
        let (mut reader, writer) = std::io::pipe().unwrap();
        let ready = ToLauncher::Ready {
            schema: 1,
            protocol: 1,
            pulse: Pulse::Answered,
            oldest_reader: None,
        };
        ours.send(&ready, &[writer.as_fd()], Blocking::No).unwrap();
        drop(writer);
        let (message, mut descriptors) = theirs.receive::<ToLauncher>().unwrap();
        assert_eq!(message, ready);
        std::fs::File::from(descriptors.remove(0)).write_all(b"through").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn a_message_that_no_packet_takes_arrives_whole_with_all_its_descriptors() {
        use crate::proto::ToWorker;
        let (ours, theirs) = Wire::pair().unwrap();
        let theirs = Wire { socket: theirs };
        let reason = "x".repeat(2 * MAX_MESSAGE);
        let answer = crate::proto::Answer::refused(reason);
        let answer = ToWorker::Answer { id: 7, answer };
        let fit = vec![ours.as_fd(); MAX_DESCRIPTORS - 1];
        ours.send(&answer, &fit, Blocking::No).unwrap();
        let (message, descriptors) = theirs.receive::<ToWorker>().unwrap();
        assert_eq!((message, descriptors.len()), (answer, fit.len()));
    }

    #[test]
    fn too_many_descriptors_are_called_that() {
        let (ours, _theirs) = Wire::pair().unwrap();
        let many = vec![ours.as_fd(); MAX_DESCRIPTORS + 1];
        let error = ours.send(&ToLauncher::Drained, &many, Blocking::No).unwrap_err();
        assert_eq!(error.to_string(), "33 descriptors are more than the 32 that one message takes");
    }

    #[test]
    fn a_message_of_an_unknown_form_is_told_with_its_number() {
        let (ours, theirs) = Wire::pair().unwrap();
        let theirs = Wire { socket: theirs };
        for (sent, number) in [
            (serde_json::json!({ "say": "sing", "id": 7, "tune": [1] }), Some(7)),
            (serde_json::json!({ "say": "ask", "id": 8, "ask": { "ask": "sing" } }), Some(8)),
            (serde_json::json!({ "say": "sing" }), None),
            (serde_json::json!([]), None),
        ] {
            ours.send(&sent, &[], Blocking::No).unwrap();
            let Err(WireError::Form(unknown)) = theirs.receive::<ToLauncher>() else {
                panic!("{sent} was understood");
            };
            assert_eq!(unknown.id, number, "{sent}");
        }
    }

    #[test]
    fn the_death_of_one_side_is_told_to_the_other() {
        let (ours, theirs) = Wire::pair().unwrap();
        drop(theirs);
        assert!(matches!(ours.receive::<ToLauncher>(), Err(WireError::Closed)));
        let sent = ours.send(&ToLauncher::Drained, &[], Blocking::No);
        assert!(matches!(sent, Err(WireError::Closed)));
    }

    #[test]
    fn a_side_that_does_not_read_is_reported_not_waited_for() {
        let (ours, _theirs) = Wire::pair().unwrap();
        let full = (0..100_000)
            .find_map(|_| ours.send(&ToLauncher::Drained, &[], Blocking::No).err())
            .unwrap();
        assert!(matches!(full, WireError::Full));
    }
}
