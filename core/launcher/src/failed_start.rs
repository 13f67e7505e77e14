//! What a start that came to nothing leaves in the journal, so that whoever looks at a host that
//! does not run is told why. Only tells; a journal that takes no record is lived with.

use crate::durable::chain;
use crate::journal::{self, Entry, Journal, Record};
use crate::layout::Layout;
use crate::lock::HostLock;
use crate::words;

/// How the notice of such a start begins.
const FAILED: &str = "the host did not start: ";

/// The notice of the first start after it that came.
pub(crate) const CAME: &str = "the host has started again";

/// What a record tells of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// It came to nothing, because of this.
    Failed(&'a str),
    /// It came, after one that did not.
    Came,
}

/// What `record` tells of a start, where it does.
pub fn told_by(record: &Record) -> Option<Start<'_>> {
    let Entry::Notice { text } = &record.entry else { return None };
    if text == CAME { Some(Start::Came) } else { text.strip_prefix(FAILED).map(Start::Failed) }
}

/// Why the last start came to nothing; none where it came.
pub(crate) fn last(records: &[Record]) -> Option<&str> {
    match records.iter().rev().find_map(told_by)? {
        Start::Failed(why) => Some(why),
        Start::Came => None,
    }
}

/// Leaves it for those who look. A service manager tries again and again: the same is said once.
pub(crate) fn note(held: &HostLock, layout: &Layout, error: &dyn std::error::Error) {
    let why = words::plain(&chain(error));
    let records = journal::read_from(layout, 1).unwrap_or_default();
    if last(&records) != Some(&why) {
        let entry = Entry::Notice { text: format!("{FAILED}{why}") };
        // Whoever started it is told anyway.
        drop(Journal::open(held, layout).and_then(|mut journal| journal.append(None, entry)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_reason_is_noted_once_and_is_over_once_a_start_came() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let held = HostLock::acquire(&layout).unwrap();
        let error = std::io::Error::other("bind 0.0.0.0:443: permission denied");
        for _ in 0..3 {
            note(&held, &layout, &error);
        }
        let records = journal::read_from(&layout, 1).unwrap();
        assert_eq!(
            (records.len(), last(&records)),
            (1, Some("bind 0.0.0.0:443: permission denied"))
        );
        let came = Entry::Notice { text: CAME.to_owned() };
        Journal::open(&held, &layout).unwrap().append(None, came).unwrap();
        assert_eq!(last(&journal::read_from(&layout, 1).unwrap()), None);
        note(&held, &layout, &error);
        assert_eq!(journal::read_from(&layout, 1).unwrap().len(), 3);
    }
}
