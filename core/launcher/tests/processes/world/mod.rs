//! A host of real processes whose programs are this test program itself, told by a small script
//! in each slot what to play.

pub(crate) mod disk;
pub(crate) mod fake;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use newleaf_domain::{Digest, PlanId, Target, Timestamp, UpdateId, Version};
use newleaf_launcher::journal::{self, Ending, Entry};
use newleaf_launcher::offline::Purpose;
use newleaf_launcher::proto::{Answer, Ask, Repair};
use newleaf_launcher::state::{AppSlot, AppTrial, CoreSlot, Origin, State, Way};
use newleaf_launcher::{Layout, StoppedHost, state_file};

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A host's folder with 1.0.0 as good, and slots for what it may be updated to.
pub(crate) struct World {
    dir: tempfile::TempDir,
    pub(crate) layout: Layout,
    /// Milliseconds a worker may take to be ready.
    pub(crate) ready_within: u64,
}

/// A running launcher.
pub(crate) struct Host {
    child: Child,
    pub(crate) public: SocketAddr,
    layout: Layout,
    /// Kept open: what the launcher prints must have a reader.
    _stdout: BufReader<ChildStdout>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    /// A world on a disk that can be filled, for `test`; none where there is no such disk.
    pub(crate) fn on_small_disk(test: &str) -> Option<(Self, disk::SmallDisk)> {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk::SmallDisk::over(dir.path(), test)?;
        Some((Self::within(dir), disk))
    }

    fn within(dir: tempfile::TempDir) -> Self {
        let layout = Layout::new(dir.path());
        let world = Self { dir, layout: layout.clone(), ready_within: 20_000 };
        world.stage("1.0.0", "good");
        Self::script(&world.image(), "good", "image");
        StoppedHost::create(layout, State::first(slot("1.0.0"))).unwrap();
        world
    }

