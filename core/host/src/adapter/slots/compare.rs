//! Compares a slot on disk with the package it came from, byte for byte. Reads only: what differs
//! is made anew by the caller.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use newleaf_package::{PackageError, PackageReader};

/// What of the slot is not as the package has it, in words; nothing where all of it is. A file
/// that cannot be read is not as it should be.
///
/// # Errors
/// The package cannot be read.
pub(super) fn difference(
    package: &mut PackageReader<File>,
    slot: &Path,
) -> Result<Option<String>, PackageError> {
    let members = package
        .members()
        .iter()
        .map(|member| (member.name.as_str().to_owned(), member.size.as_u64()))
        .collect::<Vec<_>>();
    for (name, length) in &members {
        let mut twin = match Twin::open(&slot.join(name), *length, mode(name)) {
            Ok(twin) => twin,
            Err(what) => return Ok(Some(format!("{name} {what}"))),
        };
        package.copy_member(name, &mut twin)?;
        if twin.differs {
            return Ok(Some(format!("{name} has other bytes")));
        }
    }
    let strange = files_below(slot)
        .map(|found| found.into_iter().find(|path| !members.iter().any(|(name, _)| path == name)));
    Ok(match strange {
        Ok(None) => None,
        Ok(Some(path)) => Some(format!("{} is not of the package", path.display())),
        Err(error) => Some(format!("it cannot be listed: {error}")),
    })
}

/// The mode that unpacking gives a member.
fn mode(name: &str) -> u32 {
    if name.starts_with("bin/") { 0o755 } else { 0o644 }
}

/// A file on disk that hears what its bytes should be.
struct Twin {
    file: File,
    buffer: Vec<u8>,
    differs: bool,
}

impl Twin {
    /// Opens a plain file of this length and mode; what is wrong with it otherwise.
    fn open(path: &Path, length: u64, mode: u32) -> Result<Self, String> {
        let not_following = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(not_following);
        let (file, found) = options
            .open(path)
            .and_then(|file| file.metadata().map(|found| (file, found)))
            .map_err(|error| format!("cannot be read: {error}"))?;
        let found_mode = found.permissions().mode() & 0o7777;
        match () {
            () if !found.is_file() => Err("is no plain file".to_owned()),
            () if found.len() != length => {
                Err(format!("has {} bytes, {length} were packed", found.len()))
            }
            () if found_mode != mode => {
                Err(format!("has mode {found_mode:04o}, {mode:04o} was given"))
            }
            () => Ok(Self { file, buffer: Vec::new(), differs: false }),
        }
    }
}

impl Write for Twin {
    fn write(&mut self, expected: &[u8]) -> io::Result<usize> {
        if !self.differs {
            self.buffer.resize(expected.len(), 0);
            let read = self.file.read_exact(&mut self.buffer);
            self.differs = read.is_err() || self.buffer != expected;
        }
        Ok(expected.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every file below a folder, as paths relative to it; links are files.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}
