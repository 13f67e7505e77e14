//! Rehearses a version of core: its data copied into a folder of its own, extended by the new
//! program, which is then started there as for a trial and asked for its health.
//!
//! The worker of a rehearsal gets no listener and is never told to go, so it accepts nothing, and
//! none of what waits for that word begins: schedules, checks, notices, pruning.

use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use newleaf_domain::ByteSize;
use newleaf_launcher::proto::{EXIT_MACHINE, Heir, PROTOCOL, ToLauncher, ToWorker};
use newleaf_launcher::state::{CoreSlot, State};
use newleaf_launcher::wire::{Blocking, Wire};
use newleaf_launcher::{Layout, lock};
use newleaf_update::explain::chain;
use newleaf_update::port::{RehearsalError, RehearsalWaits, Rehearsed};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::super::files::{self, FileError, blocking};
use super::{DiskSlots, io, program};
use crate::db::snapshot;

/// Tells a product's own code that its worker only rehearses.
const VARIABLE: &str = "NEWLEAF_REHEARSAL";

/// The folder of a rehearsal below `staging/`.
const FOLDER: &str = "rehearsal";

/// Copies of the data that lie on disk at a time: the one that is worked on, what the extension adds
/// to it and its log, and the snapshot that the extension takes first.
const COPIES: u64 = 4;

/// What the rest of a rehearsal needs: settings, logs, sockets.
const BESIDE: u64 = 16 * 1024 * 1024;

/// How long a worker that was told to end may take; then it is killed.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Files of the host that a worker reads at its start.
const READ_AT_START: [&str; 3] = ["state", "newleaf.toml", crate::config::GOOD];

/// The product's own files.
const PRODUCTS: &str = "data/core";

/// The folder of a rehearsal; it goes when this does.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = files::remove(&self.0) {
            tracing::warn!(path = %self.0.display(), error = %error.source, "a rehearsal is left; the next clearing up takes it");
        }
    }
}

/// Room that a rehearsal needs for its time.
pub(super) fn needs(dir: &Path) -> Result<ByteSize, FileError> {
    let length = |name: &str| fs::metadata(dir.join(name)).map_or(0, |file| file.len());
    let database = length("newleaf.db") + length("newleaf.db-wal");
    let own = files::size_of(&dir.join(PRODUCTS))?;
    Ok(ByteSize::bytes(database * COPIES + own + BESIDE))
}

/// Carries the rehearsal out.
pub(super) async fn rehearse(
    slots: &DiskSlots,
    slot: &CoreSlot,
    state: &State,
    waits: RehearsalWaits,
) -> Result<Rehearsed, RehearsalError> {
    let (layout, at) = (slots.layout.clone(), slots.staging().join(FOLDER));
    let start = Instant::now();
    let (place, copied) = copy(&layout, at).await?;
    let copy_ms = millis(start);
    let start = Instant::now();
    let program = layout.program(slot);
    let heard = |line: &str| tracing::debug!(line, "the copy is being extended");
    program::expand(&program, &place.0, waits.expand, &heard)
        .await
        .map_err(RehearsalError::Expand)?;
    let expand_ms = millis(start);
    let start = Instant::now();
    if let Err(failed) = started(&layout, &program, &place.0, state, waits).await {
        return Err(whose_fault(failed, &layout, &place.0, state, waits).await);
    }
    Ok(Rehearsed { copied, copy_ms, expand_ms, start_ms: millis(start) })
}

/// Starts `program` on the copy in `dir` as for a trial, and asks it for its health.
async fn started(
    layout: &Layout,
    program: &Path,
    dir: &Path,
    state: &State,
    waits: RehearsalWaits,
) -> Result<(), RehearsalError> {
    let mut stage = Stage::open(layout, program, dir, state)?;
    let fit = stage.fits(waits).await;
    stage.end().await;
    fit
}

