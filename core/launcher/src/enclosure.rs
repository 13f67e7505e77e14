//! A message that is longer than one packet, as a sealed file of memory that rides beside a slip.
//! Knows nothing of sockets; what comes from the other side is not believed before it is checked.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The longest message of all, in bytes: a state with some hundred apps, each with the largest
/// manifest three times over.
pub(crate) const MAX_ENCLOSED: usize = 64 * 1024 * 1024;

/// What is sent in the place of a long message. The last descriptor beside it is the enclosure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Slip {
    say: Say,
    /// The length of the enclosure, in bytes.
    enclosed: usize,
    /// The number of the message, where it has one: a side that knows no enclosures answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<u64>,
}

/// Tells a slip from a message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Say {
    Enclosed,
}

impl Slip {
    pub(crate) const fn of(enclosed: usize, id: Option<u64>) -> Self {
        Self { say: Say::Enclosed, enclosed, id }
    }

    /// The slip that `packet` is, where it is one.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        serde_json::from_slice(packet).ok()
    }

    /// The message that `enclosure` holds.
    pub(crate) fn open(&self, enclosure: OwnedFd) -> io::Result<Vec<u8>> {
        // Only a file of memory has seals; a pipe that never ends is refused here.
        if !fcntl_get_seals(&enclosure)?.contains(SealFlags::WRITE | SealFlags::GROW) {
            return Err(io::Error::other("it is not sealed"));
        }
        let length = self.enclosed.min(MAX_ENCLOSED);
        let mut bytes = Vec::with_capacity(length);
        let mut file = File::from(enclosure);
        io::Seek::rewind(&mut file)?;
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A file of memory with `bytes`, which nobody can change any more.
pub(crate) fn seal(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memory()?);
    file.write_all(bytes)?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

/// Some machines give only files of memory that are no program (`vm.memfd_noexec`); older ones do
/// not know that word.
fn memory() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create("newleaf-message", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => Ok(memfd_create("newleaf-message", flags)?),
        made => Ok(made?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn an_enclosure_is_read_as_it_was_sealed_and_cannot_be_changed() {
        let sealed = seal(b"a long message").unwrap();
        let copy = File::from(sealed.as_fd().try_clone_to_owned().unwrap());
        (&copy).write_all(b"another").unwrap_err();
        assert_eq!(Slip::of(14, None).open(sealed).unwrap(), b"a long message");
    }

    #[test]
    fn what_is_no_sealed_file_of_memory_is_not_read() {
        let (reader, _writer) = io::pipe().unwrap();
        Slip::of(14, None).open(reader.into()).unwrap_err();
        Slip::of(14, None).open(tempfile::tempfile().unwrap().into()).unwrap_err();
    }

    #[test]
    fn no_other_message_is_taken_for_a_slip() {
        let slip = serde_json::to_vec(&Slip::of(9, Some(4))).unwrap();
        assert_eq!(slip, br#"{"say":"enclosed","enclosed":9,"id":4}"#);
        assert_eq!(Slip::read(&slip).unwrap().id, Some(4));
        assert!(Slip::read(br#"{"say":"pulse"}"#).is_none());
    }
}
