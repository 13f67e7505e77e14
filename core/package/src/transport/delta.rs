//! One package as what it has over another: a zstd frame with the other one as its prefix.
//!
//! Chosen over bsdiff: within two points of its size, fourteen times as fast to apply, and no
//! second algorithm to keep. Both packages lie in memory, so that neither is copied again: applying
//! costs the base, the frame and the result.

use newleaf_domain::{ByteSize, Digest};
use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound, find_frame_compressed_size};

use super::base::memory;
use super::header::Header;
use super::{Base, Effort, TransportError};
use crate::Written;

/// The frame that turns `base` into `result`.
///
/// # Errors
/// There is not enough memory.
pub fn create(base: &Base, result: &[u8], effort: Effort) -> Result<Vec<u8>, TransportError> {
    let base = base.bytes();
    let mut encoder = CCtx::create();
    // Every byte of the base must be in reach from every byte of the result.
    let reach = (base.len() + result.len()).max(1024).next_power_of_two().ilog2();
    for parameter in [
        CParameter::CompressionLevel(effort.level()),
        CParameter::WindowLog(reach),
        CParameter::EnableLongDistanceMatching(true),
        CParameter::ContentSizeFlag(true),
    ] {
        encoder.set_parameter(parameter).map_err(TransportError::encoder)?;
    }
    encoder.ref_prefix(base).map_err(TransportError::encoder)?;
    let mut frame = memory(ByteSize::bytes(compress_bound(result.len()) as u64))?;
    encoder.compress2(&mut frame, result).map_err(TransportError::encoder)?;
    frame.shrink_to_fit();
    Ok(frame)
}

/// The package that `frame` makes of `base`, if it is the signed one.
///
/// # Errors
/// [`TransportError`]: whatever is wrong with the frame; nothing of it is to be used then.
pub fn apply(base: &Base, frame: &[u8], signed: Written) -> Result<Vec<u8>, TransportError> {
    let base = base.bytes();
    let reach = signed.length.as_u64().saturating_add(base.len() as u64);
    let header = Header::parse(frame).map_err(TransportError::Frame)?;
    header.check(signed.length, reach).map_err(TransportError::Frame)?;
    let end = find_frame_compressed_size(frame).map_err(TransportError::damaged)?;
    if end != frame.len() {
        let (found, end) = (ByteSize::bytes(frame.len() as u64), ByteSize::bytes(end as u64));
        return Err(TransportError::Leftover { found, end });
    }
    let mut result = memory(signed.length)?;
    let mut decoder = DCtx::create();
    decoder.ref_prefix(base).map_err(TransportError::damaged)?;
    // In one go: the result itself is the window, and no byte is written beyond its capacity.
    decoder.decompress(&mut result, frame).map_err(TransportError::damaged)?;
    let found = Digest::of(&result);
    if found == signed.sha256 {
        Ok(result)
    } else {
        Err(TransportError::Digest { found, signed: signed.sha256 })
    }
}
