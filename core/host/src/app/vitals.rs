//! Whether this process does its work.

use async_trait::async_trait;

use crate::db::Db;
use crate::product::{Product, ProductContext};
use crate::route::Vitals;

/// A worker: its database answers and its product is well.
#[derive(Debug)]
pub(super) struct WorkerVitals {
    db: Db,
    product: &'static Product,
    context: ProductContext,
}

impl WorkerVitals {
    pub(super) const fn new(db: Db, product: &'static Product, context: ProductContext) -> Self {
        Self { db, product, context }
    }
}

#[async_trait]
impl Vitals for WorkerVitals {
    async fn ailment(&self) -> Option<String> {
        if let Err(error) = self.db.ping().await {
            return Some(newleaf_update::explain::chain(&error));
        }
        (self.product.health)(self.context.clone()).await.err()
    }
}

/// The command line: nothing serves.
#[derive(Debug)]
pub(super) struct NothingRuns;

#[async_trait]
impl Vitals for NothingRuns {
    async fn ailment(&self) -> Option<String> {
        Some("no host runs on this folder".to_owned())
    }
}
