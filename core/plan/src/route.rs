//! The way to each release: at once, or over releases that have to be installed before it.
//!
//! A breadth-first walk over what could be installed, from what runs: the fewest hops win, and of
//! several ways with as many hops the one over the newest releases. Decides nothing about any one
//! release; [`judge`] does that, on the host as it would be after each hop.

use newleaf_domain::{Target, Version};

use crate::change::installed_after;
use crate::judge::{Case, Floor, Wish, judge};
use crate::listing::{Described, Listing};
use crate::{Because, Installed, Policy, Reason};

/// Hops at most: far more than any chain of stepping stones, and a bound on what is looked at.
const MOST_HOPS: usize = 16;

/// What the ways to all releases of one target are made of.
#[derive(Debug)]
pub(crate) struct Map<'a> {
    pub(crate) listings: &'a [Listing],
    pub(crate) installed: &'a Installed,
    pub(crate) policy: &'a Policy,
    pub(crate) asked: Option<&'a Version>,
    floor: Option<Floor>,
    /// Places of the releases that no older version may pass over, the oldest first.
    stones: Vec<usize>,
}

/// Whether and how a release is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over the releases at these places, in order; the last is the release itself.
    Over(Vec<usize>),
    /// It is not.
    None(Reason),
}

/// A release that was reached, with the host as it would be then.
struct Reached {
    host: Installed,
    version: Version,
    way: Vec<usize>,
}

impl<'a> Map<'a> {
    /// The map of `listings`, which stand newest first and are all of `target`.
    pub(crate) fn new(
        listings: &'a [Listing],
        target: &Target,
        installed: &'a Installed,
        policy: &'a Policy,
        asked: Option<&'a Version>,
    ) -> Self {
        let floor = Floor::of(listings, installed);
        let mut map = Self { listings, installed, policy, asked, floor, stones: Vec::new() };
        // Nothing is stepped over where nothing is installed.
        if installed.version_of(target).is_some() {
            let stones = (0..listings.len()).rev().filter(|&place| map.is_stone(place));
            map.stones = stones.collect();
        }
        map
    }

    /// Who wants the release at `place`.
    pub(crate) fn wish(&self, place: usize) -> Wish {
        if self.asked == Some(self.listings[place].path.version()) {
            Wish::ByVersion
        } else {
            Wish::Any
        }
    }

