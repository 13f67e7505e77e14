//! `newleaf-sdk build`: from an app's folder to its package.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_package::Written;
use serde_json::json;

use crate::args::Build;
use crate::cargo;
use crate::contents::Contents;
use crate::project::{Project, ProjectError};
use crate::report::{Exit, Failure, Report};
use crate::rules::{self, Finding, Level};

/// What was built.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) project: Project,
    pub(super) path: PathBuf,
    pub(super) written: Written,
    /// Warnings only: an error would have stopped the build.
    pub(super) findings: Vec<Finding>,
}

/// Where the component comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made<'a> {
    /// Cargo builds it of the folder.
    ByCargo,
    /// Another tool built it into this file.
    Already(&'a Path),
}

pub(crate) fn run(args: &Build) -> Result<Report, Failure> {
    let made = args.component.as_deref().map_or(Made::ByCargo, Made::Already);
    let package = package(&args.folder, made, args.out.as_deref())?;
    let Package { project, path, written, findings } = &package;
    let subject = format!("{} {}", project.name, project.manifest.version);
    let mut text = String::new();
    if !findings.is_empty() {
        text = rules::render(&subject, findings) + "\n";
    }
    Ok(Report {
        text: format!("{text}{subject} is in {} ({}).", path.display(), written.length),
        json: json!({
            "id": project.name,
            "version": project.manifest.version,
            "package": path.display().to_string(),
            "length": written.length,
            "sha256": written.sha256,
            "findings": findings,
        }),
        exit: Exit::Done,
    })
}

/// Builds and packs the app in `folder`; the package appears at its path whole and checked, or not
/// at all.
pub(super) fn package(
    folder: &Path,
    made: Made<'_>,
    out: Option<&Path>,
) -> Result<Package, Failure> {
    let unreadable = |error: ProjectError| {
        let hint = error.hint();
        Failure::of("the app was not built", &error, hint)
    };
    let project = Project::open(folder).map_err(unreadable)?;
    let file = format!("{}-{}.zip", project.name.app(), project.manifest.version);
    let (wasm, path) = match made {
        Made::ByCargo => {
            let built = cargo::build(folder).map_err(|error| {
                let exit = if error.is_prerequisite() { Exit::Blocked } else { Exit::Failed };
                Failure::of("the app was not built", &error, error.hint()).exit(exit)
            })?;
            (built.wasm, built.target_folder.join("newleaf").join(file))
        }
        Made::Already(wasm) => (wasm.to_owned(), folder.join(file)),
    };
    let path = out.map_or(path, Path::to_owned);
    let (written, findings) = pack(&project, &wasm, &path).map_err(|failure| match made {
        Made::ByCargo => failure.done("the component was built"),
        Made::Already(_) => failure,
    })?;
    Ok(Package { project, path, written, findings })
}

fn pack(project: &Project, wasm: &Path, path: &Path) -> Result<(Written, Vec<Finding>), Failure> {
    let packed = |error: ProjectError| {
        let hint = error.hint();
        Failure::of("the package was not made", &error, hint)
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| packed(ProjectError::Io { doing, path, source })
    };
    std::fs::create_dir_all(folder).map_err(io("created", folder))?;
    let mut draft = tempfile::Builder::new()
        .suffix(".zip")
        // A package is for everybody, as far as the umask lets it.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(io("written to", folder))?;
    let written = project.pack(wasm, draft.as_file_mut()).map_err(packed)?;
    let findings = check(draft.path())?;
    draft.as_file().sync_all().map_err(io("written", path))?;
    draft.persist(path).map_err(|error| io("written", path)(error.error))?;
    Ok((written, findings))
}

/// The warnings about the package at `path`.
///
/// # Errors
/// An error among the findings: every error stands in the failure.
pub(super) fn check(path: &Path) -> Result<Vec<Finding>, Failure> {
    let contents = Contents::of(path)
        .map_err(|error| Failure::of("the package was not checked", &error, error.hint()))?;
    let findings = rules::findings(&contents);
    let errors = findings.iter().filter(|finding| finding.level == Level::Error);
    let errors = errors.map(|it| format!("{} {}", it.about, it.text)).collect::<Vec<_>>();
    if errors.is_empty() {
        return Ok(findings);
    }
    let failed = format!("the package breaks rules: {}", errors.join("; "));
    Err(Failure::new(failed, "mend each; `newleaf-sdk check` says how"))
}
