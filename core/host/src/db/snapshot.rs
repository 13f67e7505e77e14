//! Snapshots of `newleaf.db` for disasters: `snapshots/core-<time>-<version>/newleaf.db`. One is
//! taken before each extension of the data, and the newest few stay. Rolling back never uses one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use newleaf_domain::{ByteSize, Timestamp, Version};
use serde::Serialize;
use sqlx::Connection as _;

use super::open::FILE;
use super::{Beat, Db, DbError, Migration, expand};

/// How the names of core's snapshots begin. Those of apps are named by their update, whose id
/// begins with a digit.
const PREFIX: &str = "core-";

/// What a snapshot is called while it is being written.
const UNFINISHED: &str = "unfinished-core";

/// How the folder's name begins in which the database is laid ready to be kept that a snapshot is
/// about to replace; the kept one's name follows. See [`settle`].
const ASIDE: &str = "aside-";

/// The file and its log, as SQLite names them.
const PARTS: [&str; 2] = ["", "-wal"];

/// Why a snapshot was not taken or not put back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The snapshot is damaged.
    #[error("{} is damaged: {said}", path.display())]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// What SQLite says of it.
        said: String,
    },
    /// A file.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl SnapshotError {
    /// What a person can do about it.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Db(DbError::TooNew { .. }) => {
                "choose an older snapshot (newleaf snapshot list names them), or the newer version"
            }
            Self::Db(error) => error.hint(),
            Self::Damaged { .. } => "choose another one: newleaf snapshot list",
            Self::File { .. } => "newleaf preflight names the folder and the command that mends it",
        }
    }

    fn on(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, path: path.to_owned(), source }
    }
}

/// A snapshot on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Snapshot {
    /// Its folder's name below `snapshots/`.
    pub(crate) name: String,
    /// When it was taken.
    pub(crate) at: Timestamp,
    /// The version of core that was good then.
    pub(crate) version: Version,
    /// What it takes on disk, in bytes.
    pub(crate) size: ByteSize,
}

fn folder(dir: &Path) -> PathBuf {
    dir.join("snapshots")
}

/// `core-20261121T023000Z-1.0.0`
fn name_of(at: Timestamp, version: &Version) -> String {
    format!("{PREFIX}{}-{version}", at.to_string().replace(['-', ':'], ""))
}

/// A name that no snapshot has yet: of two in one second, the later one is said to be of the next.
fn free_name(dir: &Path, mut at: Timestamp, version: &Version) -> String {
    loop {
        let name = name_of(at, version);
        if !folder(dir).join(&name).exists() {
            return name;
        }
        at = at.plus_seconds(1);
    }
}

/// The time and the version in a name; none where it is not one of core's snapshots.
fn parts_of(name: &str) -> Option<(Timestamp, Version)> {
    let (time, version) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let (date, clock) = (
        [time.get(0..4)?, time.get(4..6)?, time.get(6..8)?].join("-"),
        [time.get(9..11)?, time.get(11..13)?, time.get(13..)?].join(":"),
    );
    Some((Timestamp::parse(&format!("{date}T{clock}")).ok()?, Version::parse(version).ok()?))
}

/// Whether the folder of this name below `snapshots/` is one of core's.
pub(crate) fn is_cores(name: &str) -> bool {
    parts_of(name).is_some()
}

/// When the snapshot of this name was taken; none where it is not one of core's.
pub(crate) fn taken_at(name: &str) -> Option<Timestamp> {
    parts_of(name).map(|(at, _)| at)
}

/// Every snapshot of core in the host's folder, newest first.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn list(dir: &Path) -> Result<Vec<Snapshot>, SnapshotError> {
    let folder = folder(dir);
    let wrong = || SnapshotError::on("read", &folder);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong()(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((at, version)) = parts_of(&name) else { continue };
        let length = |part| fs::metadata(file(&path, part)).map_or(0, |file| file.len());
        let size = ByteSize::bytes(PARTS.into_iter().map(length).sum());
        all.push(Snapshot { name, at, version, size });
    }
    all.sort_by(|one, two| two.name.cmp(&one.name));
    Ok(all)
}

/// A part of the database in `folder`.
fn file(folder: &Path, part: &str) -> PathBuf {
    folder.join(format!("{FILE}{part}"))
}

