//! The launcher alone, with workers, probes and a recovery page that only say what they must.
//!
//! All programs are the one that `strace` runs: the launcher by its arguments, a version of core by
//! a link in its slot, whose folder tells which version it plays. The worker that serves asks for
//! an update to the version that is wanted; whoever hears of an end ends the launcher, so a life
//! of it is over by itself.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use newleaf_domain::{Digest, PlanId, Target, Timestamp, UpdateId, Version};
use newleaf_launcher::journal::{self, Ending, Entry, Outcome, StepId};
use newleaf_launcher::proto::{Answer, Ask, PROTOCOL, Pulse, ToLauncher, ToWorker};
use newleaf_launcher::state::{CorePhase, CoreSlot, Origin, State, Way};
use newleaf_launcher::supervisor::Timing;
use newleaf_launcher::wire::{Blocking, Wire};
use newleaf_launcher::{Bound, Layout, Settings, StoppedHost, state_file};

use super::strace;

/// The version that exits at each start.
const EXITS: &str = "1.2.0";

/// The file that tells the workers which version is wanted.
const WANTED: &str = "wanted";

/// Lives that a story may take on a disk that does not fail.
const LIVES: usize = 4;

/// An update of core by the launcher alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// To a version that works.
    Good,
    /// To one that exits at each start.
    Bad,
}

impl Life {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Good, Self::Bad];

    const fn wanted(self) -> &'static str {
        match self {
            Self::Good => "1.1.0",
            Self::Bad => EXITS,
        }
    }

    /// Makes the machine in `dir`, with `program` for every version of core.
    pub fn prepare(self, dir: &Path, program: &Path) {
        let layout = Layout::new(dir);
        std::fs::create_dir_all(dir).unwrap();
        for version in ["1.0.0", "1.1.0", EXITS] {
            let link = layout.program(&slot(version));
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(program, link).unwrap();
        }
        drop(StoppedHost::create(layout, State::first(slot("1.0.0"))).unwrap());
        std::fs::write(dir.join(WANTED), self.wanted()).unwrap();
    }

    /// One life of a launcher on `dir`.
    pub fn command(dir: &Path, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg("launch").arg(dir);
        command
    }

    /// Lets launchers live on a disk that does not fail until the update is over: each ends by
    /// itself on a working version, and what was wanted is reached. Gives the version that served
    /// first.
    ///
    /// # Errors
    /// What is not so.
    pub fn check(self, dir: &Path, program: &Path) -> Result<String, String> {
        let layout = Layout::new(dir);
        let before = served(dir).len();
        for life in 1..=LIVES {
            let mut bounded = Command::new("timeout");
            bounded.args(["--kill-after=5", "60"]).arg(program).arg("launch").arg(dir);
            let ran = bounded.output().map_err(|error| error.to_string())?;
            let said = String::from_utf8_lossy(&ran.stderr);
            if !ran.status.success() {
                return Err(format!("life {life}: {}: {said}", ran.status));
            }
            let served = served(dir);
            let first = served.get(before).ok_or("no version served")?.clone();
            let state = state_file::read(&layout).map_err(|error| error.to_string())?;
            if self.is_reached(&state)? {
                return Ok(first);
            }
        }
        Err(format!("not over after {LIVES} lives"))
    }

    /// Whether the update came to its end; what is wrong where something is.
    fn is_reached(self, state: &State) -> Result<bool, String> {
        let good = state.core.good.version.as_str();
        let bad = state.bad.iter().map(|bad| bad.digest).collect::<Vec<_>>();
        match self {
            Self::Good if bad.is_empty() => Ok(good == "1.1.0"),
            Self::Bad if good == "1.0.0" && bad.iter().all(|it| *it == slot(EXITS).digest) => {
                Ok(!bad.is_empty())
            }
            Self::Good | Self::Bad => Err(format!("{good} serves; bad: {:?}", state.bad)),
        }
    }
}

