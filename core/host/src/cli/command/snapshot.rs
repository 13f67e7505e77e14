//! `newleaf snapshot`: lists and takes snapshots of `newleaf.db`, and puts one back after a disaster.

use std::path::Path;
use std::time::Duration;

use newleaf_domain::{ByteSize, Clock as _, Version, shell};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::offline::Purpose;
use newleaf_launcher::state::State;
use newleaf_launcher::{Layout, StoppedHost, state_file};
use serde::Serialize;

use crate::Product;
use crate::adapter::SystemClock;
use crate::cli::arguments::{Snapshot as Asked, Spoken};
use crate::cli::show::{Screen, table};
use crate::cli::{Exit, door, owner, runtime};
use crate::config::{Core, Settings};
use crate::db::snapshot::{self, Snapshot, SnapshotError};
use crate::db::{Db, DbError};
use crate::route::{Kind, Problem};

/// Runs a command below `snapshot`, as the folder's owner and by the version that serves: it
/// knows its own database.
pub(in crate::cli) fn run(
    product: &'static Product,
    screen: Screen,
    dir: &Path,
    asked: Asked,
) -> Result<Exit, Problem> {
    owner::become_owner(dir)?;
    let layout = Layout::new(dir);
    let state = state_file::read(&layout)
        .map_err(|error| failed("read the state", &error).todo(error.hint()))?;
    door::become_good(product, &layout, &state)?;
    match asked {
        Asked::List => list(screen, dir),
        Asked::Create => create(screen, dir, &state.core.good.version),
        Asked::Restore { name, yes } => {
            let chosen = find(dir, &name)?;
            let host = stopped(layout)?;
            consent(screen, &chosen, yes.consent())?;
            restore(product, screen, host, &state, &chosen)
        }
    }
}

fn list(screen: Screen, dir: &Path) -> Result<Exit, Problem> {
    let all = snapshot::list(dir).map_err(|error| problem("list the snapshots", &error))?;
    let text = || match &all[..] {
        [] => "no snapshots; one is taken before each update of core, or now by: \
               newleaf snapshot create"
            .to_owned(),
        all => {
            let row = |it: &Snapshot| {
                let [at, version] = [it.at.to_string(), it.version.to_string()];
                [it.name.clone(), at, version, it.size.to_string()]
            };
            let rows = all.iter().map(row).collect::<Vec<_>>();
            let space = ByteSize::bytes(all.iter().map(|it| it.size.as_u64()).sum());
            let each = table(["name", "taken", "version", "size"], &rows);
            format!("{each}\n\n{} in all: {space}", all.len())
        }
    };
    screen.show(text, &all);
    Ok(Exit::Done)
}

/// What `--json` prints of a snapshot that was taken.
#[derive(Debug, Serialize)]
struct Taken<'a> {
    name: &'a str,
}

fn create(screen: Screen, dir: &Path, version: &Version) -> Result<Exit, Problem> {
    let taken = runtime()?.block_on(async {
        let db = Db::open_existing(dir).await?;
        let taken = snapshot::take(&db, dir, version, SystemClock.now()).await;
        db.close().await;
        taken
    });
    let name = taken.map_err(|error: SnapshotError| problem("take a snapshot", &error))?;
    let stay =
        Settings::load(dir).map_or_else(|_| Core::default(), |found| found.config.core).snapshots;
    let text = format!("snapshot {name} is taken; the newest {stay} stay");
    screen.show(|| text, &Taken { name: &name });
    Ok(Exit::Done)
}

fn find(dir: &Path, name: &str) -> Result<Snapshot, Problem> {
    let all = snapshot::list(dir).map_err(|error| problem("list the snapshots", &error))?;
    all.into_iter().find(|it| it.name == name).ok_or_else(|| {
        Problem::new(Kind::NotFound, format!("find snapshot {name}: there is none of this name"))
            .todo("newleaf snapshot list names the snapshots there are")
    })
}

/// Takes the folder, in which neither a host nor a worker of an earlier one may be at work.
fn stopped(layout: Layout) -> Result<StoppedHost, Problem> {
    let busy = |detail: String| {
        Problem::new(Kind::Busy, detail)
            .todo("stop the host, then run the same line again, and start the host")
    };
    let purpose = Purpose::Change { workers_within: Duration::ZERO };
    StoppedHost::open(layout, purpose)
        .map_err(|error| busy(format!("put a snapshot back: {}", chain(&error))))
}

fn consent(screen: Screen, chosen: &Snapshot, spoken: Spoken) -> Result<(), Problem> {
    let (name, at) = (&chosen.name, chosen.at);
    let lost = format!("what was written since {at} is not in it, and everyone is signed out");
    if spoken == Spoken::Yes || screen.asks(&format!("Put {name} back? {lost}.")) {
        return Ok(());
    }
    Err(Problem::new(Kind::ConsentNeeded, format!("put {name} back without a yes: {lost}"))
        .state("no host runs")
        .todo(format!("newleaf snapshot restore {name} --yes")))
}

/// What `--json` prints of a snapshot that was put back.
#[derive(Debug, Serialize)]
struct Restored<'a> {
    restored: &'a Snapshot,
    kept: Option<&'a str>,
}

/// Trust floors, pins, `state` and the journal lie outside the database and stay as they are.
fn restore(
    product: &Product,
    screen: Screen,
    mut host: StoppedHost,
    state: &State,
    chosen: &Snapshot,
) -> Result<Exit, Problem> {
    let dir = host.layout().dir().to_owned();
    let aside = (SystemClock.now(), &state.core.good.version);
    let kept = runtime()?
        .block_on(snapshot::put_back(&dir, chosen, product.migrations, aside))
        .map_err(|error| problem(&format!("put {} back", chosen.name), &error))?;
    let text = format!("newleaf.db was put back from snapshot {}", chosen.name);
    if let Err(error) = host.append(None, Entry::Notice { text: text.clone() }) {
        return Err(failed("note in the journal that the snapshot was put back", &error)
            .done(text)
            .todo(error.hint()));
    }
    let say = || {
        let kept = kept.as_ref().map_or_else(String::new, |kept| {
            format!("\nwhat was there before is kept as snapshot {kept}")
        });
        format!(
            "{text}; everyone has to sign in again{kept}\nstart the host: newleaf serve --dir {}",
            shell::word(&dir)
        )
    };
    screen.show(say, &Restored { restored: chosen, kept: kept.as_deref() });
    Ok(Exit::Done)
}

fn problem(doing: &str, error: &SnapshotError) -> Problem {
    let kind = match error {
        SnapshotError::Db(DbError::TooNew { .. }) => Kind::Blocked,
        SnapshotError::Db(_) | SnapshotError::Damaged { .. } | SnapshotError::File { .. } => {
            Kind::Failed
        }
    };
    Problem::new(kind, format!("{doing}: {}", chain(error)))
        .state("newleaf.db is as it was")
        .todo(error.hint())
}

fn failed(doing: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(Kind::Failed, format!("{doing}: {}", chain(error))).state("no host runs")
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    newleaf_update::explain::chain(error)
}
