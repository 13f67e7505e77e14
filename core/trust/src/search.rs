//! The ordered search through delegations (TUF §5.6.7): pre-order, first answer wins. A pure
//! function of the roles at hand; where one is missing it says which, so that the caller can fetch
//! it and search again.
//!
//! It fails closed: a role on the way that is absent from the snapshot, expired or wrong ends the
//! search, so that hiding a role never lets a later one answer in its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use newleaf_domain::Namespace;

use crate::TrustError;
use crate::authority::Authority;
use crate::glob::Scope;
use crate::layout;
use crate::library::{Halt, Library, Shelf};
use crate::limits::Limits;
use crate::pin::TrustLevel;
use crate::role::targets::Signer;
use crate::role::{Delegation, TargetFile, TargetRecord, TargetsRole};
use crate::verified::Verified;

/// A role as reached by one delegation, with the roles it leads to.
#[derive(Debug)]
pub(crate) struct Node {
    /// The role's name.
    pub(crate) role: String,
    /// The namespace whose author signs the role, at first or second hand.
    pub(crate) author: Option<Namespace>,
    /// How the role's keys came to be trusted.
    pub(crate) level: TrustLevel,
    /// The keys it was verified with; none for the top role, which root answers for.
    pub(crate) authority: Option<Authority>,
    reached_by: Option<Delegation>,
    body: Arc<Verified<TargetsRole>>,
    children: Vec<Self>,
}

/// The answer to "who lists this path".
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    pub(crate) node: &'a Node,
    pub(crate) record: &'a TargetRecord,
}

impl Resolved<'_> {
    /// The file as the view shows it.
    pub(crate) fn file(&self, path: &str, limits: &Limits) -> Result<TargetFile, TrustError> {
        let Node { role, author, level, .. } = self.node;
        let signer = Signer { role: role.clone(), namespace: author.clone(), level: *level };
        TargetFile::new(path, self.record, signer, limits)
    }
}

enum Answer<'a> {
    Found(Resolved<'a>),
    Ended,
    NotHere,
}

impl Node {
    /// The top targets role.
    pub(crate) fn top(body: Arc<Verified<TargetsRole>>) -> Self {
        Self {
            role: "targets".to_owned(),
            author: None,
            level: TrustLevel::Claimed,
            authority: None,
            reached_by: None,
            body,
            children: Vec::new(),
        }
    }

    fn child(
        &self,
        delegation: &Delegation,
        authority: Authority,
        body: Arc<Verified<TargetsRole>>,
    ) -> Self {
        Self {
            role: delegation.name.clone(),
            author: self.author.clone().or_else(|| layout::namespace_of_role(&delegation.name)),
            level: self.level_of_children(),
            authority: Some(authority),
            reached_by: Some(delegation.clone()),
            body,
            children: Vec::new(),
        }
    }

    /// How the roles that this one names keys for came to be trusted.
    fn level_of_children(&self) -> TrustLevel {
        match (&self.reached_by, &self.author) {
            (None, _) | (Some(_), Some(_)) => self.level,
            (Some(_), None) => self.level.min(layout::level_of_introducer(&self.role)),
        }
    }

    /// Whether no role but the top one could answer.
    pub(crate) fn is_bare(&self) -> bool {
        self.children.is_empty() && self.body.targets.is_empty()
    }

    /// The first role, in the order of the search, that signs for `namespace`.
    pub(crate) fn author_of(&self, namespace: &Namespace) -> Option<&Self> {
        if self.author.as_ref() == Some(namespace) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.author_of(namespace))
    }

    /// Every path listed anywhere in the tree, in scope or not.
    pub(crate) fn listed_paths(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        let own = self.body.targets.keys().map(String::as_str);
        Box::new(own.chain(self.children.iter().flat_map(Self::listed_paths)))
    }

    /// The role that answers for `path`, by the rules of §5.6.7.
    pub(crate) fn resolve(&self, path: &str) -> Option<Resolved<'_>> {
        match self.answer(path) {
            Answer::Found(resolved) => Some(resolved),
            Answer::Ended | Answer::NotHere => None,
        }
    }

    fn answer(&self, path: &str) -> Answer<'_> {
        if let Some(record) = self.body.targets.get(path) {
            return Answer::Found(Resolved { node: self, record });
        }
        for child in &self.children {
            let Some(delegation) = child.reached_by.as_ref().filter(|by| by.matches(path)) else {
                continue;
            };
            match child.answer(path) {
                Answer::NotHere if !delegation.terminating => {}
                Answer::NotHere | Answer::Ended => return Answer::Ended,
                found @ Answer::Found(_) => return found,
            }
        }
        Answer::NotHere
    }
}

/// Whether every path of the scope leads through the roles on the way here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Whole,
    Part,
}

/// Whether later roles are to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    On,
    Ended,
}

/// Loads all roles that could answer for a path of `scope`, in order.
///
/// # Errors
/// [`Halt::Needs`] names the next file to fetch; [`Halt::Failed`] ends the search for good.
pub(crate) fn search(
    scope: &Scope,
    top: &Arc<Verified<TargetsRole>>,
    library: &mut Library,
    shelf: &Shelf<'_>,
) -> Result<Node, Halt> {
    let mut root = Node::top(Arc::clone(top));
    let mut search = Search { scope, library, shelf, visited: BTreeSet::new() };
    search.descend(&mut root, 1, Reach::Whole)?;
    Ok(root)
}

struct Search<'a, 'b> {
    scope: &'a Scope,
    library: &'a mut Library,
    shelf: &'a Shelf<'b>,
    visited: BTreeSet<String>,
}

impl Search<'_, '_> {
    fn descend(&mut self, parent: &mut Node, depth: usize, reach: Reach) -> Result<Walk, Halt> {
        let body = Arc::clone(&parent.body);
        let Some(delegations) = &body.delegations else { return Ok(Walk::On) };
        for delegation in &delegations.roles {
            // §5.6.7.1: a role visited before is skipped, so that a cycle ends.
            if !delegation.reaches(self.scope) || self.visited.contains(&delegation.name) {
                continue;
            }
            self.count(&delegation.name, depth)?;
            let authority = delegations.authority(delegation);
            let role = self.library.role(&delegation.name, &authority, self.shelf)?;
            let mut child = parent.child(delegation, authority, role);
            let is_whole = reach == Reach::Whole && delegation.covers(self.scope);
            let below = if is_whole { Reach::Whole } else { Reach::Part };
            let walk = self.descend(&mut child, depth + 1, below)?;
            parent.children.push(child);
            if walk == Walk::Ended || is_whole && delegation.terminating {
                return Ok(Walk::Ended);
            }
        }
        Ok(Walk::On)
    }

    fn count(&mut self, role: &str, depth: usize) -> Result<(), TrustError> {
        let limits = self.shelf.limits;
        if depth > limits.depth {
            return Err(TrustError::over_limit(role, "delegations above it", depth, limits.depth));
        }
        if self.visited.len() >= limits.roles_visited {
            return Err(TrustError::over_limit(
                role,
                "roles before it",
                "more",
                limits.roles_visited,
            ));
        }
        self.visited.insert(role.to_owned());
        Ok(())
    }
}
