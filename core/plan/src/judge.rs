//! Whether one release fits this host: one rule a function, the first that speaks is the reason.

use std::cmp::Ordering;

use newleaf_domain::{PackageName, Release, ReleasePath, Target, Version, VersionReq};
use newleaf_trust::pin::TrustLevel;

use crate::listing::{Described, Listing};
use crate::{FreshAuthors, Installed, Policy, Reason, rollout};

/// Who wants the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nobody in particular: it is one of those that may be offered.
    Any,
    /// An admin, by its version. That waives what only keeps a release from being *offered*: that
    /// it is older, its channel, its rollout, and that it failed here before.
    ByVersion,
}

/// A release before the host that may take it.
#[derive(Debug)]
pub(crate) struct Case<'l, 'a> {
    pub(crate) listing: &'l Listing,
    pub(crate) installed: &'a Installed,
    pub(crate) policy: &'a Policy,
    pub(crate) floor: Option<&'a Floor>,
    pub(crate) wish: Wish,
}

/// The oldest version that a host may go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Floor {
    pub(crate) floor: Version,
    /// The release that says so.
    pub(crate) said_by: Version,
}

impl Floor {
    /// The highest floor that a release says which is not newer than what runs: it binds those
    /// that have come as far. One that was withdrawn goes on binding them.
    pub(crate) fn of(listings: &[Listing], installed: &Installed) -> Option<Self> {
        let says = |listing: &Listing| {
            let said_by = listing.path.version();
            let runs = installed.version_of(&listing.path.target())?;
            let floor = listing.described.as_ref().ok()?.release.floor.clone()?;
            (said_by <= runs).then(|| Self { floor, said_by: said_by.clone() })
        };
        listings
            .iter()
            .filter_map(says)
            .max_by(|a, b| a.floor.cmp(&b.floor).then_with(|| a.said_by.cmp(&b.said_by)))
    }
}

/// Data that a version wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) schema: u32,
    pub(crate) oldest_reader: u32,
}

impl Installed {
    /// The version of `target` that runs; none where it is not installed.
    pub(crate) fn version_of(&self, target: &Target) -> Option<&Version> {
        match target {
            Target::Core => Some(&self.core.version),
            Target::App(name) => self.apps.get(name).map(|app| &app.version),
        }
    }

    /// The data of `target`, be it what a removed version left; none where there is none.
    pub(crate) fn data_of(&self, target: &Target) -> Option<Data> {
        match target {
            Target::Core => {
                Some(Data { schema: self.core.schema, oldest_reader: self.core.oldest_reader })
            }
            Target::App(name) => match self.apps.get(name) {
                Some(app) => Some(Data { schema: app.schema, oldest_reader: app.oldest_reader }),
                None => self
                    .kept
                    .get(name)
                    .map(|kept| Data { schema: kept.schema, oldest_reader: kept.oldest_reader }),
            },
        }
    }
}

impl Installed {
    /// The installed apps that need `app`, each with the versions it can use.
    pub fn needing<'a>(
        &'a self,
        app: &'a PackageName,
    ) -> impl Iterator<Item = (&'a PackageName, &'a VersionReq)> {
        self.apps
            .iter()
            .filter(move |(name, _)| *name != app)
            .filter_map(move |(name, row)| Some((name, row.needs.apps.get(app)?)))
    }
}

type Rule = fn(&Case<'_, '_>, &Described) -> Result<(), Reason>;

/// In the order of interest: what the release is, then what it needs, then what was decided here.
const RULES: [Rule; 13] = [
    was_not_withdrawn,
    is_not_below_the_floor,
    fits_the_edition,
    fits_the_core,
    speaks_the_contract,
    reads_the_data,
    finds_what_it_needs,
    suits_those_that_need_it,
    is_by_an_accepted_author,
    was_not_refused_here,
    did_not_fail_here,
    is_on_the_channel,
    is_rolled_out_to_here,
];

/// What the release says of itself, if it can be installed here.
///
/// # Errors
/// The first reason against it.
pub(crate) fn judge<'l>(case: &Case<'l, '_>) -> Result<&'l Described, Reason> {
    fits_the_machine(case)?;
    is_newer(case)?;
    let described = case
        .listing
        .described
        .as_ref()
        .map_err(|detail| Reason::Malformed { detail: detail.clone() })?;
    RULES.iter().try_for_each(|rule| rule(case, described))?;
    Ok(described)
}

/// Platform and edition, as the path has them.
fn fits_the_machine(case: &Case<'_, '_>) -> Result<(), Reason> {
    let ReleasePath::Core { edition, platform, .. } = &case.listing.path else { return Ok(()) };
    let Installed { edition: our_edition, platform: our_platform, .. } = case.installed;
    if edition != our_edition {
        return Err(Reason::Edition { wanted: edition.clone(), have: our_edition.clone() });
    }
    if platform != our_platform {
        return Err(Reason::Platform { wanted: platform.clone(), have: our_platform.clone() });
    }
    Ok(())
}

/// A version is never released twice, so the same version is the same release. Nobody is taken back
/// to an older one unless an admin asks for it.
fn is_newer(case: &Case<'_, '_>) -> Result<(), Reason> {
    let Some(installed) = case.installed.version_of(&case.listing.path.target()) else {
        return Ok(());
    };
    match case.listing.path.version().cmp(installed) {
        Ordering::Less if case.wish == Wish::Any => {
            Err(Reason::Older { installed: installed.clone() })
        }
        Ordering::Equal => Err(Reason::Installed),
        Ordering::Less | Ordering::Greater => Ok(()),
    }
}

