//! A zip builder that writes whatever it is told, byte by byte, so that tests can make the files
//! no honest writer makes.

use std::io::Cursor;

use newleaf_package::{Limits, MemberFault, PackageError, PackageReader};

/// The smallest manifest that parses.
pub(crate) const MANIFEST: &[u8] = br#"{"id":"acme/hello","version":"1.0.0"}"#;

/// One member; each field is written as it is, true or not.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    /// The name in the local header.
    pub(crate) local_name: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) made_by: u16,
    pub(crate) needed: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) crc: u32,
    /// The checksum in the local header.
    pub(crate) local_crc: u32,
    pub(crate) stored: u32,
    pub(crate) real: u32,
    /// The size in the local header.
    pub(crate) local_real: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) local_extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) disk: u16,
    pub(crate) attributes: u32,
    /// Where the directory says the local header is, if not where it is.
    pub(crate) offset: Option<u32>,
    /// Bytes before the local header that belong to nobody.
    pub(crate) before: Vec<u8>,
    /// Bytes after the data, such as a data descriptor.
    pub(crate) after: Vec<u8>,
    pub(crate) listed: bool,
    pub(crate) local: bool,
}

/// An honest stored file.
pub(crate) fn file(name: &str, data: &[u8]) -> Member {
    let size = u32::try_from(data.len()).unwrap();
    let crc = crc32(data);
    Member {
        name: name.into(),
        local_name: name.into(),
        data: data.into(),
        made_by: 0x0314,
        needed: 20,
        flags: 0,
        method: 0,
        time: 0,
        crc,
        local_crc: crc,
        stored: size,
        real: size,
        local_real: size,
        extra: vec![],
        local_extra: vec![],
        comment: vec![],
        disk: 0,
        attributes: 0o100_644 << 16,
        offset: None,
        before: vec![],
        after: vec![],
        listed: true,
        local: true,
    }
}

/// `file`, changed by `change`.
pub(crate) fn odd(name: &str, data: &[u8], change: impl FnOnce(&mut Member)) -> Member {
    let mut member = file(name, data);
    change(&mut member);
    member
}

/// A whole archive: the manifest, then `members`.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) members: Vec<Member>,
    pub(crate) end: End,
    pub(crate) before_directory: Vec<u8>,
    pub(crate) after_directory: Vec<u8>,
}

/// What the end record says, where that is not the truth.
#[derive(Clone, Default)]
pub(crate) struct End {
    pub(crate) count: Option<u16>,
    pub(crate) disk: u16,
    pub(crate) size_more: u32,
    pub(crate) offset: Option<u32>,
    pub(crate) comment: Vec<u8>,
}

impl Archive {
    pub(crate) fn of(members: impl IntoIterator<Item = Member>) -> Self {
        let mut all = vec![file("manifest.json", MANIFEST)];
        all.extend(members);
        Self {
            members: all,
            end: End::default(),
            before_directory: vec![],
            after_directory: vec![],
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        for member in &self.members {
            out.extend(&member.before);
            let offset = u32::try_from(out.len()).unwrap();
            if member.local {
                write_local(&mut out, member);
            }
            if member.listed {
                write_record(&mut directory, member, member.offset.unwrap_or(offset));
            }
        }
        out.extend(&self.before_directory);
        let offset = u32::try_from(out.len()).unwrap();
        let size = u32::try_from(directory.len()).unwrap() + self.end.size_more;
        let listed = self.members.iter().filter(|member| member.listed).count();
        let count = self.end.count.unwrap_or(u16::try_from(listed).unwrap());
        out.extend(directory);
        out.extend(&self.after_directory);
        out.extend(b"PK\x05\x06");
        for field in [self.end.disk, self.end.disk, count, count] {
            out.extend(field.to_le_bytes());
        }
        out.extend(size.to_le_bytes());
        out.extend(self.end.offset.unwrap_or(offset).to_le_bytes());
        out.extend(u16::try_from(self.end.comment.len()).unwrap().to_le_bytes());
        out.extend(&self.end.comment);
        out
    }
}

fn write_local(out: &mut Vec<u8>, member: &Member) {
    out.extend(b"PK\x03\x04");
    for field in [member.needed, member.flags, member.method, member.time, 0x21] {
        out.extend(field.to_le_bytes());
    }
    for field in [member.local_crc, member.local_real, member.local_real] {
        out.extend(field.to_le_bytes());
    }
    for length in [member.local_name.len(), member.local_extra.len()] {
        out.extend(u16::try_from(length).unwrap().to_le_bytes());
    }
    for bytes in [&member.local_name, &member.local_extra, &member.data, &member.after] {
        out.extend(bytes);
    }
}

fn write_record(out: &mut Vec<u8>, member: &Member, offset: u32) {
    out.extend(b"PK\x01\x02");
    for field in [member.made_by, member.needed, member.flags, member.method, member.time, 0x21] {
        out.extend(field.to_le_bytes());
    }
    for field in [member.crc, member.stored, member.real] {
        out.extend(field.to_le_bytes());
    }
    for length in [member.name.len(), member.extra.len(), member.comment.len()] {
        out.extend(u16::try_from(length).unwrap().to_le_bytes());
    }
    for field in [member.disk, 0] {
        out.extend(field.to_le_bytes());
    }
    for field in [member.attributes, offset] {
        out.extend(field.to_le_bytes());
    }
    for bytes in [&member.name, &member.extra, &member.comment] {
        out.extend(bytes);
    }
}

/// CRC-32 as zip has it (APPNOTE 4.4.7), bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

/// Opens `bytes` and reads everything in them.
pub(crate) fn read(bytes: Vec<u8>) -> Result<PackageReader<Cursor<Vec<u8>>>, PackageError> {
    read_within(bytes, Limits::app())
}

/// [`read`], within `limits`.
pub(crate) fn read_within(
    bytes: Vec<u8>,
    limits: Limits,
) -> Result<PackageReader<Cursor<Vec<u8>>>, PackageError> {
    let mut reader = PackageReader::open(Cursor::new(bytes), limits)?;
    reader.check_contents()?;
    Ok(reader)
}

/// The fault for which a member of the archive is refused, and the member.
pub(crate) fn fault(archive: &Archive) -> (String, MemberFault) {
    match read(archive.bytes()) {
        Err(PackageError::Member { member, fault }) => (member, fault),
        Err(other) => panic!("refused for another reason: {other:?}"),
        Ok(_) => panic!("the archive was accepted"),
    }
}

/// The reason for which the archive is refused.
pub(crate) fn refusal(archive: &Archive) -> PackageError {
    read(archive.bytes()).expect_err("the archive was accepted")
}
