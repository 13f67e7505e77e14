//! Accounts for every byte of a package before any of it is used.
//!
//! Local headers and data tile the file from byte 0 in directory order, the directory touches
//! the last of them, and the end record touches the directory and the file's end. A file that
//! passes has exactly one reading. Never looks further into a member's data than to tell whether
//! it is an archive.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use newleaf_domain::ByteSize;

use crate::error::{MemberFault, PackageError};
use crate::record::{
    DIRECTORY_LENGTH, DirectoryRecord, END_LENGTH, EndRecord, LOCAL_LENGTH, LocalHeader,
};
use crate::{Limits, MANIFEST, MemberName, nested};

/// One member, as the checked directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) name: MemberName,
    pub(crate) header: u64,
    pub(crate) size: u32,
    pub(crate) crc: u32,
}

/// Every member of the package in `file`, in order.
pub(crate) fn tile(
    file: &mut (impl Read + Seek),
    limits: Limits,
) -> Result<Vec<Tile>, PackageError> {
    let length = file.seek(SeekFrom::End(0)).map_err(PackageError::io("the file's length"))?;
    let end = end_record(file, length, limits)?;
    let directory_offset = u64::from(end.directory_offset);
    let directory = directory(file, &end)?;
    let mut names = Names::default();
    let mut tiles = Vec::with_capacity(usize::from(end.members));
    let mut rest = directory.as_slice();
    let mut position = 0;
    for index in 0..end.members {
        let (record, after) =
            DirectoryRecord::parse(rest).ok_or(PackageError::DirectoryRecord { index })?;
        let tile = check_record(&record, limits)?;
        names.add(&tile.name)?;
        position = check_local(file, &record, &tile, position, directory_offset)?;
        tiles.push(tile);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(PackageError::DirectoryLeftover { bytes: rest.len() });
    }
    if position != directory_offset {
        return Err(PackageError::MembersPlace { ends: position, directory: directory_offset });
    }
    match tiles.first() {
        Some(first) if first.name.as_str() == MANIFEST => Ok(tiles),
        Some(first) => Err(PackageError::ManifestNotFirst { first: first.name.to_string() }),
        None => Err(PackageError::Empty),
    }
}

/// The end record in the last 22 bytes, consistent with the file's length.
fn end_record(
    file: &mut (impl Read + Seek),
    length: u64,
    limits: Limits,
) -> Result<EndRecord, PackageError> {
    if length > limits.total.as_u64() {
        return Err(PackageError::TooLarge {
            length: ByteSize::bytes(length),
            limit: limits.total,
        });
    }
    let missing = || PackageError::EndRecordMissing { length: ByteSize::bytes(length) };
    let at = length.checked_sub(END_LENGTH as u64).ok_or_else(missing)?;
    let bytes = read_at(file, at, END_LENGTH, "the end record")?;
    let end = EndRecord::parse(&bytes).ok_or_else(missing)?;
    if end.comment_length != 0 {
        return Err(PackageError::ArchiveComment { length: end.comment_length });
    }
    if end.members == u16::MAX || end.directory_size == u32::MAX || end.directory_offset == u32::MAX
    {
        return Err(PackageError::Zip64);
    }
    if end.disk != 0 || end.directory_disk != 0 || end.members_here != end.members {
        return Err(PackageError::SplitArchive { disk: end.disk.max(end.directory_disk) });
    }
    if end.members == 0 {
        return Err(PackageError::Empty);
    }
    if end.members > limits.members {
        return Err(PackageError::TooManyMembers { count: end.members, limit: limits.members });
    }
    let ends = u64::from(end.directory_offset) + u64::from(end.directory_size);
    if ends != at {
        return Err(PackageError::DirectoryPlace { ends, end_record: at });
    }
    let (size, count) = (u64::from(end.directory_size), u64::from(end.members));
    if !(count * DIRECTORY_LENGTH as u64..=count * MAX_RECORD).contains(&size) {
        return Err(PackageError::DirectorySize { size, count: end.members });
    }
    Ok(end)
}

/// Most bytes a directory record may have on average. The directory is the only part that is held
/// in memory, so this bounds it: 4096 members make at most 16 MiB.
const MAX_RECORD: u64 = 4096;

fn directory(file: &mut (impl Read + Seek), end: &EndRecord) -> Result<Vec<u8>, PackageError> {
    let size = usize::try_from(end.directory_size).map_err(|_| PackageError::Zip64)?;
    read_at(file, u64::from(end.directory_offset), size, "the directory")
}

/// What a directory record may say.
fn check_record(record: &DirectoryRecord<'_>, limits: Limits) -> Result<Tile, PackageError> {
    let fault = |fault| PackageError::Member { member: lossy(record.name), fault };
    check_kind(record).map_err(fault)?;
    let name = MemberName::parse(record.name, limits.name)
        .map_err(|name| fault(MemberFault::Name(name)))?;
    check_storage(record)?;
    Ok(Tile {
        name,
        header: u64::from(record.local_offset),
        size: record.real_size,
        crc: record.crc,
    })
}

