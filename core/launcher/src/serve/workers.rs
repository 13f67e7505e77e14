//! The processes of a running host and what is said to them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::listeners::Listeners;
use super::process::{Process, cannot, cannot_start};
use super::report::Report;
use super::{ServeError, Settings};
use crate::layout::Layout;
use crate::lock;
use crate::proto::{ToLauncher, ToWorker};
use crate::state::{CoreSlot, State};
use crate::supervisor::{Evidence, Exit, WorkerId};
use crate::wire::{Blocking, Wire, WireError};
use crate::words;

/// Beyond its own deadline a probe gets this long to print its reason.
const PROBE_GRACE: Duration = Duration::from_secs(1);

/// How long a recovery page gets to finish its answers; longer than it gives itself.
const CLOSING_WITHIN: Duration = Duration::from_secs(10);

/// A worker's process and the launcher's end of its control socket.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) wire: Wire,
    /// Why it ends, as it says itself.
    pub(super) words: Option<String>,
}

impl Running {
    pub(super) const fn new(process: Process, wire: Wire) -> Self {
        Self { process, wire, words: None }
    }

    /// How it ended, with its last words; called once that is to be seen. What else it had said
    /// nobody can answer any more.
    pub(super) fn end(&mut self) -> Exit {
        let exit = self.process.reap();
        while self.wire.has_news() {
            match self.wire.receive() {
                Ok((ToLauncher::LastWords { why }, _)) => self.hear_last(&why),
                Ok(_) | Err(WireError::Form(_)) => {}
                Err(_) => break,
            }
        }
        match &self.words {
            Some(words) => Exit { how: format!("{}: {words}", exit.how), ..exit },
            None => exit,
        }
    }

    /// Keeps what it says of its end.
    pub(super) fn hear_last(&mut self, why: &str) {
        self.words = Some(words::plain(why)).filter(|words| !words.is_empty());
    }

    /// Says something to it. One that does not listen is as good as gone: it is ended, and its exit
    /// is told.
    fn say(&mut self, message: &ToWorker) {
        match self.wire.send(message, &[], Blocking::No) {
            Ok(()) | Err(WireError::Closed) => {}
            Err(
                WireError::Full
                | WireError::TooLong { .. }
                | WireError::TooMany { .. }
                | WireError::Enclosure(_)
                | WireError::Form(_)
                | WireError::System(_),
            ) => self.process.kill(),
        }
    }
}

/// A short-lived child and when it must have ended.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) process: Process,
    pub(super) until: Instant,
}

/// The child that extends the schema: a line for each part of its work, and the last one says why
/// it failed.
#[derive(Debug)]
pub(super) struct Expansion {
    pub(super) errand: Errand,
    pub(super) report: Report,
}

/// Everything the launcher has started.
#[derive(Debug)]
pub(super) struct Processes {
    pub(super) settings: Settings,
    pub(super) layout: Layout,
    pub(super) listeners: Listeners,
    pub(super) workers: BTreeMap<WorkerId, Running>,
    pub(super) probes: BTreeMap<WorkerId, Errand>,
    pub(super) expand: Option<Expansion>,
    pub(super) recovery: Option<Running>,
    /// A recovery page that finishes its answers while a version serves.
    pub(super) closing: Option<Errand>,
}

impl Processes {
    pub(super) const fn new(settings: Settings, layout: Layout, listeners: Listeners) -> Self {
        Self {
            settings,
            layout,
            listeners,
            workers: BTreeMap::new(),
            probes: BTreeMap::new(),
            expand: None,
            recovery: None,
            closing: None,
        }
    }

    /// Starts a worker and greets it.
    pub(super) fn spawn(
        &mut self,
        id: WorkerId,
        slot: &CoreSlot,
        trial: bool,
        state: &State,
    ) -> Result<(), Exit> {
        let program = self.layout.program(slot);
        let running = self.serve_with(&program, &["worker"], id.0, trial, state, slot.protocol)?;
        self.workers.insert(id, running);
        Ok(())
    }

    /// Gives the listeners to the recovery page, which reads its reason from the journal.
    pub(super) fn open_recovery(&mut self, state: &State) -> Result<(), Exit> {
        let program = self.settings.image.clone();
        self.recovery = Some(self.serve_with(
            &program,
            &["recovery"],
            0,
            false,
            state,
            self.settings.protocol,
        )?);
        Ok(())
    }

    /// Starts a program that gets the listeners over its standard input.
    fn serve_with(
        &self,
        program: &Path,
        arguments: &[&str],
        id: u64,
        trial: bool,
        state: &State,
        spoken: u32,
    ) -> Result<Running, Exit> {
        let control = |error: WireError| Exit {
            how: format!("could not be given its sockets: {error}"),
            evidence: Evidence::Machine,
        };
        let (wire, theirs) = Wire::pair().map_err(control)?;
        let mut all = arguments.iter().map(OsStr::new).collect::<Vec<_>>();
        all.extend([OsStr::new("--dir"), self.layout.dir().as_os_str()]);
        let process = Process::start(program, &all, Stdio::from(theirs), Stdio::inherit())
            .map_err(|error| cannot_start(program, &error))?;
        let mut running = Running::new(process, wire);
        if let Err(exit) = self.greet(&running.wire, id, trial, state, spoken) {
            running.process.kill();
            return Err(exit);
        }
        Ok(running)
    }

