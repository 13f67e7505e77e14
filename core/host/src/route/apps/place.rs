//! Where the public door finds the apps.

use std::sync::Arc;

use newleaf_domain::{PackageName, Version};
use newleaf_plugin_host::Slot;

/// The apps of this host, as the public door sees them. Asked for each request, so it must not wait.
pub trait Places: Send + Sync + std::fmt::Debug {
    /// Where `app` is served.
    fn find(&self, app: &PackageName) -> Place;

    /// Each installed app, by name.
    fn list(&self) -> Vec<AppLink>;
}

/// Where an app is served.
#[derive(Debug)]
pub enum Place {
    /// Here; the slot also parks requests while the app is exchanged.
    Serving(Arc<Slot>),
    /// Nowhere at this time.
    Stopped {
        /// Why, in a sentence for visitors.
        reason: String,
    },
    /// No such app is installed.
    Unknown,
}

/// An installed app, as a start page lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppLink {
    /// Its id.
    pub id: PackageName,
    /// The name people read.
    pub name: String,
    /// One sentence on what it is for.
    pub summary: String,
    /// The version that serves; none while it is stopped.
    pub version: Option<Version>,
}

impl AppLink {
    /// Path below the public address. Where apps have host names of their own it leads on to the
    /// app's.
    pub fn path(&self) -> String {
        format!("/apps/{}/", self.id)
    }
}
