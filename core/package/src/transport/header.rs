//! The header of a zstd frame (RFC 8878 §3.1.1.1), read before the library sees the frame: what it
//! will cost is known and bounded before anything is allocated.

use newleaf_domain::ByteSize;

use super::FrameFault;

/// The longest header there can be: magic, descriptor, window, dictionary, content size.
pub(super) const LONGEST: usize = 4 + 1 + 1 + 4 + 8;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The memory it wants to look back into, in bytes.
    window: u64,
    /// Bytes that come out of it.
    content: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, FrameFault> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(FrameFault::NoHeader)?;
        let (descriptor, mut rest) = rest.split_first().ok_or(FrameFault::NoHeader)?;
        let is_single_segment = descriptor & 0b10_0000 != 0;
        if descriptor & 0b1000 != 0 {
            return Err(FrameFault::Reserved);
        }
        if descriptor & 0b11 != 0 {
            return Err(FrameFault::Dictionary);
        }
        let mut window = 0;
        if !is_single_segment {
            let (byte, after) = rest.split_first().ok_or(FrameFault::NoHeader)?;
            (window, rest) = (window_of(*byte), after);
        }
        let content = match (descriptor >> 6, is_single_segment) {
            (0, false) => return Err(FrameFault::NoLength),
            (0, true) => number(rest, 1)?,
            (1, _) => number(rest, 2)? + 256,
            (2, _) => number(rest, 4)?,
            (_, _) => number(rest, 8)?,
        };
        Ok(Self { window: if is_single_segment { content } else { window }, content })
    }

    /// Refuses a frame from which something else than the `signed` length would come, or which
    /// wants a window of more than `window` bytes.
    pub(super) fn check(self, signed: ByteSize, window: u64) -> Result<(), FrameFault> {
        let found = ByteSize::bytes(self.content);
        if found != signed {
            return Err(FrameFault::Length { found, signed });
        }
        // The least the format can ask for is 1 KiB.
        let allowed = window.max(1024).checked_next_power_of_two().unwrap_or(u64::MAX);
        if self.window > allowed {
            let (found, allowed) = (ByteSize::bytes(self.window), ByteSize::bytes(allowed));
            return Err(FrameFault::Window { found, allowed });
        }
        Ok(())
    }

    /// The binary logarithm of the window, rounded up: what the library takes as its bound.
    pub(super) fn window_log(self) -> u32 {
        self.window.max(1024).checked_next_power_of_two().map_or(u64::BITS, u64::ilog2)
    }
}

/// The window of a window descriptor (RFC 8878 §3.1.1.1.2).
fn window_of(byte: u8) -> u64 {
    let base = 1_u64 << (10 + u32::from(byte >> 3));
    base + base / 8 * u64::from(byte & 0b111)
}

/// The first `count` bytes as a number, the least significant one first.
fn number(bytes: &[u8], count: usize) -> Result<u64, FrameFault> {
    let bytes = bytes.get(..count).ok_or(FrameFault::NoHeader)?;
    Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(after_magic: &[u8]) -> Result<Header, FrameFault> {
        Header::parse(&[&MAGIC, after_magic].concat())
    }

    #[test]
    fn every_width_of_a_content_size_is_read() {
        assert_eq!(parse(&[0x20, 7]).unwrap(), Header { window: 7, content: 7 });
        assert_eq!(parse(&[0x60, 1, 1]).unwrap().content, 257 + 256);
        assert_eq!(parse(&[0xa0, 1, 0, 0, 1]).unwrap().content, (1 << 24) + 1);
        assert_eq!(parse(&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0]).unwrap().content, 1 << 32);
        assert_eq!(
            parse(&[0x80, 0x58, 5, 0, 0, 0]).unwrap(),
            Header { window: 1 << 21, content: 5 }
        );
    }

    #[test]
    fn a_window_beyond_what_is_signed_is_refused() {
        let greedy = parse(&[0x80, (31 - 10) << 3, 5, 0, 0, 0]).unwrap();
        assert_eq!(greedy.window, 1 << 31);
        let refused = greedy.check(ByteSize::bytes(5), 5).unwrap_err();
        assert!(matches!(refused, FrameFault::Window { .. }), "{refused}");
        greedy.check(ByteSize::bytes(5), 1 << 31).unwrap();
        assert_eq!(greedy.window_log(), 31);
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_refused() {
        for (bytes, fault) in [
            (&[][..], FrameFault::NoHeader),
            (&[0x20], FrameFault::NoHeader),
            (&[0xe0, 1, 2, 3], FrameFault::NoHeader),
            (&[0x00, 0x58], FrameFault::NoLength),
            (&[0x21, 1, 7], FrameFault::Dictionary),
            (&[0x28, 7], FrameFault::Reserved),
        ] {
            assert_eq!(parse(bytes).unwrap_err(), fault);
        }
        assert_eq!(Header::parse(b"PK\x03\x04").unwrap_err(), FrameFault::NoHeader);
    }
}