/// A start that failed says something of its version only where the version that serves can be
/// started on the same copy: the settings may have changed since it was.
async fn whose_fault(
    failed: RehearsalError,
    layout: &Layout,
    dir: &Path,
    state: &State,
    waits: RehearsalWaits,
) -> RehearsalError {
    let good = &state.core.good;
    if failed.is_machine_fault() {
        return failed;
    }
    match started(layout, &layout.program(good), dir, state, waits).await {
        Ok(()) => failed,
        Err(too) => RehearsalError::Machine {
            detail: format!(
                "{}; core {} cannot be started with these settings either: {}",
                chain(&failed),
                good.version,
                chain(&too)
            ),
        },
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Copies what core works with. The database is one moment of it; the product's own files are
/// copied one after the other while it serves.
async fn copy(layout: &Layout, at: PathBuf) -> Result<(Place, ByteSize), RehearsalError> {
    let dir = layout.dir().to_owned();
    let (from, to) = (dir.clone(), at.clone());
    let place = blocking(move || make(&from, to)).await.map_err(io)?;
    let copied = snapshot::copy_live(&dir, &at).await;
    copied.map_err(|error| RehearsalError::Copy { detail: chain(&error) })?;
    let size = blocking(move || files::size_of(&at)).await.map_err(io)?;
    Ok((place, ByteSize::bytes(size)))
}

fn make(dir: &Path, at: PathBuf) -> Result<Place, FileError> {
    files::remove(&at)?;
    let place = Place(at);
    for folder in ["run", "data/apps", "snapshots", "staging"] {
        files::make_folder(&place.0.join(folder))?;
    }
    for name in READ_AT_START {
        if let Some(bytes) = files::read(&dir.join(name))? {
            files::put(&place.0.join(name), &bytes)?;
        }
    }
    copy_folder(&dir.join(PRODUCTS), &place.0.join(PRODUCTS))?;
    Ok(place)
}

/// Copies plain files and folders; a file that is gone by the time it is its turn is left out.
fn copy_folder(from: &Path, to: &Path) -> Result<(), FileError> {
    files::make_folder(to)?;
    for name in files::names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        match fs::symlink_metadata(&from) {
            Ok(found) if found.is_dir() => copy_folder(&from, &to)?,
            Ok(found) if found.is_file() => match fs::copy(&from, &to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FileError::on("copied", &from)(error));
                }
                Ok(_) | Err(_) => {}
            },
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// A worker that rehearses, and the launcher's end of its control socket in this process.
struct Stage {
    child: Child,
    wire: Wire,
    socket: PathBuf,
    /// What it logged last.
    last: tokio::task::JoinHandle<String>,
}

impl Stage {
    /// Starts the worker and greets it.
    fn open(
        layout: &Layout,
        program: &Path,
        dir: &Path,
        state: &State,
    ) -> Result<Self, RehearsalError> {
        let machine = |error: &(dyn std::error::Error + 'static)| RehearsalError::Machine {
            detail: chain(error),
        };
        let (wire, theirs) = Wire::pair().map_err(|error| machine(&error))?;
        let mut child = Command::new(program)
            .args(["worker", "--dir"])
            .arg(dir)
            .env(VARIABLE, "1")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| machine(&error))?;
        let last = tokio::spawn(last_line(child.stderr.take()));
        // In the host's own folder, since the path of a socket may not be long.
        let socket = layout.run().join("rehearsal.sock");
        let hold = lock::hold_workers(layout).map_err(|error| machine(&error))?;
        let nowhere = unbound().map_err(|error| machine(&std::io::Error::from(error)))?;
        // Its apps are tried by `--prewarm`: their data is not in the copy.
        let state = State { apps: std::collections::BTreeMap::new(), ..state.clone() };
        let hello = ToWorker::Hello {
            protocol: PROTOCOL,
            public: 0,
            admin: 0,
            probe_socket: socket.to_string_lossy().into_owned(),
            trial: true,
            state: Box::new(state),
        };
        // One that is gone already is told of when it is waited for.
        drop(wire.send(&hello, &[nowhere.as_fd(), hold.as_fd()], Blocking::No));
        Ok(Self { child, wire, socket, last })
    }

    /// Waits for its READY and asks it for its health.
    async fn fits(&mut self, waits: RehearsalWaits) -> Result<(), RehearsalError> {
        let wire = self.wire.try_clone();
        let wire = wire.map_err(|error| RehearsalError::Machine { detail: chain(&error) })?;
        let ready = blocking(move || matches!(wire.receive(), Ok((ToLauncher::Ready { .. }, _))));
        match tokio::time::timeout(waits.ready, ready).await {
            Ok(true) => {}
            Ok(false) => return Err(self.ended().await),
            Err(_) => return Err(RehearsalError::NotReady { within: waits.ready }),
        }
        let socket = self.socket.clone();
        let healthy = blocking(move || crate::probe::ask(&socket, waits.probe)).await;
        healthy.map_err(|detail| RehearsalError::Unfit { detail })
    }

    /// How a worker ended that never became ready, and whose fault that is.
    async fn ended(&mut self) -> RehearsalError {
        let Ok(status) = self.child.wait().await else {
            return RehearsalError::Machine { detail: "it could not be waited for".to_owned() };
        };
        let last = (&mut self.last).await.unwrap_or_default();
        let detail = format!("ended with {status}: {last}");
        if is_machines(status) {
            RehearsalError::Machine { detail: format!("the worker {detail}") }
        } else {
            RehearsalError::Unfit { detail }
        }
    }

    /// Tells it to end, and sees to it.
    async fn end(mut self) {
        drop(self.wire.send(
            &ToWorker::Drain { within_ms: 0, heir: Heir::None },
            &[],
            Blocking::No,
        ));
        if tokio::time::timeout(END_WITHIN, self.child.wait()).await.is_err() {
            drop(self.child.kill().await);
        }
        drop(fs::remove_file(&self.socket));
    }
}

/// Ended from outside, or by its own word because of the machine: no evidence against a version.
fn is_machines(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    let outside = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP].map(Signal::as_raw);
    status.signal().is_some_and(|signal| outside.contains(&signal))
        || status.code() == Some(EXIT_MACHINE)
}

