//! Tokens, by the digest of their secret.

use newleaf_domain::Timestamp;
use newleaf_registry_api::{Action, NamePattern, Scope, Secret};

use super::open::{Connection, DbError};

/// The bearer of a valid token.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    /// Whose token it is.
    pub(crate) publisher: i64,
    /// What it may do.
    pub(crate) scope: Scope,
}

/// Stores a token's digest with its scope; returns its number.
pub(crate) async fn create_token(
    connection: &mut Connection,
    publisher: i64,
    label: &str,
    secret: &Secret,
    scope: &Scope,
    now: Timestamp,
    expires: Option<Timestamp>,
) -> Result<i64, DbError> {
    let actions =
        scope.actions().iter().map(|action| action.as_str()).collect::<Vec<_>>().join(",");
    Ok(sqlx::query_scalar(
        "INSERT INTO token (publisher, label, hash, actions, names, created, expires)
         VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(publisher)
    .bind(label)
    .bind(secret.digest().as_bytes().as_slice())
    .bind(actions)
    .bind(scope.names().to_string())
    .bind(now.unix())
    .bind(expires.map(Timestamp::unix))
    .fetch_one(connection)
    .await?)
}

/// Ends a token; says whether there was one that still ran.
pub(crate) async fn revoke_token(
    connection: &mut Connection,
    id: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL")
        .bind(now.unix())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Who bears `secret`; nobody where it is unknown, expired or revoked.
pub(crate) async fn bearer(
    connection: &mut Connection,
    secret: &Secret,
    now: Timestamp,
) -> Result<Option<Bearer>, DbError> {
    let row: Option<(i64, String, String)> = sqlx::query_as(
        "SELECT publisher, actions, names FROM token
         WHERE hash = ? AND revoked IS NULL AND (expires IS NULL OR expires > ?)",
    )
    .bind(secret.digest().as_bytes().as_slice())
    .bind(now.unix())
    .fetch_optional(connection)
    .await?;
    let Some((publisher, actions, names)) = row else { return Ok(None) };
    let actions = actions.split(',').map(Action::parse).collect::<Result<Vec<_>, _>>()?;
    let scope = Scope::new(&actions, NamePattern::parse(&names)?)
        .map_err(DbError::damaged("token's scope"))?;
    Ok(Some(Bearer { publisher, scope }))
}
