//! Who is signed in.

use async_trait::async_trait;
use newleaf_domain::Timestamp;
use newleaf_web::store::{Session, SessionStore, StoreError};
use newleaf_web::token::SecretKey;

use super::key_of;
use crate::Db;

/// Sessions in `newleaf.db`.
#[derive(Debug, Clone)]
pub(crate) struct DbSessions(pub(crate) Db);

#[async_trait]
impl SessionStore for DbSessions {
    async fn add(&self, session: Session) -> Result<(), StoreError> {
        // Those that are over go when a new one comes: nobody else would clear them away.
        let over = sqlx::query("DELETE FROM newleaf_session WHERE expires < ?1")
            .bind(session.began.unix());
        over.execute(self.0.writer())
            .await
            .map_err(|error| StoreError::new("clear old sessions away", error))?;
        let added = sqlx::query(
            "INSERT INTO newleaf_session (key, account, began, expires) VALUES (?1, ?2, ?3, ?4)",
        )
        .bind(session.key.as_bytes().as_slice())
        .bind(session.account)
        .bind(session.began.unix())
        .bind(session.expires.unix())
        .execute(self.0.writer())
        .await;
        added.map(drop).map_err(|error| StoreError::new("keep the session", error))
    }

    async fn find(&self, key: &SecretKey) -> Result<Option<Session>, StoreError> {
        let row: Option<(Vec<u8>, String, i64, i64)> = sqlx::query_as(
            "SELECT key, account, began, expires FROM newleaf_session WHERE key = ?1",
        )
        .bind(key.as_bytes().as_slice())
        .fetch_optional(self.0.reader())
        .await
        .map_err(|error| StoreError::new("read the session", error))?;
        Ok(row.and_then(|(key, account, began, expires)| {
            let (began, expires) = (Timestamp::from_unix(began), Timestamp::from_unix(expires));
            Some(Session { key: key_of(&key)?, account, began, expires })
        }))
    }

    async fn remove(&self, key: &SecretKey) -> Result<(), StoreError> {
        let removed = sqlx::query("DELETE FROM newleaf_session WHERE key = ?1")
            .bind(key.as_bytes().as_slice())
            .execute(self.0.writer())
            .await;
        removed.map(drop).map_err(|error| StoreError::new("forget the session", error))
    }
}
