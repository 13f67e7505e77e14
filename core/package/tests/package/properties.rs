//! What holds for every set of members and for every damaged file.

use std::collections::BTreeMap;
use std::io::Cursor;

use newleaf_domain::ByteSize;
use newleaf_package::{Limits, PackageReader, PackageWriter};
use proptest::prelude::*;

use crate::archive::{MANIFEST, read};

/// Members whose names cannot clash (each has a number in its first part) or name a device.
fn members() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let member =
        ("[a-zA-Z0-9_@+-]{1,8}(/x[a-z0-9_-]{0,8}){0,2}", prop::collection::vec(0..9_u8, 0..600));
    prop::collection::vec(member, 0..12).prop_map(|members| {
        let numbered = |(index, (name, bytes))| (format!("m{index}_{name}"), bytes);
        members.into_iter().enumerate().map(numbered).collect()
    })
}

fn written(members: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut writer = PackageWriter::new(MANIFEST.to_vec(), Limits::app()).unwrap();
    for (name, bytes) in members {
        writer.add_bytes(name, bytes.clone()).unwrap();
    }
    let mut out = Cursor::new(Vec::new());
    writer.write(&mut out).unwrap();
    out.into_inner()
}

/// Bytes of a package that its members explain: headers, names, data, end record.
fn explained<R: std::io::Read + std::io::Seek>(reader: &PackageReader<R>) -> u64 {
    let of_member = |name: &str, size: ByteSize| 30 + 46 + 2 * name.len() as u64 + size.as_u64();
    let members = reader.members().iter().map(|it| of_member(it.name.as_str(), it.size));
    members.sum::<u64>() + 22
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read(members in members()) {
        let bytes = written(&members);
        let length = bytes.len() as u64;
        let mut reader = read(bytes).unwrap();
        prop_assert_eq!(reader.members().len(), members.len() + 1);
        prop_assert_eq!(explained(&reader), length);
        for (name, bytes) in &members {
            prop_assert_eq!(&reader.read_member(name, ByteSize::mib(1)).unwrap(), bytes);
        }
    }

    #[test]
    fn an_unpacked_package_is_rebuilt_to_the_byte(members in members()) {
        let bytes = written(&members);
        let folder = tempfile::tempdir().unwrap();
        let mut reader = read(bytes.clone()).unwrap();
        reader.unpack_into(folder.path(), &mut |_| ()).unwrap();
        let mut out = Cursor::new(Vec::new());
        PackageWriter::from_folder(folder.path(), Limits::app()).unwrap().write(&mut out).unwrap();
        prop_assert_eq!(out.into_inner(), bytes);
    }

    #[test]
    fn a_damaged_file_is_refused_or_explained_to_the_byte(
        members in members(), at in 0..4096_usize, remove in 0..40_usize,
        insert in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = written(&members);
        let at = at % bytes.len();
        let end = (at + remove).min(bytes.len());
        bytes.splice(at..end, insert);
        let length = bytes.len() as u64;
        if let Ok(reader) = read(bytes) {
            prop_assert_eq!(explained(&reader), length);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_fail_otherwise_than_by_refusing(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(read(bytes).is_err());
    }
}
