//! Writes a tar archive of small files (POSIX.1-2001 `ustar`), which every system can open.

/// The size of a block; headers and contents fill whole ones.
const BLOCK: usize = 512;

/// An archive that is being written.
#[derive(Debug, Default)]
pub(super) struct Tar {
    bytes: Vec<u8>,
    at: u64,
}

impl Tar {
    /// An empty archive; each file's time is `at`, in seconds since 1970.
    pub(super) const fn new(at: u64) -> Self {
        Self { bytes: Vec::new(), at }
    }

    /// Adds a file. `name` has at most 100 bytes.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) {
        let mut header = [0_u8; BLOCK];
        put(&mut header, 0, name.as_bytes());
        put(&mut header, 100, b"0000600");
        put(&mut header, 108, b"0000000");
        put(&mut header, 116, b"0000000");
        put(&mut header, 124, format!("{:011o}", content.len()).as_bytes());
        put(&mut header, 136, format!("{:011o}", self.at).as_bytes());
        // The sum is taken with spaces in its own place.
        put(&mut header, 148, b"        ");
        put(&mut header, 156, b"0");
        put(&mut header, 257, b"ustar\x0000");
        let sum = header.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

fn put(header: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn other_programs_can_open_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut tar = Tar::new(1_800_000_000);
        tar.add("a/one.txt", b"one\n");
        tar.add("a/two.txt", &[b'x'; 1000]);
        let path = dir.path().join("x.tar");
        std::fs::write(&path, tar.finish()).unwrap();
        let unpacked = Command::new("tar").arg("xf").arg(&path).arg("-C").arg(dir.path()).status();
        assert!(unpacked.unwrap().success());
        assert_eq!(std::fs::read(dir.path().join("a/one.txt")).unwrap(), b"one\n");
        assert_eq!(std::fs::metadata(dir.path().join("a/two.txt")).unwrap().len(), 1000);
    }
}
