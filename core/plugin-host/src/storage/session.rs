//! One instance's use of its database: all its calls run on one connection, off the reactor.

use std::sync::Arc;

use rusqlite::Connection;

use super::{
    blobs::{self, BlobError, Blobs, Touched},
    database::{Database, Seat, StorageError},
    guard::{BUSY_TIMEOUT, Guarded},
    keys, memory,
    statement::{self, Rows, Value, explain},
    turn::{Halt, Held, Turn},
    weight::{Weighs, lend},
};
use crate::{
    limits::as_usize,
    meter::Meter,
    stats::Running,
    together::{Lent, Share},
};

/// What a statement may take of memory: some of the largest values, beside SQLite's own cache.
const STATEMENT: i64 = 64 * 1024 * 1024;

/// The database as one instance sees it. A transaction it leaves open is rolled back.
#[derive(Debug)]
pub(crate) struct Session {
    database: Arc<Database>,
    meter: Arc<Meter>,
    /// Keeps the app from counting as drained while a statement outlives its instance; nothing does
    /// once the session is closed.
    running: Option<Arc<Running>>,
    seat: Arc<Seat>,
    /// Whose memory its statements and results are; nobody's in the tests below.
    share: Option<Arc<Share>>,
    /// The result of the last call, until its instance has it.
    result: Option<Lent>,
}

impl Session {
    /// A session that has not used the database yet.
    pub(crate) fn new(database: &Arc<Database>, meter: &Arc<Meter>, running: Arc<Running>) -> Self {
        let seat = database.seat();
        let (database, meter, running) = (database.clone(), meter.clone(), Some(running));
        Self { database, meter, running, seat, share: None, result: None }
    }

    /// The same, where large statements and results are memory of `share`.
    pub(crate) fn charged_to(mut self, share: &Arc<Share>) -> Self {
        self.share = Some(share.clone());
        self
    }

    /// The instance computes again: it has the result of its last call.
    pub(crate) fn is_lowered(&mut self) {
        self.result = None;
    }

    /// Ends the session of a request whose instance stays: what it left open is rolled back, its
    /// connection is given back, and a statement that still runs is ended.
    pub(crate) fn close(&mut self) {
        let (database, meter, seat) = (self.database.clone(), self.meter.clone(), Arc::default());
        let closed = Self { database, meter, running: None, seat, share: None, result: None };
        drop(std::mem::replace(self, closed));
    }

    /// Runs one statement and gives all its rows.
    pub(crate) async fn query(
        &mut self,
        text: String,
        parameters: Vec<Value>,
    ) -> Result<Rows, StorageError> {
        self.run(move |guarded, database, turn| {
            statement::query(guarded, database, turn, &text, &parameters)
        })
        .await
    }

    /// Runs one statement and gives the number of rows it changed.
    pub(crate) async fn execute(
        &mut self,
        text: String,
        parameters: Vec<Value>,
    ) -> Result<u64, StorageError> {
        self.run(move |guarded, database, turn| {
            statement::execute(guarded, database, turn, &text, &parameters)
        })
        .await
    }

    /// The value of `key`.
    pub(crate) async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, StorageError> {
        check_key(&key)?;
        self.read(move |connection| keys::get(connection, &key)).await
    }

