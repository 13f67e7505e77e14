//! The stories: each a machine as it was before, what is done to it, and what must be true of it
//! after any interruption.

use std::path::Path;

use newleaf_domain::{Digest, Target};
use newleaf_launcher::journal::Ending;
use newleaf_launcher::state::{AppSlot, CorePhase, State};
use newleaf_launcher::{Layout, StoppedHost};
use newleaf_update::explain::chain;

use super::apps::{self, Migration, Notes, UNWELL};
use super::machine::{Machine, Releases, notes, target};

/// What people wrote.
const WRITTEN: [&str; 3] = ["milk", "bread", "salt"];

/// One update, or way back, or start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// Notes 1.0.0 is installed.
    Install,
    /// Notes 1.0.0, with data, is updated to 2.0.0, which migrates it.
    Update,
    /// Notes 1.0.0 is updated to 3.0.0, which is not well: it is taken back, with its data.
    Misfit,
    /// Notes 2.0.0 is rolled back to 1.0.0, with the data of before.
    Back,
    /// A host starts that was killed in the middle of a migration.
    Recovery,
    /// Core 1.1.0 is brought in and laid ready for the next start.
    Core,
}

impl Story {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Install, Self::Update, Self::Misfit, Self::Back, Self::Recovery, Self::Core];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Update => "update",
            Self::Misfit => "misfit",
            Self::Back => "back",
            Self::Recovery => "recovery",
            Self::Core => "core",
        }
    }

    /// The story of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|story| story.name() == name)
    }

    /// Makes the machine in `dir` as it was before the story.
    pub async fn prepare(self, dir: &Path, releases: &Releases) {
        first(dir, releases);
        match self {
            Self::Install => {}
            Self::Update | Self::Misfit | Self::Recovery | Self::Core | Self::Back => {
                let machine = Machine::boot(dir, releases).await.unwrap();
                let done = machine.update(&target(), "1.0.0").await;
                assert_eq!(done, Ok(Ending::Committed));
                apps::write(&apps::data(&machine.layout, &notes()), &WRITTEN).unwrap();
            }
        }
        match self {
            Self::Install | Self::Update | Self::Misfit | Self::Core => {}
            Self::Back => {
                let machine = Machine::boot(dir, releases).await.unwrap();
                let done = machine.update(&target(), "2.0.0").await;
                assert_eq!(done, Ok(Ending::Committed));
            }
            Self::Recovery => {
                let machine = Machine::boot_with(dir, releases, Migration::Stands).await.unwrap();
                machine.begin(&target(), "2.0.0").await.unwrap();
                machine.apps.stands.notified().await;
            }
        }
    }

    /// Tells the story. An update that ends badly is no error of this: the disk may have failed.
    ///
    /// # Errors
    /// The machine does not start, or refuses to begin.
    pub async fn play(self, dir: &Path, releases: &Releases) -> Result<(), String> {
        let machine = Machine::boot(dir, releases).await?;
        match self {
            Self::Recovery => {}
            Self::Install => drop(machine.update(&target(), "1.0.0").await?),
            Self::Update => drop(machine.update(&target(), "2.0.0").await?),
            Self::Misfit => drop(machine.update(&target(), UNWELL).await?),
            Self::Back => drop(machine.back(&target()).await?),
            Self::Core => drop(machine.update(&Target::Core, "1.1.0").await?),
        }
        machine.updater.tidy().await.map_err(|error| chain(&error))?;
        Ok(())
    }

    /// Starts the machine once more on a disk that does not fail: a working version serves with its
    /// data, nothing good was marked bad, and what was interrupted can be finished. Gives the
    /// version that served before it was finished.
    ///
    /// # Errors
    /// What is not so.
    pub async fn check(self, dir: &Path, releases: &Releases) -> Result<String, String> {
        let machine = Machine::boot(dir, releases).await?;
        let found = self.looks_right(&machine).await?;
        self.finish(&machine).await.map_err(|error| format!("not finished: {error}"))?;
        self.looks_right(&machine).await?;
        machine.updater.tidy().await.map_err(|error| chain(&error))?;
        let staging = std::fs::read_dir(machine.layout.dir().join("staging"));
        // While a core waits for the next start, nothing is tidied.
        let left = if self == Self::Core { 0 } else { staging.map_or(0, Iterator::count) };
        if left > 0 { Err(format!("{left} folders are left in staging")) } else { Ok(found) }
    }

    async fn looks_right(self, machine: &Machine) -> Result<String, String> {
        let state = machine.updater.state();
        if machine.updater.running().await.map_err(|error| chain(&error))?.is_some()
            && state.core.trial.is_none()
        {
            return Err("an update still runs".to_owned());
        }
        let bad = state.bad.iter().find(|bad| self != Self::Misfit || bad.reason != MISFIT);
        if let Some(bad) = bad {
            return Err(format!("a version was marked bad: {}", bad.reason));
        }
        core_is_whole(machine, &state)?;
        let Some(app) = state.apps.get(&notes()) else {
            let nothing = || Err("notes is not installed any more".to_owned());
            return if self == Self::Install { Ok("nothing".to_owned()) } else { nothing() };
        };
        if app.trial.is_some() || app.disabled {
            return Err(format!("notes is not settled: {app:?}"));
        }
        let good = app.good.as_ref().ok_or("notes has no good version")?;
        self.app_is_whole(machine, good)?;
        let staged = if state.core.trial.is_some() { "what was staged" } else { "nothing staged" };
        Ok(if self == Self::Core { staged.to_owned() } else { good.version.to_string() })
    }

    fn app_is_whole(self, machine: &Machine, good: &AppSlot) -> Result<(), String> {
        let serves = machine.apps.serves(&notes());
        if serves.as_ref().is_none_or(|serves| serves.digest != good.digest) {
            return Err(format!("{serves:?} serves in the place of {good:?}"));
        }
        let component = machine.layout.app_slot(&notes(), good).join("app.wasm");
        if digest_of(&component)? != good.component {
            return Err(format!("{} is not what was staged", component.display()));
        }
        let found = apps::read(&apps::data(&machine.layout, &notes()));
        let found = found.map_err(|error| format!("the notes cannot be read: {error}"))?;
        let written = if self == Self::Install { &[] } else { &WRITTEN[..] };
        let texts = written.iter().map(|text| (*text).to_owned()).collect();
        let expected = Notes { schema: good.schema, texts };
        if found == expected { Ok(()) } else { Err(format!("{found:?} in place of {expected:?}")) }
    }

    async fn finish(self, machine: &Machine) -> Result<(), String> {
        let state = machine.updater.state();
        let good = state.apps.get(&notes()).and_then(|app| app.good.as_ref());
        let serves = good.map(|good| good.version.as_str()).unwrap_or_default();
        let (wanted, ending) = match self {
            Self::Install if serves.is_empty() => {
                ("1.0.0", machine.update(&target(), "1.0.0").await?)
            }
            Self::Back if serves == "2.0.0" => ("1.0.0", machine.back(&target()).await?),
            Self::Install | Self::Back => return expect("1.0.0", serves),
            Self::Update | Self::Misfit | Self::Recovery if serves == "1.0.0" => {
                ("2.0.0", machine.update(&target(), "2.0.0").await?)
            }
            Self::Update | Self::Recovery => return expect("2.0.0", serves),
            Self::Misfit => return expect("1.0.0", serves),
            Self::Core if state.core.trial.is_some() => return expect("1.0.0", serves),
            Self::Core => ("1.1.0", machine.update(&Target::Core, "1.1.0").await?),
        };
        let state = machine.updater.state();
        if self == Self::Core {
            let trial = state.core.trial.as_ref().map(|trial| trial.slot.version.as_str());
            return match (ending, trial) {
                (Ending::Deferred, Some("1.1.0")) => Ok(()),
                found => Err(format!("core: {found:?}")),
            };
        }
        if ending != Ending::Committed {
            return Err(format!("the update to {wanted} ended {ending:?}"));
        }
        let good = state.apps.get(&notes()).and_then(|app| app.good.as_ref());
        expect(wanted, good.map(|good| good.version.as_str()).unwrap_or_default())
    }
}

