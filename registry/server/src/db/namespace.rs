//! Namespaces: whose they are, and the keys that sign for them.

use newleaf_domain::{Namespace, Timestamp};
use newleaf_registry_api::NamespaceLevel;
use newleaf_trust::Authority;
use newleaf_trust::key::PublicKey;
use newleaf_trust::role::Threshold;

use super::open::{Connection, DbError};

/// A namespace.
#[derive(Debug, Clone)]
pub(crate) struct NamespaceRow {
    /// Its name.
    pub(crate) name: Namespace,
    /// Whose it is; nobody's where only the offline role names it.
    pub(crate) publisher: Option<i64>,
    /// Who vouches for the keys.
    pub(crate) level: NamespaceLevel,
    /// The keys, ordered.
    pub(crate) keys: Vec<PublicKey>,
    /// How many must sign.
    pub(crate) threshold: Threshold,
}

impl NamespaceRow {
    /// What the namespace's role is judged by.
    pub(crate) fn authority(&self) -> Authority {
        Authority::new(self.keys.iter().copied(), self.threshold)
    }
}

/// Why a namespace could not be claimed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Somebody has it.
    #[error("the namespace is taken")]
    Taken,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

type Row = (String, Option<i64>, String, String, i64);

fn parse((name, publisher, level, keys, threshold): Row) -> Result<NamespaceRow, DbError> {
    let level = match level.as_str() {
        "claimed" => NamespaceLevel::Claimed,
        _ => NamespaceLevel::Fresh,
    };
    let threshold = u32::try_from(threshold).ok().and_then(Threshold::new);
    Ok(NamespaceRow {
        name: Namespace::parse(&name)?,
        publisher,
        level,
        keys: serde_json::from_str(&keys).map_err(DbError::damaged("namespace's keys"))?,
        threshold: threshold
            .ok_or("zero or too large")
            .map_err(DbError::damaged("namespace's threshold"))?,
    })
}

fn keys_text(keys: &[PublicKey]) -> Result<String, DbError> {
    serde_json::to_string(keys).map_err(DbError::damaged("list of keys"))
}

/// The namespace called `name`.
pub(crate) async fn namespace(
    connection: &mut Connection,
    name: &Namespace,
) -> Result<Option<NamespaceRow>, DbError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT name, publisher, level, keys, threshold FROM namespace WHERE name = ?",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(parse).transpose()
}

/// All namespaces by name.
pub(crate) async fn namespaces(connection: &mut Connection) -> Result<Vec<NamespaceRow>, DbError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT name, publisher, level, keys, threshold FROM namespace ORDER BY name",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(parse).collect()
}

/// Gives a free namespace to a publisher, vouched for by the online key.
pub(crate) async fn claim(
    connection: &mut Connection,
    name: &Namespace,
    publisher: i64,
    keys: &[PublicKey],
    threshold: Threshold,
    now: Timestamp,
) -> Result<(), ClaimError> {
    let done = sqlx::query(
        "INSERT INTO namespace (name, publisher, level, keys, threshold, created)
         VALUES (?, ?, 'fresh', ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(name.as_str())
    .bind(publisher)
    .bind(keys_text(keys)?)
    .bind(i64::from(threshold.get()))
    .bind(now.unix())
    .execute(connection)
    .await
    .map_err(DbError::from)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(ClaimError::Taken) }
}

/// Records that the offline role vouches for `name` with these keys; whose it is stays as it was.
pub(crate) async fn claimed(
    connection: &mut Connection,
    name: &Namespace,
    keys: &[PublicKey],
    threshold: Threshold,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO namespace (name, level, keys, threshold, created)
         VALUES (?, 'claimed', ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET level = 'claimed', keys = excluded.keys,
             threshold = excluded.threshold",
    )
    .bind(name.as_str())
    .bind(keys_text(keys)?)
    .bind(i64::from(threshold.get()))
    .bind(now.unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a namespace that the offline role names to a publisher; says whether there is one.
pub(crate) async fn assign(
    connection: &mut Connection,
    name: &Namespace,
    publisher: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE namespace SET publisher = ? WHERE name = ?")
        .bind(publisher)
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
