//! Roles that were sent, from their arrival to the decision.

use newleaf_domain::Timestamp;
use newleaf_registry_api::{NamePattern, Problem, Submission, SubmissionState};
use newleaf_trust::role::MetadataVersion;

use super::open::{Connection, DbError};
use super::role::{number, role};

/// A role that waits to be checked.
#[derive(Debug, Clone)]
pub(crate) struct SubmissionRow {
    /// Its number.
    pub(crate) id: i64,
    /// The role's name.
    pub(crate) role: String,
    /// The version that was sent.
    pub(crate) version: MetadataVersion,
    /// What the sender may touch.
    pub(crate) names: NamePattern,
    /// The file.
    pub(crate) file: Vec<u8>,
}

/// Why a role was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    /// It does not follow the current version.
    #[error("version {sent} does not follow version {current}")]
    Conflict {
        /// The version that was sent.
        sent: u64,
        /// The current one; 0 for none.
        current: u64,
    },
    /// Another sender's file of that version is being checked.
    #[error("another sender's version {sent} is being checked")]
    Pending {
        /// The version that was sent.
        sent: u64,
        /// The current one; 0 for none.
        current: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes version N+1 of a role whose current version is N; of two senders, the first.
pub(crate) async fn submit(
    connection: &mut Connection,
    name: &str,
    version: MetadataVersion,
    names: &NamePattern,
    file: &[u8],
    now: Timestamp,
) -> Result<i64, SubmitError> {
    let current = role(connection, name).await?.map_or(0, |role| role.version.get());
    let sent = version.get();
    if current.checked_add(1) != Some(sent) {
        return Err(SubmitError::Conflict { sent, current });
    }
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO submission (role, version, names, file, received, state)
         VALUES (?, ?, ?, ?, ?, 'validating') ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(name)
    .bind(number(version)?)
    .bind(names.to_string())
    .bind(file)
    .bind(now.unix())
    .fetch_optional(connection)
    .await
    .map_err(DbError::from)?;
    id.ok_or(SubmitError::Pending { sent, current })
}

/// The oldest roles that wait to be checked, at most 256 of them.
pub(crate) async fn validating(connection: &mut Connection) -> Result<Vec<SubmissionRow>, DbError> {
    let rows: Vec<(i64, String, i64, String, Vec<u8>)> = sqlx::query_as(
        "SELECT id, role, version, names, file FROM submission
         WHERE state = 'validating' ORDER BY id LIMIT 256",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, role, version, names, file)| {
            let version = u64::try_from(version).ok().and_then(MetadataVersion::new);
            let version = version.ok_or("not a version").map_err(DbError::damaged("version"))?;
            Ok(SubmissionRow { id, role, version, names: NamePattern::parse(&names)?, file })
        })
        .collect()
}

/// Records that a role was checked and will be in the next snapshot.
pub(crate) async fn accept(connection: &mut Connection, id: i64) -> Result<(), DbError> {
    sqlx::query("UPDATE submission SET state = 'accepted' WHERE id = ? AND state = 'validating'")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records why a role was refused; its version number is free again.
pub(crate) async fn reject(
    connection: &mut Connection,
    id: i64,
    problem: &Problem,
) -> Result<(), DbError> {
    let text = serde_json::to_string(problem).map_err(DbError::damaged("problem"))?;
    sqlx::query(
        "UPDATE submission SET state = 'rejected', problem = ? WHERE id = ? AND state = 'validating'",
    )
    .bind(text)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that hosts can see every accepted role.
pub(crate) async fn publish_accepted(connection: &mut Connection) -> Result<u64, DbError> {
    let done = sqlx::query("UPDATE submission SET state = 'published' WHERE state = 'accepted'")
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// The submission numbered `id`.
pub(crate) async fn submission(
    connection: &mut Connection,
    id: i64,
) -> Result<Option<Submission>, DbError> {
    let row: Option<(i64, String, i64, i64, String, Option<String>)> = sqlx::query_as(
        "SELECT id, role, version, received, state, problem FROM submission WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    let Some((id, role, version, received, state, problem)) = row else { return Ok(None) };
    let problem = problem.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Some(Submission {
        id: u64::try_from(id).map_err(DbError::damaged("submission's number"))?,
        role,
        version: u64::try_from(version).map_err(DbError::damaged("version"))?,
        received: Timestamp::from_unix(received),
        state: SubmissionState::parse(&state)
            .ok_or("unknown")
            .map_err(DbError::damaged("submission's state"))?,
        problem: problem.map_err(DbError::damaged("problem"))?,
    }))
}

/// Whether some role is accepted that hosts cannot see yet.
pub(crate) async fn has_accepted(connection: &mut Connection) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM submission WHERE state = 'accepted')")
        .fetch_one(connection)
        .await?)
}
