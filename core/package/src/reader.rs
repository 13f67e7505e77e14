//! Reads a package by member name, after every byte of it has been accounted for.
//! Never holds more than the directory and one member's first bytes in memory.

use std::io::{self, BufReader, Read, Seek, Write};

use newleaf_domain::{ByteSize, Manifest, manifest::MAX_MANIFEST};
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use crate::error::{MemberFault, PackageError};
use crate::tiling::{Tile, tile};
use crate::{Limits, MANIFEST, MemberName};

/// A package whose framing has been checked: one reading, plain files, allowed names.
///
/// What the members' bytes are is checked while they stream: their length by the framing, their
/// checksum at the end of each. Whether they are the bytes that were signed is for the caller to
/// know, by the digest of the whole file.
#[derive(Debug)]
pub struct PackageReader<R> {
    archive: ZipArchive<BufReader<R>>,
    members: Vec<Member>,
}

/// One member: a plain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path in the package.
    pub name: MemberName,
    /// Its length.
    pub size: ByteSize,
}

/// `manifest.json`, as bytes (for its signed form) and parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestMember {
    /// The member's bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub manifest: Manifest,
}

impl<R: Read + Seek> PackageReader<R> {
    /// Opens the package that fills `file` from its first byte to its last.
    ///
    /// # Errors
    /// [`PackageError::Io`] where `file` cannot be read; else the first rule it breaks.
    pub fn open(file: R, limits: Limits) -> Result<Self, PackageError> {
        let mut file = BufReader::new(file);
        let tiles = tile(&mut file, limits)?;
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let archive = ZipArchive::with_config(config, file)
            .map_err(PackageError::library("the directory"))?;
        agree(&archive, &tiles)?;
        let members = tiles
            .into_iter()
            .map(|tile| Member { name: tile.name, size: ByteSize::bytes(u64::from(tile.size)) })
            .collect();
        Ok(Self { archive, members })
    }

    /// The members in the package's order; the manifest is the first.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member called `name`.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name.as_str() == name)
    }

    /// Bytes that all members have together: the space an unpacked copy needs, without the file
    /// system's own.
    pub fn unpacked_size(&self) -> ByteSize {
        ByteSize::bytes(self.members.iter().map(|member| member.size.as_u64()).sum())
    }

    /// Reads and parses the manifest, at most [`MAX_MANIFEST`] of it.
    ///
    /// # Errors
    /// It is too large, does not have its checksum, or does not parse.
    pub fn manifest(&mut self) -> Result<ManifestMember, PackageError> {
        let bytes = self.read_member(MANIFEST, MAX_MANIFEST)?;
        let manifest = Manifest::parse(&bytes).map_err(PackageError::Manifest)?;
        Ok(ManifestMember { bytes, manifest })
    }

    /// Reads the member called `name` into memory, if it has at most `limit` bytes.
    ///
    /// # Errors
    /// As [`copy_member`](Self::copy_member); [`PackageError::MemberTooLarge`] beyond `limit`.
    pub fn read_member(&mut self, name: &str, limit: ByteSize) -> Result<Vec<u8>, PackageError> {
        let length = self.member(name).map_or(ByteSize::default(), |member| member.size);
        if length > limit {
            return Err(PackageError::MemberTooLarge { member: name.to_owned(), length, limit });
        }
        let mut bytes = Vec::new();
        self.copy_member(name, &mut bytes)?;
        Ok(bytes)
    }

    /// Streams the member called `name` into `to`; returns its length.
    ///
    /// What was written is to be thrown away where this fails: the checksum is known at the end.
    ///
    /// # Errors
    /// No such member, its checksum is wrong, or one side cannot be read or written.
    pub fn copy_member(
        &mut self,
        name: &str,
        to: &mut dyn Write,
    ) -> Result<ByteSize, PackageError> {
        let mut copied = 0;
        self.stream_member(name, &mut |bytes| {
            copied += bytes.len() as u64;
            to.write_all(bytes)
        })?;
        Ok(ByteSize::bytes(copied))
    }

    /// Streams every member to nowhere, so that all checksums are compared.
    ///
    /// # Errors
    /// The first member whose bytes do not have its checksum.
    pub fn check_contents(&mut self) -> Result<(), PackageError> {
        let names = self.members.iter().map(|member| member.name.clone()).collect::<Vec<_>>();
        names.iter().try_for_each(|name| self.stream_member(name.as_str(), &mut |_| Ok(())))
    }

    /// Gives the file back.
    pub fn into_inner(self) -> R {
        self.archive.into_inner().into_inner()
    }

    /// Hands the member's bytes to `take`, piece by piece; the checksum is compared at the end.
    fn stream_member(
        &mut self,
        name: &str,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), PackageError> {
        let missing = || PackageError::NoSuchMember { member: name.to_owned() };
        let index = self.members.iter().position(|member| member.name.as_str() == name);
        let mut file = self
            .archive
            .by_index(index.ok_or_else(missing)?)
            .map_err(PackageError::library("a member's header"))?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(stream_error(name, error)),
            };
            take(&buffer[..count])
                .map_err(|source| PackageError::Destination { member: name.to_owned(), source })?;
        }
    }
}

/// The zip library reports a wrong checksum as invalid data; anything else is the machine's.
fn stream_error(name: &str, source: io::Error) -> PackageError {
    if source.kind() == io::ErrorKind::InvalidData {
        PackageError::Member { member: name.to_owned(), fault: MemberFault::Checksum }
    } else {
        PackageError::Io { doing: "a member's bytes", source }
    }
}

/// The zip library and the check of every byte must have seen the same package.
fn agree<R: Read + Seek>(archive: &ZipArchive<R>, tiles: &[Tile]) -> Result<(), PackageError> {
    let differ = |place: String| Err(PackageError::Disagreement { place, source: None });
    if archive.len() != tiles.len() || archive.offset() != 0 {
        return differ(format!("the count: {} and {}", archive.len(), tiles.len()));
    }
    for (index, tile) in tiles.iter().enumerate() {
        let same = archive.by_index_data(index).is_ok_and(|entry| {
            entry.name_raw() == tile.name.as_str().as_bytes()
                && entry.header_start() == tile.header
                && entry.size() == u64::from(tile.size)
                && entry.compressed_size() == u64::from(tile.size)
                && entry.crc32() == tile.crc
                && entry.compression() == CompressionMethod::Stored
                && entry.is_file()
                && !entry.encrypted()
        });
        if !same {
            return differ(format!("member {:?}", tile.name.as_str()));
        }
    }
    Ok(())
}
