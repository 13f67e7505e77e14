//! The names that people know apps by; an app whose name is not known goes by its id.

use std::collections::BTreeMap;

use newleaf_domain::PackageName;

/// Names by id.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<PackageName, String>);

impl Names {
    /// No name is known.
    pub(crate) const NONE: &'static Self = &Self(BTreeMap::new());

    /// The app's name, or its id.
    pub(crate) fn of<'a>(&'a self, id: &'a PackageName) -> &'a str {
        self.0.get(id).map_or(id.as_str(), String::as_str)
    }
}

impl From<BTreeMap<PackageName, String>> for Names {
    fn from(names: BTreeMap<PackageName, String>) -> Self {
        Self(names)
    }
}