    /// Unpacks a version that will behave so.
    pub(crate) fn stage(&self, version: &str, behaviour: &str) -> CoreSlot {
        let slot = slot(version);
        Self::script(&self.layout.program(&slot), behaviour, version);
        slot
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// The test harness prints to standard output; what a program itself says goes to
    /// descriptor 3, which is the output its starter gave it.
    fn script(path: &Path, behaviour: &str, version: &str) {
        let exe = std::env::current_exe().unwrap();
        let text = format!(
            "#!/bin/sh\nexec 3>&1 >/dev/null\n\
             FAKE_BEHAVIOUR={behaviour} FAKE_VERSION={version} FAKE_ARGUMENTS=\"$*\" \
             exec '{}' --exact fake_program --nocapture\n",
            exe.display()
        );
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Starts the launcher.
    pub(crate) fn start(&self) -> Host {
        self.start_with(Stdio::null(), false)
    }

    /// Starts the launcher without waiting for what it says.
    pub(crate) fn start_hidden(&self) -> Host {
        let mut child = self.command(Command::new(std::env::current_exe().unwrap()));
        let mut child = child.stdin(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let public = SocketAddr::from(([127, 0, 0, 1], 0));
        Host { child, public, layout: self.layout.clone(), _stdout: stdout }
    }

    /// Starts the launcher with a test point, whose other end is given back.
    pub(crate) fn start_stepped(&self) -> (Host, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (self.start_with(Stdio::from(OwnedFd::from(theirs)), true), ours)
    }

    /// Starts the launcher with these variables.
    pub(crate) fn start_told(&self, variables: &[(&str, &str)]) -> Host {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.envs(variables.iter().copied());
        self.spawn(command, Stdio::null())
    }

    fn start_with(&self, stdin: Stdio, stepped: bool) -> Host {
        let mut command = Command::new(std::env::current_exe().unwrap());
        if stepped {
            let descriptor = format!("0{}", newleaf_launcher::serve::AND_STATES);
            command.env(newleaf_launcher::serve::TEST_POINT, descriptor);
        }
        self.spawn(command, stdin)
    }

    fn command(&self, mut command: Command) -> Command {
        self.is_free();
        command
            .args(["--exact", "fake_program", "--nocapture"])
            .env("FAKE_ARGUMENTS", format!("launcher --dir {}", self.dir.path().display()))
            .env("FAKE_BEHAVIOUR", "good")
            .env("FAKE_VERSION", "image")
            .env("FAKE_READY_WITHIN", self.ready_within.to_string())
            .env("FAKE_IMAGE", self.image())
            .stdout(Stdio::piped());
        command
    }

    fn spawn(&self, command: Command, stdin: Stdio) -> Host {
        let mut child = self.command(command).stdin(stdin).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let public = stdout.by_ref().lines().find_map(|line| {
            line.unwrap().strip_prefix("public ").map(|addr| addr.parse().unwrap())
        });
        Host {
            child,
            public: public.expect("the launcher did not start"),
            layout: self.layout.clone(),
            _stdout: stdout,
        }
    }

    /// Starts the launcher as a service manager would that has bound the public listener itself:
    /// the socket is descriptor 3, and `LISTEN_PID` names the process that is to take it.
    pub(crate) fn start_with_socket(&self, public: TcpListener) -> Host {
        let take_over = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.arg("-c").arg(take_over).arg(std::env::current_exe().unwrap());
        command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "public");
        self.spawn(command, Stdio::from(OwnedFd::from(public)))
    }

    /// Waits until nobody holds the folder: a program that another test starts at this moment may
    /// still hold what this process held when it was forked.
    fn is_free(&self) {
        while newleaf_launcher::lock::running(&self.layout).is_some() {
            std::thread::yield_now();
        }
    }

    /// The folder while no host runs.
    pub(crate) fn stopped(&self) -> StoppedHost {
        self.is_free();
        StoppedHost::open(self.layout.clone(), Purpose::Change { workers_within: PATIENCE })
            .unwrap()
    }

    pub(crate) fn state(&self) -> State {
        state_file::read(&self.layout).unwrap()
    }

    /// How each update ended.
    pub(crate) fn endings(&self) -> Vec<Ending> {
        let mut endings = Vec::new();
        for record in journal::replay(&self.layout).unwrap() {
            if let Entry::Ended { ending, .. } = record.unwrap().entry {
                endings.push(ending);
            }
        }
        endings
    }
}

impl Host {
    /// Which version answers the public.
    pub(crate) fn version(&self) -> String {
        let mut stream = TcpStream::connect(self.public).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Asks through whichever worker serves.
    pub(crate) fn ask(&self, ask: &Ask) -> Answer {
        let line = self.line(&serde_json::to_string(ask).unwrap());
        serde_json::from_str(&line).unwrap()
    }

    /// Orders a repair through the recovery page.
    pub(crate) fn order(&self, repair: &Repair) -> Answer {
        serde_json::from_str(&self.line(&serde_json::to_string(repair).unwrap())).unwrap()
    }

    /// Makes the worker that serves exit, as a crash of it would.
    pub(crate) fn crash_worker(&self) {
        assert_eq!(self.line("leave"), "", "it is gone before it could answer");
    }

    /// Makes the worker that serves answer nothing any more over its control socket.
    pub(crate) fn stick(&self) {
        let mut stream = UnixStream::connect(self.layout.admin_socket()).unwrap();
        writeln!(stream, "stick").unwrap();
    }

    /// The process id of the launcher.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process ids of the workers, in the order of their start.
    pub(crate) fn workers(&self) -> Vec<i32> {
        self.children("worker")
    }

    /// The process ids of the programs that play this part, in the order of their start.
    pub(crate) fn children(&self, part: &str) -> Vec<i32> {
        let part = format!("FAKE_ARGUMENTS={part}");
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let children = threads
            .filter_map(|thread| {
                std::fs::read_to_string(thread.unwrap().path().join("children")).ok()
            })
            .collect::<Vec<_>>()
            .join(" ");
        let pids = children.split_whitespace().filter(|child| {
            let told = std::fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
            told.split(|byte| *byte == 0).any(|line| line.starts_with(part.as_bytes()))
        });
        pids.filter_map(|pid| pid.parse().ok()).collect()
    }

    /// The process id of the only worker.
    pub(crate) fn worker(&self) -> i32 {
        let workers = self.workers();
        assert_eq!(workers.len(), 1, "{workers:?}");
        workers[0]
    }

    /// A variable of the only worker's environment.
    pub(crate) fn environment_of_worker(&self, name: &str) -> Option<String> {
        let told = std::fs::read_to_string(format!("/proc/{}/environ", self.worker())).unwrap();
        let mut lines = told.split('\0');
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    }

    /// Begins an update as an updater would, up to the point where core takes over.
    pub(crate) fn update_to(&self, slot: &CoreSlot) {
        self.ask(&Ask::Append { update: Some(update()), entry: Box::new(began(slot)) });
        self.ask(&arm(slot, Way::Forward));
    }

    /// Begins the way back to a version as an updater would.
    pub(crate) fn update_back_to(&self, slot: &CoreSlot) {
        self.ask(&Ask::Append { update: Some(update()), entry: Box::new(began(slot)) });
        self.ask(&arm(slot, Way::Back));
    }

    fn line(&self, question: &str) -> String {
        let mut stream = UnixStream::connect(self.layout.admin_socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        writeln!(stream, "{question}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }

    /// Waits until the journal has a record that fits. Each new record is told by the workers, so
    /// nothing here sleeps.
    pub(crate) fn wait_for(&self, fits: impl Fn(&Entry) -> bool) {
        loop {
            let stream = UnixStream::connect(self.layout.admin_socket()).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // The first line says that the watch has begun; a worker that went leaves none, and
            // one that goes at this moment does not even take the question.
            if writeln!(&stream, "watch").is_err() {
                continue;
            }
            let mut lines = BufReader::new(stream).lines();
            while lines.next().is_some_and(|line| line.is_ok()) {
                let mut records = journal::replay(&self.layout).unwrap();
                if records.any(|record| fits(&record.unwrap().entry)) {
                    return;
                }
            }
        }
    }

    pub(crate) fn wait_for_end(&self) {
        self.wait_for(|entry| matches!(entry, Entry::Ended { .. }));
    }

    /// Waits until it ends by itself; true where it says it went well.
    pub(crate) fn wait(mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    /// Ends it as a crash would.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager would; true where it says it went well.
    pub(crate) fn stop(self) -> bool {
        self.tell_to_end();
        self.wait()
    }

    /// Tells it to end, as a service manager does.
    pub(crate) fn tell_to_end(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a process has ended.
pub(crate) fn wait_for_exit_of(pid: i32) {
    use rustix::event::{PollFd, PollFlags, poll};
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let flags = rustix::process::PidfdFlags::empty();
    let Ok(exited) = rustix::process::pidfd_open(pid, flags) else { return };
    let timeout = rustix::event::Timespec::try_from(PATIENCE).unwrap();
    let ready = poll(&mut [PollFd::new(&exited, PollFlags::IN)], Some(&timeout)).unwrap();
    assert_eq!(ready, 1, "process {pid:?} goes on");
}

pub(crate) fn slot(version: &str) -> CoreSlot {
    CoreSlot {
        digest: Digest::of(version.as_bytes()),
        version: Version::parse(version).unwrap(),
        origin: Origin::Release,
        protocol: u32::from(version.starts_with('2')) + 1,
        program: "bin/core".to_owned(),
        schema: 0,
        oldest_reader: 0,
        binary: None,
    }
}

pub(crate) fn plan() -> PlanId {
    PlanId::of(Digest::of(b"plan"))
}

pub(crate) fn update() -> UpdateId {
    UpdateId::new(Timestamp::from_unix(1_800_000_000), &plan(), 1)
}

/// An app comes in, from its first record to its last.
pub(crate) fn installs_app() -> [Ask; 4] {
    let core = slot("2.0.0");
    let app = AppSlot {
        digest: core.digest,
        version: core.version.clone(),
        grants: newleaf_domain::Grants::default(),
        schema: 1,
        oldest_reader: 1,
        writes: None,
        snapshot: None,
        component: None,
    };
    let name = newleaf_domain::PackageName::parse("acme/notes").unwrap();
    let record = |entry| Ask::Append { update: Some(update()), entry: Box::new(entry) };
    let Entry::Began { from, to, digest, plan, way, by, .. } = began(&core) else {
        unreachable!("an update begins so")
    };
    let target = Target::App(name.clone());
    let trial = AppTrial { slot: app.clone(), update: update(), snapshot: None };
    [
        record(Entry::Began { target, from, to, digest, plan, way, by }),
        Ask::TrialApp { app: name.clone(), trial: Box::new(trial) },
        Ask::CommitApp { app: name, slot: Box::new(app), previous: None },
        record(Entry::Ended { ending: Ending::Committed, reason: None }),
    ]
}

pub(crate) fn began(slot: &CoreSlot) -> Entry {
    Entry::Began {
        target: Target::Core,
        from: None,
        to: slot.version.clone(),
        digest: slot.digest,
        plan: plan(),
        way: Way::Forward,
        by: "test".to_owned(),
    }
}

/// A record that belongs to no update.
pub(crate) fn notice(text: &str) -> Ask {
    Ask::Append { update: None, entry: Box::new(Entry::Notice { text: text.to_owned() }) }
}

pub(crate) fn arm(slot: &CoreSlot, way: Way) -> Ask {
    Ask::Arm { update: update(), slot: Box::new(slot.clone()), way, expand_within_ms: None }
}
