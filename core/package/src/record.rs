//! The three records of the zip format (APPNOTE 6.3.10), as plain fields over bytes.
//! Parses only; what the fields may say is decided in `tiling`.

/// Length of the end record without a comment (APPNOTE 4.3.16).
pub(crate) const END_LENGTH: usize = 22;
/// Length of a directory record without its name (APPNOTE 4.3.12).
pub(crate) const DIRECTORY_LENGTH: usize = 46;
/// Length of a local header without its name (APPNOTE 4.3.7).
pub(crate) const LOCAL_LENGTH: usize = 30;

/// The end of central directory record (APPNOTE 4.3.16).
pub(crate) struct EndRecord {
    pub(crate) disk: u16,
    pub(crate) directory_disk: u16,
    pub(crate) members_here: u16,
    pub(crate) members: u16,
    pub(crate) directory_size: u32,
    pub(crate) directory_offset: u32,
    pub(crate) comment_length: u16,
}

impl EndRecord {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(*b"PK\x05\x06")?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            members_here: fields.u16()?,
            members: fields.u16()?,
            directory_size: fields.u32()?,
            directory_offset: fields.u32()?,
            comment_length: fields.u16()?,
        })
    }
}

/// A record of the central directory (APPNOTE 4.3.12), and the bytes that its local header must
/// repeat.
pub(crate) struct DirectoryRecord<'a> {
    pub(crate) system: u8,
    pub(crate) version_needed: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) stored_size: u32,
    pub(crate) real_size: u32,
    pub(crate) extra_length: u16,
    pub(crate) comment_length: u16,
    pub(crate) disk: u16,
    pub(crate) attributes: u32,
    pub(crate) local_offset: u32,
    pub(crate) name: &'a [u8],
    /// From "version needed" to "extra length": the part a local header has in the same form.
    pub(crate) repeated: &'a [u8],
}

impl<'a> DirectoryRecord<'a> {
    /// The record at the start of `bytes`, and what follows it.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut fields = Fields(bytes);
        fields.signature(*b"PK\x01\x02")?;
        let [_, system] = fields.u16()?.to_le_bytes();
        let repeated = bytes.get(6..32)?;
        let version_needed = fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        fields.take(4)?; // time and date: any
        let crc = fields.u32()?;
        let stored_size = fields.u32()?;
        let real_size = fields.u32()?;
        let name_length = fields.u16()?;
        let extra_length = fields.u16()?;
        let comment_length = fields.u16()?;
        let disk = fields.u16()?;
        fields.take(2)?; // internal attributes: a hint whether it is text
        let attributes = fields.u32()?;
        let local_offset = fields.u32()?;
        let name = fields.take(usize::from(name_length))?;
        fields.take(usize::from(extra_length) + usize::from(comment_length))?;
        let record = Self {
            system,
            version_needed,
            flags,
            method,
            crc,
            stored_size,
            real_size,
            extra_length,
            comment_length,
            disk,
            attributes,
            local_offset,
            name,
            repeated,
        };
        Some((record, fields.0))
    }
}

/// A local file header (APPNOTE 4.3.7): the part that the directory repeats, then the name.
pub(crate) struct LocalHeader<'a> {
    pub(crate) repeated: &'a [u8],
    pub(crate) name: &'a [u8],
}

impl<'a> LocalHeader<'a> {
    /// The header at the start of `bytes`, of a member whose name has `name_length` bytes.
    pub(crate) fn parse(bytes: &'a [u8], name_length: usize) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(*b"PK\x03\x04")?;
        Some(Self { repeated: fields.take(LOCAL_LENGTH - 4)?, name: fields.take(name_length)? })
    }
}

/// Little-endian fields, taken from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn signature(&mut self, wanted: [u8; 4]) -> Option<()> {
        (self.array()? == wanted).then_some(())
    }
}
