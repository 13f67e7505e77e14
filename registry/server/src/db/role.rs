//! The newest version of every role file, as signed.

use newleaf_domain::Timestamp;
use newleaf_trust::role::MetadataVersion;

use super::open::{Connection, DbError};

/// A role's newest file.
#[derive(Debug, Clone)]
pub(crate) struct RoleRow {
    /// The role's name, such as `pub.acme`.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: MetadataVersion,
    /// When the file came to be here.
    pub(crate) signed: Timestamp,
    /// The file.
    pub(crate) file: Vec<u8>,
}

type Row = (String, i64, i64, Vec<u8>);

fn parse((name, version, signed, file): Row) -> Result<RoleRow, DbError> {
    let number = u64::try_from(version).ok().and_then(MetadataVersion::new);
    let version = number.ok_or("not a version").map_err(DbError::damaged("role's version"))?;
    Ok(RoleRow { name, version, signed: Timestamp::from_unix(signed), file })
}

/// A version as SQLite has integers.
pub(super) fn number(version: MetadataVersion) -> Result<i64, DbError> {
    i64::try_from(version.get()).map_err(DbError::damaged("version"))
}

/// The newest file of the role called `name`.
pub(crate) async fn role(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<RoleRow>, DbError> {
    let row: Option<Row> =
        sqlx::query_as("SELECT name, version, signed, file FROM role WHERE name = ?")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    row.map(parse).transpose()
}

/// When the newest file of the role called `name` came to be here.
pub(crate) async fn signed_at(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Timestamp>, DbError> {
    let signed: Option<i64> = sqlx::query_scalar("SELECT signed FROM role WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(signed.map(Timestamp::from_unix))
}

/// Name and version of every role.
pub(crate) async fn roles(
    connection: &mut Connection,
) -> Result<Vec<(String, MetadataVersion)>, DbError> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT name, version, signed, x'' FROM role ORDER BY name")
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(|row| parse(row).map(|role| (role.name, role.version))).collect()
}

/// Puts `role` in the place of its older version.
pub(crate) async fn put_role(connection: &mut Connection, role: &RoleRow) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO role (name, version, signed, file) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, signed = excluded.signed,
             file = excluded.file",
    )
    .bind(&role.name)
    .bind(number(role.version)?)
    .bind(role.signed.unix())
    .bind(&role.file)
    .execute(connection)
    .await?;
    Ok(())
}
