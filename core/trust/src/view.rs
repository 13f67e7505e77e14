//! The merged view of all verified roles: which files there are, who vouches for each, and what
//! went wrong where. Answers questions; decides nothing about installing.

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::{Namespace, PackageName, ReleasePath, Target};

use crate::TrustError;
use crate::advisory::{Advisories, Advisory};
use crate::glob::Scope;
use crate::layout;
use crate::limits::Limits;
use crate::pin::{Pin, TrustLevel};
use crate::role::TargetFile;
use crate::search::Node;

/// What a repository offers, as far as its roles could be verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    files: BTreeMap<String, TargetFile>,
    advisories: Result<Advisories, TrustError>,
    /// Who signs for each namespace that was looked at and believed.
    pub signers: BTreeMap<Namespace, Pin>,
    /// The signers that a pin refused and an admin may accept in its place: those that offline
    /// keys vouch for. Where the pinned level alone is higher, there is nothing to accept.
    pub acceptable: BTreeMap<Namespace, Pin>,
    /// Why nothing is offered for a namespace that was looked at. Stops that namespace only.
    pub failures: BTreeMap<Namespace, TrustError>,
    /// Why nothing is offered by a role that belongs to no namespace, such as `core`, by role.
    pub role_failures: BTreeMap<String, TrustError>,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            advisories: Ok(Advisories::default()),
            signers: BTreeMap::new(),
            acceptable: BTreeMap::new(),
            failures: BTreeMap::new(),
            role_failures: BTreeMap::new(),
        }
    }
}

impl Targets {
    /// The releases of `target`, ordered by path; the planner orders them by version.
    pub fn releases(&self, target: &Target) -> impl Iterator<Item = (ReleasePath, &TargetFile)> {
        let folder = match target {
            Target::Core => "core/".to_owned(),
            Target::App(name) => format!("apps/{name}/"),
        };
        self.below(folder).filter_map(|file| Some((file.release_path()?, file)))
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&TargetFile> {
        self.files.get(path)
    }

    /// The file called `name` in the folder of `release`, such as its `README.md`.
    pub fn beside(&self, release: &TargetFile, name: &str) -> Option<&TargetFile> {
        self.file(&release.beside(name))
    }

    /// Every file, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = &TargetFile> {
        self.files.values()
    }

    /// The apps that have a release.
    pub fn apps(&self) -> BTreeSet<PackageName> {
        let releases = self.below("apps/".to_owned()).filter_map(TargetFile::release_path);
        releases.filter_map(|path| path.target().app().cloned()).collect()
    }

    /// Why nothing is offered for `target`, where that is so.
    pub fn failure_of(&self, target: &Target) -> Option<&TrustError> {
        match target {
            Target::Core => self.role_failures.get(layout::CORE),
            Target::App(name) => self.failures.get(&name.namespace()),
        }
    }

    /// The registry's advisories; an empty list where the repository has none.
    ///
    /// # Errors
    /// There should be a list, but it could not be verified: new installs should wait for it.
    pub fn advisories(&self) -> Result<&Advisories, &TrustError> {
        self.advisories.as_ref()
    }

    /// The advisories about `file`; none where the list could not be verified.
    pub fn advisories_about<'a>(
        &'a self,
        file: &'a TargetFile,
    ) -> impl Iterator<Item = &'a Advisory> {
        self.advisories.iter().flat_map(move |list| list.about(file))
    }

    fn below(&self, folder: String) -> impl Iterator<Item = &TargetFile> {
        let from_folder = self.files.range(folder.clone()..);
        from_folder.take_while(move |(path, _)| path.starts_with(&folder)).map(|(_, file)| file)
    }
}

/// A view in the making. Takes files out of searched trees of verified roles, from nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    targets: Targets,
}

impl Merge {
    /// Adds what the roles of `tree` offer within `scope`, for a subject that is no namespace.
    pub(crate) fn add_role_files(
        &mut self,
        tree: &Node,
        scope: &Scope,
        limits: &Limits,
    ) -> Result<(), TrustError> {
        let files = files_within(tree, scope, limits)?;
        self.targets.files.extend(files);
        Ok(())
    }

    /// Adds what the author of `namespace` offers; all of it or nothing.
    pub(crate) fn add_namespace(
        &mut self,
        signer: Pin,
        tree: &Node,
        limits: &Limits,
    ) -> Result<(), TrustError> {
        let files = files_within(tree, &Scope::namespace(&signer.ns), limits)?;
        let foreign = |file: &&TargetFile| file.signer.namespace.as_ref() != Some(&signer.ns);
        if let Some(file) = files.values().find(foreign) {
            let (role, path) = (file.signer.role.clone(), file.path.clone());
            return Err(TrustError::OutOfScope { role, path });
        }
        self.targets.files.extend(files);
        self.targets.signers.insert(signer.ns.clone(), signer);
        Ok(())
    }

    /// Records a signer that was refused by a pin, where an admin may accept it.
    pub(crate) fn refuse_signer(&mut self, offered: Pin) {
        if offered.level == TrustLevel::Claimed {
            self.targets.acceptable.insert(offered.ns.clone(), offered);
        }
    }

    /// Records why a namespace is not in the view.
    pub(crate) fn fail_namespace(&mut self, namespace: Namespace, error: TrustError) {
        self.targets.failures.insert(namespace, error);
    }

    /// Records why a role that belongs to no namespace is not in the view.
    pub(crate) fn fail_role(&mut self, role: &str, error: TrustError) {
        self.targets.role_failures.insert(role.to_owned(), error);
    }

    /// Records the list of advisories, or why there is none.
    pub(crate) fn set_advisories(&mut self, advisories: Result<Advisories, TrustError>) {
        self.targets.advisories = advisories;
    }

    /// The view as merged so far; called only by [`crate::verified`].
    pub(crate) fn into_targets(self) -> Targets {
        self.targets
    }
}

/// Each path of `scope` that some role lists, as the ordered search answers it.
fn files_within(
    tree: &Node,
    scope: &Scope,
    limits: &Limits,
) -> Result<BTreeMap<String, TargetFile>, TrustError> {
    let mut files = BTreeMap::new();
    for path in tree.listed_paths().filter(|path| scope.holds(path)) {
        if files.contains_key(path) {
            continue;
        }
        if let Some(resolved) = tree.resolve(path) {
            files.insert(path.to_owned(), resolved.file(path, limits)?);
        }
    }
    Ok(files)
}
