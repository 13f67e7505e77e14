//! `core publish`: publishes a finished `core` role with its packages. The texts that the role lists
//! beside a package are taken out of the package.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{ByteSize, Digest};
use newleaf_package::{Limits, PackageReader};
use newleaf_trust::role::{Signed, TargetsRole};

use super::role_command::{OfflineRole, publish};
use super::{DirArg, Failure, Output};
use crate::dir::Dir;
use crate::durable::{self, Readers};
use crate::object::Objects;

/// Members of a package that a role may list beside it.
const TEXTS: [&str; 4] = ["manifest.json", "CHANGELOG.md", "README.md", "icon.svg"];
/// The largest of them.
const MAX_TEXT: ByteSize = ByteSize::mib(1);

#[derive(Debug, Subcommand)]
pub(super) enum Core {
    /// Publish version N+1 of the core role, with the files it lists.
    Publish {
        #[command(flatten)]
        dir: DirArg,
        /// The signed role, as `keys core-sign` wrote it.
        role: PathBuf,
        /// The packages, one a platform.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

impl Core {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let Self::Publish { dir, role, files } = self;
        let dir = Dir::new(dir.dir);
        dir.require()?;
        let role = OfflineRole { name: "core".to_owned(), ..OfflineRole::read(&role)? };
        let listed = listed(&role)?;
        let objects = Objects::new(dir.objects());
        for file in &files {
            take(&objects, &listed, file)?;
        }
        publish(&dir, &role).await?;
        role.print(output);
        Ok(())
    }
}

/// The digests that the role lists, with their paths.
fn listed(role: &OfflineRole) -> Result<BTreeMap<String, String>, Failure> {
    let parsed =
        Signed::<TargetsRole>::parse("core.json", &role.file, &newleaf_trust::Limits::default());
    let body = parsed.map_err(|error| Failure::new("read the role", &error, error.hint()))?.body;
    let digests = body
        .targets
        .into_iter()
        .filter_map(|(path, record)| Some((record.hashes.get("sha256")?.clone(), path)));
    Ok(digests.collect())
}

/// Brings a file in, and of a package also the texts that the role lists.
fn take(objects: &Objects, listed: &BTreeMap<String, String>, file: &Path) -> Result<(), Failure> {
    let wrong = |error: &dyn std::error::Error| {
        Failure::new(
            &format!("take {}", file.display()),
            error,
            "name the files that the role lists",
        )
    };
    let digest = digest_of(file).map_err(|error| wrong(&error))?;
    if !listed.contains_key(&digest.to_string()) {
        let failed = format!("take {}: the role does not list {digest}", file.display());
        return Err(Failure::said(failed, "sign a role that lists this file"));
    }
    objects.take(digest, file).map_err(|error| wrong(&error))?;
    let is_package =
        Path::new(&listed[&digest.to_string()]).extension().is_some_and(|ending| ending == "zip");
    if !is_package {
        return Ok(());
    }
    let package = File::open(file).map_err(|error| wrong(&error))?;
    let mut package =
        PackageReader::open(package, Limits::core()).map_err(|error| wrong(&error))?;
    for name in TEXTS {
        if package.member(name).is_some() {
            let bytes = package.read_member(name, MAX_TEXT).map_err(|error| wrong(&error))?;
            let digest = Digest::of(&bytes);
            if listed.contains_key(&digest.to_string()) {
                durable::write(&objects.path(digest), &bytes, Readers::All)
                    .map_err(|error| wrong(&error))?;
            }
        }
    }
    Ok(())
}

fn digest_of(file: &Path) -> std::io::Result<Digest> {
    let mut file = File::open(file)?;
    let mut digest = DigestWriter::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finish()),
            read => digest.update(&buffer[..read]),
        }
    }
}
