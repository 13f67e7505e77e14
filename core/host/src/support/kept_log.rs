//! The end of the log, kept in the folder: what a host said last is readable where the journal of
//! the service manager is not at hand. Never more than two files of [`MOST`] bytes.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_launcher::Layout;
use tracing_subscriber::fmt::MakeWriter;

/// The size at which a file gives way to the next, in bytes.
const MOST: u64 = 256 * 1024;

/// Writes each line to standard error and to the folder. Several processes may at a time: each
/// line is one append.
#[derive(Debug, Clone)]
pub(crate) struct KeptLog {
    path: PathBuf,
    before: PathBuf,
}

impl KeptLog {
    /// The log of the host in `dir`.
    pub(crate) fn of(dir: &Path) -> Self {
        let layout = Layout::new(dir);
        Self { path: layout.log(), before: layout.log_before() }
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(line)?;
        if file.metadata()?.len() > MOST {
            fs::rename(&self.path, &self.before)?;
        }
        Ok(())
    }

    /// The last `bytes` bytes of it, from the beginning of a line on.
    pub(crate) fn tail(&self, bytes: u64) -> String {
        let now = end_of(&self.path, bytes).unwrap_or_default();
        let left = bytes.saturating_sub(now.len() as u64);
        let before =
            if left == 0 { Vec::new() } else { end_of(&self.before, left).unwrap_or_default() };
        String::from_utf8_lossy(&[before, now].concat()).into_owned()
    }
}

fn end_of(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(bytes);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.take(bytes).read_to_end(&mut end)?;
    if from > 0 {
        let line = end.iter().position(|byte| *byte == b'\n').map_or(end.len(), |at| at + 1);
        end.drain(..line);
    }
    Ok(end)
}

/// One line on its way to both.
#[derive(Debug)]
pub(crate) struct Line<'a>(&'a KeptLog);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A full disk takes nothing from the log on standard error.
        drop(self.0.append(line));
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for KeptLog {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_log_is_bounded_and_its_end_begins_with_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let log = KeptLog::of(dir.path());
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..600 {
            log.append(line.as_bytes()).unwrap();
        }
        log.append(b"the last line\n").unwrap();
        let sizes = [&log.path, &log.before].map(|path| fs::metadata(path).unwrap().len());
        assert!(sizes.iter().all(|size| *size <= MOST + 2048), "{sizes:?}");
        let tail = log.tail(100 * 1024);
        assert!(tail.len() > 90 * 1024 && tail.starts_with('x') && tail.ends_with("last line\n"));
        assert_eq!(log.tail(20), "the last line\n");
    }

    #[test]
    fn a_folder_without_a_log_has_an_empty_end() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(KeptLog::of(dir.path()).tail(100), "");
    }
}
