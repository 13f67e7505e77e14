//! Recognises archives by their name and first bytes, so that none hides in a package.

use crate::MemberName;

/// Bytes of a member that [`kind_of`] needs to see; the tar mark is the deepest, at 257.
pub(crate) const LOOK: usize = 262;

/// Endings of archives and of compressed files, whose content no other check here would see.
const ENDINGS: &[(&str, &str)] = &[
    (".zip", "zip"),
    (".jar", "zip"),
    (".whl", "zip"),
    (".tar", "tar"),
    (".tgz", "gzip"),
    (".gz", "gzip"),
    (".bz2", "bzip2"),
    (".xz", "xz"),
    (".zst", "zstd"),
    (".7z", "7z"),
    (".rar", "rar"),
];

/// First bytes, as the formats' own descriptions give them.
const MARKS: &[(usize, &[u8], &str)] = &[
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (4, b"1AY&SY", "bzip2"),
    (257, b"ustar", "tar"),
];

/// The kind of archive that a member is, by its name and its first [`LOOK`] bytes.
pub(crate) fn kind_of(name: &MemberName, start: &[u8]) -> Option<&'static str> {
    let folded = name.folded();
    let by_name =
        ENDINGS.iter().find(|(ending, _)| folded.ends_with(ending)).map(|&(_, kind)| kind);
    let by_mark = || {
        let marked =
            |at: usize, mark: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(mark));
        MARKS.iter().find(|(at, mark, _)| marked(*at, mark)).map(|&(_, _, kind)| kind)
    };
    by_name.or_else(by_mark)
}
