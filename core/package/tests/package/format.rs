//! What the format promises: same members, same bytes; a package survives being unpacked; and
//! honest archives of other writers are read.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::archive::{Archive, MANIFEST, file, odd, read};
use newleaf_domain::{ByteSize, Digest};
use newleaf_package::{
    Limits, NameFault, PackageError, PackageReader, PackageWriter, UnpackError, WriteError, Written,
};

fn sample() -> PackageWriter {
    let mut writer = PackageWriter::new(MANIFEST.to_vec(), Limits::app()).unwrap();
    writer.add_bytes("bin/newleaf", vec![7; 100_000]).unwrap();
    writer.add_bytes("assets/b.css", b"body{}".to_vec()).unwrap();
    writer.add_bytes("assets/a/icon.svg", b"<svg/>".to_vec()).unwrap();
    writer.add_bytes("README.md", b"Hello.".to_vec()).unwrap();
    writer
}

fn written(writer: &PackageWriter) -> (Vec<u8>, Written) {
    let mut file = Cursor::new(Vec::new());
    let written = writer.write(&mut file).unwrap();
    (file.into_inner(), written)
}

fn unpacked(bytes: Vec<u8>, folder: &Path) {
    let mut reader = PackageReader::open(Cursor::new(bytes), Limits::app()).unwrap();
    reader.unpack_into(folder, &mut |_| ()).unwrap();
}

#[test]
fn the_same_members_make_the_same_bytes_in_whatever_order_they_came() {
    let (bytes, once) = written(&sample());
    assert_eq!(once.length.as_u64(), bytes.len() as u64);
    assert_eq!(once.sha256, Digest::of(&bytes));

    let mut other = PackageWriter::new(MANIFEST.to_vec(), Limits::app()).unwrap();
    for name in ["README.md", "assets/a/icon.svg", "bin/newleaf", "assets/b.css"] {
        let mut reader = PackageReader::open(Cursor::new(bytes.clone()), Limits::app()).unwrap();
        let member = reader.read_member(name, ByteSize::mib(1)).unwrap();
        other.add_bytes(name, member).unwrap();
    }
    assert_eq!(written(&other), (bytes, once));
}

#[test]
fn the_bytes_of_the_format_never_change() {
    // A delta is applied to rebuilt bytes: whoever changes them breaks every installed host.
    let digest = written(&sample()).1.sha256.to_string();
    assert_eq!(digest, "86368abc7208f24ba8082d84a000094f8769fb2cc89c9743fb112de53528fc7d");
}

#[test]
fn members_stand_sorted_behind_the_manifest() {
    let reader = PackageReader::open(Cursor::new(written(&sample()).0), Limits::app()).unwrap();
    let names = reader.members().iter().map(|member| member.name.as_str()).collect::<Vec<_>>();
    assert_eq!(
        names,
        ["manifest.json", "README.md", "assets/a/icon.svg", "assets/b.css", "bin/newleaf"]
    );
}

#[test]
fn a_package_rebuilt_from_its_unpacked_folder_has_the_same_bytes() {
    let (bytes, _) = written(&sample());
    let folder = tempfile::tempdir().unwrap();
    unpacked(bytes.clone(), folder.path());
    let rebuilt = PackageWriter::from_folder(folder.path(), Limits::app()).unwrap();
    assert_eq!(written(&rebuilt).0, bytes);
}

#[test]
fn unpacked_files_have_fixed_modes_and_only_programs_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    unpacked(written(&sample()).0, folder.path());
    let mode =
        |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o7777;
    let modes = ["manifest.json", "assets/a/icon.svg", "bin/newleaf", "bin", "assets/a"].map(mode);
    assert_eq!(modes, [0o644, 0o644, 0o755, 0o755, 0o755]);
}

#[test]
fn progress_is_told_after_each_member_and_ends_at_the_unpacked_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = PackageReader::open(Cursor::new(written(&sample()).0), Limits::app()).unwrap();
    let mut heard = Vec::new();
    let done = reader.unpack_into(folder.path(), &mut |bytes| heard.push(bytes)).unwrap();
    assert_eq!((done.files, heard.len()), (5, 5));
    assert_eq!(heard.last(), Some(&reader.unpacked_size()));
    assert!(heard.is_sorted());
}

#[test]
fn a_folder_that_holds_something_is_not_unpacked_into() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("left-over"), b"").unwrap();
    let mut reader = PackageReader::open(Cursor::new(written(&sample()).0), Limits::app()).unwrap();
    let error = reader.unpack_into(folder.path(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, UnpackError::NotEmpty { ref found, .. } if found == "left-over"));
    assert!(error.is_machine_fault());
}

#[test]
fn a_package_with_a_wrong_checksum_is_no_machine_fault_when_unpacked() {
    let bytes = Archive::of([odd("app.wasm", b"x", |m| (m.crc, m.local_crc) = (1, 1))]).bytes();
    let folder = tempfile::tempdir().unwrap();
    let mut reader = PackageReader::open(Cursor::new(bytes), Limits::app()).unwrap();
    let error = reader.unpack_into(folder.path(), &mut |_| ()).unwrap_err();
    assert!(!error.is_machine_fault(), "{error}");
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let mut writer = sample();
    let error = writer.add_bytes("../evil", vec![]).unwrap_err();
    assert!(matches!(error, WriteError::Name { fault: NameFault::Parent, .. }), "{error}");
    let error = writer.add_bytes("manifest.json", vec![]).unwrap_err();
    assert!(matches!(error, WriteError::Twice { .. }), "{error}");
    writer.add_bytes("assets/B.css", vec![]).unwrap();
    let error = writer.write(&mut Cursor::new(Vec::new())).unwrap_err();
    assert!(matches!(error, WriteError::ReadBack(PackageError::Member { .. })), "{error}");
}

#[test]
fn links_are_refused_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manifest.json"), MANIFEST).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
    let error = PackageWriter::from_folder(folder.path(), Limits::app()).unwrap_err();
    assert!(matches!(error, WriteError::NotAFile { .. }), "{error}");
}

#[test]
fn stored_archives_in_the_shapes_of_other_writers_are_read() {
    let python = odd("app.wasm", b"x", |m| (m.made_by, m.attributes) = (0x0314, 0o600 << 16));
    let windows = odd("assets/a", b"x", |m| (m.made_by, m.attributes) = (0x0014, 0x20));
    let info_zip = odd("README.md", b"x", |m| {
        (m.made_by, m.needed, m.time) = (0x031e, 10, 0x6c20);
    });
    let utf8 = odd("LICENSE", b"x", |m| m.flags = 0x0800);
    let reader = read(Archive::of([python, windows, info_zip, utf8]).bytes()).unwrap();
    assert_eq!(reader.members().len(), 5);
}

#[test]
fn a_stored_archive_of_pythons_zipfile_is_read() {
    let mut reader = read(include_bytes!("python.zip").to_vec()).unwrap();
    assert_eq!(reader.manifest().unwrap().bytes, MANIFEST);
    assert_eq!(reader.read_member("app.wasm", ByteSize::kib(1)).unwrap(), b"\0asm");
}

#[test]
fn a_member_that_is_not_there_is_named() {
    let mut reader = read(Archive::of([file("a", b"1")]).bytes()).unwrap();
    let error = reader.copy_member("b", &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), r#"package has no member "b""#);
}
