//! One updated machine: a folder, `newleaf serve` on it, and its command line.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ask::{Answer, request_with};
use super::{CoreRelease, HostSettings, Registry, START};
use crate::build;
use crate::process::{Process, Ran};
use crate::watch;

/// How long a host that does not answer is left alone, where nothing is heard of it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A host. Its processes end with it.
#[derive(Debug)]
pub struct Host {
    /// Its folder.
    pub dir: PathBuf,
    /// Where the product is served.
    pub public: SocketAddr,
    /// Where the portal is served.
    pub admin: SocketAddr,
    /// The launcher.
    pub process: Process,
    program: PathBuf,
}

impl Host {
    /// Makes the folder of a host that runs core 1.0.0, and starts it.
    pub fn start(dir: &Path, repository: &str, root: &Path, settings: HostSettings) -> Self {
        let program = Self::init(dir, repository, root, settings);
        Self::serve(dir, &program)
    }

    /// The same on a host whose program is that of `core`.
    pub fn start_of(
        core: CoreRelease,
        dir: &Path,
        repository: &str,
        root: &Path,
        settings: HostSettings,
    ) -> Self {
        let program = prefix_with(core.program(), dir);
        Ran::ok(&mut init_command(&program, dir, repository, root));
        settings.write(dir);
        Self::serve(dir, &program)
    }

    /// The same on a host whose program is a copy of the file `program`.
    pub fn start_at(
        program: &Path,
        dir: &Path,
        repository: &str,
        root: &Path,
        settings: HostSettings,
    ) -> Self {
        let program = prefix_of_file(program, dir);
        Ran::ok(&mut init_command(&program, dir, repository, root));
        settings.write(dir);
        Self::serve(dir, &program)
    }

    /// The same as another user: the folder is that user's, and so is the host.
    pub fn start_as(user: u32, dir: &Path, registry: &Registry, settings: HostSettings) -> Self {
        let program = Self::init_as(user, CoreRelease::Stock, dir, registry, settings);
        let mut command = serve_command(dir, &program);
        Self::serve_by(dir, &program, command.uid(user).gid(user), Stdio::null())
    }

    /// Makes the folder of a host of `core` that is another user's; returns the program that stands
    /// for `<prefix>/newleaf`, which is root's.
    pub fn init_as(
        user: u32,
        core: CoreRelease,
        dir: &Path,
        registry: &Registry,
        settings: HostSettings,
    ) -> PathBuf {
        let program = prefix_with(core.program(), dir);
        Ran::ok(init_command(&program, dir, &registry.url, &registry.root).uid(user).gid(user));
        settings.write(dir);
        program
    }

    /// Makes the folder of a host that runs core 1.0.0; returns the program that stands for
    /// `<prefix>/newleaf`.
    pub fn init(dir: &Path, repository: &str, root: &Path, settings: HostSettings) -> PathBuf {
        let program = prefix_of(dir);
        Ran::ok(&mut init_command(&program, dir, repository, root));
        settings.write(dir);
        program
    }

    /// Ends the host as a service manager does, and starts it again.
    #[must_use]
    pub fn restart(self) -> Self {
        let Self { dir, program, process, .. } = self;
        process.stop();
        Self::serve(&dir, &program)
    }

    /// Ends the host, puts another program in the place of `<prefix>/newleaf` as an admin does, and
    /// starts that.
    #[must_use]
    pub fn restart_with(self, program: &Path) -> Self {
        let prefix = self.program.clone();
        // A new file in its place: the one that runs is not written to.
        Ran::ok(Command::new("install").args(["-m", "755"]).arg(program).arg(prefix));
        self.restart()
    }

    /// Starts the host in `dir` on the addresses its settings name.
    pub fn serve(dir: &Path, program: &Path) -> Self {
        Self::serve_with(dir, program, None)
    }

    /// The same, with the other end of a test point inherited.
    pub fn serve_with(dir: &Path, program: &Path, test_point: Option<OwnedFd>) -> Self {
        let mut command = serve_command(dir, program);
        // As its standard input, so that no other program that is started meanwhile has it too.
        let stdin = test_point.map_or_else(Stdio::null, |end| {
            command.env("NEWLEAF_TEST_POINT_FD", "0");
            Stdio::from(end)
        });
        Self::serve_by(dir, program, &mut command, stdin)
    }

    /// The same by a command that becomes `newleaf serve` on `dir`.
    pub fn serve_by(dir: &Path, program: &Path, command: &mut Command, stdin: Stdio) -> Self {
        let process = Process::start_with("newleaf serve", command, stdin);
        let public = address_in(&process.wait_for_line("public http://", START));
        let admin = address_in(&process.wait_for_line("admin http://", START));
        Self { dir: dir.to_owned(), public, admin, process, program: program.to_owned() }
    }

    /// Kills the whole host as a power cut would, and starts it again.
    #[must_use]
    pub fn power_cycle(mut self) -> Self {
        self.process.kill_group();
        let (dir, program) = (self.dir.clone(), self.program.clone());
        drop(self);
        Self::serve(&dir, &program)
    }

