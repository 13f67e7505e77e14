//! Hostile archives: each kind is refused, for its own reason.

use crate::archive::{Archive, MANIFEST, fault, file, odd, read, read_within, refusal};
use newleaf_domain::ByteSize;
use newleaf_package::{Limits, MemberFault, NameFault, PackageError};

/// The fault of a package with one more member called `name`.
fn name_fault(name: &[u8]) -> NameFault {
    let member = odd("x", b"data", |m| (m.name, m.local_name) = (name.into(), name.into()));
    let fault = fault(&Archive::of([member])).1;
    let MemberFault::Name(fault) = fault else {
        panic!("{name:?} was refused for another reason: {fault}")
    };
    fault
}

fn odd_fault(change: impl FnOnce(&mut crate::archive::Member)) -> MemberFault {
    let (member, fault) = fault(&Archive::of([odd("app.wasm", b"some data", change)]));
    assert_eq!(member, "app.wasm");
    fault
}

fn two(first: &str, second: &str) -> MemberFault {
    fault(&Archive::of([file(first, b"1"), file(second, b"2")])).1
}

#[test]
fn an_honest_archive_of_this_builder_is_accepted() {
    let archive = Archive::of([file("app.wasm", b"\0asm"), file("assets/a.css", b"")]);
    assert_eq!(read(archive.bytes()).unwrap().members().len(), 3);
}

// ── names ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn names_that_leave_the_folder_are_refused() {
    assert_eq!(name_fault(b"../evil"), NameFault::Parent);
    assert_eq!(name_fault(b"assets/../../evil"), NameFault::Parent);
    assert_eq!(name_fault(b"/etc/passwd"), NameFault::Absolute);
    assert_eq!(name_fault(b"C:/evil"), NameFault::Character { byte: b':' });
    assert_eq!(name_fault(b"..\\evil"), NameFault::Character { byte: b'\\' });
}

#[test]
fn names_that_alias_another_are_refused() {
    assert_eq!(name_fault(b"./manifest.json"), NameFault::CurrentFolder);
    assert_eq!(name_fault(b"assets//a"), NameFault::EmptyPart);
    assert_eq!(name_fault(b"manifest.json."), NameFault::TrailingDot);
    assert_eq!(name_fault(b"assets/NUL.txt"), NameFault::Device);
}

#[test]
fn names_outside_of_plain_ascii_are_refused() {
    assert_eq!(name_fault("caf\u{e9}".as_bytes()), NameFault::Character { byte: 0xc3 });
    assert_eq!(name_fault("cafe\u{301}".as_bytes()), NameFault::Character { byte: 0xcc });
    assert_eq!(name_fault(b"caf\xe9"), NameFault::Character { byte: 0xe9 });
    assert_eq!(name_fault(b"a\0b"), NameFault::Character { byte: 0 });
    assert_eq!(name_fault(b"a b"), NameFault::Character { byte: b' ' });
}

#[test]
fn an_empty_and_an_overlong_name_are_refused() {
    assert_eq!(name_fault(b""), NameFault::Empty);
    assert_eq!(name_fault(&[b'a'; 256]), NameFault::TooLong { length: 256, limit: 255 });
}

#[test]
fn a_name_that_occurs_twice_is_refused() {
    assert_eq!(two("app.wasm", "app.wasm"), MemberFault::Duplicate);
    assert_eq!(two("manifest.json", "app.wasm"), MemberFault::Duplicate);
}

#[test]
fn names_that_differ_in_letter_case_only_are_refused() {
    let other = "app.wasm".to_owned();
    assert_eq!(two("app.wasm", "App.wasm"), MemberFault::CaseClash { other });
    let other = "assets".to_owned();
    assert_eq!(two("assets/a", "Assets/b"), MemberFault::CaseClash { other });
}

#[test]
fn a_file_where_a_folder_is_needed_is_refused() {
    assert!(matches!(two("assets", "assets/a"), MemberFault::FolderClash { .. }));
    assert!(matches!(two("assets/a", "assets"), MemberFault::FolderClash { .. }));
    assert!(matches!(two("ASSETS", "assets/a"), MemberFault::FolderClash { .. }));
}

// ── kinds of members ─────────────────────────────────────────────────────────────────────────

