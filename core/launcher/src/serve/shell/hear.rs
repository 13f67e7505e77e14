//! What happened meanwhile: waits for descriptors, and turns what they tell into events. Decides
//! nothing and carries out nothing.

use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::super::ServeError;
use super::super::workers::Expansion;
use super::turn::Shell;
use crate::proto::ToLauncher;
use crate::supervisor::{Event, Evidence, Exit, WorkerId};
use crate::wire::{UnknownForm, WireError};

/// What a descriptor in the poll set is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Signals,
    Wire(WorkerId),
    Exit(WorkerId),
    Probe(WorkerId),
    Expand,
    Recovery,
    RecoveryWire,
    Closing,
}

impl Shell {
    /// Sleeps until something happens; gives what did.
    pub(super) fn wait(&self) -> Result<Vec<Source>, ServeError> {
        let processes = &self.processes;
        let mut set = vec![(Source::Signals, self.signals.as_fd())];
        for (id, worker) in &processes.workers {
            set.push((Source::Wire(*id), worker.wire.as_fd()));
            set.push((Source::Exit(*id), worker.process.exited.as_fd()));
        }
        for (id, probe) in &processes.probes {
            set.push((Source::Probe(*id), probe.process.exited.as_fd()));
        }
        let expand = processes.expand.iter().map(|expansion| &expansion.errand);
        set.extend(expand.map(|errand| (Source::Expand, errand.process.exited.as_fd())));
        set.extend(processes.recovery.iter().flat_map(|recovery| {
            let wire = (Source::RecoveryWire, recovery.wire.as_fd());
            [wire, (Source::Recovery, recovery.process.exited.as_fd())]
        }));
        let closing = processes.closing.iter();
        set.extend(closing.map(|page| (Source::Closing, page.process.exited.as_fd())));
        let mut polled = set
            .iter()
            .map(|(_, fd)| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
            .collect::<Vec<_>>();
        let timeout = self.until_next();
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(ServeError::system("poll")(error)),
        }
        let ready = |((source, _), polled): ((Source, BorrowedFd<'_>), PollFd<'_>)| {
            (!polled.revents().is_empty()).then_some(source)
        };
        Ok(set.into_iter().zip(polled).filter_map(ready).collect())
    }

    /// How long nothing can be due; for ever where nothing is set.
    fn until_next(&self) -> Option<Timespec> {
        if !self.waiting.is_empty() {
            return Some(Timespec { tv_sec: 0, tv_nsec: 0 });
        }
        let moments = [
            self.timers.next(),
            self.processes.next_deadline(),
            self.notifier.next_beat(),
            self.stuck.as_ref().map(|stuck| stuck.again),
        ];
        let next = moments.into_iter().flatten().min()?;
        let wait = next.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        Timespec::try_from(wait).ok()
    }

    pub(super) fn take(&mut self, source: Source) {
        match source {
            Source::Signals => self.take_signals(),
            Source::Wire(id) => self.take_message(id),
            Source::Exit(id) => self.take_exit(id),
            Source::Probe(id) => self.take_probe(id),
            Source::Expand => self.take_expand(),
            Source::RecoveryWire => self.take_order(),
            Source::Closing => {
                if let Some(mut page) = self.processes.closing.take() {
                    page.process.reap();
                }
            }
            Source::Recovery => {
                if let Some(mut recovery) = self.processes.recovery.take() {
                    let exit = recovery.process.reap();
                    self.waiting.push_back(Event::RecoveryGone(exit));
                }
            }
        }
    }

    fn take_signals(&mut self) {
        empty(&self.signals);
        self.waiting.push_back(Event::Stop);
    }

    fn take_message(&mut self, id: WorkerId) {
        let Some(worker) = self.processes.workers.get_mut(&id) else { return };
        match worker.wire.receive::<ToLauncher>() {
            Ok((ToLauncher::Ready { pulse, oldest_reader, .. }, _)) => {
                let took = worker.process.started.elapsed();
                let ready = Event::Ready { worker: id, took, pulse, oldest_reader };
                self.waiting.push_back(ready);
            }
            Ok((ToLauncher::Pulse, _)) => self.waiting.push_back(Event::Pulse(id)),
            Ok((ToLauncher::Ask { id: number, ask }, _)) => {
                self.waiting.push_back(Event::Asked { worker: id, id: number, ask });
            }
            // It exits next, and that is told by its process.
            Ok((ToLauncher::Drained, _)) => {}
            Ok((ToLauncher::LastWords { why }, _)) => worker.hear_last(&why),
            // A worker orders no repairs.
            Ok((ToLauncher::Repair { id: number, .. }, _)) => {
                self.waiting.push_back(Event::Unknown { worker: id, id: Some(number) });
            }
            Err(WireError::Form(UnknownForm { id: number, .. })) => {
                self.waiting.push_back(Event::Unknown { worker: id, id: number });
            }
            // Not even its number is known, so nobody can be answered.
            Err(
                WireError::TooLong { .. } | WireError::TooMany { .. } | WireError::Enclosure(_),
            ) => {
                self.waiting.push_back(Event::Unknown { worker: id, id: None });
            }
            // A worker without its control socket cannot be told anything any more.
            Err(WireError::Closed | WireError::Full | WireError::System(_)) => {
                worker.process.kill();
            }
        }
    }

    /// The recovery page's process orders repairs; nothing else of what it says counts.
    fn take_order(&mut self) {
        let Some(recovery) = &mut self.processes.recovery else { return };
        match recovery.wire.receive::<ToLauncher>() {
            Ok((ToLauncher::Repair { id, repair }, _)) => {
                self.waiting.push_back(Event::Ordered { id, repair });
            }
            Ok((
                ToLauncher::Ready { .. }
                | ToLauncher::Pulse
                | ToLauncher::Drained
                | ToLauncher::LastWords { .. }
                | ToLauncher::Ask { .. },
                _,
            ))
            | Err(
                WireError::Form(_)
                | WireError::TooLong { .. }
                | WireError::TooMany { .. }
                | WireError::Enclosure(_),
            ) => {}
            // Its exit is told next.
            Err(WireError::Closed | WireError::Full | WireError::System(_)) => {
                recovery.process.kill();
            }
        }
    }

    fn take_exit(&mut self, id: WorkerId) {
        let Some(worker) = self.processes.workers.get_mut(&id) else { return };
        let exit = worker.end();
        self.processes.kill(id);
        self.waiting.push_back(Event::Exited { worker: id, exit });
    }

    fn take_probe(&mut self, id: WorkerId) {
        let Some(mut probe) = self.processes.probes.remove(&id) else { return };
        let Exit { how, .. } = probe.process.reap();
        let (end, said) = (probe.process.end(), probe.process.said());
        let result = match said.is_empty() {
            _ if end.is_success() => Ok(()),
            // What it says, a worker answered, or did not.
            false => Err(Exit { how: said, evidence: Evidence::Release }),
            true => {
                let how = format!("could not be asked: its probe {how}");
                Err(Exit { how, evidence: end.evidence_of_errand() })
            }
        };
        self.waiting.push_back(Event::Probed { worker: id, result });
    }

    fn take_expand(&mut self) {
        let Some(Expansion { mut errand, report }) = self.processes.expand.take() else { return };
        let Exit { how, .. } = errand.process.reap();
        let end = errand.process.end();
        let how = report.last_line().map_or_else(|| how.clone(), |why| format!("{how}: {why}"));
        let failed = || Exit { how, evidence: end.evidence_of_errand() };
        let result = if end.is_success() { Ok(()) } else { Err(failed()) };
        self.waiting.push_back(Event::Expanded(result));
    }

    /// Ends probes, expands and a recovery page's last answers that took too long.
    pub(super) fn cut_errands(&mut self) {
        let now = Instant::now();
        if let Some(mut page) = self.processes.closing.take_if(|page| page.until <= now) {
            page.process.kill();
        }
        let probes = &mut self.processes.probes;
        let late = probes.iter().filter(|(_, probe)| probe.until <= now).map(|(id, _)| *id);
        for id in late.collect::<Vec<_>>() {
            if let Some(mut probe) = self.processes.probes.remove(&id) {
                probe.process.kill();
                let how = "its probe gave no answer in time".to_owned();
                let result = Err(Exit { how, evidence: Evidence::Release });
                self.waiting.push_back(Event::Probed { worker: id, result });
            }
        }
        let expand = &mut self.processes.expand;
        if let Some(mut expansion) = expand.take_if(|expansion| expansion.errand.until <= now) {
            expansion.errand.process.kill();
            let within = self.model.expand_within().as_secs_f32();
            let how = format!("was not done within {within} s");
            // A busy disk is slow too: as where the old version serves meanwhile, nobody is blamed.
            let exit = Exit { how, evidence: Evidence::Machine };
            self.waiting.push_back(Event::Expanded(Err(exit)));
        }
    }
}

/// Whether a signal was told of, which it is no more. The bytes carry nothing.
pub(super) fn empty(mut signals: &UnixStream) -> bool {
    signals.read(&mut [0; 64]).is_ok_and(|count| count > 0)
}

/// A stream that becomes readable when the launcher is told to end.
pub(super) fn signals() -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
    }
    Ok(ours)
}
