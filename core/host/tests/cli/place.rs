//! A folder for a host, and the program at work in it.

use std::path::PathBuf;
use std::process::Command;

use newleaf_update::port::fake::World;

const PROGRAM: &str = env!("CARGO_BIN_EXE_newleaf");

/// A place where a host can be made.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    name: &'static str,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Every line of both streams.
    pub(crate) fn all_lines(&self) -> impl Iterator<Item = &str> {
        self.out.lines().chain(self.err.lines())
    }
}

impl Place {
    /// A place with a root role and nothing else.
    pub(crate) fn new() -> Self {
        Self::called("host")
    }

    /// The same, whose host's folder is called so.
    pub(crate) fn called(name: &'static str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), name };
        std::fs::write(place.root(), World::new().publisher().root()).unwrap();
        place
    }

    /// A place with a host in it.
    pub(crate) fn with_host() -> Self {
        let place = Self::new();
        let said = place.init();
        assert_eq!(said.code, 0, "{said:?}");
        place
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root.json")
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("updates")
    }

    /// Makes the host.
    pub(crate) fn init(&self) -> Said {
        let root = self.root();
        let repository = format!("file://{}", self.repository().display());
        self.run(&["init", "--repository", &repository, "--root", root.to_str().unwrap()])
    }

    /// Runs a command on the folder and waits for its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    /// The same with further variables of the environment.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("NEWLEAF_DIR", self.dir()).envs(variables.iter().copied());
        self.short(&Said::of(&mut command))
    }

    /// The same by another program, which is told to become it.
    pub(crate) fn run_by(&self, program: &str, before: &[&str], arguments: &[&str]) -> Said {
        let mut command = Command::new(program);
        command.args(before).arg(PROGRAM).args(arguments).env("NEWLEAF_DIR", self.dir());
        self.short(&Said::of(&mut command))
    }

    /// Runs a command that is given the folder by `--dir`; what it said is left as it is.
    pub(crate) fn run_on(&self, arguments: &[&str]) -> Said {
        Said::of(Command::new(PROGRAM).args(arguments).arg("--dir").arg(self.dir()))
    }

    /// What was said, with a short name for the place.
    fn short(&self, said: &Said) -> Said {
        let place = self.folder.path().to_str().unwrap();
        let text = |text: &str| text.replace(place, "[place]");
        Said { code: said.code, out: text(&said.out), err: text(&said.err) }
    }
}
