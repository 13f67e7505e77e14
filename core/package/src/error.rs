//! Why a package is refused: one variant for each way in which two readers could disagree.

use std::io;

use newleaf_domain::{ByteSize, manifest::InvalidManifest};
use zip::result::ZipError;

/// Why a package could not be read. Completes "failed to read the package: …".
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file could not be read. Says nothing about the package itself.
    #[error("{doing} could not be read")]
    Io {
        /// Which part of the file.
        doing: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Longer than the limit.
    #[error("package is {length}, more than {limit}")]
    TooLarge {
        /// What it has.
        length: ByteSize,
        /// What it may have.
        limit: ByteSize,
    },
    /// The last 22 bytes are not an end record: something follows it, or the file is cut short.
    #[error(
        "package of {length} does not end with its end record: bytes follow it, or it is cut short"
    )]
    EndRecordMissing {
        /// The file's length.
        length: ByteSize,
    },
    /// The end record announces a comment, in which another end record could hide.
    #[error("end record announces a comment of {length} bytes; none is allowed")]
    ArchiveComment {
        /// Its length.
        length: u16,
    },
    /// The package claims to be one part of several.
    #[error("package is disk {disk} of a split archive; only whole archives are read")]
    SplitArchive {
        /// The disk number it gives.
        disk: u16,
    },
    /// Sizes are deferred to 64-bit records.
    #[error("package uses 64-bit records, which no package within the limits needs")]
    Zip64,
    /// No members at all.
    #[error("package has no members")]
    Empty,
    /// More members than the limit.
    #[error("package has {count} members, more than {limit}")]
    TooManyMembers {
        /// What it has.
        count: u16,
        /// What it may have.
        limit: u16,
    },
    /// The directory does not lie exactly before the end record.
    #[error("directory ends at byte {ends}, but the end record begins at byte {end_record}")]
    DirectoryPlace {
        /// Offset and size of the directory, added.
        ends: u64,
        /// Where it would have to end.
        end_record: u64,
    },
    /// The directory's size is not that of so many records.
    #[error("directory of {size} bytes cannot hold {count} records")]
    DirectorySize {
        /// Its size.
        size: u64,
        /// The number of records announced.
        count: u16,
    },
    /// A directory record is cut short or has no signature.
    #[error("directory record {index} is damaged")]
    DirectoryRecord {
        /// Counted from 0.
        index: u16,
    },
    /// Bytes in the directory after its last record.
    #[error("{bytes} bytes follow the directory's last record")]
    DirectoryLeftover {
        /// How many.
        bytes: usize,
    },
    /// Bytes between the last member and the directory, or a last member that runs into it.
    #[error("members end at byte {ends}, but the directory begins at byte {directory}")]
    MembersPlace {
        /// Where the last member ends.
        ends: u64,
        /// Where the directory begins.
        directory: u64,
    },
    /// Something is wrong with one member.
    #[error("member {member:?} {fault}")]
    Member {
        /// The member's name, as far as it is text.
        member: String,
        /// What is wrong.
        fault: MemberFault,
    },
    /// The first member is not the manifest.
    #[error("first member is {first:?}, not \"manifest.json\"")]
    ManifestNotFirst {
        /// What it is.
        first: String,
    },
    /// The manifest does not parse.
    #[error("manifest.json does not parse")]
    Manifest(#[source] InvalidManifest),
    /// No member of that name.
    #[error("package has no member {member:?}")]
    NoSuchMember {
        /// What was asked for.
        member: String,
    },
    /// A member that is read into memory has more bytes than the caller allows.
    #[error("member {member:?} is {length}, more than {limit}")]
    MemberTooLarge {
        /// The member.
        member: String,
        /// What it has.
        length: ByteSize,
        /// What it may have.
        limit: ByteSize,
    },
    /// The zip library sees another package than the check of every byte did.
    #[error("two readings of the package differ at {place}")]
    Disagreement {
        /// Where.
        place: String,
        /// Why the zip library refuses it, where it does.
        #[source]
        source: Option<ZipError>,
    },
    /// The destination of a copy failed. Says nothing about the package itself.
    #[error("member {member:?} could not be written to its destination")]
    Destination {
        /// The member.
        member: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl PackageError {
    /// Whether the machine failed and not the package: never evidence against a version.
    pub const fn is_machine_fault(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Destination { .. })
    }

    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        if self.is_machine_fault() {
            "check the disk, then try again"
        } else if matches!(self, Self::TooLarge { .. } | Self::TooManyMembers { .. }) {
            "leave files out of the package, or load them at run time"
        } else {
            "build the package with `newleaf-sdk build`; its writer never makes such a file"
        }
    }

    /// What the zip library's refusal means, once every byte has been accounted for.
    pub(crate) fn library(place: &str) -> impl FnOnce(ZipError) -> Self {
        move |error| {
            if let ZipError::Io(source) = error {
                Self::Io { doing: "the package", source }
            } else {
                Self::Disagreement { place: place.to_owned(), source: Some(error) }
            }
        }
    }

    pub(crate) const fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

/// What is wrong with one member. Completes "member … …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// Its name is not allowed.
    #[error("has a name that is not allowed: it {0}")]
    Name(NameFault),
    /// The same name occurs twice.
    #[error("occurs twice")]
    Duplicate,
    /// Its name differs from another one only in letter case.
    #[error("differs from {other:?} only in letter case")]
    CaseClash {
        /// The other one.
        other: String,
    },
    /// It is a file where another member needs a folder.
    #[error("is a file, and {other:?} needs a folder of that name")]
    FolderClash {
        /// The other one.
        other: String,
    },
    /// It is compressed.
    #[error("is compressed with method {method}; members are stored")]
    NotStored {
        /// APPNOTE 4.4.5.
        method: u16,
    },
    /// Its stored and its real size differ, which a stored member's cannot.
    #[error("has {stored} bytes stored and {real} real; a stored member has one size")]
    TwoSizes {
        /// Compressed size.
        stored: u32,
        /// Uncompressed size.
        real: u32,
    },
    /// It is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// Its sizes follow its data.
    #[error("has a data descriptor; sizes must stand in the header")]
    Descriptor,
    /// Other general-purpose bits.
    #[error("has general-purpose bits {bits:#06x}, which mean nothing for a stored member")]
    Flags {
        /// APPNOTE 4.4.4.
        bits: u16,
    },
    /// It needs features of the format that are not read.
    #[error("needs version {version} of the format; 2.0 is enough for a stored member")]
    FormatVersion {
        /// APPNOTE 4.4.3, times ten.
        version: u16,
    },
    /// It has an extra field.
    #[error("has an extra field of {length} bytes")]
    ExtraField {
        /// Its length.
        length: u16,
    },
    /// It has a comment.
    #[error("has a comment of {length} bytes")]
    Comment {
        /// Its length.
        length: u16,
    },
    /// It lies on another disk.
    #[error("lies on disk {disk} of a split archive")]
    OtherDisk {
        /// The disk number.
        disk: u16,
    },
    /// It is a folder; folders follow from the files in them.
    #[error("is a folder entry; folders follow from the names of files")]
    Folder,
    /// It is a symbolic link.
    #[error("is a symbolic link")]
    SymbolicLink,
    /// It is a device, pipe or socket.
    #[error("is a special file (mode {mode:o})")]
    SpecialFile {
        /// The Unix mode.
        mode: u32,
    },
    /// It would run with another user's rights.
    #[error("has a set-id or sticky bit (mode {mode:o})")]
    SetId {
        /// The Unix mode.
        mode: u32,
    },
    /// It was made by a system whose attributes are not known.
    #[error("has the attributes of system {system}, which are not known")]
    UnknownSystem {
        /// APPNOTE 4.4.2.2.
        system: u8,
    },
    /// Bytes that belong to no member lie before it.
    #[error("begins at byte {begins}, but the one before it ends at byte {expected}")]
    Gap {
        /// Where its header is said to be.
        begins: u64,
        /// Where it would have to be.
        expected: u64,
    },
    /// It shares bytes with another one.
    #[error("begins at byte {begins}, inside of what ends at byte {expected}")]
    Overlap {
        /// Where its header is said to be.
        begins: u64,
        /// Where it would have to be.
        expected: u64,
    },
    /// There is no local header where the directory says.
    #[error("has no header at byte {begins}")]
    NoLocalHeader {
        /// Where it would have to be.
        begins: u64,
    },
    /// The local header says other things than the directory.
    #[error("has a header that differs from its directory record")]
    HeaderDiffers,
    /// The local header has another name than the directory.
    #[error("is called {local:?} in its own header")]
    NameDiffers {
        /// The name in the local header, as far as it is text.
        local: String,
    },
    /// It reaches into the directory.
    #[error("ends at byte {ends}, inside of the directory that begins at byte {directory}")]
    RunsIntoDirectory {
        /// Where it ends.
        ends: u64,
        /// Where the directory begins.
        directory: u64,
    },
    /// It is an archive itself.
    #[error("is itself an archive ({kind}); archives are not nested")]
    NestedArchive {
        /// Such as `zip`.
        kind: &'static str,
    },
    /// Its bytes do not have the checksum in its header.
    #[error("does not have the checksum that its header states")]
    Checksum,
}

/// What is wrong with a name. Completes "it …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No byte at all.
    #[error("is empty")]
    Empty,
    /// More bytes than the limit.
    #[error("is {length} bytes long, more than {limit}")]
    TooLong {
        /// What it has.
        length: usize,
        /// What it may have.
        limit: u16,
    },
    /// A character other than `A-Z a-z 0-9 . _ - + @ /`.
    #[error("has the byte {byte:#04x}; allowed are A-Z a-z 0-9 . _ - + @ /")]
    Character {
        /// The first such byte.
        byte: u8,
    },
    /// Begins with `/`.
    #[error("is absolute")]
    Absolute,
    /// Has a `..` part.
    #[error("has a '..' part")]
    Parent,
    /// Has a `.` part.
    #[error("has a '.' part")]
    CurrentFolder,
    /// Has an empty part, as in `a//b`.
    #[error("has an empty part")]
    EmptyPart,
    /// A part ends with a dot, which Windows drops.
    #[error("has a part that ends with a dot")]
    TrailingDot,
    /// A part is a device name on Windows.
    #[error("has a part that names a device on Windows")]
    Device,
}
