//! Whether this process does its work.

use async_trait::async_trait;
use newleaf_domain::{JobName, PackageName};
use newleaf_plugin_host::AppStats;
use newleaf_update::view::JobEnd;

use crate::db::Db;
use crate::product::{Product, ProductContext};
use crate::route::{JobRefusal, Jobs, Place, Vitals};

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

    fn apps(&self) -> Vec<(PackageName, AppStats)> {
        let serving = |app: &PackageName| match self.context.apps.find(app) {
            Place::Serving(slot) => Some(slot.app().stats()),
            Place::Stopped { .. } | Place::Unknown => None,
        };
        let apps = self.context.apps.list().into_iter();
        apps.filter_map(|app| serving(&app.id).map(|stats| (app.id, stats))).collect()
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

#[async_trait]
impl Jobs for NothingRuns {
    async fn run_now(&self, _app: &PackageName, _job: &JobName) -> Result<JobEnd, JobRefusal> {
        Err(JobRefusal::Later { reason: "no host runs on this folder".to_owned() })
    }
}
