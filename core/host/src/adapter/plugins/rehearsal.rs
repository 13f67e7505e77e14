//! Rehearses an app's new version on a copy of its data, while the one before serves. The copy lies
//! in a folder of its own, the version gets no network and no schedule, and nobody reaches it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use newleaf_domain::{ByteSize, PackageName};
use newleaf_launcher::state::AppSlot;
use newleaf_plugin_host::{App, AppConfig, Outbound, storage};
use newleaf_update::port::{AppRehearsed, PluginError};

use super::super::files::{self, blocking};
use super::port::{copy, failed, io, load};
use super::{Apps, Entry};

/// The folder of a rehearsal below `staging/`; no more than one runs at a time.
const FOLDER: &str = "rehearsal-of-an-app";

/// Copies of the data that lie on disk at a time: the one that is worked on, what a migration adds
/// to it, and its log; or the one that is worked on and the snapshot that is timed.
const COPIES: u64 = 3;

/// What the rest needs.
const BESIDE: u64 = 8 * 1024 * 1024;

/// How long one page may take.
const PAGE_WITHIN: Duration = Duration::from_secs(5);

/// How long all pages may take together: visitors wait for them, too.
const PAGES_WITHIN: Duration = Duration::from_secs(10);

/// How long what still runs of a rehearsal may use its copy; then that is taken from it.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The folder of a rehearsal; it goes when this does.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = files::remove(&self.0) {
            tracing::warn!(path = %self.0.display(), error = %error.source, "a rehearsal is left; the next clearing up takes it");
        }
    }
}

/// Room that a rehearsal needs for its time.
pub(super) async fn needs(apps: &Apps, app: &PackageName) -> Result<ByteSize, PluginError> {
    let data = apps.data(app);
    let size = blocking(move || files::size_of(&data)).await.map_err(io)?;
    Ok(ByteSize::bytes(size.saturating_mul(COPIES).saturating_add(BESIDE)))
}

/// Carries the rehearsal out.
pub(super) async fn rehearse(
    apps: &Apps,
    app: &PackageName,
    slot: &AppSlot,
    from: u32,
    within: Duration,
) -> Result<AppRehearsed, PluginError> {
    let place = Place(apps.0.layout.dir().join("staging").join(FOLDER));
    let data = place.0.join("data");
    let (copied, copy_ms) = copy_live(apps.data(app), place.0.clone()).await?;
    let snapshot_ms = timed_snapshot(&data, place.0.join("snapshot")).await?;
    let outbound = Outbound::REHEARSAL;
    let config = AppConfig { data_dir: data, outbound, ..apps.config_of(app, slot) };
    let version = apps.bring_up_with(app, slot, config).await.map_err(|error| load(app, &error))?;
    let tried = try_out(apps, &version, slot, from, within).await;
    // A connection that is left would write into what is removed.
    if tokio::time::timeout(END_WITHIN, version.quiesce()).await.is_err() {
        version.take_data_away().await;
    }
    let Tried { migrate_ms, health_ms, pages } = tried?;
    drop(place);
    Ok(AppRehearsed { copied, copy_ms, snapshot_ms, migrate_ms, health_ms, pages })
}

/// What a version did on the copy.
struct Tried {
    migrate_ms: u64,
    health_ms: u64,
    pages: Vec<String>,
}

async fn try_out(
    apps: &Apps,
    version: &App,
    slot: &AppSlot,
    from: u32,
    within: Duration,
) -> Result<Tried, PluginError> {
    let app = version.name();
    let start = Instant::now();
    if from != slot.schema {
        let doing = format!("migrate from schema {from} to {}", slot.schema);
        let migrated = tokio::time::timeout(within, version.migrate(from, slot.schema)).await;
        let Ok(done) = migrated else {
            let detail = format!("it was not over after {} s", within.as_secs());
            return Err(PluginError::Failed { app: app.clone(), doing, detail });
        };
        done.map_err(|error| failed(app, doing, &error))?;
    }
    let migrate_ms = if from == slot.schema { 0 } else { millis(start) };
    let start = Instant::now();
    let doing = "answer for its health".to_owned();
    version.health().await.map_err(|error| failed(app, doing, &error))?;
    let pages = pages_of(apps, app);
    ask(app, version, &pages).await?;
    Ok(Tried { migrate_ms, health_ms: millis(start), pages })
}

/// The app's first page, and those that visitors read lately.
fn pages_of(apps: &Apps, app: &PackageName) -> Vec<String> {
    let loaded = apps.read().get(app).and_then(Entry::loaded);
    let first = format!("{}/", apps.0.settings.origin.base(app));
    let mut pages = loaded.map_or_else(Vec::new, |loaded| loaded.slot.pages());
    pages.retain(|page| *page != first);
    pages.insert(0, first);
    pages
}

/// Asks a version that nobody reaches for pages; what it says there is its own, that it breaks is
/// not.
pub(super) async fn ask(
    app: &PackageName,
    version: &App,
    pages: &[String],
) -> Result<(), PluginError> {
    let end = Instant::now() + PAGES_WITHIN;
    for page in pages {
        let left = end.saturating_duration_since(Instant::now());
        // What there is no time for was not asked for, and is no fault.
        if left.is_zero() {
            break;
        }
        let answered = version.probe(page, left.min(PAGE_WITHIN)).await;
        answered.map_err(|error| PluginError::Failed {
            app: app.clone(),
            doing: "answer a page".to_owned(),
            detail: error.to_string(),
        })?;
    }
    Ok(())
}

async fn copy_live(data: PathBuf, place: PathBuf) -> Result<(ByteSize, u64), PluginError> {
    let start = Instant::now();
    let copied = blocking(move || {
        files::remove(&place).map_err(io)?;
        files::make_folder(&place).map_err(io)?;
        storage::copy_live(&data, &place.join("data")).map_err(copy)
    });
    Ok((copied.await?, millis(start)))
}

/// How long a snapshot of such data takes, beside all that runs now.
async fn timed_snapshot(data: &Path, snapshot: PathBuf) -> Result<u64, PluginError> {
    let (data, start) = (data.to_owned(), Instant::now());
    blocking(move || {
        storage::snapshot(&data, &snapshot).map_err(copy)?;
        let took = millis(start);
        files::remove(&snapshot).map_err(io)?;
        Ok(took)
    })
    .await
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