/// The versions that were told to serve, in order.
fn served(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("served")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn slot(version: &str) -> CoreSlot {
    CoreSlot {
        digest: Digest::of(version.as_bytes()),
        version: Version::parse(version).unwrap(),
        origin: Origin::Release,
        protocol: PROTOCOL,
        program: "bin/core".to_owned(),
        schema: 0,
        oldest_reader: 0,
        binary: None,
    }
}

/// Plays the part that the arguments name.
pub fn play(words: &[&str]) -> ExitCode {
    let version = played_version();
    match *words {
        ["launch", dir] => launcher(dir),
        ["probe", "--socket", socket, ..] => probe(socket),
        ["worker", "--expand", "--dir", dir] => expand(dir),
        ["worker", ..] if version == EXITS => ExitCode::FAILURE,
        ["worker", "--dir", dir] => Worker::new(Path::new(dir), version).live(),
        ["recovery", ..] => {
            // Until the launcher ends it.
            while Wire::from_stdin().unwrap().receive::<ToWorker>().is_ok() {}
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}

/// The version whose slot the program was started from.
fn played_version() -> String {
    let program = std::env::args().next().unwrap_or_default();
    let slot = Path::new(&program).ancestors().nth(2).and_then(Path::file_name);
    let slot = slot.unwrap_or_default().to_string_lossy();
    slot.split_once('-').map_or_else(String::new, |(_, version)| version.to_owned())
}

fn launcher(dir: &str) -> ExitCode {
    strace::make_ballast(strace::Ballast::WithOthers);
    let millis = Duration::from_millis;
    let loopback = "127.0.0.1:0".parse().unwrap();
    let image = std::env::current_exe().unwrap();
    let bound = Bound::open(Settings {
        dir: dir.into(),
        public: vec![loopback],
        admin: vec![loopback],
        image,
        protocol: PROTOCOL,
        arguments: ["launch", dir].map(Into::into).to_vec(),
        timing: Timing {
            probe_every: millis(20),
            probation: millis(50),
            respawn_least: millis(5),
            respawn_most: millis(50),
            ..Timing::default()
        },
    });
    match bound.and_then(Bound::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What cannot be told is seen by the status.
            drop(writeln!(std::io::stderr(), "{error}: {:?}", std::error::Error::source(&error)));
            ExitCode::FAILURE
        }
    }
}

fn probe(socket: &str) -> ExitCode {
    let mut answer = String::new();
    let asked = UnixStream::connect(socket).and_then(|mut it| it.read_to_string(&mut answer));
    if asked.is_ok() && answer == "healthy" { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn expand(dir: &str) -> ExitCode {
    let done = std::fs::write(Path::new(dir).join("expanded"), played_version());
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(75) }
}

/// A worker's life.
struct Worker {
    dir: PathBuf,
    version: String,
    wire: Wire,
    /// What is still to be asked for.
    asks: Vec<Ask>,
}

impl Worker {
    fn new(dir: &Path, version: String) -> Self {
        let wire = Wire::from_stdin().unwrap();
        Self { dir: dir.to_owned(), version, wire, asks: Vec::new() }
    }

    fn live(mut self) -> ExitCode {
        let Ok((ToWorker::Hello { probe_socket, .. }, _held)) = self.wire.receive() else {
            return ExitCode::SUCCESS;
        };
        answer_probes(&probe_socket);
        let (pulse, oldest_reader) = (Pulse::Unknown, None);
        let ready = ToLauncher::Ready { schema: 0, protocol: PROTOCOL, pulse, oldest_reader };
        self.say(&ready);
        // It ends where the launcher does.
        while let Ok((message, _)) = self.wire.receive::<ToWorker>() {
            match message {
                ToWorker::Go { state } => self.serve(&state),
                ToWorker::Answer { answer: Answer::Refused { .. }, .. } => end_the_launcher(),
                ToWorker::Answer { .. } => self.ask_next(),
                ToWorker::Appended { record } if matches!(record.entry, Entry::Ended { .. }) => {
                    // One that was closed for an earlier life is followed by the next update.
                    if self.asks.is_empty() {
                        end_the_launcher();
                    }
                }
                ToWorker::Drain { .. } => {
                    self.say(&ToLauncher::Drained);
                    return ExitCode::SUCCESS;
                }
                ToWorker::Hello { .. }
                | ToWorker::Appended { .. }
                | ToWorker::Changed { .. }
                | ToWorker::Pulse
                | ToWorker::Disk { .. } => {}
            }
        }
        ExitCode::SUCCESS
    }

    fn say(&self, message: &ToLauncher) {
        // A launcher that is gone is told by the end of the wire.
        drop(self.wire.send(message, &[], Blocking::Yes));
    }

    fn serve(&mut self, state: &State) {
        let mut told = std::fs::OpenOptions::new();
        let told = told.append(true).create(true).open(self.dir.join("served"));
        writeln!(told.unwrap(), "{}", self.version).unwrap();
        let wanted = slot(&std::fs::read_to_string(self.dir.join(WANTED)).unwrap());
        let is_over = state.core.good == wanted || state.bad_reason(&wanted.digest).is_some();
        match state.core.phase {
            CorePhase::Idle if is_over => end_the_launcher(),
            CorePhase::Idle => {
                self.asks = self.update_to(&wanted);
                self.asks.reverse();
                self.ask_next();
            }
            CorePhase::Expand | CorePhase::Trial | CorePhase::Probation => {}
        }
    }

    fn ask_next(&mut self) {
        if let Some(ask) = self.asks.pop() {
            self.say(&ToLauncher::Ask { id: 1, ask });
        }
    }

    /// What an updater asks for, after it has closed what was left open before point A.
    fn update_to(&self, wanted: &CoreSlot) -> Vec<Ask> {
        let (open, count) = self.open_update();
        let plan = PlanId::of(Digest::of(b"plan"));
        let update = UpdateId::new(Timestamp::from_unix(1_800_000_000), &plan, count + 1);
        let append = |update: &UpdateId, entry| Ask::Append {
            update: Some(update.clone()),
            entry: Box::new(entry),
        };
        let undone =
            open.map(|open| append(&open, Entry::Ended { ending: Ending::Undone, reason: None }));
        let began = Entry::Began {
            target: Target::Core,
            from: None,
            to: wanted.version.clone(),
            digest: wanted.digest,
            plan: plan.clone(),
            way: Way::Forward,
            by: "test".to_owned(),
        };
        let step = StepId::Expand;
        let outcome = Outcome::Done { detail: String::new() };
        let rest = [
            append(&update, began),
            append(&update, Entry::Started { step }),
            Ask::Expand { update: update.clone() },
            append(&update, Entry::Finished { step, outcome }),
            Ask::Arm {
                update,
                slot: Box::new(wanted.clone()),
                way: Way::Forward,
                expand_within_ms: None,
            },
        ];
        undone.into_iter().chain(rest).collect()
    }

    /// The update that has no end, and how many there were.
    fn open_update(&self) -> (Option<UpdateId>, u64) {
        let records = journal::read_from(&Layout::new(&self.dir), 1).unwrap();
        let (mut open, mut count) = (None, 0);
        for record in records {
            match record.entry {
                Entry::Began { .. } => {
                    open = record.update;
                    count += 1;
                }
                Entry::Ended { .. } => open = None,
                Entry::Started { .. }
                | Entry::Finished { .. }
                | Entry::Failed { .. }
                | Entry::Notice { .. }
                | Entry::Unknown => {}
            }
        }
        (open, count)
    }
}

fn answer_probes(socket: &str) {
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A probe that went away wants no answer.
            drop((&stream).write_all(b"healthy"));
        }
    });
}

/// Asks the launcher to end, as a service manager would.
fn end_the_launcher() {
    if let Some(launcher) = rustix::process::getppid() {
        // One that is gone already is what was wanted.
        let _gone = rustix::process::kill_process(launcher, rustix::process::Signal::TERM);
    }
}