#[test]
fn anything_but_a_plain_file_is_refused() {
    let mode = |mode: u32| odd_fault(move |m| m.attributes = mode << 16);
    assert_eq!(mode(0o120_777), MemberFault::SymbolicLink);
    assert_eq!(mode(0o040_755), MemberFault::Folder);
    for special in [0o020_666, 0o060_666, 0o010_666, 0o140_666] {
        assert_eq!(mode(special), MemberFault::SpecialFile { mode: special });
    }
    assert_eq!(mode(0o104_755), MemberFault::SetId { mode: 0o104_755 });
}

#[test]
fn a_folder_entry_is_refused_by_name_and_by_attribute() {
    assert_eq!(fault(&Archive::of([file("assets/", b"")])).1, MemberFault::Folder);
    assert_eq!(odd_fault(|m| m.attributes = 0x10), MemberFault::Folder);
}

#[test]
fn a_link_from_a_system_with_other_attributes_is_refused() {
    let vax = odd_fault(|m| (m.made_by, m.attributes) = (0x0214, 0o120_777 << 16));
    assert_eq!(vax, MemberFault::UnknownSystem { system: 2 });
}

#[test]
fn an_archive_in_the_archive_is_refused_by_name_and_by_content() {
    let inner = Archive::of([]).bytes();
    for (name, data, kind) in [
        ("assets/inner.bin", inner.as_slice(), "zip"),
        ("assets/inner.zip", b"not one", "zip"),
        ("assets/inner.dat", b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
        ("assets/inner.TAR", b"", "tar"),
        ("assets/inner.zst", b"", "zstd"),
    ] {
        let fault = fault(&Archive::of([file(name, data)])).1;
        assert_eq!(fault, MemberFault::NestedArchive { kind }, "{name}");
    }
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let fault = fault(&Archive::of([file("assets/inner.dat", &tar)])).1;
    assert_eq!(fault, MemberFault::NestedArchive { kind: "tar" });
}

// ── storage ──────────────────────────────────────────────────────────────────────────────────

#[test]
fn compressed_members_and_so_bombs_are_refused() {
    let bomb = |m: &mut crate::archive::Member| (m.method, m.real) = (8, 200 << 20);
    assert_eq!(odd_fault(bomb), MemberFault::NotStored { method: 8 });
    assert_eq!(odd_fault(|m| m.method = 93), MemberFault::NotStored { method: 93 });
}

#[test]
fn sizes_that_lie_are_refused() {
    assert_eq!(odd_fault(|m| m.real = 8), MemberFault::TwoSizes { stored: 9, real: 8 });
    let size = |size| {
        move |m: &mut crate::archive::Member| {
            (m.stored, m.real, m.local_real) = (size, size, size);
        }
    };
    let short = refusal(&Archive::of([odd("app.wasm", b"some data", size(8))]));
    assert!(matches!(short, PackageError::MembersPlace { .. }), "{short}");
    assert!(matches!(odd_fault(size(10)), MemberFault::RunsIntoDirectory { .. }));
}

#[test]
fn encrypted_members_are_refused() {
    for bits in [0x0001, 0x0040, 0x2000] {
        assert_eq!(odd_fault(|m| m.flags = bits), MemberFault::Encrypted);
    }
}

#[test]
fn a_data_descriptor_is_refused() {
    let streamed = odd_fault(|m| {
        (m.flags, m.local_crc, m.local_real) = (0x0008, 0, 0);
        m.after = [b"PK\x07\x08".as_slice(), &[0; 12]].concat();
    });
    assert_eq!(streamed, MemberFault::Descriptor);
}

#[test]
fn bits_and_versions_without_a_meaning_here_are_refused() {
    assert_eq!(odd_fault(|m| m.flags = 0x0020), MemberFault::Flags { bits: 0x0020 });
    assert_eq!(odd_fault(|m| m.needed = 45), MemberFault::FormatVersion { version: 45 });
    assert_eq!(odd_fault(|m| m.disk = 1), MemberFault::OtherDisk { disk: 1 });
}

#[test]
fn extra_fields_and_comments_are_refused() {
    let unicode_path = b"\x75\x70\x09\x00\x01\0\0\0\0evil".to_vec();
    let length = u16::try_from(unicode_path.len()).unwrap();
    assert_eq!(odd_fault(|m| m.extra = unicode_path), MemberFault::ExtraField { length });
    assert_eq!(odd_fault(|m| m.local_extra = b"12345".into()), MemberFault::HeaderDiffers);
    assert_eq!(odd_fault(|m| m.comment = b"hello".into()), MemberFault::Comment { length: 5 });
}

#[test]
fn a_wrong_checksum_is_refused_when_the_member_is_read() {
    assert_eq!(odd_fault(|m| (m.crc, m.local_crc) = (1, 1)), MemberFault::Checksum);
}

#[test]
fn a_flipped_byte_of_data_is_refused() {
    let mut bytes = Archive::of([file("app.wasm", b"some data")]).bytes();
    let at = bytes.windows(9).position(|window| window == b"some data").unwrap();
    bytes[at] ^= 1;
    let error = read(bytes).unwrap_err();
    assert!(matches!(error, PackageError::Member { fault: MemberFault::Checksum, .. }), "{error}");
}

// ── framing ──────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_header_that_differs_from_the_directory_is_refused() {
    assert_eq!(odd_fault(|m| m.local_crc = 1), MemberFault::HeaderDiffers);
    assert_eq!(odd_fault(|m| m.local_real = 1), MemberFault::HeaderDiffers);
    let renamed = odd_fault(|m| m.local_name = b"evil.wsm".into());
    assert_eq!(renamed, MemberFault::NameDiffers { local: "evil.wsm".to_owned() });
}

