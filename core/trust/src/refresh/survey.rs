//! The last stage: one ordered search for each thing that is wanted, merged into one view. A fault
//! found here belongs to its namespace or role and stops nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use newleaf_domain::{ByteSize, Digest, Namespace};

use crate::TrustError;
use crate::advisory::Advisories;
use crate::error::Missing;
use crate::glob::Scope;
use crate::layout;
use crate::library::{Halt, Library, RoleRequest, Shelf};
use crate::pin::{Pin, TrustLevel};
use crate::refresh::step::Wanted;
use crate::role::{Delegation, TargetsRole};
use crate::search::{Node, search};
use crate::sign::canonical_of;
use crate::store::{ADVISORY_LIST, LEVELS};
use crate::verified::Verified;
use crate::view::{Merge, Targets};

/// What one search is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Core,
    Advisories,
    Catalogue,
    /// Which namespaces there are at all.
    Introducers,
    Namespace(Namespace),
}

/// How far the survey is.
#[derive(Debug)]
pub(crate) enum Progress {
    NeedsRole(Box<RoleRequest>),
    NeedsList(ListRequest),
    /// The new record of levels, to be kept.
    Levels(Vec<u8>),
    Done(Box<Verified<Targets>>),
}

/// The list of advisories to fetch, with what its role says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListRequest {
    pub(crate) stored_path: String,
    pub(crate) length: ByteSize,
    sha256: Digest,
}

impl ListRequest {
    fn read(&self, bytes: &[u8]) -> Result<Advisories, TrustError> {
        let file = || layout::ADVISORIES_PATH.to_owned();
        let found = ByteSize::bytes(bytes.len() as u64);
        if found != self.length {
            let signed = self.length;
            return Err(TrustError::LengthMismatch { file: file(), found, signed });
        }
        let (found, signed) = (Digest::of(bytes), self.sha256);
        if found != signed {
            return Err(TrustError::DigestMismatch { file: file(), found, signed });
        }
        Advisories::parse(bytes)
    }
}

/// The searches of one refresh, done and to be done.
#[derive(Debug)]
pub(crate) struct Survey {
    queue: VecDeque<Subject>,
    wanted: BTreeSet<Namespace>,
    pins: BTreeMap<Namespace, Pin>,
    levels: BTreeMap<Namespace, TrustLevel>,
    unsaved_levels: bool,
    list: Option<Result<Advisories, TrustError>>,
    library: Library,
    merge: Merge,
}

impl Survey {
    /// A survey of what is wanted, nothing searched yet.
    pub(crate) fn new(
        pins: Vec<Pin>,
        wanted: Wanted,
        levels: BTreeMap<Namespace, TrustLevel>,
    ) -> Self {
        let mut queue = VecDeque::from([Subject::Advisories]);
        if wanted.core {
            queue.push_back(Subject::Core);
        }
        if wanted.everything {
            queue.extend([Subject::Catalogue, Subject::Introducers]);
        } else {
            queue.extend(wanted.namespaces.iter().cloned().map(Subject::Namespace));
        }
        Self {
            queue,
            wanted: wanted.namespaces,
            pins: pins.into_iter().map(|pin| (pin.ns.clone(), pin)).collect(),
            levels,
            unsaved_levels: false,
            list: None,
            library: Library::default(),
            merge: Merge::default(),
        }
    }

    /// Takes what fetching a role brought.
    pub(crate) fn supply_role(
        &mut self,
        request: RoleRequest,
        brought: Result<Vec<u8>, TrustError>,
    ) {
        let named = brought.map_err(|mut error| {
            if let TrustError::MissingRole { role, .. } = &mut error {
                role.clone_from(&request.role);
            }
            error
        });
        self.library.supply(request.role, named);
    }

    /// Takes what fetching the list of advisories brought; returns it if it is good to keep.
    pub(crate) fn supply_list(
        &mut self,
        request: &ListRequest,
        brought: Result<Vec<u8>, TrustError>,
    ) -> Option<Vec<u8>> {
        let judged = brought.and_then(|bytes| request.read(&bytes).map(|list| (list, bytes)));
        match judged {
            Ok((list, bytes)) => {
                self.list = Some(Ok(list));
                Some(bytes)
            }
            Err(error) => {
                self.list = Some(Err(error));
                None
            }
        }
    }

    /// The roles accepted since the last call.
    pub(crate) fn take_accepted(&mut self) -> Vec<(String, Vec<u8>)> {
        self.library.take_accepted()
    }

