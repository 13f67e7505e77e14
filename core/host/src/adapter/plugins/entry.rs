//! One installed app as it stands in this process.

use std::sync::Arc;

use newleaf_plugin_host::{App, Slot};
use newleaf_update::port::Serving;

use crate::route::{AppLink, Place};

/// An installed app.
#[derive(Debug)]
pub(super) struct Entry {
    link: AppLink,
    pub(super) standing: Standing,
}

/// Whether requests reach it.
#[derive(Debug)]
pub(super) enum Standing {
    /// They do, or wait in the slot.
    Serving(Loaded),
    /// They do not, for this reason.
    Stopped(String),
}

/// A loaded app in its slot.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) slot: Arc<Slot>,
    counting: Counting,
}

/// What is known of the writes of the version that serves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counting {
    /// It took over before this process began: nobody counted all of them.
    Unknown,
    /// The slot counts from the switch on, so that what the version wrote while it was brought in
    /// (its migration) is not among them.
    SinceSwap,
}

impl Entry {
    pub(super) const fn new(link: AppLink, standing: Standing) -> Self {
        Self { link, standing }
    }

    /// Serves `app`: in the slot that is there, so that those who wait in it go on to it.
    pub(super) fn serve(&mut self, app: App, counting: Counting) {
        self.link.version = Some(app.version().clone());
        let slot = match &self.standing {
            Standing::Serving(loaded) => {
                loaded.slot.swap(app);
                Arc::clone(&loaded.slot)
            }
            Standing::Stopped(_) => Slot::new(app),
        };
        self.standing = Standing::Serving(Loaded { slot, counting });
    }

    pub(super) fn rename(&mut self, link: AppLink) {
        self.link = link;
    }

    pub(super) fn loaded(&self) -> Option<Loaded> {
        match &self.standing {
            Standing::Serving(loaded) => Some(loaded.clone()),
            Standing::Stopped(_) => None,
        }
    }

    pub(super) fn place(&self) -> Place {
        match &self.standing {
            Standing::Serving(loaded) => Place::Serving(Arc::clone(&loaded.slot)),
            Standing::Stopped(reason) => Place::Stopped { reason: reason.clone() },
        }
    }

    pub(super) fn link(&self) -> AppLink {
        let version =
            self.link.version.clone().filter(|_| matches!(self.standing, Standing::Serving(_)));
        AppLink { version, ..self.link.clone() }
    }

    /// As the updater sees it; none where no version was ever loaded.
    pub(super) fn serving(&self) -> Option<Serving> {
        let (stopped, writes) = match &self.standing {
            Standing::Serving(loaded) => (None, loaded.writes()),
            Standing::Stopped(reason) => (Some(reason.clone()), None),
        };
        Some(Serving { version: self.link.version.clone()?, stopped, writes })
    }
}

impl Loaded {
    fn writes(&self) -> Option<u64> {
        match self.counting {
            Counting::Unknown => None,
            Counting::SinceSwap => Some(self.slot.app().stats().writes),
        }
    }
}
