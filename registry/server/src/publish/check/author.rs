//! An author's role, `pub.<namespace>`: her keys, her paths, releases that never change, packages
//! that are what the role says.

use std::path::PathBuf;

use newleaf_domain::{Namespace, PackageName, Release, Timestamp, Version};
use newleaf_package::ManifestMember;
use newleaf_registry_api::{Code, FileKind, Problem, ReleaseFile};
use newleaf_trust::layout::{self, Lifetime};
use newleaf_trust::role::{TargetRecord, TargetsRole};
use serde::Deserialize as _;

use super::every_role::{at, current, digest, new_file, refused, refused_at, verified};
use super::package::{self, Described, PackageFault};
use super::{CheckError, Checked, NewFile};
use crate::db::{self, ReleaseRow, SubmissionRow};
use crate::publish::BatchError;
use crate::publish::write::on_disk;
use crate::registry::Registry;

/// The most releases a role may list; the SDK prunes when it publishes.
const MAX_RELEASES: usize = 200;

/// How far a release's time may lie ahead of the registry's clock: 10 min.
const CLOCKS_DIFFER: i64 = 600;

/// Checks a role of the author who has `namespace`.
pub(super) async fn check(
    registry: &Registry,
    submission: &SubmissionRow,
    namespace: &Namespace,
    now: Timestamp,
) -> Result<Checked, CheckError> {
    let known = db::namespace(&mut *registry.db.read().await?, namespace).await?;
    let unclaimed = || refused("role", format!("namespace {namespace} is not claimed"));
    let authority = known.ok_or_else(unclaimed)?.authority();
    let role = verified::<TargetsRole>(submission, &authority, Lifetime::OFFLINE, now)?;
    let files = parse_paths(&role, namespace)?;
    let old = current::<TargetsRole>(registry, &submission.role).await?;
    check_reach(submission, &role, old.as_ref(), &files)?;
    check_company(&role, &files)?;
    let mut checked = Checked::default();
    let roles = Roles { new: &role, old: old.as_ref() };
    for (file, record) in files.iter().zip(role.targets.values()) {
        check_file(registry, &roles, file, record, now, &mut checked).await?;
    }
    Ok(checked)
}

/// The role that was sent and the current one.
struct Roles<'a> {
    new: &'a TargetsRole,
    old: Option<&'a TargetsRole>,
}

/// Every path must be one of the namespace's release files, and nobody else may sign for it.
fn parse_paths(role: &TargetsRole, namespace: &Namespace) -> Result<Vec<ReleaseFile>, Problem> {
    if role.delegations.is_some() {
        return Err(refused("delegations", "an author's role cannot delegate")
            .hint("sign with the author's own keys"));
    }
    let parse = |path: &String| {
        let file =
            ReleaseFile::parse(path).map_err(|error| refused_at(path, "", error.to_string()))?;
        if file.namespace() == *namespace {
            Ok(file)
        } else {
            Err(refused_at(path, "", format!("{path} is outside namespace {namespace}")))
        }
    };
    role.targets.keys().map(parse).collect()
}

/// What the role changes must lie within what the sender's token reaches.
fn check_reach(
    submission: &SubmissionRow,
    role: &TargetsRole,
    old: Option<&TargetsRole>,
    files: &[ReleaseFile],
) -> Result<(), Problem> {
    let before = old.map(|old| &old.targets);
    let is_new = |path, record| before.and_then(|before| before.get(path)) != Some(record);
    let changed = files
        .iter()
        .zip(&role.targets)
        .filter(|(_, (path, record))| is_new(*path, *record))
        .map(|(file, _)| file.app.clone());
    let removed = before.into_iter().flatten().filter_map(|(path, _)| {
        let is_gone = !role.targets.contains_key(path);
        is_gone.then(|| ReleaseFile::parse(path).ok()).flatten().map(|file| file.app)
    });
    match changed.chain(removed).find(|app| !submission.names.reaches(app)) {
        None => Ok(()),
        Some(app) => {
            let detail =
                format!("the token reaches {}, but the role changes {app}", submission.names);
            Err(Problem::new(Code::OutOfScope, detail).at("targets"))
        }
    }
}

/// A package and its manifest go together; texts and icons stand beside a package only.
fn check_company(role: &TargetsRole, files: &[ReleaseFile]) -> Result<(), Problem> {
    let count = files.iter().filter(|file| file.kind == FileKind::Package).count();
    if count > MAX_RELEASES {
        let detail = format!("role lists {count} releases, more than {MAX_RELEASES}");
        return Err(refused("targets", detail)
            .hint("leave old releases out; what is released stays where it is"));
    }
    for file in files {
        for needed in [FileKind::Package, FileKind::Manifest] {
            let needed = file.sibling(needed).to_string();
            if !role.targets.contains_key(&needed) {
                return Err(refused_at(&needed, "", format!("{file} is listed without {needed}"))
                    .hint("upload that file too and list it in the role"));
            }
        }
    }
    Ok(())
}