/// Whether the release would take the place of a newer one.
fn is_downgrade(case: &Case<'_, '_>) -> bool {
    let installed = case.installed.version_of(&case.listing.path.target());
    installed.is_some_and(|installed| case.listing.path.version() < installed)
}

fn is_not_below_the_floor(case: &Case<'_, '_>, _: &Described) -> Result<(), Reason> {
    match case.floor {
        Some(Floor { floor, said_by })
            if is_downgrade(case) && case.listing.path.version() < floor =>
        {
            Err(Reason::BelowFloor { floor: Box::new(floor.clone()), version: said_by.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn was_not_withdrawn(case: &Case<'_, '_>, _: &Described) -> Result<(), Reason> {
    match &case.listing.withdrawn {
        Some(reason) => Err(Reason::Yanked { reason: reason.clone() }),
        None => Ok(()),
    }
}

/// A core whose manifest names another edition than its path was signed by mistake.
fn fits_the_edition(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    let have = &case.installed.edition;
    match &described.manifest.edition {
        Some(wanted) if wanted != have && case.listing.path.target() == Target::Core => {
            Err(Reason::Edition { wanted: wanted.clone(), have: have.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

/// An app runs on these cores. A core is reached from these, and gone back to from any.
fn fits_the_core(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    let have = &case.installed.core.version;
    let counts = is_app(case) || !is_downgrade(case);
    match &described.manifest.core {
        Some(wanted) if counts && !wanted.matches(have) => {
            Err(Reason::CoreRange { wanted: wanted.clone(), have: have.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn speaks_the_contract(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    let have = &case.installed.abi;
    match &described.manifest.abi {
        Some(wanted) if is_app(case) && !have.runs(wanted) => {
            Err(Reason::Abi { wanted: wanted.clone(), have: have.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

/// It must migrate from the data as it is, and be able to run on data as others have left it.
fn reads_the_data(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    let Some(data) = case.installed.data_of(&case.listing.path.target()) else { return Ok(()) };
    let manifest = &described.manifest;
    if manifest.migrates_from > data.schema {
        return Err(Reason::DataTooOld { reads: manifest.migrates_from, have: data.schema });
    }
    if manifest.schema < data.oldest_reader {
        return Err(Reason::DataTooNew { writes: manifest.schema, needs: data.oldest_reader });
    }
    Ok(())
}

/// Other apps by range, as they are installed now: nothing is installed on the side.
fn finds_what_it_needs(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    for (app, wanted) in &described.manifest.dependencies {
        let have = case.installed.apps.get(app).map(|it| &it.version);
        if !have.is_some_and(|have| wanted.matches(have)) {
            let (app, wanted) = (app.clone(), Box::new(wanted.clone()));
            return Err(Reason::Needs { app, wanted, have: have.cloned().map(Box::new) });
        }
    }
    Ok(())
}

/// What other apps need of this one stays true.
fn suits_those_that_need_it(case: &Case<'_, '_>, _: &Described) -> Result<(), Reason> {
    let Target::App(this) = case.listing.path.target() else { return Ok(()) };
    let version = case.listing.path.version();
    let mut needed = case.installed.needing(&this);
    match needed.find(|(_, wanted)| !wanted.matches(version)) {
        Some((app, wanted)) => Err(Reason::NeededBy { app: app.clone(), wanted: wanted.clone() }),
        None => Ok(()),
    }
}

fn was_not_refused_here(case: &Case<'_, '_>, _: &Described) -> Result<(), Reason> {
    let skipped = case.policy.skipped.get(&case.listing.path.target());
    let is_skipped = skipped.is_some_and(|it| it.contains(case.listing.path.version()));
    if is_skipped && case.wish == Wish::Any {
        return Err(Reason::Skipped);
    }
    Ok(())
}

fn is_by_an_accepted_author(case: &Case<'_, '_>, _: &Described) -> Result<(), Reason> {
    let fresh = case.listing.level == Some(TrustLevel::Fresh);
    if fresh && case.policy.fresh_authors == FreshAuthors::Refused {
        return Err(Reason::FreshAuthor);
    }
    Ok(())
}

fn did_not_fail_here(case: &Case<'_, '_>, _: &Described) -> Result<(), Reason> {
    match case.installed.bad.get(&case.listing.digest) {
        Some(reason) if case.wish == Wish::Any => Err(Reason::Bad { reason: reason.clone() }),
        Some(_) | None => Ok(()),
    }
}

fn is_on_the_channel(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    let have = case.policy.channels.get(&case.listing.path.target()).copied().unwrap_or_default();
    let wanted = described.release.channel;
    if case.wish == Wish::Any && !have.takes(wanted) {
        return Err(Reason::Channel { wanted, have });
    }
    Ok(())
}

fn is_rolled_out_to_here(case: &Case<'_, '_>, described: &Described) -> Result<(), Reason> {
    let Release { rollout: percent, .. } = described.release;
    let digest = &case.listing.digest;
    if case.wish == Wish::Any && !rollout::includes(&case.installed.install_id, digest, percent) {
        return Err(Reason::Rollout { percent });
    }
    Ok(())
}

fn is_app(case: &Case<'_, '_>) -> bool {
    case.listing.path.target() != Target::Core
}
