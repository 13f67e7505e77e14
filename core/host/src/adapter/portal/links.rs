//! Links that sign someone in, once.

use async_trait::async_trait;
use newleaf_domain::Timestamp;
use newleaf_web::store::{Link, LinkStanding, LinkStore, StoreError};
use newleaf_web::token::SecretKey;

use crate::Db;

/// How long a link is remembered past its expiry, in seconds, so that a second use is told from a
/// wrong address: a day.
const REMEMBERED: i64 = 86_400;

/// Sign-in links in `newleaf.db`.
#[derive(Debug, Clone)]
pub(crate) struct DbLinks(pub(crate) Db);

type Row = (String, i64, Option<i64>);

fn standing(row: Option<Row>, now: Timestamp) -> LinkStanding {
    match row {
        None => LinkStanding::Unknown,
        Some((_, _, Some(_))) => LinkStanding::Used,
        Some((_, expires, None)) if expires <= now.unix() => LinkStanding::Expired,
        Some((account, _, None)) => LinkStanding::Usable { account },
    }
}

#[async_trait]
impl LinkStore for DbLinks {
    async fn add(&self, link: Link) -> Result<(), StoreError> {
        let forgotten = sqlx::query("DELETE FROM newleaf_sign_in_link WHERE expires < ?1")
            .bind(link.expires.unix().saturating_sub(REMEMBERED));
        forgotten
            .execute(self.0.writer())
            .await
            .map_err(|error| StoreError::new("clear old links away", error))?;
        let added = sqlx::query(
            "INSERT INTO newleaf_sign_in_link (key, account, expires) VALUES (?1, ?2, ?3)",
        )
        .bind(link.key.as_bytes().as_slice())
        .bind(link.account)
        .bind(link.expires.unix())
        .execute(self.0.writer())
        .await;
        added.map(drop).map_err(|error| StoreError::new("keep the sign-in link", error))
    }

    async fn look(&self, key: &SecretKey, now: Timestamp) -> Result<LinkStanding, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT account, expires, used FROM newleaf_sign_in_link WHERE key = ?1",
        )
        .bind(key.as_bytes().as_slice())
        .fetch_optional(self.0.reader())
        .await
        .map_err(|error| StoreError::new("read the sign-in link", error))?;
        Ok(standing(row, now))
    }

    async fn consume(&self, key: &SecretKey, now: Timestamp) -> Result<LinkStanding, StoreError> {
        // One statement: of any number of callers one changes the row, and gets it.
        let used: Option<(String,)> = sqlx::query_as(
            "UPDATE newleaf_sign_in_link SET used = ?2
             WHERE key = ?1 AND used IS NULL AND expires > ?2 RETURNING account",
        )
        .bind(key.as_bytes().as_slice())
        .bind(now.unix())
        .fetch_optional(self.0.writer())
        .await
        .map_err(|error| StoreError::new("use the sign-in link up", error))?;
        match used {
            Some((account,)) => Ok(LinkStanding::Usable { account }),
            None => self.look(key, now).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use newleaf_web::store::{Session, SessionStore as _};

    use super::super::DbSessions;
    use super::*;
    use crate::db::{Beat, expand};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    async fn db() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).await.unwrap();
        expand(&db, &[], &mut |_| Beat::GoOn).await.unwrap();
        (dir, db)
    }

    #[tokio::test]
    async fn a_link_signs_in_once() {
        let (_dir, db) = db().await;
        let links = DbLinks(db);
        let key = SecretKey::from_bytes([7; 32]);
        links
            .add(Link { key, account: "ada".to_owned(), expires: NOW.plus_seconds(900) })
            .await
            .unwrap();
        let usable = LinkStanding::Usable { account: "ada".to_owned() };
        assert_eq!(links.look(&key, NOW).await.unwrap(), usable);
        assert_eq!(links.consume(&key, NOW).await.unwrap(), usable);
        assert_eq!(links.consume(&key, NOW).await.unwrap(), LinkStanding::Used);
        let other = SecretKey::from_bytes([8; 32]);
        assert_eq!(links.consume(&other, NOW).await.unwrap(), LinkStanding::Unknown);
    }

    #[tokio::test]
    async fn an_old_link_is_over_and_not_used_up() {
        let (_dir, db) = db().await;
        let links = DbLinks(db);
        let key = SecretKey::from_bytes([7; 32]);
        links.add(Link { key, account: "ada".to_owned(), expires: NOW }).await.unwrap();
        assert_eq!(links.consume(&key, NOW).await.unwrap(), LinkStanding::Expired);
    }

    #[tokio::test]
    async fn sessions_are_found_until_they_are_removed() {
        let (_dir, db) = db().await;
        let sessions = DbSessions(db);
        let key = SecretKey::from_bytes([1; 32]);
        let session =
            Session { key, account: "ada".to_owned(), began: NOW, expires: NOW.plus_seconds(60) };
        sessions.add(session.clone()).await.unwrap();
        assert_eq!(sessions.find(&key).await.unwrap(), Some(session));
        sessions.remove(&key).await.unwrap();
        assert_eq!(sessions.find(&key).await.unwrap(), None);
    }
}
