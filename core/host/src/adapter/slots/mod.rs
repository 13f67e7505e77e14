//! Downloads, staging and slots on disk. A slot appears under `slots/` by one rename, complete.

mod compare;
mod partial;
mod program;
mod rehearsal;
mod sweep;
mod travel;
mod warm;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, Digest, Manifest, Target};
use newleaf_launcher::Layout;
use newleaf_launcher::state::{CoreSlot, State};
use newleaf_package::{Limits, MANIFEST, PackageReader, UnpackError};
use newleaf_update::port::{
    Download, ExpandError, Heard, Inspected, Keep, Measured, Partial, RehearsalError,
    RehearsalWaits, Rehearsed, SelfTest, SlotError, SlotRef, Slots, Swept, Unpacked, Warmed, runs,
};
use newleaf_update::proof::VerifiedArtifact;
use tokio::sync::mpsc;

use super::files::{self, FileError, blocking};
use partial::DiskPartial;

/// Files below one host's folder.
#[derive(Debug, Clone)]
pub(crate) struct DiskSlots {
    layout: Layout,
}

/// A file's error as the port has it.
fn io(FileError { doing, path, source }: FileError) -> SlotError {
    SlotError::Io { doing, path, source }
}

impl DiskSlots {
    /// The slots of the host with this layout.
    pub(crate) const fn new(layout: Layout) -> Self {
        Self { layout }
    }

    fn downloads(&self) -> PathBuf {
        self.layout.dir().join("downloads")
    }

    fn download(&self, digest: Digest) -> PathBuf {
        self.downloads().join(format!("{digest}.zip"))
    }

    /// Where a download is kept once all of it is here.
    fn kept_as(&self, download: Download) -> PathBuf {
        match download {
            Download::Package { result } => self.download(result),
            Download::Compressed { result } => self.downloads().join(format!("{result}.zip.zst")),
            Download::Delta { base, result } => {
                self.downloads().join(format!("{base}-{result}.zst"))
            }
        }
    }

    fn staging(&self) -> PathBuf {
        self.layout.dir().join("staging")
    }

    fn snapshots(&self) -> PathBuf {
        self.layout.dir().join("snapshots")
    }

    fn slot(&self, slot: &SlotRef) -> PathBuf {
        match &slot.target {
            Target::Core => self.layout.core_slots().join(&slot.folder),
            Target::App(app) => self.layout.app_slots(app).join(&slot.folder),
        }
    }

    /// A folder below `staging` that no other slot has.
    fn staged(&self, slot: &SlotRef) -> PathBuf {
        self.staging().join(format!("{}-{}", slot.target.as_str().replace('/', "."), slot.folder))
    }

    fn unpack_now(
        &self,
        job: &Unpack,
        heard: &mut dyn FnMut(ByteSize),
    ) -> Result<Unpacked, SlotError> {
        let target = self.slot(&job.slot);
        let download = self.download(job.digest);
        // Whatever was proved of the file, it was proved of these bytes.
        match files::measure(&download).map_err(io)? {
            Some((_, found)) if found == job.digest => {}
            found => {
                let found = found.map_or_else(|| Digest::of(b""), |(_, found)| found);
                return Err(SlotError::Changed { path: download, found, expected: job.digest });
            }
        }
        let file = File::open(&download).map_err(FileError::on("opened", &download)).map_err(io)?;
        let mut reader = PackageReader::open(file, Limits::of(&job.slot.target))
            .map_err(|error| SlotError::Unpack(UnpackError::Package(error)))?;
        if Self::is_complete(&mut reader, &target)? {
            heard(reader.unpacked_size());
            return contents(&target, job);
        }
        let staged = self.staged(&job.slot);
        files::remove(&staged).map_err(io)?;
        files::make_folder(&staged).map_err(io)?;
        if let Err(error) = reader.unpack_into(&staged, heard) {
            files::remove(&staged).map_err(io)?;
            return Err(SlotError::Unpack(error));
        }
        check_binary(&staged, &job.manifest)?;
        let contents = contents(&staged, job)?;
        fs::set_permissions(&staged, fs::Permissions::from_mode(0o755))
            .map_err(FileError::on("given its mode", &staged))
            .map_err(io)?;
        if let Some(parent) = target.parent() {
            files::make_folder(parent).map_err(io)?;
        }
        Self::put_in_place(&staged, &target).map_err(io)?;
        Ok(contents)
    }

