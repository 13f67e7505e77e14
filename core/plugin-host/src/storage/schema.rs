//! The host's own tables in an app's database. They are made before the app's first statement, so
//! that their names are never free, and each connection is compared with what the host would have
//! made: the host trusts what they say, so nobody else may have written it.

use std::{collections::BTreeSet, sync::OnceLock};

use rusqlite::Connection;

use super::{blobs, keys};

/// Begins the names of the host's own tables.
pub(super) const RESERVED: &str = "newleaf_";

/// Whether a name is one of the host's, in any letter case, as SQLite compares names.
pub(super) fn is_reserved(name: &str) -> bool {
    name.as_bytes()
        .get(..RESERVED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED.as_bytes()))
}

/// Why a database is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    /// SQLite.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// There is a table, index or trigger of the host's name that the host did not make.
    #[error("{0} was not made by the host")]
    Foreign(String),
}

/// Makes the host's tables where they are missing.
///
/// # Errors
/// SQLite refused.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    keys::prepare(connection)?;
    blobs::prepare(connection)
}

/// Refuses a database in which something of the host's name is not what the host would have made.
///
/// # Errors
/// [`SchemaError`].
pub(super) fn check(connection: &Connection) -> Result<(), SchemaError> {
    let expected = expected()?;
    let found = reserved(connection)?;
    match found.into_iter().find(|object| !expected.contains(object)) {
        Some(Object { kind, name, .. }) => Err(SchemaError::Foreign(format!("{kind} {name}"))),
        None => Ok(()),
    }
}

/// A row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

/// What the host makes, as SQLite writes it down.
fn expected() -> rusqlite::Result<&'static BTreeSet<Object>> {
    static EXPECTED: OnceLock<BTreeSet<Object>> = OnceLock::new();
    if let Some(expected) = EXPECTED.get() {
        return Ok(expected);
    }
    let sample = Connection::open_in_memory()?;
    prepare(&sample)?;
    let made = reserved(&sample)?;
    Ok(EXPECTED.get_or_init(|| made))
}

/// Everything that has a name of the host's, or belongs to a table of such a name.
fn reserved(connection: &Connection) -> rusqlite::Result<BTreeSet<Object>> {
    let mut rows = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = rows.query_map([], |row| {
        Ok(Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    })?;
    let reserved = |object: &Object| is_reserved(&object.name) || is_reserved(&object.table);
    rows.filter(|object| object.as_ref().map_or(true, reserved)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection).unwrap();
        connection
    }

    #[test]
    fn what_the_host_makes_is_accepted_and_may_be_missing() {
        check(&prepared()).unwrap();
        check(&Connection::open_in_memory().unwrap()).unwrap();
        let apps = prepared();
        apps.execute_batch("CREATE TABLE newleaflet (x); CREATE INDEX i ON newleaflet (x)")
            .unwrap();
        check(&apps).unwrap();
    }

    #[test]
    fn what_somebody_else_made_under_the_hosts_names_is_refused() {
        let by_name = "CREATE TABLE forged (name TEXT PRIMARY KEY, file TEXT NOT NULL, \
            length INTEGER NOT NULL) WITHOUT ROWID; ALTER TABLE forged RENAME TO newleaf_blobs";
        let forged = Connection::open_in_memory().unwrap();
        forged.execute_batch(by_name).unwrap();
        assert!(matches!(check(&forged), Err(SchemaError::Foreign(_))));
        for text in [
            "CREATE TABLE NewLeaf_more (x)",
            "CREATE VIEW newleaf_view AS SELECT 1",
            "CREATE INDEX i ON newleaf_blobs (file)",
            "CREATE TRIGGER t AFTER INSERT ON newleaf_keys BEGIN SELECT 1; END",
        ] {
            let connection = prepared();
            connection.execute_batch(text).unwrap();
            assert!(matches!(check(&connection), Err(SchemaError::Foreign(_))), "{text}");
        }
    }
}