    /// Gives `key` a value.
    pub(crate) async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), StorageError> {
        check_key(&key)?;
        self.write(move |connection| keys::set(connection, &key, &value)).await
    }

    /// Removes `key`; whether it was there.
    pub(crate) async fn delete(&mut self, key: String) -> Result<bool, StorageError> {
        check_key(&key)?;
        self.write(move |connection| keys::delete(connection, &key)).await
    }

    /// A page of keys.
    pub(crate) async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StorageError> {
        check_key(&prefix)?;
        self.read(move |connection| keys::page(connection, &prefix, after.as_deref(), limit)).await
    }

    /// Up to `length` bytes of a blob, from `offset` on; no more than one value may have.
    pub(crate) async fn blob(
        &mut self,
        name: String,
        offset: u64,
        length: u32,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        check_name(&name)?;
        let most = as_usize(self.database.limits().sql_result);
        let length = usize::try_from(length).unwrap_or(most).min(most);
        self.run(move |guarded, database, _turn| {
            let get =
                |connection: &Connection| database.blobs().get(connection, &name, offset, length);
            let found = match guarded.as_host(get) {
                // Replaced between the look into the index and the opening of the file.
                Err(BlobError::Replaced) if guarded.connection.is_autocommit() => {
                    // Twice in a row is no other writer's doing.
                    guarded.as_host(get).map_err(BlobError::lasting)
                }
                found => found,
            };
            Ok(found.map_err(|error| database.explain_blob(guarded, error))?)
        })
        .await
    }

    /// Makes a blob hold exactly `bytes`.
    pub(crate) async fn set_blob(
        &mut self,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<(), StorageError> {
        check_name(&name)?;
        self.change_blob(move |blobs, connection, touched| {
            blobs.set(connection, touched, &name, &bytes)
        })
        .await
    }

    /// Adds `bytes` to the end of a blob.
    pub(crate) async fn append_blob(
        &mut self,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<(), StorageError> {
        check_name(&name)?;
        self.change_blob(move |blobs, connection, touched| {
            blobs.append(connection, touched, &name, &bytes)
        })
        .await
    }

    /// Removes a blob; whether it was there.
    pub(crate) async fn delete_blob(&mut self, name: String) -> Result<bool, StorageError> {
        check_name(&name)?;
        self.change_blob(move |_, connection, touched| Blobs::delete(connection, touched, &name))
            .await
    }

    /// The length of a blob in bytes.
    pub(crate) async fn blob_size(&mut self, name: String) -> Result<Option<u64>, StorageError> {
        check_name(&name)?;
        self.read(move |connection| Blobs::size(connection, &name)).await
    }

    /// A page of blobs' names.
    pub(crate) async fn blob_names(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StorageError> {
        if prefix.len() > blobs::MAX_NAME {
            return Err(StorageError::TooLarge);
        }
        self.read(move |connection| Blobs::names(connection, &prefix, after.as_deref(), limit))
            .await
    }

    async fn change_blob<T: Weighs + Send + 'static>(
        &mut self,
        work: impl Fn(Blobs<'_>, &Connection, &mut Touched) -> Result<T, BlobError>
        + Send
        + Sync
        + 'static,
    ) -> Result<T, StorageError> {
        self.run(move |guarded, database, turn| {
            turn.take()?;
            database.make_ready_to_write(guarded, turn)?;
            let (blobs, touched) = (database.blobs(), &mut turn.touched);
            let done = guarded.as_host(|connection| work(blobs, connection, touched));
            Ok(done.map_err(|error| database.explain_blob(guarded, error))?)
        })
        .await
    }

    async fn read<T: Weighs + Send + 'static>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, StorageError> {
        self.run(move |guarded, database, _turn| {
            let done = guarded.as_host(&work);
            Ok(done.map_err(|error| explain(guarded, database, &error))?)
        })
        .await
    }

    async fn write<T: Weighs + Send + 'static>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, StorageError> {
        self.run(move |guarded, database, turn| {
            turn.take()?;
            database.make_ready_to_write(guarded, turn)?;
            let done = guarded.as_host(&work);
            Ok(done.map_err(|error| explain(guarded, database, &error))?)
        })
        .await
    }

    /// Runs `work` with this instance's connection, once it is its turn where it writes.
    async fn run<T: Weighs + Send + 'static>(
        &mut self,
        work: impl Fn(&Guarded, &Database, &mut Turn) -> Result<T, Halt> + Send + Sync + 'static,
    ) -> Result<T, StorageError> {
        self.is_lowered();
        let work = Arc::new(work);
        let mut held = None;
        loop {
            match self.attempt(work.clone(), held.take()).await? {
                Ok((done, lent)) => {
                    self.result = lent;
                    return Ok(done);
                }
                Err(Halt::Failed(error)) => return Err(error),
                Err(Halt::OutOfTurn) => {
                    held = Some(self.database.turns().wait(BUSY_TIMEOUT).await?);
                }
            }
        }
    }

    /// Runs `work` on a thread that may block.
    async fn attempt<T: Weighs + Send + 'static>(
        &self,
        work: Arc<
            impl Fn(&Guarded, &Database, &mut Turn) -> Result<T, Halt> + Send + Sync + 'static,
        >,
        held: Option<Held>,
    ) -> Result<Result<(T, Option<Lent>), Halt>, StorageError> {
        let share = self.share.clone();
        let database = self.database.clone();
        let meter = self.meter.clone();
        let running = self.running.clone();
        let seat = self.seat.clone();
        let place = self.database.place().await;
        let done = tokio::task::spawn_blocking(move || {
            let result = seat.run(&database, held, |guarded, turn| {
                guarded.charge_to(&meter, database.room());
                let work = || work(guarded, &database, turn);
                let result = memory::within(STATEMENT, share.as_ref(), work);
                guarded.release_meter();
                result
            });
            // Before others may make theirs: no more results are uncounted than there are places.
            let result = result.and_then(|done| {
                let lent = lend(share.as_ref(), &done)?;
                Ok((done, lent))
            });
            drop(share);
            // Where the session is gone its connection goes with the seat, before the app is idle.
            drop(seat);
            drop(running);
            drop(place);
            result
        });
        done.await.map_err(|error| StorageError::Failed(error.to_string()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.meter.cancel();
        // A statement that outlives its instance keeps the seat; its connection goes with it.
        if let Some(seated) = self.seat.try_take() {
            self.database.give_back(seated);
        }
    }
}

fn check_key(key: &str) -> Result<(), StorageError> {
    if key.len() > keys::MAX_KEY { Err(StorageError::TooLarge) } else { Ok(()) }
}

/// No blob has the empty name: it is the account's.
fn check_name(name: &str) -> Result<(), StorageError> {
    if (1..=blobs::MAX_NAME).contains(&name.len()) { Ok(()) } else { Err(StorageError::TooLarge) }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use newleaf_domain::ByteSize;

    use super::super::database::TAKEN_AWAY;
    use super::*;
    use crate::{
        limits::{Limits, Reserve},
        stats::Counters,
        together::Together,
    };

    fn database(folder: &Path) -> Arc<Database> {
        let limits = Limits { sql_rows: 100, sql_result: ByteSize::kib(256), ..Limits::default() };
        Database::new(folder, Some(ByteSize::mib(2)), &limits)
    }

    fn session(database: &Arc<Database>) -> Session {
        let running = Arc::new(Counters::default()).enter();
        Session::new(database, &Meter::new(Duration::from_secs(5)), running)
    }

    async fn execute(session: &mut Session, text: &str) -> Result<u64, StorageError> {
        session.execute(text.to_owned(), Vec::new()).await
    }

    async fn set(session: &mut Session, key: &str, value: &[u8]) -> Result<(), StorageError> {
        session.set(key.to_owned(), value.to_owned()).await
    }

    #[tokio::test]
    async fn keys_are_set_read_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        for key in ["a%1", "a%2", "ab", "a%10", "é"] {
            set(&mut session, key, key.as_bytes()).await.unwrap();
        }
        set(&mut session, "ab", b"changed").await.unwrap();
        assert_eq!(session.get("ab".into()).await.unwrap().unwrap(), b"changed");
        assert_eq!(session.keys("a%".into(), None, 2).await.unwrap(), ["a%1", "a%10"]);
        assert_eq!(session.keys("a%".into(), Some("a%10".into()), 9).await.unwrap(), ["a%2"]);
        assert!(session.delete("ab".into()).await.unwrap());
        assert!(!session.delete("ab".into()).await.unwrap());
        assert_eq!(session.get("ab".into()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_machine_that_fails_is_told_apart_from_what_an_app_did() {
        let folder = tempfile::tempdir().unwrap();
        let sound = database(folder.path());
        execute(&mut session(&sound), "SELECT * FROM nothing").await.unwrap_err();
        assert_eq!(sound.take_machine_fault(), None);
        // A folder in the file's place: nothing that an app could bring about.
        let place = folder.path().join("broken");
        std::fs::create_dir_all(place.join(super::super::DATABASE_FILE)).unwrap();
        let broken = database(&place);
        execute(&mut session(&broken), "SELECT 1").await.unwrap_err();
        assert!(broken.take_machine_fault().is_some());
        assert_eq!(broken.take_machine_fault(), None, "it is told once");
    }

    #[tokio::test]
    async fn a_disk_that_the_host_needs_takes_no_more_writes_and_is_still_read() {
        let folder = tempfile::tempdir().unwrap();
        set(&mut session(&database(folder.path())), "k", b"v").await.unwrap();
        let reserve = Reserve::Of(ByteSize::bytes(u64::MAX));
        let limits = Limits { reserve, ..Limits::default() };
        let low = Database::new(folder.path(), Some(ByteSize::mib(2)), &limits);
        let mut session = session(&low);
        let refused = StorageError::Failed("the disk of the host is nearly full".to_owned());
        assert_eq!(set(&mut session, "k", b"w").await, Err(refused.clone()));
        assert_eq!(execute(&mut session, "CREATE TABLE t (x)").await, Err(refused.clone()));
        assert_eq!(session.set_blob("b".into(), b"w".to_vec()).await, Err(refused));
        assert!(low.take_machine_fault().is_some(), "the app was blamed");
        assert_eq!(session.get("k".into()).await.unwrap().unwrap(), b"v");
    }

    #[tokio::test]
    async fn a_key_or_value_beyond_its_limit_is_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        let long = "k".repeat(513);
        assert_eq!(set(&mut session, &long, b"").await, Err(StorageError::TooLarge));
        let large = vec![0; 300 * 1024];
        assert_eq!(set(&mut session, "k", &large).await, Err(StorageError::TooLarge));
    }

    #[tokio::test]
    async fn one_transaction_spans_rows_and_keys() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let mut first = session(&database);
        execute(&mut first, "CREATE TABLE t (x)").await.unwrap();
        execute(&mut first, "BEGIN").await.unwrap();
        execute(&mut first, "INSERT INTO t VALUES (1)").await.unwrap();
        set(&mut first, "k", b"v").await.unwrap();
        drop(first);
        let mut second = session(&database);
        assert_eq!(second.get("k".into()).await.unwrap(), None);
        let rows = second.query("SELECT count(*) FROM t".into(), Vec::new()).await.unwrap();
        assert_eq!(rows.rows, [[Value::Integer(0)]]);
    }

    #[tokio::test]
    async fn the_hosts_own_statement_is_denied_to_the_app_word_for_word() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        set(&mut session, "k", b"v").await.unwrap();
        session.get("k".into()).await.unwrap();
        for text in [
            "SELECT value FROM newleaf_keys WHERE key = ?1",
            "DELETE FROM newleaf_keys WHERE key = ?1",
        ] {
            let key = vec![Value::Text("k".to_owned())];
            let denied = session.query(text.to_owned(), key).await;
            assert!(matches!(denied, Err(StorageError::Denied(_))), "{text}: {denied:?}");
        }
    }

    #[tokio::test]
    async fn a_table_is_not_renamed_into_the_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        execute(&mut session, "CREATE TABLE t (x)").await.unwrap();
        for text in
            ["ALTER TABLE t RENAME TO newleaf_more", "ALTER TABLE t RENAME TO \"NEWLEAF_x\""]
        {
            for _ in 0..2 {
                let denied = execute(&mut session, text).await;
                assert!(matches!(denied, Err(StorageError::Denied(_))), "{text}: {denied:?}");
            }
        }
        // This name is taken from the beginning.
        let taken = execute(&mut session, "ALTER TABLE t RENAME TO newleaf_blobs").await;
        assert!(matches!(taken, Err(StorageError::Failed(_))), "{taken:?}");
        execute(&mut session, "BEGIN").await.unwrap();
        execute(&mut session, "INSERT INTO t VALUES (1)").await.unwrap();
        execute(&mut session, "ALTER TABLE t RENAME TO newleaf_more").await.unwrap_err();
        execute(&mut session, "ALTER TABLE t ADD COLUMN y").await.unwrap();
        execute(&mut session, "ALTER TABLE t RENAME TO u").await.unwrap();
        execute(&mut session, "COMMIT").await.unwrap();
        let rows = session.query("SELECT x, y FROM u".into(), Vec::new()).await.unwrap();
        assert_eq!(rows.rows, [[Value::Integer(1), Value::Null]]);
    }

    #[tokio::test]
    async fn an_index_or_a_trigger_has_no_name_of_the_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        execute(&mut session, "CREATE TABLE t (x)").await.unwrap();
        for text in [
            "CREATE INDEX newleaf_i ON t (x)",
            "CREATE TRIGGER newleaf_t AFTER INSERT ON t BEGIN SELECT 1; END",
        ] {
            let denied = execute(&mut session, text).await;
            assert!(matches!(denied, Err(StorageError::Denied(_))), "{text}: {denied:?}");
        }
    }

    #[tokio::test]
    async fn a_database_with_a_forged_table_of_the_hosts_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let forged = Connection::open(folder.path().join(super::super::DATABASE_FILE)).unwrap();
        let text = "CREATE TABLE t (name TEXT PRIMARY KEY, file TEXT NOT NULL, \
            length INTEGER NOT NULL) WITHOUT ROWID; ALTER TABLE t RENAME TO newleaf_blobs";
        forged.execute_batch(text).unwrap();
        drop(forged);
        let database = database(folder.path());
        let refused = session(&database).blob("v".into(), 0, 10).await;
        assert!(matches!(refused, Err(StorageError::Failed(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn no_row_of_the_index_leads_out_of_the_folder_of_the_blobs() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        let victim = place.path().join("victim");
        std::fs::write(&victim, "secret").unwrap();
        session(&database(&folder)).set_blob("own".into(), b"own".to_vec()).await.unwrap();
        let connection = Connection::open(folder.join(super::super::DATABASE_FILE)).unwrap();
        let absolute = victim.to_string_lossy().into_owned();
        for (name, file) in [("up", "../../victim"), ("absolute", absolute.as_str())] {
            let row = rusqlite::params![name, file];
            connection.execute("INSERT INTO newleaf_blobs VALUES (?1, ?2, 6)", row).unwrap();
        }
        drop(connection);
        let mut session = session(&database(&folder));
        for name in ["up", "absolute"] {
            assert!(session.blob(name.into(), 0, 10).await.is_err(), "{name}");
            assert!(session.append_blob(name.into(), b"more".to_vec()).await.is_err(), "{name}");
            session.set_blob(name.into(), b"own".to_vec()).await.unwrap();
            assert!(session.delete_blob(name.into()).await.unwrap());
        }
        assert_eq!(std::fs::read(&victim).unwrap(), b"secret");
    }

    #[tokio::test]
    async fn a_request_finds_its_connection_as_new() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let mut first = session(&database);
        execute(&mut first, "PRAGMA foreign_keys = OFF").await.unwrap();
        drop(first);
        let mut second = session(&database);
        let rows = second.query("PRAGMA foreign_keys".into(), Vec::new()).await.unwrap();
        assert_eq!(rows.rows, [[Value::Integer(1)]]);
    }

    #[tokio::test]
    async fn only_transactions_that_change_something_are_writes() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let mut session = session(&database);
        assert_eq!(session.get("k".into()).await.unwrap(), None);
        assert_eq!(database.writes(), 0, "opening the database was counted");
        execute(&mut session, "CREATE TABLE t (x)").await.unwrap();
        set(&mut session, "k", b"v").await.unwrap();
        execute(&mut session, "SELECT * FROM t").await.unwrap();
        assert_eq!(database.writes(), 2);
        database.count_writes_anew();
        assert_eq!(database.writes(), 0);
    }

    #[tokio::test]
    async fn a_database_that_is_taken_away_has_no_connection_left() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let mut session = session(&database);
        execute(&mut session, "CREATE TABLE t (x)").await.unwrap();
        execute(&mut session, "BEGIN IMMEDIATE").await.unwrap();
        execute(&mut session, "INSERT INTO t VALUES (1)").await.unwrap();
        database.take_away();
        assert!(!folder.path().join("app.db-wal").exists(), "a connection is open");
        let refused = execute(&mut session, "SELECT 1").await;
        assert_eq!(refused, Err(StorageError::Failed(TAKEN_AWAY.to_owned())));
        // Another version's database in the same place is not touched by what the first leaves.
        let next = Database::new(folder.path(), Some(ByteSize::mib(2)), database.limits());
        let mut other = self::session(&next);
        execute(&mut other, "INSERT INTO t VALUES (2)").await.unwrap();
        drop(session);
        assert!(folder.path().join("app.db-wal").exists(), "the next one lost its log");
        let rows = other.query("SELECT x FROM t".into(), Vec::new()).await.unwrap();
        assert_eq!(rows.rows, [[Value::Integer(2)]]);
    }

    #[tokio::test]
    async fn a_statement_that_runs_ends_when_its_database_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits::default();
        let database = Database::new(folder.path(), Some(ByteSize::mib(2)), &limits);
        let running = Arc::new(Counters::default()).enter();
        let meter = Meter::new(Duration::from_hours(1));
        let mut session = Session::new(&database, &meter, running);
        execute(&mut session, "SELECT 1").await.unwrap();
        let endless = tokio::spawn(async move {
            let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n";
            let ended = session.query(endless.to_owned(), Vec::new()).await;
            (session, ended)
        });
        while !database.is_in_use() {
            tokio::task::yield_now().await;
        }
        let taken = database.clone();
        tokio::task::spawn_blocking(move || taken.take_away()).await.unwrap();
        let (_session, ended) = endless.await.unwrap();
        assert_eq!(ended, Err(StorageError::Interrupted));
    }

    #[test]
    fn those_who_write_at_one_time_all_get_their_turn_and_need_no_thread_to_wait() {
        let one_thread = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_time()
            .build()
            .unwrap();
        one_thread.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let database = database(folder.path());
            let mut holder = session(&database);
            execute(&mut holder, "CREATE TABLE t (x)").await.unwrap();
            execute(&mut holder, "BEGIN IMMEDIATE").await.unwrap();
            let mut waiting = tokio::task::JoinSet::new();
            for _ in 0..40 {
                let mut session = session(&database);
                waiting.spawn(async move { set(&mut session, "k", b"v").await });
            }
            let mut reader = session(&database);
            assert_eq!(reader.get("k".into()).await, Ok(None), "a reader waits for nobody");
            execute(&mut holder, "INSERT INTO t VALUES (1)").await.unwrap();
            execute(&mut holder, "COMMIT").await.unwrap();
            while let Some(written) = waiting.join_next().await {
                assert_eq!(written.unwrap(), Ok(()));
            }
            assert_eq!(database.writes(), 42);
        });
    }

    #[tokio::test]
    async fn a_sort_of_many_rows_works_and_one_without_end_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let mut session = session(&database);
        let rows = |end: &str, width: u32| {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n {end}) SELECT i FROM n ORDER BY randomblob({width}) LIMIT 1 OFFSET 99999"
            )
        };
        let sorted = session.query(rows("WHERE i < 100000", 60), Vec::new()).await.unwrap();
        assert_eq!(sorted.rows.len(), 1);
        let running = Arc::new(Counters::default()).enter();
        let mut endless = Session::new(&database, &Meter::new(Duration::from_mins(2)), running);
        let refused = endless.query(rows("", 100_000), Vec::new()).await;
        assert_eq!(refused, Err(StorageError::TooLarge));
        assert_eq!(database.room().written(), 0, "the room was not given back");
        assert_eq!(execute(&mut endless, "CREATE TABLE t (x)").await, Ok(0));
    }

    #[tokio::test]
    async fn a_large_result_is_memory_of_the_app_until_its_instance_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { memory_together: ByteSize::mib(8), ..Limits::default() };
        let together = Together::new(&limits, 0);
        let (share, other) = (together.set_aside(0).unwrap(), together.set_aside(0).unwrap());
        let database = Database::new(folder.path(), Some(ByteSize::mib(2)), &limits);
        let mut session = session(&database).charged_to(&share);
        let mut ask = async |text: &str| session.query(text.to_owned(), Vec::new()).await;
        ask("SELECT zeroblob(6291456)").await.unwrap();
        assert!(other.lend(3 << 20).is_err(), "the result is nobody's");
        ask("SELECT 1").await.unwrap();
        let lent = other.lend(3 << 20).unwrap();
        assert_eq!(ask("SELECT zeroblob(6291456)").await, Err(StorageError::TooLarge));
        drop(lent);
        ask("SELECT zeroblob(6291456)").await.unwrap();
        drop((session, share));
        assert!(other.lend(8 << 20).is_ok(), "a result outlives its instance");
    }

    #[tokio::test]
    async fn values_come_back_as_they_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        let given = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(0.5),
            Value::Text("é\0x".to_owned()),
            Value::Blob(vec![0, 255]),
        ];
        let rows = session.query("SELECT ?1, ?2, ?3, ?4, ?5 AS last".into(), given.clone()).await;
        let rows = rows.unwrap();
        assert_eq!((rows.rows, rows.columns[4].as_str()), (vec![given], "last"));
    }

    #[tokio::test]
    async fn results_beyond_the_caps_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&database(folder.path()));
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ";
        let many = format!("{numbers}101) SELECT i FROM n");
        assert_eq!(session.query(many, Vec::new()).await, Err(StorageError::TooLarge));
        let wide = format!("{numbers}20) SELECT zeroblob(20000) FROM n");
        assert_eq!(session.query(wide, Vec::new()).await, Err(StorageError::TooLarge));
        let empty = format!("{numbers}100) SELECT {} FROM n", vec!["NULL"; 100].join(","));
        assert_eq!(session.query(empty, Vec::new()).await, Err(StorageError::TooLarge));
    }
}