    /// Whether the slot is there and is the package's, member by member.
    fn is_complete(package: &mut PackageReader<File>, slot: &Path) -> Result<bool, SlotError> {
        if fs::symlink_metadata(slot).is_err() {
            return Ok(false);
        }
        let difference = compare::difference(package, slot).map_err(SlotError::Package)?;
        if let Some(difference) = &difference {
            tracing::warn!(slot = %slot.display(), difference, "a slot is damaged and is made anew");
        }
        Ok(difference.is_none())
    }

    /// Renames a staged folder to where the slot belongs; what is damaged there goes first.
    fn put_in_place(staged: &Path, target: &Path) -> Result<(), FileError> {
        if fs::symlink_metadata(target).is_err() {
            return files::rename(staged, target);
        }
        let damaged = files::beside(staged, "damaged");
        files::remove(&damaged)?;
        files::rename(target, &damaged)?;
        files::rename(staged, target)?;
        files::remove(&damaged)
    }
}

/// What is run from a slot, as it is on disk.
fn contents(slot: &Path, job: &Unpack) -> Result<Unpacked, SlotError> {
    let program = slot.join(runs(&job.slot.target, &job.manifest));
    let runs = files::measure(&program).map_err(io)?.map(|(_, sha256)| sha256);
    Ok(Unpacked { runs })
}

/// What is to be unpacked, owned, so that it can go to another thread.
struct Unpack {
    digest: Digest,
    manifest: Manifest,
    slot: SlotRef,
}

/// A core's program must be the one its manifest names, by which it can be matched later.
fn check_binary(staged: &Path, manifest: &Manifest) -> Result<(), SlotError> {
    let Some(binary) = &manifest.binary else { return Ok(()) };
    let path = staged.join("bin").join(&binary.name);
    match files::measure(&path).map_err(io)? {
        Some((length, sha256)) if length == binary.length && sha256 == binary.sha256 => Ok(()),
        Some((length, sha256)) => Err(SlotError::SelfTest {
            path,
            detail: format!(
                "it is {length} with SHA-256 {sha256}, its manifest says {} with {}",
                binary.length, binary.sha256
            ),
        }),
        None => {
            Err(SlotError::SelfTest { path, detail: "the package does not hold it".to_owned() })
        }
    }
}

#[async_trait]
impl Slots for DiskSlots {
    async fn partial(&self, download: Download) -> Result<Box<dyn Partial>, SlotError> {
        let opened = DiskPartial::open(self.downloads(), self.kept_as(download)).await;
        Ok(Box::new(opened.map_err(io)?))
    }

    async fn expand_copy(&self, signed: Measured) -> Result<(), SlotError> {
        let copy = self.kept_as(Download::Compressed { result: signed.sha256 });
        let package = self.download(signed.sha256);
        blocking(move || travel::expand_copy(&copy, &package, signed)).await
    }

    async fn apply_delta(
        &self,
        slot: &SlotRef,
        base: Digest,
        signed: Measured,
    ) -> Result<(), SlotError> {
        let delta = self.kept_as(Download::Delta { base, result: signed.sha256 });
        let package = self.download(signed.sha256);
        let base = travel::Rebuilt { folder: self.slot(slot), of: slot.target.clone(), base };
        blocking(move || travel::apply_delta(&delta, &base, &package, signed)).await
    }

    async fn measure(&self, digest: Digest) -> Result<Option<Measured>, SlotError> {
        let path = self.download(digest);
        let measured = blocking(move || files::measure(&path)).await.map_err(io)?;
        Ok(measured.map(|(length, sha256)| Measured { length, sha256 }))
    }

