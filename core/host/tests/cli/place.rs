//! A folder for a host, and the program at work in it.

use std::path::PathBuf;
use std::process::Command;

use newleaf_update::port::fake::World;

/// A place where a host can be made.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// A place with a root role and nothing else.
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
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
        self.folder.path().join("host")
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
        let output = Command::new(env!("CARGO_BIN_EXE_newleaf"))
            .args(arguments)
            .env("NEWLEAF_DIR", self.dir())
            .output()
            .unwrap();
        let place = self.folder.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(place, "[place]");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}