#[test]
fn a_member_that_the_directory_does_not_list_is_refused() {
    let hidden = odd("hidden", b"data", |m| m.listed = false);
    let between = Archive::of([hidden.clone(), file("app.wasm", b"x")]);
    assert!(matches!(fault(&between), (name, MemberFault::Gap { .. }) if name == "app.wasm"));
    let last = refusal(&Archive::of([hidden]));
    assert!(matches!(last, PackageError::MembersPlace { .. }), "{last}");
}

#[test]
fn a_listed_member_without_a_header_is_refused() {
    let phantom = odd("phantom", b"", |m| m.local = false);
    assert!(matches!(fault(&Archive::of([phantom])).1, MemberFault::RunsIntoDirectory { .. }));
    let long = odd("phantom", b"", |m| m.local = false);
    let archive = Archive { before_directory: vec![7; 64], ..Archive::of([long]) };
    assert!(matches!(fault(&archive).1, MemberFault::NoLocalHeader { .. }));
}

#[test]
fn members_that_share_bytes_are_refused() {
    let bomb = (0..50).map(|n| odd(&format!("f{n}"), b"x", |m| m.offset = Some(0)));
    assert!(matches!(fault(&Archive::of(bomb)).1, MemberFault::Overlap { begins: 0, .. }));
}

#[test]
fn members_out_of_directory_order_are_refused() {
    let mut archive = Archive::of([file("a", b"1"), file("b", b"2")]);
    let manifest = u32::try_from(30 + "manifest.json".len() + MANIFEST.len()).unwrap();
    archive.members[1].offset = Some(manifest + 32);
    archive.members[2].offset = Some(manifest);
    assert!(matches!(fault(&archive).1, MemberFault::Gap { .. }));
}

#[test]
fn bytes_before_between_and_after_are_refused() {
    let mut before = Archive::of([]);
    before.members[0].before = b"#!/bin/sh\n".into();
    assert!(matches!(fault(&before).1, MemberFault::Gap { begins: 10, expected: 0 }));

    let shifted = [b"#!/bin/sh\n".to_vec(), Archive::of([]).bytes()].concat();
    assert!(matches!(read(shifted).unwrap_err(), PackageError::DirectoryPlace { .. }));

    let between = Archive::of([odd("app.wasm", b"x", |m| m.before = vec![0; 3])]);
    assert!(matches!(fault(&between).1, MemberFault::Gap { .. }));

    let gap = Archive { before_directory: vec![0; 4], ..Archive::of([]) };
    assert!(matches!(refusal(&gap), PackageError::MembersPlace { .. }));

    let gap = Archive { after_directory: vec![0; 4], ..Archive::of([]) };
    assert!(matches!(refusal(&gap), PackageError::DirectoryPlace { .. }));

    let after = [Archive::of([]).bytes(), b"more".to_vec()].concat();
    assert!(matches!(read(after).unwrap_err(), PackageError::EndRecordMissing { .. }));
}

#[test]
fn two_archives_in_one_file_are_refused() {
    let both = [Archive::of([]).bytes(), Archive::of([file("evil", b"x")]).bytes()].concat();
    assert!(matches!(read(both).unwrap_err(), PackageError::DirectoryPlace { .. }));
}

