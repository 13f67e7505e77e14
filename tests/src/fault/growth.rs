//! `newleaf.db` while core is updated: the writes of people, the snapshot, the extension, and the
//! state that relies on it, in the order of every update and by the host's own code.
//!
//! The version that serves is played by one connection, as it has it: its log stays open all the
//! while. Each write that it tells people is done is noted in a file, by which the power cuts that
//! follow know what must not be lost.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use newleaf::db::{self, Beat};
use newleaf::{Db, Migration, Product, stock};
use newleaf_domain::{Digest, PlanId, Timestamp, UpdateId, Version};
use newleaf_launcher::offline::Purpose;
use newleaf_launcher::proto::{Answer, Ask, PROTOCOL};
use newleaf_launcher::state::{CoreSlot, Origin, State, Way};
use newleaf_launcher::{Layout, StoppedHost, state_file};
use rusqlite::Connection;

use super::in_one_thread;

/// The file with a line for each write that people were told is done.
pub const TOLD: &str = "told";

/// Rows that are there before: more than one transaction of a backfill fills.
const BEFORE: usize = 700;

/// Rows that are written before the extension, after it, and by the new version.
const EACH: usize = 4;

/// What the new version adds.
const GROWN: &[Migration] = &[
    stock::NOTICE_BOARD,
    Migration {
        schema: 2,
        expand: &["ALTER TABLE notice ADD COLUMN loud TEXT"],
        backfill: &["UPDATE notice SET loud = upper(text) WHERE id IN
            (SELECT id FROM notice WHERE loud IS NULL LIMIT ?1)"],
        ..Migration::NONE
    },
];

static NEW: Product = Product { migrations: GROWN, ..stock::product("1.1.0") };

/// The version that serves, and those who write.
struct People {
    database: Connection,
    told: std::fs::File,
    next: usize,
}

impl People {
    fn of(dir: &Path, next: usize) -> rusqlite::Result<Self> {
        let database = Connection::open(dir.join("newleaf.db"))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        database.busy_timeout(Duration::from_secs(10))?;
        let told = std::fs::OpenOptions::new().append(true).create(true).open(dir.join(TOLD));
        Ok(Self { database, told: told.unwrap(), next })
    }

    /// Writes some rows with this statement, each a transaction, and tells of each.
    fn write(&mut self, statement: &str) -> rusqlite::Result<()> {
        for _ in 0..EACH {
            self.database.execute(statement, [row(self.next)])?;
            self.next += 1;
            self.told.write_all(b"done\n").unwrap();
        }
        Ok(())
    }
}

const OLD_ROW: &str = "INSERT INTO notice (text, at) VALUES (?1, 0)";
const NEW_ROW: &str = "INSERT INTO notice (text, at, loud) VALUES (?1, 0, upper(?1))";

fn row(number: usize) -> String {
    format!("row {number}")
}

/// Makes the folder of a host whose 1.0.0 has data.
pub fn prepare(dir: &Path) {
    for folder in ["run", "snapshots", "staging"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    std::fs::write(dir.join("newleaf.toml"), "[repository]\nurl = \"file:///nowhere\"\n").unwrap();
    drop(StoppedHost::create(Layout::new(dir), State::first(slot("1.0.0", 1))).unwrap());
    in_one_thread(async {
        let db = Db::open(dir).await.unwrap();
        db::expand(&db, stock::MIGRATIONS, &mut |_| Beat::GoOn).await.unwrap();
        db.close().await;
    });
    let mut people = People::of(dir, 0).unwrap();
    let all = people.database.transaction().unwrap();
    for number in 0..BEFORE {
        all.execute(OLD_ROW, [row(number)]).unwrap();
    }
    all.commit().unwrap();
}

/// The update, up to where the launcher would start the new version, which then writes.
///
/// # Errors
/// A step was refused.
pub fn play(dir: &Path) -> Result<(), String> {
    let told = |error: rusqlite::Error| error.to_string();
    let mut people = People::of(dir, BEFORE).map_err(told)?;
    people.write(OLD_ROW).map_err(told)?;
    let purpose = Purpose::Change { workers_within: Duration::from_secs(10) };
    let host = StoppedHost::open(Layout::new(dir), purpose);
    let mut host = host.map_err(|error| error.to_string())?;
    let mut ask = |ask: &Ask| match host.ask(ask) {
        Ok(Answer::Changed { .. }) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    ask(&Ask::Expand { update: update() })?;
    if newleaf::worker::run_expand(&NEW, dir) != ExitCode::SUCCESS {
        return Err("the data was not extended".to_owned());
    }
    people.write(OLD_ROW).map_err(told)?;
    let slot = Box::new(slot("1.1.0", 2));
    ask(&Ask::Arm { update: update(), slot, way: Way::Forward, expand_within_ms: None })?;
    people.write(NEW_ROW).map_err(told)?;
    people.database.close().map_err(|(_, error)| told(error))
}

/// Looks at what a power cut left after `told` writes were told to be done; gives how far it was.
///
/// The database is sound and has each of them, and so has each snapshot what was there before it;
/// nothing is on trial whose data was not extended, and nothing extended without a snapshot. Then
/// the data is extended, whatever was reached.
///
/// # Errors
/// What is not so.
pub fn check(dir: &Path, told: usize) -> Result<String, String> {
    holds(dir, BEFORE + told)?;
    let snapshots = snapshots(dir)?;
    for snapshot in &snapshots {
        holds(snapshot, BEFORE + EACH).map_err(|why| format!("{}: {why}", snapshot.display()))?;
    }
    let state = state_file::read(&Layout::new(dir)).map_err(|error| error.to_string())?;
    let is_grown = in_one_thread(async {
        let db = Db::open_existing(dir).await?;
        let is_grown = db.check(GROWN).await.is_ok();
        db::expand(&db, GROWN, &mut |_| Beat::GoOn).await?;
        let done = db.check(GROWN).await;
        db.close().await;
        done.map(|()| is_grown)
    });
    let is_grown = is_grown.map_err(|error| newleaf_update::explain::chain(&error))?;
    holds(dir, BEFORE + told)?;
    match (state.core.trial, is_grown, snapshots.len()) {
        (Some(_), false, _) => Err("a version is on trial whose data was not extended".to_owned()),
        (_, true, 0) => Err("the data was extended without a snapshot".to_owned()),
        (Some(_), true, _) => Ok("on trial".to_owned()),
        (None, true, _) => Ok("extended".to_owned()),
        (None, false, 0) => Ok("as it was".to_owned()),
        (None, false, _) => Ok("with a snapshot".to_owned()),
    }
}

/// Whether the database in `folder` is sound and has the first `count` rows.
fn holds(folder: &Path, count: usize) -> Result<(), String> {
    let read = || {
        let database = Connection::open(folder.join("newleaf.db"))?;
        let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let mut rows = database.prepare("SELECT text FROM notice")?;
        let rows =
            rows.query_map([], |row| row.get(0))?.collect::<Result<BTreeSet<String>, _>>()?;
        Ok((sound, rows))
    };
    let (sound, rows) = read().map_err(|error: rusqlite::Error| error.to_string())?;
    if sound != "ok" {
        return Err(format!("newleaf.db is damaged: {sound}"));
    }
    match (0..count).map(row).find(|row| !rows.contains(row)) {
        None => Ok(()),
        Some(lost) => Err(format!("{lost:?} is gone, one of {count}")),
    }
}

/// The finished snapshots.
fn snapshots(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(dir.join("snapshots")).map_err(|error| error.to_string())?;
    let all = entries.map(|entry| entry.unwrap());
    let is_finished =
        |entry: &std::fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"core-");
    Ok(all.filter(is_finished).map(|entry| entry.path()).collect())
}

fn slot(version: &str, schema: u32) -> CoreSlot {
    CoreSlot {
        digest: Digest::of(version.as_bytes()),
        version: Version::parse(version).unwrap(),
        origin: Origin::Release,
        protocol: PROTOCOL,
        program: "bin/newleaf".to_owned(),
        schema,
        oldest_reader: 1,
        binary: None,
    }
}

fn update() -> UpdateId {
    UpdateId::new(Timestamp::from_unix(1_800_000_000), &PlanId::of(Digest::of(b"plan")), 1)
}