/// Plain files only: no folder, link or device, by name or by attributes (APPNOTE 4.4.15).
fn check_kind(record: &DirectoryRecord<'_>) -> Result<(), MemberFault> {
    const DOS_LABEL_OR_FOLDER: u32 = 0x18;
    if record.name.ends_with(b"/") || record.attributes & DOS_LABEL_OR_FOLDER != 0 {
        return Err(MemberFault::Folder);
    }
    let mode = record.attributes >> 16;
    match (record.system, mode & 0o170_000) {
        (0 | 3, 0o120_000) => return Err(MemberFault::SymbolicLink),
        (0 | 3, 0o040_000) => return Err(MemberFault::Folder),
        (0 | 3, 0 | 0o100_000) => {}
        (0 | 3, _) => return Err(MemberFault::SpecialFile { mode }),
        (system, _) => return Err(MemberFault::UnknownSystem { system }),
    }
    if mode & 0o7000 == 0 { Ok(()) } else { Err(MemberFault::SetId { mode }) }
}

/// Stored, whole, plain, and nothing beside name and data.
fn check_storage(record: &DirectoryRecord<'_>) -> Result<(), PackageError> {
    const ENCRYPTED: u16 = 0x2041;
    const DESCRIPTOR: u16 = 0x0008;
    const UTF8: u16 = 0x0800; // says nothing about ASCII names
    let fault = if record.flags & ENCRYPTED != 0 {
        MemberFault::Encrypted
    } else if record.flags & DESCRIPTOR != 0 {
        MemberFault::Descriptor
    } else if record.flags & !UTF8 != 0 {
        MemberFault::Flags { bits: record.flags }
    } else if record.method != 0 {
        MemberFault::NotStored { method: record.method }
    } else if [record.stored_size, record.real_size, record.local_offset].contains(&u32::MAX) {
        return Err(PackageError::Zip64);
    } else if record.stored_size != record.real_size {
        MemberFault::TwoSizes { stored: record.stored_size, real: record.real_size }
    } else if record.extra_length != 0 {
        MemberFault::ExtraField { length: record.extra_length }
    } else if record.comment_length != 0 {
        MemberFault::Comment { length: record.comment_length }
    } else if record.disk != 0 {
        MemberFault::OtherDisk { disk: record.disk }
    } else if record.version_needed > 20 {
        MemberFault::FormatVersion { version: record.version_needed }
    } else {
        return Ok(());
    };
    Err(PackageError::Member { member: lossy(record.name), fault })
}

/// The local header lies at `position` and repeats the record; returns where the member ends.
fn check_local(
    file: &mut (impl Read + Seek),
    record: &DirectoryRecord<'_>,
    tile: &Tile,
    position: u64,
    directory: u64,
) -> Result<u64, PackageError> {
    let fault = |fault| PackageError::Member { member: tile.name.to_string(), fault };
    let begins = tile.header;
    if begins > position {
        return Err(fault(MemberFault::Gap { begins, expected: position }));
    }
    if begins < position {
        return Err(fault(MemberFault::Overlap { begins, expected: position }));
    }
    let header = LOCAL_LENGTH + record.name.len();
    let data = begins + header as u64;
    let ends = data + u64::from(tile.size);
    if ends > directory {
        return Err(fault(MemberFault::RunsIntoDirectory { ends, directory }));
    }
    let look = nested::LOOK.min(usize::try_from(tile.size).unwrap_or(nested::LOOK));
    let bytes = read_at(file, begins, header + look, "a member's header")?;
    let local = LocalHeader::parse(&bytes, record.name.len())
        .ok_or_else(|| fault(MemberFault::NoLocalHeader { begins }))?;
    if local.repeated != record.repeated {
        return Err(fault(MemberFault::HeaderDiffers));
    }
    if local.name != record.name {
        return Err(fault(MemberFault::NameDiffers { local: lossy(local.name) }));
    }
    match nested::kind_of(&tile.name, &bytes[header..]) {
        Some(kind) => Err(fault(MemberFault::NestedArchive { kind })),
        None => Ok(ends),
    }
}

/// The names so far, by their folded form; folders too.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, (String, Kind)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl Names {
    /// Takes one more name, which must not clash with an earlier one on any file system.
    pub(crate) fn add(&mut self, name: &MemberName) -> Result<(), PackageError> {
        for folder in name.folders() {
            self.enter(folder, Kind::Folder, name)?;
        }
        self.enter(name.as_str(), Kind::File, name)
    }

    fn enter(&mut self, path: &str, kind: Kind, name: &MemberName) -> Result<(), PackageError> {
        let folded = path.to_ascii_lowercase();
        let Some((other, other_kind)) = self.0.get(&folded) else {
            self.0.insert(folded, (path.to_owned(), kind));
            return Ok(());
        };
        let clash =
            |member: &str, fault| Err(PackageError::Member { member: member.to_owned(), fault });
        match (kind, *other_kind) {
            (Kind::Folder, Kind::Folder) if path == other => Ok(()),
            (Kind::File, Kind::File) if path == other => clash(path, MemberFault::Duplicate),
            (Kind::File, Kind::File) | (Kind::Folder, Kind::Folder) => {
                clash(path, MemberFault::CaseClash { other: other.clone() })
            }
            (Kind::Folder, Kind::File) => {
                clash(other, MemberFault::FolderClash { other: name.to_string() })
            }
            (Kind::File, Kind::Folder) => {
                clash(path, MemberFault::FolderClash { other: format!("{other}/…") })
            }
        }
    }
}

fn read_at(
    file: &mut (impl Read + Seek),
    at: u64,
    length: usize,
    what: &'static str,
) -> Result<Vec<u8>, PackageError> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(at)).map_err(PackageError::io(what))?;
    file.read_exact(&mut bytes).map_err(PackageError::io(what))?;
    Ok(bytes)
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(255).collect()
}