    /// A command of the host's own command line.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--dir").arg(&self.dir);
        command
    }

    /// Runs a command of the host's command line to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Starts a command of the host's command line without waiting for it.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        Process::start(&format!("newleaf {}", arguments.join(" ")), &mut self.command(arguments))
    }

    /// The process ids of the workers, oldest first.
    pub fn workers(&self) -> Vec<i32> {
        let pid = self.process.pid().as_raw_nonzero();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let workers = children.split_whitespace().filter(|child| {
            let line =
                std::fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            line.split('\0').any(|word| word == "worker")
        });
        let mut pids = workers.filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>();
        pids.sort_unstable();
        pids
    }

    /// Kills the worker that has served longest.
    pub fn kill_worker(&self) {
        let oldest = *self.workers().first().expect("a worker runs");
        let oldest = rustix::process::Pid::from_raw(oldest).unwrap();
        rustix::process::kill_process(oldest, rustix::process::Signal::KILL).unwrap();
    }

    /// The records of its journal, as far as they are written whole.
    pub fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.dir.join("journal.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until something is found in what this host writes into its folder.
    pub fn wait_for<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        let found = watch::wait_for(&self.dir, START, look);
        found.unwrap_or_else(|| panic!("never {what}; it said:\n{}", self.process.log()))
    }

    /// Waits until no update runs, then returns the history, newest first.
    pub fn history_when_over(&self) -> serde_json::Value {
        self.wait_for("over", || is_over(&self.journal()).then_some(()));
        let told = || {
            let history = self.run(&["history", "--json"]);
            let history = (history.code == 0).then(|| history.json());
            history.filter(|history| history[0]["ending"].is_string())
        };
        // Between two workers nobody is there who could tell.
        let asked = std::iter::repeat_with(|| watch::wait_for(&self.dir, ASK_AGAIN, told));
        let asked = asked.take(usize::try_from(START.as_secs()).unwrap());
        asked.flatten().next().unwrap_or_else(|| panic!("never told:\n{}", self.process.log()))
    }

    /// Runs a command with `--json` that must exit 0.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        Ran::ok(self.command(arguments).arg("--json")).json()
    }

    /// Runs a command with `--json` that must exit with `code`.
    pub fn json_of(&self, arguments: &[&str], code: i32) -> serde_json::Value {
        Ran::of(self.command(arguments).arg("--json")).assert_code(code).json()
    }

    /// The body of the file `state`.
    pub fn state(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.dir.join("state")).unwrap();
        serde_json::Deserializer::from_str(&text).into_iter().next().unwrap().unwrap()
    }

    /// Posts a form to the portal.
    pub fn admin_form(&self, path: &str, body: &str, origin: &str, cookie: Option<&str>) -> Answer {
        let cookie = cookie.map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"));
        let headers = format!(
            "Origin: {origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n{cookie}"
        );
        request_with(self.admin, "POST", path, &headers, Some(body))
    }

    /// The version of core that serves.
    pub fn core_version(&self) -> String {
        self.json(&["status"])["core"]["version"].as_str().unwrap().to_owned()
    }

    /// The version of an app that serves.
    pub fn app_version(&self, app: &str) -> String {
        let status = self.json(&["status"]);
        let apps = status["apps"].as_array().unwrap();
        let row = apps.iter().find(|row| row["id"] == app);
        row.map_or_else(String::new, |row| row["version"].as_str().unwrap_or_default().to_owned())
    }

    /// A link that signs one person in, on the admin address.
    pub fn sign_in_link(&self) -> String {
        let ran = self.run(&["sign-in-link"]).assert_code(0);
        let link = ran.stdout.split_whitespace().find(|word| word.starts_with("http"));
        link.unwrap_or_else(|| panic!("no link in {}", ran.stdout)).to_owned()
    }

    /// The program at `<prefix>`.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// Whether the update that began last, where one did, has ended.
fn is_over(records: &[serde_json::Value]) -> bool {
    let began = records.iter().rposition(|record| record["kind"] == "began");
    let Some(began) = began else { return true };
    let same = |record: &&serde_json::Value| record["update"] == records[began]["update"];
    records[began..].iter().filter(same).any(|record| record["kind"] == "ended")
}

fn address_in(line: &str) -> SocketAddr {
    let after = line.split("http://").nth(1).unwrap_or_default();
    let text = after.split(['/', ' ', '"']).next().unwrap_or_default();
    text.parse().unwrap_or_else(|error| panic!("no address in {line:?}: {error}"))
}

/// A copy of the stock program that stands for `<prefix>/newleaf` of the host in `dir`.
fn prefix_of(dir: &Path) -> PathBuf {
    prefix_with("newleaf", dir)
}

/// A copy of the program called `name`, as above.
fn prefix_with(name: &str, dir: &Path) -> PathBuf {
    prefix_of_file(&build::program(name), dir)
}

/// A copy of the program in `file`, as above.
fn prefix_of_file(file: &Path, dir: &Path) -> PathBuf {
    let prefix = dir.with_extension("prefix");
    std::fs::create_dir_all(&prefix).unwrap();
    let program = prefix.join("newleaf");
    // By a process of its own: a descriptor open for writing here would be inherited by whatever
    // another test starts at this moment, and the program could not be run (ETXTBSY).
    Ran::ok(Command::new("cp").arg(file).arg(&program));
    program
}

fn init_command(program: &Path, dir: &Path, repository: &str, root: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("init")
        .arg("--dir")
        .arg(dir)
        .args(["--repository", repository])
        .arg("--root")
        .arg(root);
    command
}

fn serve_command(dir: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("serve").arg("--dir").arg(dir);
    command
}
