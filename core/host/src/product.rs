//! What a vendor gives to make a product of this library.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;

use crate::db::{Db, Migration};
use crate::route::Places;

/// A product: its name, its version, its root of trust, its data and its pages.
///
/// The library reads no version of its own crate: whatever it says is the product's.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// The name people read.
    pub name: &'static str,
    /// What people type to run it, such as `visits`: advice names its commands so.
    pub program: &'static str,
    /// Its version, usually `env!("CARGO_PKG_VERSION")`; a semantic version without build metadata.
    pub version: &'static str,
    /// The edition its core releases are published under (`core/<edition>/…`).
    pub edition: &'static str,
    /// The repository's first root role (TUF §4.3), as published. Where there is none,
    /// `init --root` must be given one.
    pub root: Option<&'static [u8]>,
    /// The steps of its database, ascending by schema.
    pub migrations: &'static [Migration],
    /// Its public pages; `/apps/…` and the portal are the host's.
    pub routes: fn(ProductContext) -> Router,
    /// The names of its cookies that are kept from apps, and that no app can set: those of its own
    /// sessions. The host's own are kept from them in any case. Apps share the host's name, so a
    /// browser sends them every cookie with the path `/`.
    pub cookies: &'static [&'static str],
    /// Whether it can do its work now. Asked by the probe before the version may accept, and
    /// again while it is watched.
    pub health: fn(ProductContext) -> Health,
}

/// The answer of [`Product::health`]: healthy, or why not in one line.
pub type Health = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The health of a product that has nothing to add to what the host checks itself.
pub fn always_healthy(_: ProductContext) -> Health {
    Box::pin(std::future::ready(Ok(())))
}

impl Product {
    /// The schema this version writes: the newest of its migrations; 0 without any.
    pub fn schema(&self) -> u32 {
        self.migrations.iter().map(|migration| migration.schema).max().unwrap_or(0)
    }
}

/// What a product's pages work with.
#[derive(Debug, Clone)]
pub struct ProductContext {
    /// The product's name.
    pub name: &'static str,
    /// What people type to run it.
    pub program: &'static str,
    /// The product's version.
    pub version: &'static str,
    /// The host's folder; a product keeps its own files below `data/core/`.
    pub dir: PathBuf,
    /// `newleaf.db`.
    pub db: Db,
    /// The installed apps.
    pub apps: Arc<dyn Places>,
}
