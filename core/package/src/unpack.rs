//! Unpacks a package into an empty folder, durably.
//!
//! Each file is created new, so nothing that stood there is written to; each file and each
//! folder is synced before the call returns. Whatever happens, the caller throws the whole folder
//! away on an error: a half-unpacked folder is never a slot.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use newleaf_domain::ByteSize;

use crate::{MemberName, PackageError, PackageReader};

/// What [`PackageReader::unpack_into`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// Files.
    pub files: usize,
    /// Their bytes together.
    pub bytes: ByteSize,
}

/// Why a package was not unpacked. Completes "failed to unpack the package: …".
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The package itself, or reading it.
    #[error("the package could not be read")]
    Package(#[source] PackageError),
    /// The folder holds something already.
    #[error("{} is not empty: it holds {found:?}", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// The first thing found in it.
        found: String,
    },
    /// A file or folder could not be made, written or synced.
    #[error("{} could not be {doing}", path.display())]
    Io {
        /// `created`, `written`, `synced`, …
        doing: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    /// Whether the machine failed and not the package: never evidence against a version.
    pub const fn is_machine_fault(&self) -> bool {
        match self {
            Self::Package(error) => error.is_machine_fault(),
            Self::NotEmpty { .. } | Self::Io { .. } => true,
        }
    }

    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

impl<R: Read + Seek> PackageReader<R> {
    /// Unpacks every member below `folder`, which must exist and be empty. Files become 0644,
    /// those below `bin/` 0755, folders 0755, whatever the umask. `progress` hears the bytes
    /// written so far after each member, out of [`unpacked_size`](Self::unpacked_size).
    ///
    /// # Errors
    /// [`UnpackError`]; the folder is then to be removed by the caller.
    pub fn unpack_into(
        &mut self,
        folder: &Path,
        progress: &mut dyn FnMut(ByteSize),
    ) -> Result<Unpacked, UnpackError> {
        refuse_unless_empty(folder)?;
        let names = self.members().iter().map(|member| member.name.clone()).collect::<Vec<_>>();
        let folders = names.iter().flat_map(MemberName::folders).collect::<BTreeSet<_>>();
        for inner in &folders {
            create_folder(&folder.join(inner))?;
        }
        let mut bytes = 0;
        for name in &names {
            bytes += self.unpack_member(name, &folder.join(name.as_str()))?.as_u64();
            progress(ByteSize::bytes(bytes));
        }
        // Innermost first: a folder's entry is durable once what it lists is.
        for inner in folders.iter().rev() {
            sync_folder(&folder.join(inner))?;
        }
        sync_folder(folder)?;
        Ok(Unpacked { files: names.len(), bytes: ByteSize::bytes(bytes) })
    }

    fn unpack_member(&mut self, name: &MemberName, path: &Path) -> Result<ByteSize, UnpackError> {
        let mode = if name.is_executable() { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)
            .map_err(UnpackError::io("created", path))?;
        let copied = self.copy_member(name.as_str(), &mut file).map_err(|error| {
            if let PackageError::Destination { source, .. } = error {
                UnpackError::io("written", path)(source)
            } else {
                UnpackError::Package(error)
            }
        })?;
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(UnpackError::io("given its mode", path))?;
        file.sync_all().map_err(UnpackError::io("synced", path))?;
        Ok(copied)
    }
}

fn refuse_unless_empty(folder: &Path) -> Result<(), UnpackError> {
    let mut entries = fs::read_dir(folder).map_err(UnpackError::io("listed", folder))?;
    match entries.next() {
        None => Ok(()),
        Some(Err(source)) => Err(UnpackError::io("listed", folder)(source)),
        Some(Ok(entry)) => Err(UnpackError::NotEmpty {
            path: folder.to_owned(),
            found: entry.file_name().to_string_lossy().into_owned(),
        }),
    }
}

fn create_folder(path: &Path) -> Result<(), UnpackError> {
    DirBuilder::new().mode(0o755).create(path).map_err(UnpackError::io("created", path))?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
        .map_err(UnpackError::io("given its mode", path))
}

fn sync_folder(path: &Path) -> Result<(), UnpackError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(UnpackError::io("synced", path))
}
