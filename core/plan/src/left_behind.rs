//! Which installed apps a core would leave behind by the ranges they name, and what leads on for
//! each: a version that runs on both cores, one that can follow, or none. Ranges alone: whether an
//! app's code fits the new engine is learnt by compiling it.

use newleaf_domain::{PackageName, Target, Version, VersionReq};
use newleaf_trust::{Targets, Verified};
use serde::{Deserialize, Serialize};

use crate::{Installed, Policy, survey};

/// An installed app whose version does not run on a new core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    /// The app.
    pub app: PackageName,
    /// The version that is installed.
    pub version: Version,
    /// The cores it runs on.
    pub wanted: VersionReq,
    /// What leads on.
    pub way: WayOn,
}

/// What leads on for an app that a new core leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum WayOn {
    /// This version runs on both cores: installed before core, nothing stops.
    Before {
        /// The version.
        version: Version,
    },
    /// This version runs on the new core alone: the app is suspended until it is installed.
    After {
        /// The version.
        version: Version,
    },
    /// No version of it is known that runs on the new core.
    Unknown,
}

/// `acme/notes 1.0.0 needs core <2.0.0; …`
impl std::fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { app, version, wanted, way } = self;
        write!(f, "{app} {version} needs core {wanted}; ")?;
        match way {
            WayOn::Before { version } => {
                write!(f, "{version} runs on both: update it first, and nothing stops")
            }
            WayOn::After { version } => {
                write!(f, "it is suspended with its data kept, and {version} brings it back")
            }
            WayOn::Unknown => f.write_str(
                "it is suspended with its data kept, until a version comes that runs on it",
            ),
        }
    }
}

/// The installed apps that core at version `to` would leave behind, by name.
pub fn left_behind(
    installed: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    to: &Version,
) -> Vec<LeftBehind> {
    let mut after = installed.clone();
    after.core.version = to.clone();
    let mut found = Vec::new();
    for (app, row) in &installed.apps {
        let Some(wanted) = row.needs.core.clone().filter(|wanted| !wanted.matches(to)) else {
            continue;
        };
        let look = |host: &Installed| offered(host, targets, policy, app);
        let way = look(installed)
            .into_iter()
            .find(|(_, runs)| runs.as_ref().is_none_or(|runs| runs.matches(to)))
            .map(|(version, _)| WayOn::Before { version });
        let way = way.or_else(|| {
            look(&after).into_iter().next().map(|(version, _)| WayOn::After { version })
        });
        found.push(LeftBehind {
            app: app.clone(),
            version: row.version.clone(),
            wanted,
            way: way.unwrap_or(WayOn::Unknown),
        });
    }
    found
}

/// The versions of `app` that could be installed on `host`, newest first, each with the cores it
/// runs on.
fn offered(
    host: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    app: &PackageName,
) -> Vec<(Version, Option<VersionReq>)> {
    let target = Target::App(app.clone());
    let candidates = survey(host, targets, policy, &target).candidates;
    let fits = candidates.into_iter().filter(|candidate| candidate.reason().is_none());
    fits.map(|candidate| {
        let mut releases = targets.releases(&target);
        let file = releases.find(|(_, file)| file.sha256 == candidate.digest);
        let manifest = file.and_then(|(_, file)| file.manifest().ok());
        (candidate.version, manifest.and_then(|manifest| manifest.core))
    })
    .collect()
}
