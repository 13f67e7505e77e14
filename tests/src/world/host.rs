//! One updated machine: a folder, `newleaf serve` on it, and its command line.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{CoreRelease, Registry, START};
use crate::build;
use crate::ports::own_port;
use crate::process::{Process, Ran};
use crate::watch;
use std::os::unix::process::CommandExt as _;

/// How long a host that does not answer is left alone, where nothing is heard of it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Settings of a host that tests shorten.
#[derive(Debug, Clone, Copy)]
pub struct HostSettings {
    /// Seconds of probation of apps.
    pub probation: f64,
    /// Seconds of probation of core.
    pub core_probation: f64,
    /// Seconds until a new worker must be ready.
    pub ready_within: f64,
    /// Seconds a draining worker leaves idle connections open.
    pub linger: f64,
    /// `core.rehearsal`: what it means where a new core fails on a copy of the data.
    pub rehearsal: &'static str,
    /// Seconds of processor time that one request of an app may use.
    pub processor: f64,
    /// Seconds an app may take to answer.
    pub answer_within: f64,
    /// Further lines of `[http]`.
    pub http: &'static str,
    /// Further lines of `[apps]`.
    pub apps: &'static str,
    /// What the notes app is told: lines of `[apps."acme/notes".config]`.
    pub notes: &'static str,
}

impl Default for HostSettings {
    /// Short waits, long enough for a machine with two busy cores; and a broken core is only warned
    /// of in its rehearsal, so that it fails where most tests want it to: in its trial.
    fn default() -> Self {
        Self {
            probation: 2.0,
            core_probation: 2.0,
            ready_within: 20.0,
            linger: 1.5,
            rehearsal: "warn",
            processor: 5.0,
            answer_within: 60.0,
            http: "",
            apps: "",
            notes: "",
        }
    }
}

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

impl HostSettings {
    /// What a host has whose operator sets nothing.
    pub const fn product_defaults() -> Self {
        Self {
            probation: 60.0,
            core_probation: 60.0,
            ready_within: 30.0,
            linger: 2.0,
            rehearsal: "required",
            processor: 5.0,
            answer_within: 60.0,
            http: "",
            apps: "",
            notes: "",
        }
    }

    /// Puts the settings into `<dir>/newleaf.toml`, as an admin would edit them.
    fn write(self, dir: &Path) {
        let path = dir.join("newleaf.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let Self { probation, core_probation, ready_within, linger, rehearsal, .. } = self;
        let Self { processor, answer_within, http, apps, notes, .. } = self;
        let text = text
            .replace("# public = [\"127.0.0.1:8080\"]", &setting("public"))
            .replace("# admin = [\"127.0.0.1:8081\"]", &setting("admin"))
            .replacen("# probation = 60", &format!("probation = {core_probation}"), 1)
            .replace("# probation = 60", &format!("probation = {probation}"))
            .replace("# ready_within = 30", &format!("ready_within = {ready_within}"))
            .replace("# linger = 2", &format!("linger = {linger}"))
            .replace("# processor = 5", &format!("processor = {processor}"))
            .replace("# answer_within = 60", &format!("answer_within = {answer_within}"))
            .replacen("# rehearsal = \"required\"", &format!("rehearsal = \"{rehearsal}\""), 1)
            .replace("\n[http]\n", &format!("\n[http]\n{http}\n"))
            .replace("\n[apps]\n", &format!("\n[apps]\n{apps}\n"));
        let text = format!("{text}\n[apps.\"acme/notes\".config]\n{notes}\n");
        for set in ["\nlinger = ", "\nrehearsal = ", "\nprocessor = ", "\nanswer_within = "] {
            assert!(text.contains(set), "the template of newleaf.toml changed:\n{text}");
        }
        std::fs::write(&path, text).unwrap();
    }

    /// Gives the copy of a host in `dir` addresses of its own.
    pub fn new_ports(self, dir: &Path) {
        let path = dir.join("newleaf.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let line = |line: &str| match line.split_once(" = ") {
            Some((name @ ("public" | "admin"), _)) => setting(name),
            _ => line.to_owned(),
        };
        std::fs::write(&path, text.lines().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    }
}

/// Whether the update that began last, where one did, has ended.
fn is_over(records: &[serde_json::Value]) -> bool {
    let began = records.iter().rposition(|record| record["kind"] == "began");
    let Some(began) = began else { return true };
    let same = |record: &&serde_json::Value| record["update"] == records[began]["update"];
    records[began..].iter().filter(same).any(|record| record["kind"] == "ended")
}

/// The line of newleaf.toml that gives `name` a free port.
fn setting(name: &str) -> String {
    format!("{name} = [\"127.0.0.1:{}\"]", own_port())
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

/// What a request to the product was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head as text: the status line, then a line for each header.
    pub head: String,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }
}

/// What lies in the database of the notes app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesData {
    /// How many notes there are.
    pub notes: u64,
    /// All their titles and texts, as one digest.
    pub digest: newleaf_domain::Digest,
    /// The columns of a note.
    pub columns: Vec<String>,
}

