//! One statement of an app: its parameters, its rows, and what its failure means.

use rusqlite::{
    ErrorCode, Statement, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::database::{Database, StorageError};
use super::guard::Guarded;
use super::schema::{self, SchemaError};
use super::turn::{Halt, Turn};
use crate::limits::as_usize;

/// One value of a row or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// What a query gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    /// The columns' names.
    pub(crate) columns: Vec<String>,
    /// The rows, each with one value a column.
    pub(crate) rows: Vec<Vec<Value>>,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Runs a statement and gathers its rows, up to the limits of `database`.
pub(super) fn query(
    guarded: &Guarded,
    database: &Database,
    turn: &mut Turn,
    text: &str,
    parameters: &[Value],
) -> Result<Rows, Halt> {
    carry_out(guarded, database, turn, text, |statement| {
        gather(guarded, database, statement, parameters)
    })
}

/// Runs `run` on the statement, once it may write where it does.
fn carry_out<T>(
    guarded: &Guarded,
    database: &Database,
    turn: &mut Turn,
    text: &str,
    run: impl FnOnce(&mut Statement<'_>) -> Result<T, Halt>,
) -> Result<T, Halt> {
    guarded.take_alters();
    let prepared = guarded.connection.prepare_cached(text);
    let mut statement = prepared.map_err(|error| explain(guarded, database, &error))?;
    if guarded.take_alters() {
        // From the connection's cache it would come without a word of what it does.
        statement.discard();
        return alter(guarded, database, turn, text, run);
    }
    if !statement.readonly() {
        begin_to_write(guarded, database, turn)?;
    }
    run(&mut statement)
}

/// Takes the turn of the one writer, and makes what the host keeps beside an app's own tables.
fn begin_to_write(guarded: &Guarded, database: &Database, turn: &mut Turn) -> Result<(), Halt> {
    turn.take()?;
    database.make_ready_to_write(guarded, turn)?;
    Ok(())
}

/// The same for one that alters a table, which may rename it: to any name but the host's.
fn alter<T>(
    guarded: &Guarded,
    database: &Database,
    turn: &mut Turn,
    text: &str,
    run: impl FnOnce(&mut Statement<'_>) -> Result<T, Halt>,
) -> Result<T, Halt> {
    let failed = |error| explain(guarded, database, &error);
    begin_to_write(guarded, database, turn)?;
    let own = |text: &str| guarded.as_host(|connection| connection.execute_batch(text));
    own("SAVEPOINT newleaf_alter").map_err(failed)?;
    let altered = guarded.connection.prepare(text).map_err(failed).map_err(Halt::from);
    let altered = altered.and_then(|mut statement| run(&mut statement)).and_then(|altered| {
        match guarded.as_host(schema::check) {
            Ok(()) => Ok(altered),
            Err(SchemaError::Sql(error)) => Err(failed(error).into()),
            Err(SchemaError::Foreign(_)) => {
                let why = format!("names that begin with {} belong to the host", schema::RESERVED);
                Err(StorageError::Denied(why).into())
            }
        }
    });
    let altered = altered.and_then(|altered| {
        own("RELEASE newleaf_alter").map_err(failed)?;
        Ok(altered)
    });
    // An error of SQLite may have rolled back all of the transaction, savepoint included.
    if altered.is_err() && !guarded.connection.is_autocommit() {
        own("ROLLBACK TO newleaf_alter; RELEASE newleaf_alter").map_err(failed)?;
    }
    altered
}

fn gather(
    guarded: &Guarded,
    database: &Database,
    statement: &mut Statement<'_>,
    parameters: &[Value],
) -> Result<Rows, Halt> {
    let limits = database.limits();
    let failed = |error| explain(guarded, database, &error);
    let columns: Vec<String> =
        statement.column_names().into_iter().map(ToOwned::to_owned).collect();
    let width = columns.len();
    let mut found = Rows { columns, rows: Vec::new() };
    let mut room = limits.sql_result.as_u64();
    let mut places = as_usize(limits.sql_result) / size_of::<Value>();
    let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        if found.rows.len() == limits.sql_rows {
            return Err(StorageError::TooLarge.into());
        }
        // A value takes its place however little it says; so does a row.
        places = places.checked_sub(width + 1).ok_or(StorageError::TooLarge)?;
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            let value = row.get_ref(column).map_err(failed)?;
            room = room.checked_sub(size(value)).ok_or(StorageError::TooLarge)?;
            values.push(own(value)?);
        }
        found.rows.push(values);
    }
    Ok(found)
}

/// Runs a statement to its end and gives the number of rows it changed.
pub(super) fn execute(
    guarded: &Guarded,
    database: &Database,
    turn: &mut Turn,
    text: &str,
    parameters: &[Value],
) -> Result<u64, Halt> {
    let failed = |error| explain(guarded, database, &error);
    carry_out(guarded, database, turn, text, |statement| {
        let before = guarded.connection.total_changes();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        while rows.next().map_err(failed)?.is_some() {}
        drop(rows);
        Ok(guarded.connection.total_changes().saturating_sub(before))
    })
}

/// What an error of SQLite means to an app.
pub(super) fn explain(
    guarded: &Guarded,
    database: &Database,
    error: &rusqlite::Error,
) -> StorageError {
    if let Some(what) = guarded.denied() {
        return StorageError::Denied(what);
    }
    if is_machine(database, error) {
        database.blame_machine(error.to_string());
    }
    match error.sqlite_error_code() {
        // SQLite says the same of both.
        Some(ErrorCode::DiskFull) if database.is_disk_full() => {
            StorageError::Failed("the disk of the host is full".to_owned())
        }
        Some(ErrorCode::DiskFull) => StorageError::QuotaExceeded,
        Some(ErrorCode::OperationInterrupted) if guarded.spilled() => {
            database.keep_reserve().err().unwrap_or(StorageError::TooLarge)
        }
        Some(ErrorCode::OperationInterrupted) => StorageError::Interrupted,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy,
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory) => StorageError::TooLarge,
        Some(_) | None => StorageError::Failed(error.to_string()),
    }
}

/// Whether an error tells of the machine: a disk that fails, is full or read only. An app cannot
/// bring these about on its own database.
fn is_machine(database: &Database, error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => true,
        Some(ErrorCode::DiskFull) => database.is_disk_full(),
        Some(_) | None => false,
    }
}

fn size(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Null => 1,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64 + 8,
    }
}

fn own(value: ValueRef<'_>) -> Result<Value, StorageError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
        ValueRef::Text(bytes) => Value::Text(
            std::str::from_utf8(bytes)
                .map_err(|_| StorageError::Failed("a text value is not UTF-8".to_owned()))?
                .to_owned(),
        ),
    })
}