    async fn inspect(&self, digest: Digest, target: &Target) -> Result<Inspected, SlotError> {
        let (path, limits) = (self.download(digest), Limits::of(target));
        blocking(move || {
            let file = File::open(&path).map_err(FileError::on("opened", &path)).map_err(io)?;
            let mut reader = PackageReader::open(file, limits).map_err(SlotError::Package)?;
            let manifest = reader.manifest().map_err(SlotError::Package)?.bytes;
            Ok(Inspected {
                manifest,
                unpacked: reader.unpacked_size(),
                members: reader.members().len(),
            })
        })
        .await
    }

    async fn discard(&self, digest: Digest) -> Result<(), SlotError> {
        let path = self.download(digest);
        blocking(move || partial::discard(&path)).await.map_err(io)
    }

    async fn unpack(
        &self,
        artifact: &VerifiedArtifact,
        slot: &SlotRef,
        heard: Heard<'_>,
    ) -> Result<Unpacked, SlotError> {
        let job = Unpack {
            digest: artifact.measured().sha256,
            manifest: artifact.manifest().clone(),
            slot: slot.clone(),
        };
        let (told, mut bytes) = mpsc::unbounded_channel();
        let slots = self.clone();
        let work = blocking(move || {
            slots.unpack_now(&job, &mut |count| {
                // Nobody listens any more where the update was dropped.
                let _ = told.send(count);
            })
        });
        let listen = async {
            while let Some(count) = bytes.recv().await {
                heard(count);
            }
        };
        tokio::join!(work, listen).0
    }

    async fn exists(&self, slot: &SlotRef) -> Result<bool, SlotError> {
        Ok(self.slot(slot).is_dir())
    }

    async fn damage(&self, slot: &CoreSlot) -> Option<String> {
        let (layout, slot) = (self.layout.clone(), slot.clone());
        blocking(move || newleaf_launcher::serve::damage_of(&layout, &slot)).await
    }

    async fn manifest(&self, slot: &SlotRef) -> Result<Manifest, SlotError> {
        let path = self.slot(slot).join(MANIFEST);
        blocking(move || {
            let damaged = |detail: String| SlotError::Manifest { path: path.clone(), detail };
            let bytes = files::read(&path)
                .map_err(io)?
                .ok_or_else(|| damaged("it is not there".to_owned()))?;
            Manifest::parse(&bytes).map_err(|error| damaged(error.to_string()))
        })
        .await
    }

    async fn self_test(&self, slot: &SlotRef, program: &str) -> Result<SelfTest, SlotError> {
        program::self_test(&self.slot(slot).join(program)).await
    }