async fn check_file(
    registry: &Registry,
    roles: &Roles<'_>,
    file: &ReleaseFile,
    record: &TargetRecord,
    now: Timestamp,
    checked: &mut Checked,
) -> Result<(), CheckError> {
    let new = new_file(registry, &file.to_string(), record, file.kind.limit()).await?;
    match (&new, file.kind) {
        (None, FileKind::Package) => {
            let release = check_release(file, record, now)?;
            let described = Described::new(file.release(), record);
            check_description(registry, roles.old, record, described).await?;
            checked.revised.push((file.app.clone(), file.version.clone(), release));
        }
        (Some(new), FileKind::Package) => {
            let release = check_release(file, record, now)?;
            check_version(registry, &file.app, &file.version).await?;
            let described = Described::new(file.release(), record);
            let package = read_package(registry.objects.path(new.sha256), described).await?;
            check_manifest_beside(roles.new, file, &package)?;
            checked.releases.push(release_row(roles.new, file, new, &release, package));
        }
        (Some(_), _) => check_open(registry, file).await?,
        (None, _) => {}
    }
    checked.files.extend(new);
    Ok(())
}

/// A release takes no more files once its package is out.
async fn check_open(registry: &Registry, file: &ReleaseFile) -> Result<(), CheckError> {
    let package = file.sibling(FileKind::Package).to_string();
    if db::released(&mut *registry.db.read().await?, &package).await?.is_none() {
        return Ok(());
    }
    let detail = format!("{} {} is released and takes no more files", file.app, file.version);
    Err(Problem::new(Code::AlreadyReleased, detail)
        .at(at(&file.to_string(), ""))
        .hint("give the release a higher version")
        .into())
}

/// What a role says of a package that is out must still be what is inside. Read again only where
/// the current role does not say the same.
pub(super) async fn check_description(
    registry: &Registry,
    old: Option<&TargetsRole>,
    record: &TargetRecord,
    described: Described,
) -> Result<(), CheckError> {
    let path = described.release.to_string();
    let before = old.and_then(|old| old.targets.get(&path));
    if before.is_some_and(|before| before.custom["manifest"] == record.custom["manifest"]) {
        return Ok(());
    }
    let stored = layout::stored_path(&path, digest(&path, record)?);
    read_package(registry.public_path(&format!("targets/{stored}")), described).await?;
    Ok(())
}

/// `custom.release`: a rollout in percent, and a time that has come.
fn check_release(
    file: &ReleaseFile,
    record: &TargetRecord,
    now: Timestamp,
) -> Result<Release, Problem> {
    let path = file.to_string();
    let release = Release::deserialize(&record.custom["release"])
        .map_err(|error| refused_at(&path, ".custom.release", error.to_string()))?;
    if release.rollout > 100 {
        let detail = format!("rollout is {} percent, more than 100", release.rollout);
        return Err(refused_at(&path, ".custom.release.rollout", detail));
    }
    if release.published > now.plus_seconds(CLOCKS_DIFFER) {
        let detail = format!("published is {}, and it is {now}", release.published);
        return Err(refused_at(&path, ".custom.release.published", detail)
            .hint("check the clock of the machine that signs"));
    }
    Ok(release)
}

/// A new release is higher than every earlier one of its line (same major and minor number), so
/// that `1.2.3` cannot appear behind the back of those who have `1.2.4`.
async fn check_version(
    registry: &Registry,
    app: &PackageName,
    version: &Version,
) -> Result<(), CheckError> {
    let released = db::versions(&mut *registry.db.read().await?, app).await?;
    let line = |version: &Version| (version.semver().major, version.semver().minor);
    let Some(higher) = released.iter().find(|old| line(old) == line(version) && *old >= version)
    else {
        return Ok(());
    };
    let detail = format!("{app} {version} is not newer than {higher}, which is released");
    Err(Problem::new(Code::AlreadyReleased, detail)
        .at("version")
        .hint("give the release a higher version")
        .into())
}

/// Reads a package where it holds nobody up.
pub(super) async fn read_package(
    path: PathBuf,
    described: Described,
) -> Result<ManifestMember, CheckError> {
    let what = described.release.to_string();
    match on_disk(move || package::check(&path, &described)).await? {
        Ok(manifest) => Ok(manifest),
        Err(PackageFault::Refused(problem)) => Err(CheckError::Refused(*problem)),
        Err(PackageFault::Io(source)) => Err(BatchError::Read { what, source }.into()),
    }
}

/// The `manifest.json` beside the package is the one inside.
fn check_manifest_beside(
    role: &TargetsRole,
    file: &ReleaseFile,
    package: &ManifestMember,
) -> Result<(), Problem> {
    let beside = file.sibling(FileKind::Manifest).to_string();
    let inside = TargetRecord::of(&package.bytes);
    let listed = role.targets.get(&beside);
    if listed.is_some_and(|listed| listed.hashes.get("sha256") == inside.hashes.get("sha256")) {
        return Ok(());
    }
    Err(Problem::new(
        Code::PackageRefused,
        format!("{beside} is not the manifest inside the package"),
    )
    .at(at(&beside, ".hashes.sha256"))
    .hint("upload the package's own manifest.json"))
}

fn release_row(
    role: &TargetsRole,
    file: &ReleaseFile,
    new: &NewFile,
    release: &Release,
    package: ManifestMember,
) -> ReleaseRow {
    let icon = file.sibling(FileKind::Icon).to_string();
    ReleaseRow {
        app: file.app.clone(),
        version: file.version.clone(),
        channel: release.channel,
        published: release.published,
        length: new.length,
        sha256: new.sha256,
        name: package.manifest.name,
        summary: package.manifest.summary,
        icon: role.targets.contains_key(&icon).then_some(icon),
    }
}
