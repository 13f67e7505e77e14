//! The files of the cache: `<component digest>-<engine>.code`, each a magic word, the SHA-256 of
//! the machine code, and the machine code.

use std::{
    fs::{self, DirBuilder, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use newleaf_domain::Digest;
use wasmtime::{Engine, component::Component};

use super::load;
use crate::{
    compile,
    compile::{CompileError, CompileLimits, Compiler},
    engine,
};

/// Begins every file, and names the form of what follows.
const MAGIC: &[u8; 8] = b"nlcode\x001";
/// The age of a temporary file that nobody can still be writing.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

const HEADER: usize = MAGIC.len() + 32;

/// A folder of compiled code for one engine.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    engine_key: String,
}

/// What the cache has of a component.
pub(crate) enum Loaded {
    /// It, ready to link.
    Component(Component),
    /// Nothing.
    Nothing,
    /// Something damaged, of another engine, or more than an instance may have; it is removed. Why
    /// it was not usable.
    Unusable(String),
}

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    /// A file or folder of it cannot be read or written.
    #[error("{action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The compiler gave nothing.
    #[error(transparent)]
    Compile(CompileError),
    /// The thread that writes to it ended: the host is going down.
    #[error("the work on compiled code was ended")]
    Ended(#[source] tokio::task::JoinError),
}

impl Cache {
    /// The cache in `folder`, which is made, and closed to everyone else. On a disk that is read-only
    /// it is what it is: one that is missing is empty, one that is open to others is refused.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Result<Self, CacheError> {
        let failed = |source| CacheError::File { action: "make", path: folder.to_owned(), source };
        match make(folder) {
            Ok(()) => sweep(folder).map_err(file("read", folder))?,
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem && is_closed(folder) => {}
            Err(error) => return Err(failed(error)),
        }
        let engine_key = engine::compatibility(engine).short();
        Ok(Self { folder: folder.to_owned(), engine_key })
    }

    /// Whether there is code of the component.
    #[cfg(test)]
    fn has(&self, component: &Digest) -> bool {
        self.path(component).is_file()
    }

    /// Compiles the component in `wasm`, whose digest is `component`, and keeps the result. Waits
    /// for the compiler and the disk without holding anybody up.
    pub(crate) async fn fill(
        cache: &Arc<Self>,
        compiler: &Compiler,
        limits: CompileLimits,
        wasm: &Path,
        component: Digest,
    ) -> Result<(), CacheError> {
        // It may be deleted at any time, as all that can be made again.
        make(&cache.folder).map_err(file("make", &cache.folder))?;
        let unique = format!("{}.{:016x}", component.short(), random());
        let raw = Temporary(cache.folder.join(format!("{unique}.raw")));
        compile::compile(compiler, limits, wasm, &raw.0).await.map_err(CacheError::Compile)?;
        let cache = Arc::clone(cache);
        let kept = tokio::task::spawn_blocking(move || cache.keep(&raw, &unique, &component));
        kept.await.map_err(CacheError::Ended)?
    }

    /// Puts what the compiler wrote in its place, with its hash before it.
    fn keep(&self, raw: &Temporary, unique: &str, component: &Digest) -> Result<(), CacheError> {
        let framed = Temporary(self.folder.join(format!("{unique}.tmp")));
        let code = fs::read(&raw.0).map_err(file("read", &raw.0))?;
        write_framed(&framed.0, &code).map_err(file("write", &framed.0))?;
        let path = self.path(component);
        fs::rename(&framed.0, &path).map_err(file("write", &path))
    }

    /// Loads the component. Code that cannot be used is removed, so that it is compiled again.
    pub(crate) fn load(&self, engine: &Engine, component: &Digest) -> Result<Loaded, CacheError> {
        let path = self.path(component);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Loaded::Nothing);
            }
            Err(source) => return Err(CacheError::File { action: "read", path, source }),
        };
        let reason = match unframe(&bytes).map(|(digest, code)| load::load(engine, code, &digest)) {
            Some(Ok(Ok(component))) => return Ok(Loaded::Component(component)),
            Some(Ok(Err(error))) => format!("{error:#}"),
            Some(Err(load::HashMismatch)) => "its hash is wrong".to_owned(),
            None => "it is cut or not ours".to_owned(),
        };
        let reason: String = reason.chars().take(1_000).collect();
        tracing::warn!(path = %path.display(), reason, "compiled code is not usable and is removed");
        fs::remove_file(&path).map_err(file("remove", &path))?;
        Ok(Loaded::Unusable(reason))
    }

    /// Removes the code of components that `keep` does not name, and of other engines. What is
    /// younger than an hour may be about to be loaded, and stays until the next time.
    pub(crate) fn sweep(&self, keep: &[Digest]) -> Result<usize, CacheError> {
        let kept = keep.iter().map(|component| self.path(component)).collect::<Vec<_>>();
        let mut removed = 0;
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            // It may be deleted at any time; then there is nothing to remove.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(file("read", &self.folder)(source)),
        };
        for entry in entries {
            let path = entry.map_err(file("read", &self.folder))?.path();
            let is_code = path.extension().is_some_and(|end| end == "code");
            if is_code && !kept.contains(&path) && is_left_behind(&path) {
                fs::remove_file(&path).map_err(file("remove", &path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, component: &Digest) -> PathBuf {
        self.folder.join(format!("{component}-{}.code", self.engine_key))
    }
}

/// Makes the folder, and closes it to everyone else.
fn make(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// Whether nobody else can have put anything into the folder; true of one that is not there.
fn is_closed(folder: &Path) -> bool {
    match fs::metadata(folder) {
        Ok(found) => found.permissions().mode() & 0o777 == 0o700,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// A number that no other host which shares the folder has chosen, in this process or another.
fn random() -> u64 {
    // The standard library seeds each with what the system calls random.
    RandomState::new().build_hasher().finish()
}

/// Removes what a crash left behind. Nobody compiles for as long as [`LEFT_BEHIND`].
fn sweep(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let temporary = path.extension().is_some_and(|end| end == "raw" || end == "tmp");
        if temporary && is_left_behind(&path) {
            drop(Temporary(path));
        }
    }
    Ok(())
}

/// Whether a file is old; one that vanishes meanwhile is somebody's.
fn is_left_behind(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|file| file.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
}

fn write_framed(path: &Path, code: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(MAGIC)?;
    file.write_all(Digest::of(code).as_bytes())?;
    file.write_all(code)?;
    file.sync_all()
}

fn unframe(bytes: &[u8]) -> Option<(Digest, &[u8])> {
    let (header, code) = bytes.split_at_checked(HEADER)?;
    let digest = header.strip_prefix(MAGIC)?;
    Some((Digest::from_bytes(digest.try_into().ok()?), code))
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::File { action, path, source }
}

/// A file that goes away when nobody needs it any more.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %self.0.display(), %error, "a temporary file stays");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed_and_the_file_removed() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine::compiling().unwrap();
        let cache = Cache::open(folder.path(), &engine).unwrap();
        let component = Digest::of(b"component");
        write_framed(&cache.path(&component), b"machine code").unwrap();
        let mut bytes = fs::read(cache.path(&component)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(cache.path(&component), bytes).unwrap();
        assert!(matches!(cache.load(&engine, &component), Ok(Loaded::Unusable(_))));
        assert!(!cache.path(&component).exists());
    }

    #[test]
    fn what_a_crash_left_behind_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - LEFT_BEHIND * 2;
        for (name, is_old) in [("a.raw", true), ("b.tmp", true), ("c.code", true), ("d.raw", false)]
        {
            let file = File::create(folder.path().join(name)).unwrap();
            if is_old {
                file.set_modified(old).unwrap();
            }
        }
        sweep(folder.path()).unwrap();
        let there = |name: &str| folder.path().join(name).exists();
        assert_eq!(
            [there("a.raw"), there("b.tmp"), there("c.code"), there("d.raw")],
            [false, false, true, true]
        );
    }

    #[test]
    fn code_of_no_installed_component_or_of_another_engine_is_swept_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), &engine::compiling().unwrap()).unwrap();
        let old = std::time::SystemTime::now() - LEFT_BEHIND * 2;
        let [kept, gone, fresh] = [&b"kept"[..], b"gone", b"fresh"].map(Digest::of);
        let foreign = folder.path().join(format!("{kept}-0123456789ab.code"));
        for path in [cache.path(&kept), cache.path(&gone), foreign.clone()] {
            File::create(path).unwrap().set_modified(old).unwrap();
        }
        File::create(cache.path(&fresh)).unwrap();
        assert_eq!(cache.sweep(&[kept]).unwrap(), 2);
        assert!(cache.has(&kept) && cache.has(&fresh), "what is installed or being prepared");
        assert!(!cache.has(&gone) && !foreign.exists());
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(cache.sweep(&[kept]).unwrap(), 0, "a folder that is gone has no code");
    }

    #[test]
    fn the_folder_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("cache");
        Cache::open(&inside, &engine::compiling().unwrap()).unwrap();
        assert_eq!(fs::metadata(inside).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
