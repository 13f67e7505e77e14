//! Writes a package whose bytes depend on its members alone.
//!
//! Manifest first, then the others sorted by the bytes of their names; every member stored, dated
//! 1980-01-01 and 0644, whatever the files it is made from. Two writers of one version, and a
//! writer over an unpacked package, make the same bytes: that is what deltas are applied to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use newleaf_domain::digest::DigestWriter;
use newleaf_domain::manifest::InvalidManifest;
use newleaf_domain::{ByteSize, Digest, Manifest};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::NameFault;
use crate::{Limits, MANIFEST, MemberName, PackageError, PackageReader};

/// The members of a package to be.
#[derive(Debug)]
pub struct PackageWriter {
    limits: Limits,
    manifest: Vec<u8>,
    members: BTreeMap<MemberName, Source>,
}

/// Where a member's bytes come from.
#[derive(Debug)]
enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// The package that was written: what a role signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its length.
    pub length: ByteSize,
    /// Its digest.
    pub sha256: Digest,
}

/// Why a package was not written. Completes "failed to write the package: …".
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The manifest does not parse.
    #[error("the manifest does not parse")]
    Manifest(#[source] InvalidManifest),
    /// A member's name is not allowed.
    #[error("{name:?} cannot be a member's name: it {fault}")]
    Name {
        /// The name.
        name: String,
        /// The rule it breaks.
        fault: NameFault,
    },
    /// A member of that name was added before.
    #[error("{name:?} was added twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// Something in a folder is neither a file nor a folder.
    #[error("{} is neither a file nor a folder", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// A file's name is not text.
    #[error("{} has a name that is not UTF-8", path.display())]
    NotText {
        /// Its path.
        path: PathBuf,
    },
    /// A source could not be read.
    #[error("{} could not be read", path.display())]
    Source {
        /// Its path.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The package could not be written.
    #[error("the package could not be written at member {member:?}")]
    Output {
        /// The member that was being written.
        member: String,
        /// The zip library's answer.
        #[source]
        source: ZipError,
    },
    /// What was written could not be read back, or breaks a rule of the format.
    #[error("what was written is not a package")]
    ReadBack(#[source] PackageError),
}

impl PackageWriter {
    /// A package with `manifest` as its `manifest.json`.
    ///
    /// # Errors
    /// [`WriteError::Manifest`].
    pub fn new(manifest: Vec<u8>, limits: Limits) -> Result<Self, WriteError> {
        Manifest::parse(&manifest).map_err(WriteError::Manifest)?;
        Ok(Self { limits, manifest, members: BTreeMap::new() })
    }

    /// A package of every file below `folder`: of an unpacked package, the package itself.
    ///
    /// # Errors
    /// [`WriteError`]; links and special files are refused, not followed.
    pub fn from_folder(folder: &Path, limits: Limits) -> Result<Self, WriteError> {
        let manifest = folder.join(MANIFEST);
        let bytes =
            fs::read(&manifest).map_err(|source| WriteError::Source { path: manifest, source })?;
        let mut writer = Self::new(bytes, limits)?;
        writer.add_folder_entries(folder, "")?;
        Ok(writer)
    }

    /// Adds a member made of `bytes`.
    ///
    /// # Errors
    /// [`WriteError::Name`] and [`WriteError::Twice`].
    pub fn add_bytes(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), WriteError> {
        self.add(name, Source::Bytes(bytes))
    }

    /// Adds a member made of the file at `path`, which is read when the package is written.
    ///
    /// # Errors
    /// [`WriteError::Name`] and [`WriteError::Twice`].
    pub fn add_file(&mut self, name: &str, path: &Path) -> Result<(), WriteError> {
        self.add(name, Source::File(path.to_owned()))
    }

    /// Adds every file below `folder` as a member below `prefix`, such as `assets`.
    ///
    /// # Errors
    /// [`WriteError`]; links and special files are refused, not followed.
    pub fn add_folder(&mut self, prefix: &str, folder: &Path) -> Result<(), WriteError> {
        self.add_folder_entries(folder, &format!("{prefix}/"))
    }

    /// Writes the package from the start of `out`, which must be empty, then reads it back with
    /// the strict reader: what this returns was accepted by it, checksums included.
    ///
    /// # Errors
    /// [`WriteError`]; `out` is then to be thrown away.
    pub fn write(&self, out: &mut (impl Read + Write + Seek)) -> Result<Written, WriteError> {
        self.write_members(&mut *out)?;
        self.read_back(out).map_err(WriteError::ReadBack)
    }

    /// Writes the package into memory and does not read it back: for whoever knows the digest it
    /// must have, and checks that.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(crate) fn write_to_memory(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Cursor::new(Vec::with_capacity(self.length_to_be()?));
        self.write_members(&mut out)?;
        Ok(out.into_inner())
    }

    fn write_members(&self, out: &mut (impl Write + Seek)) -> Result<(), WriteError> {
        let mut zip = ZipWriter::new(out);
        write_member(&mut zip, MANIFEST, &mut self.manifest.as_slice())?;
        for (name, source) in &self.members {
            match source {
                Source::Bytes(bytes) => {
                    write_member(&mut zip, name.as_str(), &mut bytes.as_slice())?;
                }
                Source::File(path) => {
                    let mut file = open_source(path)?;
                    write_member(&mut zip, name.as_str(), &mut file)?;
                }
            }
        }
        zip.finish().map_err(output("the directory"))?;
        Ok(())
    }

    /// Bytes that the package will have, so that memory for it is taken once.
    fn length_to_be(&self) -> Result<usize, WriteError> {
        // Local header, directory record, end record (APPNOTE 4.3.7, 4.3.12, 4.3.16).
        let framed = |name: &str, size: u64| 30 + 46 + 2 * name.len() as u64 + size;
        let mut length = 22 + framed(MANIFEST, self.manifest.len() as u64);
        for (name, source) in &self.members {
            let size = match source {
                Source::Bytes(bytes) => bytes.len() as u64,
                Source::File(path) => {
                    let unreadable = |source| WriteError::Source { path: path.clone(), source };
                    fs::metadata(path).map_err(unreadable)?.len()
                }
            };
            length = length.saturating_add(framed(name.as_str(), size));
        }
        let too_long =
            || PackageError::TooLarge { length: ByteSize::bytes(length), limit: self.limits.total };
        if length > self.limits.total.as_u64() {
            return Err(WriteError::ReadBack(too_long()));
        }
        usize::try_from(length).map_err(|_| WriteError::ReadBack(too_long()))
    }

    fn add(&mut self, name: &str, source: Source) -> Result<(), WriteError> {
        let parsed = MemberName::parse(name.as_bytes(), self.limits.name)
            .map_err(|fault| WriteError::Name { name: name.to_owned(), fault })?;
        let twice = name == MANIFEST || self.members.insert(parsed, source).is_some();
        if twice { Err(WriteError::Twice { name: name.to_owned() }) } else { Ok(()) }
    }

    /// Adds what is in `folder` under names that begin with `prefix`; the root's manifest is in
    /// the package already.
    fn add_folder_entries(&mut self, folder: &Path, prefix: &str) -> Result<(), WriteError> {
        let unreadable = |source| WriteError::Source { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(unreadable)?;
            let Ok(file_name) = entry.file_name().into_string() else {
                return Err(WriteError::NotText { path });
            };
            let name = format!("{prefix}{file_name}");
            if kind.is_dir() {
                self.add_folder_entries(&path, &format!("{name}/"))?;
            } else if !kind.is_file() {
                return Err(WriteError::NotAFile { path });
            } else if name != MANIFEST {
                self.add_file(&name, &path)?;
            }
        }
        Ok(())
    }

    fn read_back(&self, out: &mut (impl Read + Seek)) -> Result<Written, PackageError> {
        PackageReader::open(&mut *out, self.limits)?.check_contents()?;
        out.seek(SeekFrom::Start(0)).map_err(PackageError::io("what was written"))?;
        let mut digest = DigestWriter::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match out.read(&mut buffer).map_err(PackageError::io("what was written"))? {
                0 => break,
                count => digest.update(&buffer[..count]),
            }
        }
        Ok(Written { length: ByteSize::bytes(digest.length()), sha256: digest.finish() })
    }
}

fn write_member<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    name: &str,
    from: &mut dyn Read,
) -> Result<(), WriteError> {
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .system(zip::System::Unix)
        .unix_permissions(0o644);
    zip.start_file(name, options).map_err(output(name))?;
    io::copy(from, zip).map_err(|source| output(name)(ZipError::Io(source)))?;
    Ok(())
}

fn output(member: &str) -> impl FnOnce(ZipError) -> WriteError {
    move |source| WriteError::Output { member: member.to_owned(), source }
}

/// Opens a regular file; anything else could block or never end.
fn open_source(path: &Path) -> Result<File, WriteError> {
    let unreadable = |source| WriteError::Source { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(WriteError::NotAFile { path: path.to_owned() });
    }
    File::open(path).map_err(unreadable)
}
