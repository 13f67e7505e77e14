//! How a package travels: whole and as a delta, there and back; and what no frame can do.

use newleaf_domain::{ByteSize, Digest};
use newleaf_package::transport::{
    Base, Effort, FrameFault, TransportError, apply, compress, create, expand,
};
use newleaf_package::{Limits, PackageReader, PackageWriter, Written};
use proptest::prelude::*;

use crate::archive::MANIFEST;

fn signed(bytes: &[u8]) -> Written {
    Written { length: ByteSize::bytes(bytes.len() as u64), sha256: Digest::of(bytes) }
}

fn base(bytes: &[u8]) -> Base {
    Base::read(bytes, signed(bytes)).unwrap()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    compress(bytes, signed(bytes).length, &mut frame, Effort::Quick).unwrap();
    frame
}

fn expanded(frame: &[u8], signed: Written) -> Result<Vec<u8>, TransportError> {
    let mut out = Vec::new();
    expand(frame, &mut out, signed).map(|()| out)
}

/// Bytes that do not compress and are always the same.
fn noise(length: usize) -> Vec<u8> {
    let blocks = (0..=length as u64 / 32).map(|n| Digest::of(&n.to_le_bytes()));
    blocks.flat_map(|digest| *digest.as_bytes()).take(length).collect()
}

/// Two versions: noise with a new piece in the middle.
fn versions() -> (Vec<u8>, Vec<u8>) {
    let old = noise(300_000);
    let new = [&old[..100_000], b"what is new", &old[100_000..]].concat();
    (old, new)
}

#[test]
fn a_delta_of_a_small_change_is_small_and_gives_the_signed_bytes() {
    let (old, new) = versions();
    let frame = create(&base(&old), &new, Effort::Best).unwrap();
    assert!(frame.len() < 2_000, "{} bytes", frame.len());
    assert_eq!(apply(&base(&old), &frame, signed(&new)).unwrap(), new);
}

#[test]
fn a_base_is_rebuilt_from_the_folder_it_was_unpacked_into() {
    let mut writer = PackageWriter::new(MANIFEST.to_vec(), Limits::app()).unwrap();
    writer.add_bytes("assets/a.bin", noise(5_000)).unwrap();
    let mut file = std::io::Cursor::new(Vec::new());
    let written = writer.write(&mut file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut reader = PackageReader::open(&mut file, Limits::app()).unwrap();
    reader.unpack_into(folder.path(), &mut |_| ()).unwrap();
    let rebuilt = Base::rebuild(folder.path(), Limits::app(), written.sha256).unwrap();
    assert_eq!(rebuilt.bytes(), file.get_ref());

    std::fs::write(folder.path().join("assets/a.bin"), b"changed on disk").unwrap();
    let changed = Base::rebuild(folder.path(), Limits::app(), written.sha256).unwrap_err();
    assert!(matches!(changed, TransportError::OtherBase { .. }), "{changed}");
    assert!(!changed.is_machine_fault());
}

#[test]
fn a_delta_over_another_base_is_refused() {
    let (old, new) = versions();
    let frame = create(&base(&old), &new, Effort::Quick).unwrap();
    let mut other = old;
    other[50_000] ^= 1;
    let refused = apply(&base(&other), &frame, signed(&new)).unwrap_err();
    assert!(matches!(refused, TransportError::Digest { .. }), "{refused}");
    let shorter = apply(&base(&other[..1_000]), &frame, signed(&new)).unwrap_err();
    assert!(matches!(shorter, TransportError::Damaged { .. }), "{shorter}");
}

#[test]
fn a_frame_that_promises_another_length_is_refused_by_its_header() {
    let bomb = compressed(&vec![0; 10_000_000]);
    assert!(bomb.len() < 2_000, "{} bytes", bomb.len());
    let small = signed(&[0; 1_000]);
    for refused in
        [expanded(&bomb, small).unwrap_err(), apply(&base(b"x"), &bomb, small).unwrap_err()]
    {
        assert!(matches!(refused, TransportError::Frame(FrameFault::Length { .. })), "{refused}");
    }
}

#[test]
fn a_frame_that_lies_about_its_length_gives_no_byte_more() {
    // The header says 1000 bytes in a single segment; the blocks are those of ten megabytes.
    let bomb = compressed(&vec![0; 10_000_000]);
    let lying =
        [&[0x28, 0xb5, 0x2f, 0xfd, 0x60][..], &744_u16.to_le_bytes(), &bomb[9 + 1..]].concat();
    let small = signed(&[0; 1_000]);
    for refused in
        [expanded(&lying, small).unwrap_err(), apply(&base(b"x"), &lying, small).unwrap_err()]
    {
        assert!(!matches!(refused, TransportError::Frame(FrameFault::NoHeader)), "{refused}");
        assert!(!refused.is_machine_fault(), "{refused}");
    }
}

#[test]
fn a_frame_that_wants_a_window_of_two_gibibytes_is_refused_before_it_has_it() {
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0x80, (31 - 10) << 3, 0xe8, 0x03, 0, 0];
    let small = signed(&[0; 1_000]);
    for refused in
        [expanded(&header, small).unwrap_err(), apply(&base(b"x"), &header, small).unwrap_err()]
    {
        assert!(matches!(refused, TransportError::Frame(FrameFault::Window { .. })), "{refused}");
    }
}

