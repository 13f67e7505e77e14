//! Releasing core: packages in, version N+1 of the `core` role out, with every file that has to be
//! published beside it. Reads the packages; writes nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use newleaf_domain::{
    ByteSize, Channel, Manifest, Platform, Release, ReleasePath, Target, Timestamp, Version,
};
use newleaf_package::{Limits, PackageReader};
use newleaf_trust::artifact::{Hasher, Hashes};
use newleaf_trust::layout::CORE;
use newleaf_trust::role::{TargetRecord, TargetsRole};
use serde_json::json;

use crate::claim::next_targets;
use crate::error::KeysError;
use crate::folder::{KeyFolder, io};
use crate::sign::{SignedRole, sign};

/// Texts of a package that are published beside it, so that they can be read before a download.
const TEXTS: [&str; 3] = ["CHANGELOG.md", "README.md", "icon.svg"];
/// The largest such text.
const MAX_TEXT: ByteSize = ByteSize::mib(1);

/// To whom a release is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// How finished it is said to be.
    pub channel: Channel,
    /// Percent of hosts, 0 to 100.
    pub rollout: u8,
    /// The oldest version that hosts which run it may go back to.
    pub floor: Option<Version>,
}

impl Default for Offer {
    /// Stable, for everyone.
    fn default() -> Self {
        Self { channel: Channel::Stable, rollout: 100, floor: None }
    }
}

/// A target that the new role lists: what is signed of it and where its bytes are.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreFile {
    /// The target path.
    pub path: String,
    /// What the role says of it.
    pub record: TargetRecord,
    /// Its SHA-256 and SHA-512.
    pub hashes: Hashes,
    /// Its bytes.
    pub source: Source,
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the package of this name.
    File(PathBuf),
    /// Here: a text taken out of a package.
    Bytes(Vec<u8>),
}

/// A finished core release: what `core publish` uploads.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreRelease {
    /// Version N+1 of the `core` role.
    pub role: SignedRole,
    /// Every file that this version lists anew.
    pub files: Vec<CoreFile>,
}

/// Signs version N+1 of `core`, which adds the releases in `packages`, each a file called
/// `<platform>.zip`.
///
/// # Errors
/// A file is not a core package named after its platform, a path was released before with other
/// bytes, or `current` is not the ceremony's.
pub fn core_sign(
    folder: &Path,
    current: &[u8],
    packages: &[PathBuf],
    offer: &Offer,
    now: Timestamp,
) -> Result<CoreRelease, KeysError> {
    let mut files = BTreeMap::new();
    for package in packages {
        for file in read_package(package, offer, now)? {
            insert(&mut files, file)?;
        }
    }
    let files = files.into_values().collect::<Vec<_>>();
    let role = core_sign_files(folder, current, &files, now)?;
    Ok(CoreRelease { role, files })
}

/// As [`core_sign`], for files whose records are known.
///
/// # Errors
/// As [`core_sign`].
pub fn core_sign_files(
    folder: &Path,
    current: &[u8],
    files: &[CoreFile],
    now: Timestamp,
) -> Result<SignedRole, KeysError> {
    let folder = KeyFolder::open(folder)?;
    let mut body = next_targets(&folder, CORE, current, now)?;
    for file in files {
        add_release(&mut body, file)?;
    }
    sign(&folder, CORE, &body)
}

/// Lists a file; the same bytes again change nothing, other bytes are refused.
fn add_release(body: &mut TargetsRole, file: &CoreFile) -> Result<(), KeysError> {
    match body.targets.get(&file.path) {
        Some(listed) if listed.hashes == file.record.hashes => Ok(()),
        Some(_) => Err(KeysError::Released { target: file.path.clone() }),
        None => {
            body.targets.insert(file.path.clone(), file.record.clone());
            Ok(())
        }
    }
}

/// Takes a file up; the same text of two platforms is one file.
fn insert(files: &mut BTreeMap<String, CoreFile>, file: CoreFile) -> Result<(), KeysError> {
    match files.get(&file.path) {
        Some(other) if other.hashes == file.hashes => Ok(()),
        Some(_) => Err(KeysError::TextsDiffer { target: file.path }),
        None => {
            files.insert(file.path.clone(), file);
            Ok(())
        }
    }
}

/// The package, its manifest with the texts people read, and its texts.
fn read_package(path: &Path, offer: &Offer, now: Timestamp) -> Result<Vec<CoreFile>, KeysError> {
    let refused = |source| KeysError::Package { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io("read", path))?;
    let (length, hashes) = hash(&mut file).map_err(io("read", path))?;
    let mut package = PackageReader::open(file, Limits::core()).map_err(refused)?;
    package.check_contents().map_err(refused)?;
    let manifest = package.manifest().map_err(refused)?;
    let (release, platform) = place(path, &manifest.manifest)?;
    let signed = Manifest::signed_form(&manifest.bytes)
        .map_err(|source| KeysError::Manifest { path: path.to_owned(), source })?;
    let stated = Release {
        channel: offer.channel,
        rollout: offer.rollout,
        published: now,
        floor: offer.floor.clone(),
    };
    let record = TargetRecord::new(length, &hashes, json!({"manifest": signed, "release": stated}));
    let target = release.to_string();
    let text_path = |name: &str| target.replace(&format!("{platform}.zip"), name);
    let mut files = vec![text(text_path(&format!("{platform}.json")), manifest.bytes)];
    for name in TEXTS {
        if package.member(name).is_some() {
            let bytes = package.read_member(name, MAX_TEXT).map_err(refused)?;
            files.push(text(text_path(name), bytes));
        }
    }
    files.push(CoreFile { path: target, record, hashes, source: Source::File(path.to_owned()) });
    Ok(files)
}

fn text(path: String, bytes: Vec<u8>) -> CoreFile {
    let (record, hashes) = (TargetRecord::of(&bytes), Hashes::of(&bytes));
    CoreFile { path, record, hashes, source: Source::Bytes(bytes) }
}

/// Where the package belongs: its manifest names edition and version, its file name the platform.
pub(crate) fn place(
    path: &Path,
    manifest: &Manifest,
) -> Result<(ReleasePath, Platform), KeysError> {
    let not_core = |reason: String| KeysError::NotCore { path: path.to_owned(), reason };
    if manifest.id != Target::Core {
        return Err(not_core(format!("its manifest is of {}", manifest.id)));
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem =
        name.strip_suffix(".zip").ok_or_else(|| not_core("it does not end in .zip".to_owned()))?;
    let platform = Platform::parse(stem).map_err(|error| not_core(error.to_string()))?;
    if !platform.is_asked_for() {
        let known = Platform::ASKED_FOR.join(".zip, ");
        return Err(not_core(format!(
            "no host asks for the platform {platform}; name the file after one that hosts ask for: \
             {known}.zip"
        )));
    }
    let edition = manifest.edition.clone().unwrap_or_default();
    let (version, on) = (manifest.version.clone(), platform.clone());
    Ok((ReleasePath::Core { edition, version, platform: on }, platform))
}

fn hash(file: &mut File) -> std::io::Result<(ByteSize, Hashes)> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    file.rewind()?;
    Ok(hasher.finish())
}