/// Why 3.0.0 is marked bad, rightly.
const MISFIT: &str = "acme/notes failed to answer for its health: it is not well";

fn expect(wanted: &str, serves: &str) -> Result<(), String> {
    if wanted == serves { Ok(()) } else { Err(format!("{serves} serves, not {wanted}")) }
}

/// Core 1.0.0 serves, and what is on trial is as it was signed.
fn core_is_whole(machine: &Machine, state: &State) -> Result<(), String> {
    expect("1.0.0", state.core.good.version.as_str())?;
    let program = machine.layout.program(&state.core.good);
    if !program.is_file() {
        return Err(format!("{} is gone", program.display()));
    }
    match (&state.core.trial, state.core.phase) {
        (None, CorePhase::Idle) => Ok(()),
        (Some(trial), CorePhase::Expand) => {
            let program = machine.layout.program(&trial.slot);
            let found = digest_of(&program)?;
            let whole = found == trial.slot.binary;
            if whole { Ok(()) } else { Err(format!("{} is torn", program.display())) }
        }
        found => Err(format!("core is not settled: {found:?}")),
    }
}

fn digest_of(path: &Path) -> Result<Option<Digest>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some(Digest::of(&bytes)))
}

/// A machine with core 1.0.0 and nothing else.
fn first(dir: &Path, releases: &Releases) {
    let layout = Layout::new(dir);
    let state = releases.first_state();
    let folders =
        ["downloads", "staging", "snapshots", "cache", "plans", "trust/pins", "data/apps", "slots"];
    for folder in folders {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    std::fs::write(dir.join("trust/root.json"), releases.root()).unwrap();
    std::fs::write(dir.join("install-id"), "07".repeat(32)).unwrap();
    let program = layout.program(&state.core.good);
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(program, "core 1.0.0").unwrap();
    drop(StoppedHost::create(layout, state).unwrap());
}