/// A socket in the place of `run/admin.sock` that nobody can reach.
fn unbound() -> rustix::io::Result<OwnedFd> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

async fn last_line(log: Option<tokio::process::ChildStderr>) -> String {
    let mut last = "it said nothing".to_owned();
    let Some(log) = log else { return last };
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(line, "the worker of a rehearsal says");
        if !line.trim().is_empty() {
            last = line.chars().take(300).collect();
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_needed_for_the_copy_what_grows_in_it_and_its_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("newleaf.db"), vec![0; 1000]).unwrap();
        fs::write(dir.path().join("newleaf.db-wal"), vec![0; 500]).unwrap();
        fs::create_dir_all(dir.path().join("data/core/pictures")).unwrap();
        fs::write(dir.path().join("data/core/pictures/one"), vec![0; 70]).unwrap();
        assert_eq!(needs(dir.path()).unwrap().as_u64(), 1500 * COPIES + 70 + BESIDE);
    }

    #[test]
    fn the_products_own_files_are_copied_without_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("data/core/pictures")).unwrap();
        fs::write(dir.path().join("data/core/pictures/one"), "1").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("data/core/away")).unwrap();
        let place = make(dir.path(), dir.path().join("staging/rehearsal")).unwrap();
        let copied = files::names(&place.0.join("data/core")).unwrap();
        assert_eq!(copied, ["pictures"]);
        let at = place.0.clone();
        drop(place);
        assert!(!at.exists());
    }

    /// A host whose core 1.0.0 does what `serves` says when it is started; gives the folder and
    /// what became of a 1.1.0 that exits on a copy of the data.
    async fn rehearsed_beside(serves: &str) -> RehearsalError {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let state = crate::worker::tests::state();
        let new = CoreSlot {
            digest: newleaf_domain::Digest::of(b"1.1.0"),
            version: newleaf_domain::Version::parse("1.1.0").unwrap(),
            ..state.core.good.clone()
        };
        fs::create_dir_all(layout.run()).unwrap();
        for (slot, does) in [(&state.core.good, serves), (&new, "echo no such file >&2; exit 1")] {
            let program = layout.program(slot);
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            let text = format!("#!/bin/sh\n[ \"$2\" = --expand ] && exit 0\n{does}\n");
            fs::write(&program, text).unwrap();
            let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&program, runs).unwrap();
        }
        let waits = Duration::from_secs(20);
        let waits = RehearsalWaits { expand: waits, ready: waits, probe: waits };
        rehearse(&DiskSlots::new(layout), &new, &state, waits).await.unwrap_err()
    }

    #[tokio::test]
    async fn settings_with_which_no_version_starts_are_no_evidence_against_the_new_one() {
        let error = rehearsed_beside("echo no certificate >&2; exit 1").await;
        assert!(error.is_machine_fault() && !error.blames_version(), "{error}");
        let told = error.to_string();
        for part in ["no such file", "core 1.0.0 cannot be started with these settings either"] {
            assert!(told.contains(part), "{part:?} is not in {told}");
        }
        assert!(told.contains("no certificate"), "{told}");
    }
}
