//! One start of an updater over a host's folder, and the repository it reads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{AbiVersion, Edition, PackageName, Platform, Target, UpdateId, Version};
use newleaf_launcher::journal::Ending;
use newleaf_launcher::offline::Purpose;
use newleaf_launcher::state::State;
use newleaf_launcher::{Layout, StoppedHost};
use newleaf_update::explain::chain;
use newleaf_update::port::Ports;
use newleaf_update::port::fake;
use newleaf_update::{Approval, BackYes, Consent, ProductFace, Recovered, Updater};
use serde_json::{Value, json};

use super::apps::{DiskApps, Migration, UNWELL};
use super::tame::Tame;

/// A repository in memory with the releases of every story, signed anew for each process.
#[derive(Debug)]
pub struct Releases(fake::World);

impl Releases {
    /// Notes in three versions, of which the last is never well, and a newer core.
    pub fn new() -> Self {
        let world = fake::World::new();
        {
            let mut publisher = world.publisher();
            for (version, schema) in [("1.0.0", 1), ("2.0.0", 2), (UNWELL, 3)] {
                let code = format!("notes {version}\n").repeat(500).into_bytes();
                publisher.app_of("acme/notes", version, wants(schema), code);
            }
            let program = b"#!/bin/true\n".repeat(500);
            publisher.core_of("1.1.0", json!({"schema": 1, "oldest_reader": 1}), program);
        }
        world.publish();
        Self(world)
    }

    /// What runs on a machine that has installed nothing.
    pub(super) fn first_state(&self) -> State {
        self.0.disk.state()
    }

    /// The root that the machines trust.
    pub(super) fn root(&self) -> Vec<u8> {
        self.0.publisher().root()
    }
}

impl Default for Releases {
    fn default() -> Self {
        Self::new()
    }
}

fn wants(schema: u32) -> Value {
    let storage = json!({"kind": "storage", "quota": 4 << 20, "reason": "to keep your notes"});
    json!({
        "schema": schema, "oldest_reader": schema, "migrates_from": 1, "capabilities": [storage],
    })
}

/// Runs `work` so that every disk access is made by one and the same thread, which is not the
/// thread of the program's start.
pub fn in_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .thread_keep_alive(Duration::from_hours(1))
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// An updater at work on a folder.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) updater: Arc<Updater>,
    pub(super) apps: Arc<DiskApps>,
    pub(super) layout: Layout,
}

impl Machine {
    /// Starts on the folder, and clears up what the last start left. What fails is told.
    pub(super) async fn boot(dir: &Path, releases: &Releases) -> Result<Self, String> {
        let machine = Self::boot_with(dir, releases, Migration::Ends).await?;
        let recovered = machine.updater.recover().await.map_err(|error| chain(&error))?;
        if let Recovered::Resumed(id) = recovered {
            machine.over(&id).await?;
        }
        Ok(machine)
    }

    /// Starts on the folder without clearing up.
    pub(super) async fn boot_with(
        dir: &Path,
        releases: &Releases,
        migration: Migration,
    ) -> Result<Self, String> {
        let layout = Layout::new(dir);
        let opened = layout.clone();
        let purpose = Purpose::Change { workers_within: Duration::from_secs(10) };
        let opened = tokio::task::spawn_blocking(move || StoppedHost::open(opened, purpose)).await;
        let host = opened.unwrap().map_err(|error| chain(&error))?;
        let apps = DiskApps::start(&layout, host.state(), migration);
        let version = host.state().core.good.version.clone();
        let (repository, clock) = (releases.0.repository.clone(), releases.0.clock.clone());
        let ports = newleaf::ports_of_folder(host, repository, apps.clone(), clock);
        let ports = Ports { slots: Arc::new(Tame(ports.slots.clone())), ..ports };
        let updater = Updater::new(ports, fake::quick(), face(version));
        Ok(Self { updater, apps, layout })
    }

    /// Updates to `version` and waits for the end.
    pub(super) async fn update(&self, target: &Target, version: &str) -> Result<Ending, String> {
        let id = self.begin(target, version).await?;
        self.over(&id).await
    }

    /// Begins an update to `version`.
    pub(super) async fn begin(&self, target: &Target, version: &str) -> Result<UpdateId, String> {
        let version = Version::parse(version).map_err(|error| chain(&error))?;
        let view = self.updater.plan(target, Some(version)).await;
        let plan = view.map_err(|error| chain(&error))?.plan.id;
        let approval = Approval::new(plan, Consent::Given, "cli:ada".to_owned());
        self.updater.start(approval).await.map_err(|error| chain(&error))
    }

    /// Goes back to the version before and waits for the end.
    pub(super) async fn back(&self, target: &Target) -> Result<Ending, String> {
        let began = self.updater.rollback(target, BackYes::WHATEVER, "cli:ada".to_owned()).await;
        let id = began.map_err(|error| chain(&error))?;
        self.over(&id).await
    }

    async fn over(&self, id: &UpdateId) -> Result<Ending, String> {
        let report = self.updater.finished(id).await.map_err(|error| chain(&error))?;
        let ending = report.as_ref().and_then(|report| report.ending);
        ending.ok_or_else(|| format!("update {id} has no end: {report:#?}"))
    }
}

fn face(version: Version) -> ProductFace {
    ProductFace {
        name: "Newleaf".to_owned(),
        version,
        edition: Edition::default(),
        platform: Platform::current(),
        abi: AbiVersion::current(),
        schema: 1,
    }
}

/// The app of every story.
pub(super) fn notes() -> PackageName {
    PackageName::parse("acme/notes").unwrap()
}

/// As what is updated.
pub(super) fn target() -> Target {
    Target::App(notes())
}