    /// The verdict on one release alone, on the host as it would be.
    pub(crate) fn judge(
        &self,
        place: usize,
        installed: &Installed,
        wish: Wish,
    ) -> Result<&'a Described, Reason> {
        let listing = &self.listings[place];
        judge(&Case { listing, installed, policy: self.policy, floor: self.floor.as_ref(), wish })
    }

    /// A release ahead that may not be passed over. One that was never meant for this host is no
    /// obstacle; one that is but cannot be installed remains one.
    fn is_stone(&self, place: usize) -> bool {
        let says_so = self.listings[place]
            .described
            .as_ref()
            .is_ok_and(|described| described.manifest.stepping_stone);
        says_so
            && self
                .judge(place, self.installed, self.wish(place))
                .err()
                .is_none_or(|reason| reason.leaves_in_the_way())
    }

    /// The oldest stone that stands between `from` and the release at `place`.
    fn stone_between(&self, from: &Version, place: usize) -> Option<&Version> {
        let to = self.listings[place].path.version();
        let versions = self.stones.iter().map(|&stone| self.listings[stone].path.version());
        versions.into_iter().find(|&stone| from < stone && stone < to)
    }

    /// The way to each release, in the order of the listings.
    pub(crate) fn ways(&self, target: &Target) -> Vec<Way> {
        let (mut ways, mut reached) = self.first_hop(target);
        for _ in 1..MOST_HOPS {
            let mut further = Vec::new();
            for from in &reached {
                for (place, way) in ways.iter_mut().enumerate() {
                    let may_pass = match way {
                        Way::Over(_) => false,
                        Way::None(reason) => reason.may_pass(target),
                    };
                    if may_pass && let Some(next) = self.hop(from, place) {
                        *way = Way::Over(next.way.clone());
                        further.push(next);
                    }
                }
            }
            if further.is_empty() {
                break;
            }
            further.sort_by(|a, b| b.version.cmp(&a.version));
            reached = further;
        }
        ways
    }

    /// The way to the release at `place` for an admin who asks for it by its version.
    pub(crate) fn when_asked_for(&self, place: usize) -> Way {
        let listing = &self.listings[place];
        let (target, version) = (listing.path.target(), listing.path.version());
        let runs = self.installed.version_of(&target);
        let stone = runs.and_then(|runs| self.stone_between(runs, place));
        match (self.judge(place, self.installed, Wish::ByVersion), stone) {
            (Ok(_), None) => Way::Over(vec![place]),
            (Err(reason), _) if !reason.may_pass(&target) => Way::None(reason),
            (Ok(_) | Err(_), _) => {
                let (installed, policy) = (self.installed, self.policy);
                let asked = Self::new(self.listings, &target, installed, policy, Some(version));
                asked.ways(&target).swap_remove(place)
            }
        }
    }

    /// What is reached from what runs, and why the rest is not.
    fn first_hop(&self, target: &Target) -> (Vec<Way>, Vec<Reached>) {
        let runs = self.installed.version_of(target);
        let mut reached = Vec::new();
        let mut ways = Vec::new();
        for (place, listing) in self.listings.iter().enumerate() {
            let version = listing.path.version();
            let stone = runs.and_then(|runs| self.stone_between(runs, place));
            ways.push(match (self.judge(place, self.installed, self.wish(place)), stone) {
                (Err(reason), _) => Way::None(reason),
                (Ok(_), Some(through)) => {
                    Way::None(Reason::SteppingStone { through: through.clone() })
                }
                (Ok(described), None) => {
                    // Going back leads nowhere, and a first install needs no hops.
                    if runs.is_some_and(|runs| version > runs) {
                        let host = installed_after(self.installed, listing, described);
                        reached.push(Reached { host, version: version.clone(), way: vec![place] });
                    }
                    Way::Over(vec![place])
                }
            });
        }
        (ways, reached)
    }

    /// The release at `place`, reached from another one.
    fn hop(&self, from: &Reached, place: usize) -> Option<Reached> {
        let listing = &self.listings[place];
        let version = listing.path.version();
        if *version <= from.version || self.stone_between(&from.version, place).is_some() {
            return None;
        }
        let described = self.judge(place, &from.host, self.wish(place)).ok()?;
        let host = installed_after(&from.host, listing, described);
        let way = from.way.iter().copied().chain([place]).collect();
        Some(Reached { host, version: version.clone(), way })
    }

    /// Why the hop at `hop` of `way` is made; `before` is the host it starts from.
    pub(crate) fn because(&self, way: &[usize], hop: usize, before: &Installed) -> Because {
        let Some(&next) = way.get(hop + 1) else { return Because::Goal };
        if self.stones.contains(&way[hop]) {
            return Because::SteppingStone;
        }
        match self.judge(next, before, self.wish(next)) {
            Err(reason) => {
                let next = Box::new(self.listings[next].path.version().clone());
                Because::Bridge { next, reason: Box::new(reason) }
            }
            Ok(_) => Because::SteppingStone,
        }
    }
}

impl Reason {
    /// Whether a release refused for this reason still stands between the host and newer ones.
    const fn leaves_in_the_way(&self) -> bool {
        match self {
            Self::CoreRange { .. }
            | Self::Abi { .. }
            | Self::Bad { .. }
            | Self::Rollout { .. }
            | Self::DataTooOld { .. }
            | Self::DataTooNew { .. }
            | Self::SteppingStone { .. }
            | Self::Skipped
            | Self::Needs { .. }
            | Self::NeededBy { .. } => true,
            Self::Installed
            | Self::Older { .. }
            | Self::BelowFloor { .. }
            | Self::Platform { .. }
            | Self::Edition { .. }
            | Self::Yanked { .. }
            | Self::Channel { .. }
            | Self::FreshAuthor
            | Self::Malformed { .. } => false,
        }
    }

    /// Whether a release between could change it.
    fn may_pass(&self, target: &Target) -> bool {
        match self {
            Self::DataTooOld { .. } | Self::SteppingStone { .. } => true,
            Self::CoreRange { .. } => *target == Target::Core,
            Self::Abi { .. }
            | Self::Bad { .. }
            | Self::Rollout { .. }
            | Self::DataTooNew { .. }
            | Self::Skipped
            | Self::Needs { .. }
            | Self::NeededBy { .. }
            | Self::Installed
            | Self::Older { .. }
            | Self::BelowFloor { .. }
            | Self::Platform { .. }
            | Self::Edition { .. }
            | Self::Yanked { .. }
            | Self::Channel { .. }
            | Self::FreshAuthor
            | Self::Malformed { .. } => false,
        }
    }
}