/// Copies the live database, while others read and write it, and gives the snapshot's name.
/// `version` is the one that wrote the data.
///
/// # Errors
/// The copy does not fit, or the folder is not writable; nothing is left of it then.
pub(crate) async fn take(
    db: &Db,
    dir: &Path,
    version: &Version,
    at: Timestamp,
) -> Result<String, SnapshotError> {
    let (name, unfinished) = (free_name(dir, at, version), folder(dir).join(UNFINISHED));
    clear(&unfinished)?;
    fs::create_dir_all(&unfinished).map_err(SnapshotError::on("make", &unfinished))?;
    let copied = copy(db, &unfinished).await;
    let copied = copied.and_then(|()| rename(&unfinished, &folder(dir).join(&name)));
    if let Err(error) = copied {
        if let Err(left) = clear(&unfinished) {
            tracing::warn!(%left, "an unfinished snapshot is left");
        }
        return Err(error);
    }
    Ok(name)
}

async fn copy(db: &Db, to: &Path) -> Result<(), SnapshotError> {
    let path = file(to, "");
    let copied = sqlx::query("VACUUM INTO ?").bind(path.to_string_lossy().into_owned());
    copied.execute(db.writer()).await.map_err(DbError::on("copy newleaf.db into a snapshot"))?;
    sync(&path)?;
    sync(to)
}

/// Copies the live database of the host in `dir` into the folder `to`, as it is at one moment, while
/// others read and write it. Where there is none yet, none is made.
///
/// # Errors
/// The copy does not fit, or the database cannot be read.
pub(crate) async fn copy_live(dir: &Path, to: &Path) -> Result<(), DbError> {
    if !dir.join(FILE).exists() {
        return Ok(());
    }
    let mut source = super::open::reading(dir).await?;
    let copied = sqlx::query("VACUUM INTO ?").bind(file(to, "").to_string_lossy().into_owned());
    let copied = copied.execute(&mut source).await.map_err(DbError::on("copy newleaf.db"));
    let closed = source.close().await.map_err(DbError::on("close newleaf.db"));
    copied.and(closed)
}

/// Puts a snapshot in the place of `newleaf.db`: checked, extended to what `product` needs, without
/// sessions and sign-in links. What was there becomes a snapshot itself, whose name is given; none
/// where nothing was there. Nobody may have the database open.
///
/// # Errors
/// The snapshot is damaged or too new, or the disk refuses; `newleaf.db` is then as it was.
pub(crate) async fn put_back(
    dir: &Path,
    snapshot: &Snapshot,
    product: &[Migration],
    aside: (Timestamp, &Version),
) -> Result<Option<String>, SnapshotError> {
    settle(dir)?;
    let made = dir.join("staging").join("restored");
    clear(&made)?;
    fs::create_dir_all(&made).map_err(SnapshotError::on("make", &made))?;
    let source = folder(dir).join(&snapshot.name);
    for part in PARTS {
        let (from, to) = (file(&source, part), file(&made, part));
        if part.is_empty() || from.exists() {
            fs::copy(&from, &to).map_err(SnapshotError::on("copy", &from))?;
        }
    }
    prepare(&made, product).await?;
    sync(&file(&made, ""))?;
    let replaced = replace(dir, &free_name(dir, aside.0, aside.1), &file(&made, "")).await;
    if let (Err(_), Err(left)) = (&replaced, settle(dir)) {
        tracing::warn!(%left, "what was laid ready to be kept is left; the next start clears it up");
    }
    let kept = replaced?;
    clear(&made)?;
    Ok(kept)
}

/// Puts the file `new` in the place of the database that is there, and keeps that one as the snapshot
/// `name`. All is laid ready beside it first; what a crash leaves of it is for [`settle`].
async fn replace(dir: &Path, name: &str, new: &Path) -> Result<Option<String>, SnapshotError> {
    let aside = set_aside(dir, name).await?;
    rename(new, &dir.join(FILE))?;
    if aside {
        settle(dir)?;
    }
    Ok(aside.then(|| name.to_owned()))
}

/// Whether the folder of this name below `snapshots/` is for [`settle`].
pub(crate) fn is_aside(name: &str) -> bool {
    name.strip_prefix(ASIDE).is_some_and(is_cores)
}