#[test]
fn a_frame_that_is_cut_short_or_followed_by_something_is_refused() {
    let (old, new) = versions();
    let delta = create(&base(&old), &new, Effort::Quick).unwrap();
    let whole = compressed(&new);
    for garbage in [&b"x"[..], &whole, b"\x50\x2a\x4d\x18\x01\x00\x00\x00s"] {
        assert!(apply(&base(&old), &[&delta, garbage].concat(), signed(&new)).is_err());
        assert!(expanded(&[&whole, garbage].concat(), signed(&new)).is_err());
    }
    for cut in [0, 1, 4, 9, delta.len() - 1] {
        assert!(apply(&base(&old), &delta[..cut], signed(&new)).is_err(), "cut at {cut}");
    }
    for cut in [0, 1, 4, 9, whole.len() / 2, whole.len() - 1] {
        assert!(expanded(&whole[..cut], signed(&new)).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_frame_of_another_package_of_the_same_length_is_refused() {
    let (old, new) = versions();
    let mut other = new.clone();
    other[7] ^= 1;
    let refused = expanded(&compressed(&other), signed(&new)).unwrap_err();
    assert!(matches!(refused, TransportError::Digest { .. }), "{refused}");
    let delta = create(&base(&old), &other, Effort::Quick).unwrap();
    let refused = apply(&base(&old), &delta, signed(&new)).unwrap_err();
    assert!(matches!(refused, TransportError::Digest { .. }), "{refused}");
}

#[test]
fn a_disk_that_fails_is_not_the_frames_fault() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let bytes = noise(1_000);
    let failed = expand(&*compressed(&bytes), Full, signed(&bytes)).unwrap_err();
    assert!(failed.is_machine_fault(), "{failed}");
}

/// A package to be, made of pieces of another one and of new ones.
fn pieces() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let old = prop::collection::vec(any::<u8>(), 0..20_000);
    let cuts =
        prop::collection::vec((any::<prop::sample::Index>(), 0..5_000_usize, any::<u8>()), 0..12);
    (old, cuts).prop_map(|(old, cuts)| {
        let mut new = Vec::new();
        for (at, count, byte) in cuts {
            let at = at.index(old.len() + 1);
            new.extend_from_slice(&old[at..(at + count).min(old.len())]);
            new.extend(std::iter::repeat_n(byte, count % 40));
        }
        (old, new)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_travels_arrives_as_it_was((old, new) in pieces()) {
        let delta = create(&base(&old), &new, Effort::Quick).unwrap();
        prop_assert_eq!(&apply(&base(&old), &delta, signed(&new)).unwrap(), &new);
        prop_assert_eq!(&expanded(&compressed(&new), signed(&new)).unwrap(), &new);
    }

    #[test]
    fn a_damaged_frame_gives_the_signed_bytes_or_nothing(
        (old, new) in pieces(), at in any::<prop::sample::Index>(), bits in 1..=255_u8,
    ) {
        let mut delta = create(&base(&old), &new, Effort::Quick).unwrap();
        let mut whole = compressed(&new);
        let place = at.index(delta.len());
        delta[place] ^= bits;
        let place = at.index(whole.len());
        whole[place] ^= bits;
        if let Ok(result) = apply(&base(&old), &delta, signed(&new)) {
            prop_assert_eq!(&result, &new);
        }
        if let Ok(result) = expanded(&whole, signed(&new)) {
            prop_assert_eq!(&result, &new);
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_fail_otherwise_than_by_refusing(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd][..], &bytes].concat();
        let wanted = signed(b"never this");
        prop_assert!(apply(&base(b"base"), &frame, wanted).is_err());
        prop_assert!(expanded(&frame, wanted).is_err());
    }
}
