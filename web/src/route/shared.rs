//! What all handlers share.

use std::sync::Arc;

use crate::gate::{Gate, SignedIn};
use crate::page::Frame;
use crate::part::names::Names;
use crate::portal::Portal;

/// The portal with its gate.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) portal: Portal,
    pub(super) gate: Gate,
}

/// The state of the router.
pub(super) type Shared = Arc<Inner>;

impl Inner {
    pub(super) fn new(portal: Portal) -> Self {
        let gate = portal.gate();
        Self { portal, gate }
    }

    /// The frame of a page for this reader, or for nobody.
    pub(super) fn frame<'a>(&'a self, reader: Option<&'a SignedIn>) -> Frame<'a> {
        let now = self.portal.clock.now();
        Frame { product: &self.portal.product, reader, now, names: Names::NONE }
    }

    /// What apps are called, as far as this machine knows.
    pub(super) async fn names(&self) -> Names {
        self.portal.updater.app_names().await.into()
    }
}
