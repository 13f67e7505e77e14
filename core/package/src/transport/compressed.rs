//! A package compressed whole: one zstd frame, streamed in both directions.

use std::io::{self, BufRead, Read, Write};

use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{ByteSize, Digest};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::header::{Header, LONGEST};
use super::{Effort, FrameFault, TransportError};
use crate::Written;

/// Bytes decoded at a time.
const PIECE: usize = 256 * 1024;

/// Writes the package of `length` bytes in `from` to `out` as one frame.
///
/// # Errors
/// Something cannot be read or written, or `from` is not as long as was said.
pub fn compress(
    mut from: impl Read,
    length: ByteSize,
    out: impl Write,
    effort: Effort,
) -> Result<(), TransportError> {
    let failed = || TransportError::io("compressing the package");
    let mut encoder = Encoder::new(out, effort.level()).map_err(failed())?;
    encoder.set_pledged_src_size(Some(length.as_u64())).map_err(failed())?;
    io::copy(&mut from, &mut encoder).map_err(failed())?;
    encoder.finish().and_then(|mut out| out.flush()).map_err(failed())
}

/// Writes the package in the frame `from` to `out`, if it is the signed one. Never writes more than
/// the signed length; what stands in `out` after an error is to be thrown away.
///
/// # Errors
/// [`TransportError`].
pub fn expand(
    mut from: impl BufRead,
    mut out: impl Write,
    signed: Written,
) -> Result<(), TransportError> {
    let head = read_head(&mut from)?;
    let header = Header::parse(&head).map_err(TransportError::Frame)?;
    header.check(signed.length, signed.length.as_u64()).map_err(TransportError::Frame)?;
    let mut decoder =
        Decoder::with_buffer(head.as_slice().chain(from)).map_err(damaged)?.single_frame();
    decoder.window_log_max(header.window_log()).map_err(damaged)?;
    let found = copy(&mut decoder, &mut out, signed.length)?;
    if found != signed.sha256 {
        return Err(TransportError::Digest { found, signed: signed.sha256 });
    }
    decoder.finish_frame().map_err(damaged)?;
    at_its_end(decoder.into_inner())?;
    out.flush().map_err(TransportError::io("writing the package"))
}

fn read_head(from: &mut impl Read) -> Result<Vec<u8>, TransportError> {
    let mut head = Vec::with_capacity(LONGEST);
    let mut first = from.take(LONGEST as u64);
    first.read_to_end(&mut head).map_err(TransportError::io("reading the frame"))?;
    Ok(head)
}

/// Copies all that comes out, which the header has promised to be `length` bytes.
fn copy(
    decoder: &mut impl Read,
    out: &mut impl Write,
    length: ByteSize,
) -> Result<Digest, TransportError> {
    let mut digest = DigestWriter::default();
    let mut piece = vec![0; PIECE];
    loop {
        let count = decoder.read(&mut piece).map_err(damaged)?;
        if count == 0 {
            return Ok(digest.finish());
        }
        if digest.length() + count as u64 > length.as_u64() {
            let found = ByteSize::bytes(digest.length() + count as u64);
            return Err(TransportError::Frame(FrameFault::Length { found, signed: length }));
        }
        digest.update(&piece[..count]);
        out.write_all(&piece[..count]).map_err(TransportError::io("writing the package"))?;
    }
}

/// Refuses bytes after the frame.
fn at_its_end(mut rest: impl Read) -> Result<(), TransportError> {
    let mut one = [0];
    match rest.read(&mut one).map_err(TransportError::io("reading the frame"))? {
        0 => Ok(()),
        _ => Err(TransportError::Damaged { words: "bytes follow the frame".to_owned() }),
    }
}

/// The decoder tells what is wrong with a frame as an error of reading; so does a disk.
fn damaged(error: io::Error) -> TransportError {
    if error.raw_os_error().is_some() {
        return TransportError::Io { doing: "reading the frame", source: error };
    }
    TransportError::Damaged { words: error.to_string() }
}