/// Ends what a crash left of putting a snapshot back, one way or the other: where another database
/// has taken the place of the one that was laid ready to be kept, that one becomes a snapshot; else
/// it is what serves, gets its log back and is nothing beside. Nobody may write to it meanwhile.
///
/// # Errors
/// The disk refuses; what is there can be settled again.
pub(super) fn settle(dir: &Path) -> Result<(), SnapshotError> {
    let snapshots = folder(dir);
    let entries = match fs::read_dir(&snapshots) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SnapshotError::on("read", &snapshots)(error)),
    };
    for entry in entries {
        let path = entry.map_err(SnapshotError::on("read", &snapshots))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(kept) = name.strip_prefix(ASIDE).filter(|kept| is_cores(kept)) {
            settle_one(dir, &path, &snapshots.join(kept))?;
        }
    }
    Ok(())
}

fn settle_one(dir: &Path, aside: &Path, kept: &Path) -> Result<(), SnapshotError> {
    let inode = |path: PathBuf| fs::metadata(path).map(|file| file.ino()).ok();
    let (old, serves) = (inode(file(aside, "")), inode(dir.join(FILE)));
    if old.is_some() && old != serves {
        return rename(aside, kept);
    }
    let (log, place) = (file(aside, "-wal"), file(dir, "-wal"));
    if log.exists() && fs::metadata(&place).map_or(0, |log| log.len()) == 0 {
        rename(&log, &place)?;
    }
    clear(aside)?;
    sync(&folder(dir))
}

/// Makes the copy what this version can start on. Closing it folds its log in.
async fn prepare(made: &Path, product: &[Migration]) -> Result<(), SnapshotError> {
    let damaged = |error: DbError| {
        if !error.is_damage() {
            return SnapshotError::Db(error);
        }
        let said = newleaf_update::explain::chain(&error);
        SnapshotError::Damaged { path: file(made, ""), said }
    };
    let db = Db::open_existing(made).await.map_err(damaged)?;
    let done = async {
        let said: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(db.writer())
            .await
            .map_err(|error| damaged(DbError::on("check the snapshot")(error)))?;
        if said != "ok" {
            return Err(SnapshotError::Damaged { path: file(made, ""), said });
        }
        if db.is_new().await? {
            let said = "it holds no data of a host".to_owned();
            return Err(SnapshotError::Damaged { path: file(made, ""), said });
        }
        expand(&db, product, &mut |_| Beat::GoOn).await?;
        for forget in ["DELETE FROM newleaf_session", "DELETE FROM newleaf_sign_in_link"] {
            let forgotten = sqlx::query(forget).execute(db.writer()).await;
            forgotten.map_err(DbError::on("end the sessions of the snapshot"))?;
        }
        Ok(())
    };
    let done = done.await;
    db.close().await;
    done
}

/// Lays the database that is there ready to be kept as the snapshot `name`, by a second name for its
/// file; at last its log, which does not belong to what comes in its place. Says whether there was
/// one.
async fn set_aside(dir: &Path, name: &str) -> Result<bool, SnapshotError> {
    let current = dir.join(FILE);
    if !current.exists() {
        return Ok(false);
    }
    match Db::open(dir).await {
        // Closing the last connection folds the log into the file.
        Ok(db) => db.close().await,
        Err(error) => tracing::warn!(%error, "newleaf.db cannot be opened; it is kept as it is"),
    }
    let aside = folder(dir).join(format!("{ASIDE}{name}"));
    fs::create_dir_all(&aside).map_err(SnapshotError::on("make", &aside))?;
    let linked = fs::hard_link(&current, file(&aside, ""));
    linked.map_err(SnapshotError::on("keep", &current))?;
    sync(&aside)?;
    sync(&folder(dir))?;
    clear(&file(dir, "-shm"))?;
    let log = file(dir, "-wal");
    if log.exists() {
        rename(&log, &file(&aside, "-wal"))?;
        sync(dir)?;
    }
    Ok(true)
}

fn clear(path: &Path) -> Result<(), SnapshotError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SnapshotError::on("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), SnapshotError> {
    fs::rename(from, to).map_err(SnapshotError::on("move to", to))?;
    sync(to.parent().unwrap_or(to))
}

