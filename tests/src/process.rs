//! Child processes that tell when they are ready and never outlive their owner.

use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A process in a group of its own; its whole group is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    seen: Vec<String>,
    open_streams: u8,
}

impl Process {
    /// Starts `command`, both its output streams read line by line.
    pub fn start(name: &str, command: &mut Command) -> Self {
        Self::start_with(name, command, Stdio::null())
    }

    /// A command that becomes the program behind it with `listener` as its descriptor 3, as a service
    /// manager passes it (`sd_listen_fds(3)`), and the standard input to start it with.
    pub fn passing(listener: &TcpListener) -> (Command, Stdio) {
        let take_over = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", take_over]).env("LISTEN_FDS", "1");
        (command, Stdio::from(OwnedFd::from(listener.try_clone().unwrap())))
    }

    /// The same with this as its standard input.
    pub fn start_with(name: &str, command: &mut Command, stdin: Stdio) -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut child = command
            // Where backtraces are asked for, panics have them. An error that captures one costs
            // what it costs on no machine of an operator.
            .env("RUST_LIB_BACKTRACE", "0")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} did not start: {error} ({command:?})"));
        let output = Arc::new(Output::default());
        output.lines.lock().unwrap().open_streams = 2;
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        read_lines(out, Arc::clone(&output));
        read_lines(err, Arc::clone(&output));
        Self { name: name.to_owned(), child, output }
    }

    /// Waits for a line that holds `part` and returns it whole.
    pub fn wait_for_line(&self, part: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        let mut lines = self.output.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.seen.iter().find(|line| line.contains(part)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let over = lines.open_streams == 0 || left.is_zero();
            assert!(
                !over,
                "{} never said {part:?}; it said:\n{}",
                self.name,
                lines.seen.join("\n")
            );
            lines = self.output.changed.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// How many lines there are so far.
    pub fn line_count(&self) -> usize {
        self.output.lines.lock().unwrap().seen.len()
    }

    /// The lines from the one numbered `from` on, once `enough` is content with them or `within` has
    /// passed.
    pub fn lines_from(
        &self,
        from: usize,
        within: Duration,
        enough: impl Fn(&[String]) -> bool,
    ) -> Vec<String> {
        let deadline = Instant::now() + within;
        let mut lines = self.output.lines.lock().unwrap();
        loop {
            let seen = lines.seen.get(from..).unwrap_or_default();
            let left = deadline.saturating_duration_since(Instant::now());
            if enough(seen) || left.is_zero() || lines.open_streams == 0 {
                return seen.to_vec();
            }
            lines = self.output.changed.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// All lines so far, for a failed test's message.
    pub fn log(&self) -> String {
        self.output.lines.lock().unwrap().seen.join("\n")
    }

    /// The process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends `signal` to the process alone, not to its children.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Asks the process to end and waits for it.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(Duration::from_secs(45))
    }

    /// Waits for the process to end.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        let pid_fd = rustix::process::pidfd_open(self.pid(), rustix::process::PidfdFlags::empty());
        if let Ok(pid_fd) = pid_fd {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = rustix::event::Timespec::try_from(left).unwrap();
            let mut fds = [rustix::event::PollFd::new(&pid_fd, rustix::event::PollFlags::IN)];
            let ready = rustix::event::poll(&mut fds, Some(&timeout)).unwrap();
            assert_ne!(
                ready,
                0,
                "{} did not end within {within:?}; it said:\n{}",
                self.name,
                self.log()
            );
        }
        self.child.wait().unwrap()
    }

    /// Kills the process and all of its group at once, as a power cut would.
    pub fn kill_group(&mut self) {
        // A group that is gone already is what was wanted.
        let _gone = kill_process_group(self.pid(), Signal::KILL);
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = kill_process_group(self.pid(), Signal::KILL);
        let _reaped = self.child.wait();
    }
}

fn read_lines(stream: impl Read + Send + 'static, output: Arc<Output>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            output.lines.lock().unwrap().seen.push(line);
            output.changed.notify_all();
        }
        output.lines.lock().unwrap().open_streams -= 1;
        output.changed.notify_all();
    });
}

/// What a finished command said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The same, where anything but exit code 0 fails the test.
    pub fn ok(command: &mut Command) -> Self {
        let ran = Self::of(command);
        assert_eq!(ran.code, 0, "{command:?} failed:\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Fails the test where the exit code is another.
    #[expect(clippy::return_self_not_must_use, reason = "the code is often all that is asked")]
    pub fn assert_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code {}, said:\n{}{}",
            self.code, self.stdout, self.stderr
        );
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}{}", self.stdout, self.stderr))
    }
}

/// The first of `names` that is a program on the path.
pub fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|candidate| Path::is_file(candidate))
}
