//! A folder with notes 1.0.0 and a repository that offers 2.0.0, to be copied by each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use newleaf_tests::faulty::Faulty;
use newleaf_tests::process::{Process, Ran};
use newleaf_tests::world::{HostSettings, Mirror, Smaller, World};

/// What all tests share; it ends with the last of them.
pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) mirror: Mirror,
    template: PathBuf,
    program: PathBuf,
    copies: AtomicUsize,
}

static SHARED: Mutex<Weak<Ground>> = Mutex::new(Weak::new());

/// Bytes of the package of notes 2.0.0.
pub(crate) const PACKAGE: &str = ".notes.zip";
/// Its compressed copy.
pub(crate) const COPY: &str = ".notes.zip.zst";

impl Ground {
    pub(crate) fn get() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ground) = shared.upgrade() {
            return ground;
        }
        let ground = Arc::new(Self::make());
        *shared = Arc::downgrade(&ground);
        ground
    }

    fn make() -> Self {
        let world = World::with_registry(Smaller::Quick);
        world.registry.publish_app("tests/apps/notes-1.0.0");
        let host = world.host("template", HostSettings::default());
        host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
        host.add_note("kept", "one");
        let (template, program) = (host.dir.clone(), host.program().to_owned());
        host.process.stop();
        world.registry.publish_app("plugins/notes");
        let made = |form| world.registry.process.wait_for_line(form, Duration::from_mins(2));
        made("a smaller form was made form=\"deltas/");
        made("apps/acme/notes/2.0.0/");
        let mirror = Mirror::of(&world.registry, &world.path("mirror"));
        Self { world, mirror, template, program, copies: AtomicUsize::new(0) }
    }

    /// The length of the package of notes 2.0.0.
    pub(crate) fn length(&self) -> u64 {
        let package = self.mirror.target("apps/acme/notes/2.0.0/notes.zip");
        std::fs::metadata(package).unwrap().len()
    }

    /// A server of the whole repository.
    pub(crate) fn server(&self) -> Faulty {
        Faulty::serve(self.mirror.folder())
    }

    /// A server that has packages and nothing smaller.
    pub(crate) fn plain_server(&self) -> Faulty {
        let server = self.server();
        server.fault(".zst", newleaf_tests::faulty::Fault::Status(404, None));
        server
    }

    /// A copy of the folder whose repository stands at `url`; `more` are lines of settings.
    pub(crate) fn machine(&self, url: &str, more: &str) -> Machine {
        let dir = self.world.path(&format!("copy-{}", self.copies.fetch_add(1, Ordering::SeqCst)));
        Ran::ok(Command::new("cp").arg("-a").arg(&self.template).arg(&dir));
        let settings = dir.join("newleaf.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        let lines = text.lines().map(|line| match line.strip_prefix("url = ") {
            Some(_) => format!("url = \"{url}\"\nstall = 5\n{more}"),
            None => line.to_owned(),
        });
        std::fs::write(&settings, lines.collect::<Vec<_>>().join("\n")).unwrap();
        Machine { dir, program: self.program.clone() }
    }
}

/// A machine without a running host: its command line works on the folder itself.
pub(crate) struct Machine {
    pub(crate) dir: PathBuf,
    pub(crate) program: PathBuf,
}

impl Machine {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--dir").arg(&self.dir).env("NO_PROXY", "*");
        command
    }

    pub(crate) fn update(&self) -> Ran {
        Ran::of(&mut self.command(&["update", "acme/notes", "--yes", "--accept-permissions"]))
    }

    pub(crate) fn start_update(&self) -> Process {
        let mut command = self.command(&["update", "acme/notes", "--yes", "--accept-permissions"]);
        Process::start("newleaf update", &mut command)
    }

    /// Updates, which must succeed; gives what the step says of the download.
    pub(crate) fn updates(&self) -> String {
        let ran = self.update().assert_code(0);
        self.runs("2.0.0");
        let line = ran.stdout.lines().find(|line| line.contains("Download:")).map(str::to_owned);
        let line = line.unwrap_or_else(|| panic!("no download in {}", ran.stdout));
        assert!(line.trim_start().starts_with("done"), "not simply done: {line}");
        assert!(!ran.stderr.to_lowercase().contains("warn"), "not without noise:\n{}", ran.stderr);
        line
    }

    /// Updates, which must fail with `code` and say each of `words`; notes 1.0.0 stays.
    pub(crate) fn refuses(&self, code: i32, words: &[&str]) {
        let ran = self.update();
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not said:\n{said}");
        }
        self.runs("1.0.0");
    }

    /// The version in `state`.
    pub(crate) fn runs(&self, version: &str) {
        let text = std::fs::read_to_string(self.dir.join("state")).unwrap();
        let state: serde_json::Value =
            serde_json::Deserializer::from_str(&text).into_iter().next().unwrap().unwrap();
        assert_eq!(state["apps"]["acme/notes"]["good"]["version"], version, "{state:#}");
    }

    /// Bytes of the download that broke off.
    pub(crate) fn kept(&self) -> u64 {
        let downloads = std::fs::read_dir(self.dir.join("downloads")).unwrap();
        let partial = |path: &Path| path.extension().is_some_and(|ending| ending == "partial");
        let paths = downloads.map(|entry| entry.unwrap().path()).filter(|path| partial(path));
        paths.map(|path| std::fs::metadata(path).unwrap().len()).sum()
    }
}