#[test]
fn a_comment_that_could_hide_an_end_record_is_refused() {
    let mut archive = Archive::of([]);
    archive.end.comment = b"hello".into();
    assert!(matches!(refusal(&archive), PackageError::EndRecordMissing { .. }));

    let mut hidden = Archive::of([]);
    hidden.end.comment = Archive::of([]).bytes();
    assert!(matches!(refusal(&hidden), PackageError::DirectoryPlace { .. }));

    let mut announced = Archive::of([]).bytes();
    let length = announced.len();
    announced[length - 2] = 5;
    assert!(matches!(read(announced).unwrap_err(), PackageError::ArchiveComment { length: 5 }));
}

#[test]
fn sixty_four_bit_records_are_refused() {
    let mut archive = Archive::of([]);
    archive.end.count = Some(u16::MAX);
    assert!(matches!(refusal(&archive), PackageError::Zip64));
    let member = odd("app.wasm", b"x", |m| (m.stored, m.real) = (u32::MAX, u32::MAX));
    assert!(matches!(refusal(&Archive::of([member])), PackageError::Zip64));
    let locator = [b"PK\x06\x07".as_slice(), &[0; 16]].concat();
    let archive = Archive { after_directory: locator, ..Archive::of([]) };
    assert!(matches!(refusal(&archive), PackageError::DirectoryPlace { .. }));
}

#[test]
fn a_split_archive_is_refused() {
    let mut archive = Archive::of([]);
    archive.end.disk = 1;
    assert!(matches!(refusal(&archive), PackageError::SplitArchive { disk: 1 }));
}

#[test]
fn a_count_that_lies_is_refused() {
    let mut more = Archive::of([file("a", b"1")]);
    more.end.count = Some(3);
    assert!(matches!(
        refusal(&more),
        PackageError::DirectoryRecord { index: 2 } | PackageError::DirectorySize { .. }
    ));
    let mut fewer = Archive::of([file("a", b"1")]);
    fewer.end.count = Some(1);
    assert!(matches!(refusal(&fewer), PackageError::DirectoryLeftover { .. }));
    let mut none = Archive::of([]);
    none.end.count = Some(0);
    assert!(matches!(refusal(&none), PackageError::Empty));
}

#[test]
fn a_directory_outside_of_the_file_is_refused() {
    let mut archive = Archive::of([]);
    archive.end.offset = Some(1 << 30);
    assert!(matches!(refusal(&archive), PackageError::DirectoryPlace { .. }));
    archive.end.offset = None;
    archive.end.size_more = 1;
    assert!(matches!(refusal(&archive), PackageError::DirectoryPlace { .. }));
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let bytes = Archive::of([file("app.wasm", b"some data")]).bytes();
    for length in 0..bytes.len() {
        assert!(read(bytes[..length].to_vec()).is_err(), "accepted at {length} bytes");
    }
}

#[test]
fn no_single_flipped_bit_of_the_framing_goes_unnoticed_where_it_matters() {
    let bytes = Archive::of([file("app.wasm", b"some data")]).bytes();
    let honest = read(bytes.clone()).unwrap().members().to_vec();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(reader) = read(flipped) {
            assert_eq!(reader.members(), honest, "bit {bit} changed the package unnoticed");
        }
    }
}

// ── order and bounds ─────────────────────────────────────────────────────────────────────────

#[test]
fn a_package_whose_manifest_is_not_first_is_refused() {
    let mut archive = Archive::of([file("app.wasm", b"x")]);
    archive.members.swap(0, 1);
    let error = refusal(&archive);
    assert!(matches!(error, PackageError::ManifestNotFirst { ref first } if first == "app.wasm"));
}

#[test]
fn too_many_members_and_too_many_bytes_are_refused() {
    let many = Archive::of((0..4096).map(|n| file(&format!("f{n}"), b"")));
    assert!(matches!(refusal(&many), PackageError::TooManyMembers { count: 4097, limit: 4096 }));
    let small = Limits { total: ByteSize::bytes(100), ..Limits::app() };
    let error = read_within(Archive::of([]).bytes(), small).unwrap_err();
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
}

#[test]
fn a_manifest_that_is_too_large_is_not_read() {
    let mut archive = Archive::of([]);
    archive.members = vec![file("manifest.json", &[b' '; 65 * 1024])];
    let error = read(archive.bytes()).unwrap().manifest().unwrap_err();
    assert!(matches!(error, PackageError::MemberTooLarge { .. }), "{error}");
}