fn sync(path: &Path) -> Result<(), SnapshotError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(SnapshotError::on("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const LATER: Timestamp = NOW.plus_seconds(60);

    const NOTES: &[Migration] =
        &[Migration { schema: 1, expand: &["CREATE TABLE note (text TEXT)"], ..Migration::NONE }];
    const LONGER: &[Migration] = &[
        NOTES[0],
        Migration {
            schema: 2,
            expand: &["ALTER TABLE note ADD COLUMN length INTEGER"],
            ..Migration::NONE
        },
    ];
    const CONTRACTED: &[Migration] =
        &[NOTES[0], Migration { contract: &["DROP TABLE note"], ..LONGER[1] }];

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    async fn open(dir: &Path, product: &[Migration]) -> Db {
        let db = Db::open(dir).await.unwrap();
        expand(&db, product, &mut |_| Beat::GoOn).await.unwrap();
        db
    }

    async fn run(db: &Db, statement: &'static str) {
        sqlx::query(statement).execute(db.writer()).await.unwrap();
    }

    async fn count(db: &Db, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(db.reader()).await.unwrap()
    }

    /// A folder whose database had one note and one session when its snapshot was taken.
    async fn scene() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("staging")).unwrap();
        let db = open(dir.path(), NOTES).await;
        run(&db, "INSERT INTO note VALUES ('one')").await;
        run(&db, "INSERT INTO newleaf_session VALUES (x'01', 'ada', 0, 9)").await;
        run(&db, "INSERT INTO newleaf_sign_in_link VALUES (x'01', 'ada', 9, NULL)").await;
        take(&db, dir.path(), &version("1.0.0"), NOW).await.unwrap();
        (dir, db)
    }

    #[tokio::test]
    async fn a_snapshot_of_a_live_database_is_listed_with_its_time_and_version() {
        let (dir, db) = scene().await;
        take(&db, dir.path(), &version("1.1.0-beta.1"), LATER).await.unwrap();
        let again = take(&db, dir.path(), &version("1.0.0"), NOW).await.unwrap();
        assert_eq!(again, "core-20270115T080001Z-1.0.0");
        fs::remove_dir_all(folder(dir.path()).join(again)).unwrap();
        fs::create_dir(dir.path().join("snapshots/1800000000-0123abcd-17")).unwrap();
        let all = list(dir.path()).unwrap();
        let shown = all.iter().map(|it| (it.at, it.version.as_str())).collect::<Vec<_>>();
        assert_eq!(shown, [(LATER, "1.1.0-beta.1"), (NOW, "1.0.0")]);
        assert_eq!(all[1].name, "core-20270115T080000Z-1.0.0");
        assert!(all[1].size.as_u64() > 0 && is_cores(&all[1].name));
    }

    #[tokio::test]
    async fn what_is_put_back_has_the_old_rows_the_new_schema_and_no_sessions() {
        let (dir, db) = scene().await;
        run(&db, "DELETE FROM note").await;
        db.close().await;
        let (old, good) = (list(dir.path()).unwrap().remove(0), version("1.1.0"));
        let kept = put_back(dir.path(), &old, LONGER, (LATER, &good)).await.unwrap().unwrap();
        let db = Db::open(dir.path()).await.unwrap();
        db.check(LONGER).await.unwrap();
        assert_eq!(count(&db, "SELECT count(*) FROM note WHERE length IS NULL").await, 1);
        assert_eq!(count(&db, "SELECT count(*) FROM newleaf_session").await, 0);
        assert_eq!(count(&db, "SELECT count(*) FROM newleaf_sign_in_link").await, 0);
        db.close().await;

        let kept = list(dir.path()).unwrap().into_iter().find(|it| it.name == kept).unwrap();
        let aside = (LATER.plus_seconds(60), &good);
        put_back(dir.path(), &kept, NOTES, aside).await.unwrap();
        let db = Db::open(dir.path()).await.unwrap();
        assert_eq!(count(&db, "SELECT count(*) FROM note").await, 0, "the way back was lost");
    }

    #[tokio::test]
    async fn a_damaged_or_too_new_snapshot_leaves_the_database_as_it_was() {
        let (dir, db) = scene().await;
        super::super::contract(&open(dir.path(), LONGER).await, CONTRACTED, 2).await.unwrap();
        take(&db, dir.path(), &version("1.1.0"), LATER).await.unwrap();
        db.close().await;
        let all = list(dir.path()).unwrap();
        let damaged = file(&folder(dir.path()).join(&all[1].name), "");
        fs::write(&damaged, vec![b'x'; 8192]).unwrap();
        let before = fs::read(dir.path().join(FILE)).unwrap();
        for snapshot in &all {
            let aside = (LATER.plus_seconds(60), &snapshot.version);
            let error = put_back(dir.path(), snapshot, NOTES, aside).await.unwrap_err();
            assert!(error.hint().contains("newleaf snapshot list"), "{error} {}", error.hint());
        }
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
        assert_eq!(list(dir.path()).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_snapshot_without_a_hosts_data_is_never_put_back() {
        let (dir, db) = scene().await;
        db.close().await;
        let before = fs::read(dir.path().join(FILE)).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Db::open(elsewhere.path()).await.unwrap();
        run(&other, "CREATE TABLE somebody_elses (text TEXT)").await;
        other.close().await;
        let foreign = fs::read(elsewhere.path().join(FILE)).unwrap();
        let snapshot = list(dir.path()).unwrap().remove(0);
        for content in [&[][..], b"x", &foreign] {
            fs::write(file(&folder(dir.path()).join(&snapshot.name), ""), content).unwrap();
            let aside = (LATER, &snapshot.version);
            let error = put_back(dir.path(), &snapshot, NOTES, aside).await.unwrap_err();
            assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
            assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
        }
    }

    /// What putting a snapshot back has done when it is killed right before the new file is put in
    /// place: the old one is laid ready, its log with it.
    async fn killed_before_the_last_rename(dir: &Path) -> PathBuf {
        let name = free_name(dir, LATER, &version("1.0.0"));
        assert!(set_aside(dir, &name).await.unwrap());
        let aside = folder(dir).join(format!("{ASIDE}{name}"));
        assert!(is_aside(&format!("{ASIDE}{name}")));
        assert_eq!(list(dir).unwrap().len(), 1, "it is no snapshot yet");
        aside
    }

    #[tokio::test]
    async fn what_a_crash_left_before_the_new_file_is_in_place_shares_no_file_with_what_serves() {
        let (dir, db) = scene().await;
        db.close().await;
        let aside = killed_before_the_last_rename(dir.path()).await;
        fs::write(file(&aside, "-wal"), b"a log").unwrap();
        settle(dir.path()).unwrap();
        assert_eq!(fs::read(file(dir.path(), "-wal")).unwrap(), b"a log");
        fs::remove_file(file(dir.path(), "-wal")).unwrap();

        killed_before_the_last_rename(dir.path()).await;
        let db = Db::open_existing(dir.path()).await.unwrap();
        run(&db, "INSERT INTO note VALUES ('two')").await;
        assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().nlink(), 1);
        assert_eq!(list(dir.path()).unwrap().len(), 1);
        assert!(!aside.exists());
    }

    #[tokio::test]
    async fn what_a_crash_left_after_the_new_file_is_in_place_becomes_the_snapshot_it_was_to_be() {
        let (dir, db) = scene().await;
        run(&db, "INSERT INTO note VALUES ('two')").await;
        db.close().await;
        let aside = killed_before_the_last_rename(dir.path()).await;
        let old = list(dir.path()).unwrap().remove(0);
        let new = dir.path().join("new");
        fs::copy(file(&folder(dir.path()).join(&old.name), ""), &new).unwrap();
        fs::rename(&new, dir.path().join(FILE)).unwrap();
        let db = Db::open_existing(dir.path()).await.unwrap();
        assert_eq!(count(&db, "SELECT count(*) FROM note").await, 1);
        db.close().await;
        assert!(!aside.exists());
        let kept = list(dir.path()).unwrap().remove(0);
        let db = Db::open(&folder(dir.path()).join(&kept.name)).await.unwrap();
        assert_eq!(count(&db, "SELECT count(*) FROM note").await, 2);
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_opened_is_replaced_and_kept() {
        let (dir, db) = scene().await;
        db.close().await;
        fs::write(dir.path().join(FILE), b"no database at all").unwrap();
        let old = list(dir.path()).unwrap().remove(0);
        let aside = (LATER, &version("1.0.0"));
        let kept = put_back(dir.path(), &old, NOTES, aside).await.unwrap().unwrap();
        let kept = file(&folder(dir.path()).join(kept), "");
        assert_eq!(fs::read(kept).unwrap(), b"no database at all");
        let db = Db::open(dir.path()).await.unwrap();
        assert_eq!(count(&db, "SELECT count(*) FROM note").await, 1);
    }
}