impl Host {
    /// `GET path` on the public address.
    pub fn get(&self, path: &str) -> Answer {
        request(self.public, "GET", path, None)
    }

    /// `POST path` with a JSON body on the public address.
    pub fn post_json(&self, path: &str, body: &str) -> Answer {
        request(self.public, "POST", path, Some(body))
    }

    /// Posts a form to an app's own page on the public address.
    pub fn post_form(&self, path: &str, form: &str) -> Answer {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        request_with(self.public, "POST", path, headers, Some(form))
    }

    /// A request on the public address where maybe nobody is there to answer, with a JSON body
    /// where there is one.
    ///
    /// # Errors
    /// The connection is refused or breaks.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        json: Option<&str>,
    ) -> std::io::Result<Answer> {
        let headers = if json.is_some() { "Content-Type: application/json\r\n" } else { "" };
        try_request_with(self.public, method, path, headers, json)
    }

    /// Adds a note to the notes app.
    pub fn add_note(&self, title: &str, tags: &str) {
        let body = serde_json::json!({ "title": title, "body": "", "tags": tags }).to_string();
        let answer = self.post_json("/apps/acme/notes/api/notes", &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Puts so many notes into the database of notes 1.0.0, which may be serving.
    pub fn fill_notes(&self, notes: u64) {
        let mut database = self.notes_database();
        let change = database.transaction().unwrap();
        for number in 0..notes {
            let values =
                [format!("note {number}"), "some words of it".to_owned(), "a, b".to_owned()];
            let insert = "INSERT INTO note (title, body, tags) VALUES (?1, ?2, ?3)";
            change.execute(insert, values).unwrap();
        }
        change.commit().unwrap();
    }

    /// Takes the notes with this title out of the database of the notes app.
    pub fn forget_notes(&self, title: &str) {
        self.notes_database().execute("DELETE FROM note WHERE title = ?1", [title]).unwrap();
    }

    /// What lies in the database of the notes app, of whichever version.
    pub fn notes_data(&self) -> NotesData {
        let database = self.notes_database();
        let mut rows = database.prepare("SELECT id, title, body FROM note ORDER BY id").unwrap();
        let rows = rows.query_map([], |row| {
            let (id, title): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("{id} {title} {}\n", row.get::<_, String>(2)?))
        });
        let rows = rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        let mut columns = database.prepare("SELECT name FROM pragma_table_info('note')").unwrap();
        let columns = columns.query_map([], |row| row.get(0)).unwrap();
        NotesData {
            notes: rows.len() as u64,
            digest: newleaf_domain::Digest::of(rows.concat().as_bytes()),
            columns: columns.collect::<Result<_, _>>().unwrap(),
        }
    }

    fn notes_database(&self) -> rusqlite::Connection {
        let path = self.dir.join("data/apps/acme/notes/app.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let database = rusqlite::Connection::open_with_flags(path, flags).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database
    }

    /// How many notes the notes app has with this title.
    pub fn count_notes(&self, title: &str) -> u64 {
        let answer = self.get("/apps/acme/notes/api/notes");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let notes: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        notes.as_array().unwrap().iter().filter(|note| note["title"] == title).count() as u64
    }
}

/// One request over a connection of its own (RFC 9112), answered within 30 s.
fn request(address: SocketAddr, method: &str, path: &str, json: Option<&str>) -> Answer {
    let headers = if json.is_some() { "Content-Type: application/json\r\n" } else { "" };
    request_with(address, method, path, headers, json)
}

fn request_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> Answer {
    try_request_with(address, method, path, headers, body).unwrap()
}

fn try_request_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> std::io::Result<Answer> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let body = body.unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let none = || std::io::Error::other(format!("no status in {head:?}"));
    let (status, head, body) = (status.ok_or_else(none)?, head.to_owned(), body.to_owned());
    Ok(Answer { status, head, body })
}