    async fn expand(
        &self,
        slot: &CoreSlot,
        within: Duration,
        heard: &(dyn for<'line> Fn(&'line str) + Send + Sync),
    ) -> Result<(), ExpandError> {
        program::expand(&self.layout.program(slot), self.layout.dir(), within, heard).await
    }

    async fn rehearsal_needs(&self) -> Result<ByteSize, SlotError> {
        let dir = self.layout.dir().to_owned();
        blocking(move || rehearsal::needs(&dir)).await.map_err(io)
    }

    async fn rehearse(
        &self,
        slot: &CoreSlot,
        state: &State,
        waits: RehearsalWaits,
    ) -> Result<Rehearsed, RehearsalError> {
        rehearsal::rehearse(self, slot, state, waits).await
    }

    async fn prewarm(
        &self,
        slot: &CoreSlot,
        within: Duration,
    ) -> Result<Option<Warmed>, ExpandError> {
        warm::prewarm(&self.layout.program(slot), self.layout.dir(), within).await
    }

    async fn unused(&self, keep: &Keep) -> Result<Vec<SlotRef>, SlotError> {
        let (slots, keep) = (self.clone(), keep.clone());
        let found = blocking(move || sweep::unused_slots(&slots, &keep)).await.map_err(io)?;
        Ok(found.into_iter().map(|(slot, _)| slot).collect())
    }

    async fn sweep(&self, keep: &Keep) -> Result<Swept, SlotError> {
        let (slots, keep) = (self.clone(), keep.clone());
        blocking(move || sweep::sweep(&slots, &keep)).await.map_err(io)
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::PackageName;
    use newleaf_package::PackageWriter;

    use super::*;

    /// What was done to a slot, and how.
    type Damage = (&'static str, fn(&Path));

    const MANIFEST_OF_NOTES: &str = r#"{"id":"acme/notes","version":"1.0.0"}"#;

    /// A host with a verified download of notes, and the work of unpacking it.
    fn downloaded() -> (tempfile::TempDir, DiskSlots, Unpack) {
        let dir = tempfile::tempdir().unwrap();
        let slots = DiskSlots::new(Layout::new(dir.path()));
        let mut writer =
            PackageWriter::new(MANIFEST_OF_NOTES.as_bytes().to_vec(), Limits::app()).unwrap();
        writer.add_bytes("app.wasm", vec![7; 200_000]).unwrap();
        writer.add_bytes("assets/app.css", b"body {}".to_vec()).unwrap();
        let mut package = std::io::Cursor::new(Vec::new());
        writer.write(&mut package).unwrap();
        let digest = Digest::of(package.get_ref());
        files::make_folder(&slots.downloads()).unwrap();
        fs::write(slots.download(digest), package.get_ref()).unwrap();
        let manifest = Manifest::parse(MANIFEST_OF_NOTES.as_bytes()).unwrap();
        let target = Target::App(PackageName::parse("acme/notes").unwrap());
        let folder = format!("{}-1.0.0", digest.short());
        (dir, slots, Unpack { digest, manifest, slot: SlotRef { target, folder } })
    }

    fn unpack(slots: &DiskSlots, job: &Unpack) -> Unpacked {
        slots.unpack_now(job, &mut |_: ByteSize| ()).unwrap()
    }

    #[test]
    fn a_slot_names_the_digest_of_what_is_run_and_is_left_alone_while_it_is_whole() {
        let (_dir, slots, job) = downloaded();
        let made = unpack(&slots, &job);
        assert_eq!(made.runs, Some(Digest::of(&vec![7; 200_000])));
        let before = fs::metadata(slots.slot(&job.slot)).unwrap();
        assert_eq!(unpack(&slots, &job), made);
        let after = fs::metadata(slots.slot(&job.slot)).unwrap();
        assert_eq!(
            std::os::unix::fs::MetadataExt::ino(&before),
            std::os::unix::fs::MetadataExt::ino(&after)
        );
    }

    #[test]
    fn a_slot_that_is_not_the_packages_is_made_anew() {
        let damages: [Damage; 7] = [
            ("a flipped bit", |slot| {
                let mut bytes = fs::read(slot.join("app.wasm")).unwrap();
                bytes[150_000] ^= 1;
                fs::write(slot.join("app.wasm"), bytes).unwrap();
            }),
            ("a file cut short", |slot| fs::write(slot.join("assets/app.css"), "body").unwrap()),
            ("a file that is gone", |slot| fs::remove_file(slot.join("manifest.json")).unwrap()),
            ("a file too many", |slot| fs::write(slot.join("assets/more.js"), "x").unwrap()),
            ("a link in a file's place", |slot| {
                fs::rename(slot.join("app.wasm"), slot.join("../elsewhere")).unwrap();
                std::os::unix::fs::symlink("../elsewhere", slot.join("app.wasm")).unwrap();
            }),
            ("a mode that others may write", |slot| {
                let mode = fs::Permissions::from_mode(0o666);
                fs::set_permissions(slot.join("app.wasm"), mode).unwrap();
            }),
            ("an empty folder in its place", |slot| {
                fs::remove_dir_all(slot).unwrap();
                fs::create_dir(slot).unwrap();
            }),
        ];
        for (what, damage) in damages {
            let (_dir, slots, job) = downloaded();
            let made = unpack(&slots, &job);
            let slot = slots.slot(&job.slot);
            damage(&slot);
            assert_eq!(unpack(&slots, &job), made, "{what}");
            assert_eq!(fs::read(slot.join("app.wasm")).unwrap(), vec![7; 200_000], "{what}");
            assert_eq!(fs::read(slot.join("assets/app.css")).unwrap(), b"body {}", "{what}");
            assert!(slot.join("manifest.json").is_file(), "{what}");
            assert!(!slot.join("assets/more.js").exists(), "{what}");
            assert_eq!(files::names(&slots.staging()).unwrap().len(), 0, "{what}");
        }
    }
}
