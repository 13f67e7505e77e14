//! A folder whose `state` is lost, held while another is made for it. Moves damaged files aside and
//! removes none; what ran is not guessed here.

use std::io::ErrorKind::PermissionDenied;

use crate::durable::{self, DiskError};
use crate::journal::{self, Entry, Journal, Record};
use crate::layout::Layout;
use crate::lock::{self, HostLock, Orphans};
use crate::offline::{OfflineError, WORKERS_WITHIN};
use crate::state::{CoreSlot, State};
use crate::state_file::{self, StateError};

/// A folder without a readable `state` or `state.prev`, held until this is dropped.
#[derive(Debug)]
pub struct Stateless {
    lock: HostLock,
    layout: Layout,
}

impl Stateless {
    /// Takes the folder.
    ///
    /// # Errors
    /// There is a state that can be read, or one of a newer version; a host runs on the folder, or
    /// workers of the last one do not go.
    pub fn take(layout: Layout) -> Result<Self, OfflineError> {
        let lock = HostLock::acquire(&layout)?;
        match state_file::read(&layout) {
            Err(StateError::Missing(_) | StateError::Torn(_)) => {}
            // One that only another user may read is not lost.
            Err(StateError::Disk(error)) if error.source.kind() != PermissionDenied => {}
            Ok(_) => return Err(StateError::Exists(layout.state()).into()),
            Err(error) => return Err(error.into()),
        }
        lock::wait_for_workers(&layout, WORKERS_WITHIN, Orphans::Leave)?;
        Ok(Self { lock, layout })
    }

    /// Where everything lies.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the journal tells of the time before; nothing where it is lost too.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, OfflineError> {
        if !self.layout.journal().exists() {
            return Ok(Vec::new());
        }
        Ok(journal::read_from(&self.layout, 1)?)
    }

    /// Writes a state that names `good` and nothing else, after a notice in the journal.
    ///
    /// # Errors
    /// The disk refused; there is no state then, and this may be tried again.
    pub fn begin(self, good: CoreSlot, notice: String) -> Result<(), OfflineError> {
        let mut journal = Journal::open(&self.lock, &self.layout)?;
        let told = journal.append(None, Entry::Notice { text: notice })?;
        for path in [self.layout.state(), self.layout.previous_state()] {
            if path.exists() {
                let aside = path.with_extension(format!("damaged-{}", told.seq));
                std::fs::rename(&path, aside)
                    .map_err(DiskError::on("rename", &path))
                    .map_err(StateError::from)?;
                durable::sync_parent(&path).map_err(StateError::from)?;
            }
        }
        // A number that the lost state never had: none is changed once a second for decades.
        let seq = u64::try_from(told.at.unix()).unwrap_or_default().max(told.seq);
        let state = State { seq, ..State::first(good) };
        Ok(state_file::create(&self.lock, &self.layout, &state)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoppedHost;
    use crate::offline::Purpose;
    use crate::sample;

    #[test]
    fn a_folder_that_lost_both_states_gets_a_new_one_and_keeps_what_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        drop(StoppedHost::create(layout.clone(), sample::state()).unwrap());
        let refused = Stateless::take(layout.clone()).unwrap_err();
        assert!(matches!(refused, OfflineError::State(StateError::Exists(_))), "{refused}");
        std::fs::write(layout.state(), "torn").unwrap();
        let lost = Stateless::take(layout.clone()).unwrap();
        lost.begin(sample::slot("1.0.0"), "a new state".to_owned()).unwrap();
        let host = StoppedHost::open(layout.clone(), Purpose::Look).unwrap();
        assert_eq!(host.state().core.good, sample::slot("1.0.0"));
        assert!(host.state().seq > sample::state().seq);
        assert_eq!(std::fs::read(dir.path().join("state.damaged-1")).unwrap(), b"torn");
        assert_eq!(journal::read_from(&layout, 1).unwrap().len(), 1);
    }
}
