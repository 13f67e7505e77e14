//! Makes packages of what travelled: compressed copies and deltas. What was downloaded for it is
//! removed, whether a package came of it or not; the package appears by one rename, synced.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use newleaf_domain::{Digest, Target};
use newleaf_package::transport::{self, Base, TransportError};
use newleaf_package::{Limits, Written};
use newleaf_update::port::{Measured, SlotError};

use super::super::files::{self, FileError};
use super::io;

/// The base of a delta: a slot, and the package it was unpacked from.
pub(super) struct Rebuilt {
    /// The slot's folder.
    pub(super) folder: PathBuf,
    /// Core or the app.
    pub(super) of: Target,
    /// The digest of the package.
    pub(super) base: Digest,
}

const fn written(signed: Measured) -> Written {
    Written { length: signed.length, sha256: signed.sha256 }
}

/// Makes the package at `package` of its compressed copy at `copy`.
pub(super) fn expand_copy(copy: &Path, package: &Path, signed: Measured) -> Result<(), SlotError> {
    let made = put(package, |out| {
        let from = File::open(copy).map_err(FileError::on("opened", copy)).map_err(io)?;
        transport::expand(BufReader::new(from), out, written(signed)).map_err(SlotError::Transport)
    });
    removed(copy, made)
}

/// Makes the package at `package` of the delta at `delta`.
pub(super) fn apply_delta(
    delta: &Path,
    rebuilt: &Rebuilt,
    package: &Path,
    signed: Measured,
) -> Result<(), SlotError> {
    let made = put(package, |out| {
        let frame = fs::read(delta).map_err(FileError::on("read", delta)).map_err(io)?;
        let limits = Limits::of(&rebuilt.of);
        let bytes = Base::rebuild(&rebuilt.folder, limits, rebuilt.base)
            .and_then(|base| transport::apply(&base, &frame, written(signed)))
            .map_err(SlotError::Transport)?;
        let failed = |source| TransportError::Io { doing: "writing the package", source };
        out.write_all(&bytes).map_err(failed).map_err(SlotError::Transport)
    });
    removed(delta, made)
}

/// Puts what `fill` writes at `path`, durably; nothing where it fails.
fn put(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), SlotError>,
) -> Result<(), SlotError> {
    let fresh = files::beside(path, "making");
    let file = File::create(&fresh).map_err(FileError::on("created", &fresh)).map_err(io)?;
    let mut out = BufWriter::new(&file);
    let filled = fill(&mut out).and_then(|()| {
        out.flush().map_err(FileError::on("written", &fresh)).map_err(io)?;
        file.sync_all().map_err(FileError::on("synced", &fresh)).map_err(io)?;
        files::rename(&fresh, path).map_err(io)
    });
    if filled.is_err() {
        files::remove(&fresh).map_err(io)?;
    }
    filled
}

fn removed(download: &Path, made: Result<(), SlotError>) -> Result<(), SlotError> {
    let gone = files::remove(download).map_err(io);
    made.and(gone)
}

#[cfg(test)]
mod tests {
    use newleaf_domain::ByteSize;
    use newleaf_package::transport::{Effort, compress};

    use super::*;

    fn measured(bytes: &[u8]) -> Measured {
        Measured { length: ByteSize::bytes(bytes.len() as u64), sha256: Digest::of(bytes) }
    }

    fn copy_of(bytes: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        compress(bytes, measured(bytes).length, &mut frame, Effort::Quick).unwrap();
        frame
    }

    #[test]
    fn a_copy_becomes_the_package_and_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (copy, package) = (dir.path().join("x.zip.zst"), dir.path().join("x.zip"));
        fs::write(&copy, copy_of(b"the package")).unwrap();
        expand_copy(&copy, &package, measured(b"the package")).unwrap();
        assert_eq!(fs::read(&package).unwrap(), b"the package");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_what_does_not_become_the_package_nothing_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (hint, package) = (dir.path().join("hint.zst"), dir.path().join("x.zip"));
        let signed = measured(b"the package");
        fs::write(&hint, copy_of(b"the thief's")).unwrap();
        let refused = expand_copy(&hint, &package, signed).unwrap_err();
        assert!(!refused.is_machine_fault(), "{refused}");
        fs::write(&hint, copy_of(b"the package")).unwrap();
        let nowhere = Rebuilt {
            folder: dir.path().join("slot"),
            of: Target::Core,
            base: Digest::of(b"base"),
        };
        apply_delta(&hint, &nowhere, &package, signed).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