    fn greet(
        &self,
        wire: &Wire,
        id: u64,
        trial: bool,
        state: &State,
        spoken: u32,
    ) -> Result<(), Exit> {
        let machine = |how: String| Exit { how, evidence: Evidence::Machine };
        let hold = lock::hold_workers(&self.layout)
            .map_err(|error| machine(format!("could not be given its lock: {error}")))?;
        let hello = ToWorker::Hello {
            // An older version is spoken to as it knows it.
            protocol: self.settings.protocol.min(spoken),
            public: self.listeners.public.len(),
            admin: self.listeners.admin.len(),
            probe_socket: self.layout.probe_socket(id).to_string_lossy().into_owned(),
            trial,
            state: Box::new(state.clone()),
        };
        let mut descriptors = self.listeners.descriptors();
        descriptors.push(hold.as_fd());
        match wire.send(&hello, &descriptors, Blocking::No) {
            // It is gone already; its exit is told next.
            Ok(()) | Err(WireError::Closed) => Ok(()),
            Err(error) => Err(machine(format!("could not be given its sockets: {error}"))),
        }
    }

    /// Asks a worker's private socket through the launcher's own image. A probe of it that still
    /// runs is ended: what it would say is older than the question.
    pub(super) fn probe(&mut self, id: WorkerId) -> Result<(), Exit> {
        if let Some(mut older) = self.probes.remove(&id) {
            older.process.kill();
        }
        let within = self.settings.timing.probe_within;
        let socket = self.layout.probe_socket(id.0);
        let milliseconds = within.as_millis().to_string();
        let arguments = [
            "probe".as_ref(),
            "--socket".as_ref(),
            socket.as_os_str(),
            "--within".as_ref(),
            milliseconds.as_ref(),
        ];
        let process =
            Process::start(&self.settings.image, &arguments, Stdio::null(), Stdio::piped())
                .map_err(|error| cannot("be probed", &error))?;
        let until = Instant::now() + within + PROBE_GRACE;
        self.probes.insert(id, Errand { process, until });
        Ok(())
    }

    /// Lets a slot's program extend the schema, within this time.
    pub(super) fn expand(&mut self, slot: &CoreSlot, within: Duration) -> Result<(), Exit> {
        let program = self.layout.program(slot);
        let arguments = [
            "worker".as_ref(),
            "--expand".as_ref(),
            "--dir".as_ref(),
            self.layout.dir().as_os_str(),
        ];
        let failed = |error| cannot_start(&program, &error);
        let report = Report::new().map_err(failed)?;
        let output = report.output().map_err(failed)?;
        let process =
            Process::start(&program, &arguments, Stdio::null(), output).map_err(failed)?;
        let until = Instant::now() + within;
        self.expand = Some(Expansion { errand: Errand { process, until }, report });
        Ok(())
    }

    /// Says something to a worker.
    pub(super) fn say(&mut self, id: WorkerId, message: &ToWorker) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.say(message);
        }
    }

    /// Says something to the recovery page.
    pub(super) fn say_to_recovery(&mut self, message: &ToWorker) {
        if let Some(recovery) = &mut self.recovery {
            recovery.say(message);
        }
    }

    /// Tells every worker.
    pub(super) fn broadcast(&mut self, message: &ToWorker) {
        for id in self.workers.keys().copied().collect::<Vec<_>>() {
            self.say(id, message);
        }
    }

    pub(super) fn kill(&mut self, id: WorkerId) {
        if let Some(mut worker) = self.workers.remove(&id) {
            worker.process.kill();
        }
        if let Some(mut probe) = self.probes.remove(&id) {
            probe.process.kill();
        }
        // A leftover socket is replaced by the next worker of that number and harms nobody.
        drop(std::fs::remove_file(self.layout.probe_socket(id.0)));
    }

    /// Takes the listeners back: its control socket ends, so it closes them, finishes and exits.
    pub(super) fn close_recovery(&mut self) {
        let Some(Running { process, wire, .. }) = self.recovery.take() else { return };
        drop(wire);
        let until = Instant::now() + CLOSING_WITHIN;
        if let Some(mut earlier) = self.closing.replace(Errand { process, until }) {
            earlier.process.kill();
        }
    }

    /// Whether nothing short-lived runs.
    pub(super) fn has_no_errand(&self) -> bool {
        let lingers = self.recovery.is_some() || self.closing.is_some();
        self.probes.is_empty() && self.expand.is_none() && !lingers
    }

    /// When the first errand must be cut short.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let expand = self.expand.iter().map(|expansion| &expansion.errand);
        self.probes.values().chain(expand).chain(&self.closing).map(|errand| errand.until).min()
    }
}

impl Drop for Processes {
    /// Nothing that the launcher started outlives a planned end.
    fn drop(&mut self) {
        for worker in self.workers.values_mut().chain(&mut self.recovery) {
            worker.process.kill();
        }
        let expand = self.expand.iter_mut().map(|expansion| &mut expansion.errand);
        for errand in self.probes.values_mut().chain(expand).chain(&mut self.closing) {
            errand.process.kill();
        }
    }
}

impl From<WireError> for ServeError {
    fn from(error: WireError) -> Self {
        Self::System { action: "use the control socket", source: std::io::Error::other(error) }
    }
}