    /// Searches on until a file is needed or all is done.
    ///
    /// # Errors
    /// The record of levels cannot be written as JSON.
    pub(crate) fn advance(
        &mut self,
        top: &Arc<Verified<TargetsRole>>,
        shelf: &Shelf<'_>,
    ) -> Result<Progress, TrustError> {
        while let Some(subject) = self.queue.front().cloned() {
            let searched = match &subject {
                Subject::Core => self.role_files(layout::CORE, &Scope::core(), top, shelf),
                Subject::Catalogue => {
                    self.role_files(layout::CATALOGUE, &Scope::catalogue(), top, shelf)
                }
                Subject::Introducers => self.discover(top, shelf),
                Subject::Namespace(namespace) => self.namespace(namespace, top, shelf),
                Subject::Advisories => match self.advisories(top, shelf) {
                    Ok(Some(request)) => return Ok(Progress::NeedsList(request)),
                    Ok(None) => Ok(()),
                    Err(halt) => Err(halt),
                },
            };
            match searched {
                Err(Halt::Needs(request)) => return Ok(Progress::NeedsRole(request)),
                Err(Halt::Failed(error)) => self.record(&subject, error),
                Ok(()) => {}
            }
            self.queue.pop_front();
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<Progress, TrustError> {
        if std::mem::take(&mut self.unsaved_levels) {
            let levels = canonical_of(&self.levels);
            let bytes = levels.map_err(|error| TrustError::malformed(LEVELS, error))?;
            return Ok(Progress::Levels(bytes));
        }
        Ok(Progress::Done(Box::new(Verified::merged(std::mem::take(&mut self.merge)))))
    }

    fn record(&mut self, subject: &Subject, error: TrustError) {
        match subject {
            Subject::Core => self.merge.fail_role(layout::CORE, error),
            Subject::Catalogue => self.merge.fail_role(layout::CATALOGUE, error),
            Subject::Advisories => {
                self.merge.fail_role(layout::ADVISORIES, error.clone());
                self.merge.set_advisories(Err(error));
            }
            // The searches for the namespaces themselves meet the fault and record it.
            Subject::Introducers => self.merge.fail_role("apps", error),
            Subject::Namespace(namespace) => self.merge.fail_namespace(namespace.clone(), error),
        }
    }

    fn role_files(
        &mut self,
        role: &str,
        scope: &Scope,
        top: &Arc<Verified<TargetsRole>>,
        shelf: &Shelf<'_>,
    ) -> Result<(), Halt> {
        let tree = search(scope, top, &mut self.library, shelf)?;
        if tree.is_bare() {
            let (role, why) = (role.to_owned(), Missing::NotDelegated);
            return Err(Halt::Failed(TrustError::MissingRole { role, why }));
        }
        Ok(self.merge.add_role_files(&tree, scope, shelf.limits)?)
    }

    /// Finds the list of advisories: in the store, else says what to fetch.
    fn advisories(
        &mut self,
        top: &Arc<Verified<TargetsRole>>,
        shelf: &Shelf<'_>,
    ) -> Result<Option<ListRequest>, Halt> {
        if let Some(list) = self.list.take() {
            self.merge.set_advisories(Ok(list?));
            return Ok(None);
        }
        let scope = Scope::file(layout::ADVISORIES_PATH);
        let tree = search(&scope, top, &mut self.library, shelf)?;
        let Some(listed) = tree.resolve(layout::ADVISORIES_PATH) else { return Ok(None) };
        let file = listed.file(layout::ADVISORIES_PATH, shelf.limits)?;
        let request = ListRequest {
            stored_path: file.stored_path(),
            length: file.length,
            sha256: file.sha256,
        };
        if request.length > shelf.limits.advisories {
            let (found, allowed) = (request.length, shelf.limits.advisories);
            let path = layout::ADVISORIES_PATH;
            return Err(Halt::Failed(TrustError::over_limit(path, "length", found, allowed)));
        }
        let stored = shelf.store.get(ADVISORY_LIST).and_then(|bytes| request.read(bytes).ok());
        let Some(list) = stored else { return Ok(Some(request)) };
        self.merge.set_advisories(Ok(list));
        Ok(None)
    }

    /// Loads the roles that name authors, and queues every author they name.
    fn discover(
        &mut self,
        top: &Arc<Verified<TargetsRole>>,
        shelf: &Shelf<'_>,
    ) -> Result<(), Halt> {
        let mut found = self.wanted.clone();
        let scope = Scope::all_apps();
        let introducers = top.delegations.iter().flat_map(|list| list.reaching(&scope));
        for (introducer, authority) in introducers {
            match self.library.role(&introducer.name, &authority, shelf) {
                Ok(role) => found.extend(authors_named_by(&role)),
                Err(Halt::Failed(error)) => self.merge.fail_role(&introducer.name, error),
                Err(halt @ Halt::Needs(_)) => return Err(halt),
            }
        }
        if found.len() > shelf.limits.namespaces {
            let (found, allowed) = (found.len(), shelf.limits.namespaces);
            return Err(Halt::Failed(TrustError::over_limit("apps", "namespaces", found, allowed)));
        }
        self.queue.extend(found.into_iter().map(Subject::Namespace));
        Ok(())
    }

    fn namespace(
        &mut self,
        namespace: &Namespace,
        top: &Arc<Verified<TargetsRole>>,
        shelf: &Shelf<'_>,
    ) -> Result<(), Halt> {
        let tree = search(&Scope::namespace(namespace), top, &mut self.library, shelf)?;
        let signer = self.signer(namespace, &tree)?;
        let level = signer.level;
        self.merge.add_namespace(signer, &tree, shelf.limits)?;
        if self.levels.get(namespace) < Some(&level) {
            self.levels.insert(namespace.clone(), level);
            self.unsaved_levels = true;
        }
        Ok(())
    }

    /// Who signs for `namespace`; refused where it is not who it was.
    fn signer(&mut self, namespace: &Namespace, tree: &Node) -> Result<Pin, TrustError> {
        let role = || layout::author_role(namespace);
        let absent = || TrustError::MissingRole { role: role(), why: Missing::NotDelegated };
        let author = tree.author_of(namespace).ok_or_else(absent)?;
        let authority = author.authority.as_ref().ok_or_else(absent)?;
        let mut offered = Pin::first(namespace.clone(), authority, author.level);
        if let Some(pin) = self.pins.get(namespace) {
            if let Err(changed) = pin.accepts(&offered) {
                self.merge.refuse_signer(offered);
                return Err(changed);
            }
            offered.n = pin.n;
        }
        if self.levels.get(namespace) > Some(&offered.level) {
            return Err(TrustError::LevelLowered { namespace: namespace.clone(), role: role() });
        }
        Ok(offered)
    }
}

fn authors_named_by(role: &TargetsRole) -> impl Iterator<Item = Namespace> {
    let delegations = role.delegations.iter().flat_map(|list| &list.roles);
    delegations.filter_map(|delegation: &Delegation| layout::namespace_of_role(&delegation.name))
}
