//! The forms in which a package can come, from the smallest to the one that is always there.

use newleaf_domain::{ByteSize, Digest, Target, Version};
use newleaf_launcher::state::Origin;

use super::download::Job;
use super::error::FetchError;
use crate::port::{Download, Length, Measured, Place, SlotError, SlotRef};
use crate::proof::Listed;
use crate::run::Context;

/// The form in which a package comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// What it has over the version that serves.
    Delta {
        /// The slot of that version.
        slot: SlotRef,
        /// The digest of that version's package.
        base: Digest,
        /// That version.
        version: Version,
    },
    /// Compressed whole.
    Compressed,
    /// As it was signed.
    Plain,
}

/// The smaller forms that are worth asking for, the smallest first.
pub(super) async fn hints(cx: &Context, listed: &Listed) -> Result<Vec<Way>, FetchError> {
    let ports = cx.updater.ports();
    if ports.repository.is_near() {
        return Ok(Vec::new());
    }
    // What an earlier try began as it is, is ended as it is.
    let download = Download::Package { result: listed.change().digest };
    let plain = ports.slots.partial(download).await.map_err(FetchError::Disk)?;
    if plain.length() > ByteSize::bytes(0) {
        return Ok(Vec::new());
    }
    let mut hints = Vec::from_iter(base(cx, &listed.change().target).await);
    hints.push(Way::Compressed);
    Ok(hints)
}

/// The version that serves, where its slot was unpacked from a package and is there.
async fn base(cx: &Context, target: &Target) -> Option<Way> {
    let state = cx.updater.state();
    let (slot, base, version) = match target {
        Target::Core => {
            let good = &state.core.good;
            let is_release = good.origin == Origin::Release;
            is_release.then(|| (SlotRef::core(good), good.digest, good.version.clone()))?
        }
        Target::App(app) => {
            let good = state.apps.get(app)?.good.as_ref()?;
            (SlotRef::app(app, good), good.digest, good.version.clone())
        }
    };
    let there = cx.updater.ports().slots.exists(&slot).await;
    matches!(there, Ok(true)).then_some(Way::Delta { slot, base, version })
}

impl Way {
    /// Makes the package of what was downloaded.
    pub(super) async fn make(&self, cx: &Context, signed: Measured) -> Result<(), SlotError> {
        let slots = &cx.updater.ports().slots;
        match self {
            Self::Plain => Ok(()),
            Self::Compressed => slots.expand_copy(signed).await,
            Self::Delta { slot, base, .. } => slots.apply_delta(slot, *base, signed).await,
        }
    }
}

impl Job {
    /// What to download for `listed` to come in this `way`.
    pub(super) fn of(way: &Way, listed: &Listed) -> Self {
        let (signed, result) = (listed.change().length, listed.change().digest);
        let stored = listed.file().stored_path();
        match way {
            Way::Plain => Self {
                download: Download::Package { result },
                place: Place::Target,
                path: stored,
                length: Length::Exactly(signed),
                digest: Some(result),
            },
            Way::Compressed => Self {
                download: Download::Compressed { result },
                place: Place::Target,
                path: format!("{stored}.zst"),
                length: Length::AtMost(signed),
                digest: None,
            },
            // One of more than half is not worth the base's rebuilding.
            Way::Delta { base, .. } => Self {
                download: Download::Delta { base: *base, result },
                place: Place::Delta,
                path: format!("{base}-{result}.zst"),
                length: Length::AtMost(ByteSize::bytes(signed.as_u64() / 2)),
                digest: None,
            },
        }
    }
}
