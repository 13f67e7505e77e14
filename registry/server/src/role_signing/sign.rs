//! Signs the online roles anew where what they should say has changed or their time has come, the
//! snapshot last but one and the timestamp last. All of it happens in the caller's transaction:
//! files go to the outbox, and to the public tree only after the commit.

use newleaf_domain::{Digest, Timestamp};
use newleaf_trust::key::KeyPair;
use newleaf_trust::layout::{self, ADVISORIES, CATALOGUE, FRESH};
use newleaf_trust::role::{
    MetaFile, MetadataVersion, RoleBody, Signed, SnapshotRole, TargetsRole, TimestampRole,
};
use newleaf_trust::sign::{SignError, next_version, sign_role};
use newleaf_trust::{Advisory, Limits, TrustError};
use sqlx::SqliteConnection;

use super::OnlineKeys;
use super::content::{self, Content};
use super::schedule::{SNAPSHOT, TIMESTAMP, Term, term};
use crate::db::{self, DbError, RoleRow};

/// Why the online roles could not be signed. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A role has no canonical form.
    #[error("a role could not be signed")]
    Sign(#[from] SignError),
    /// A role that was stored does not parse back.
    #[error("a stored role is damaged")]
    Stored(#[from] TrustError),
    /// The roles to be signed here have no term; a fault of this program.
    #[error("role {role} is not signed online")]
    NotOnline {
        /// The role.
        role: &'static str,
    },
}

/// What is current of a role, and what its next version would be.
struct Current<T> {
    row: Option<(RoleRow, T)>,
    next: MetadataVersion,
    term: Term,
}

impl<T: RoleBody> Current<T> {
    async fn read(
        connection: &mut SqliteConnection,
        role: &'static str,
    ) -> Result<Self, SigningError> {
        let term = term(role).ok_or(SigningError::NotOnline { role })?;
        let Some(row) = db::role(connection, role).await? else {
            return Ok(Self { row: None, next: MetadataVersion::FIRST, term });
        };
        let body = Signed::<T>::parse(role, &row.file, &Limits::default())?.body;
        let next = next_version(row.version)?;
        Ok(Self { row: Some((row, body)), next, term })
    }

    /// Whether the role's time has come, or it does not exist.
    fn is_due(&self, now: Timestamp) -> bool {
        self.row.as_ref().is_none_or(|(row, _)| row.signed.plus_seconds(self.term.every) <= now)
    }

    fn expires(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.term.lifetime)
    }

    fn body(&self) -> Option<&T> {
        self.row.as_ref().map(|(_, body)| body)
    }
}

/// Signs what has changed or is due; returns the advisories that hosts will see then.
///
/// # Errors
/// [`SigningError`]; the caller's transaction is to be dropped.
pub(crate) async fn sign_online(
    connection: &mut SqliteConnection,
    keys: &OnlineKeys,
    now: Timestamp,
) -> Result<Vec<Advisory>, SigningError> {
    let (list, entries) = content::advisories(connection).await?;
    sign_content(connection, ADVISORIES, &list, &keys.content, now).await?;
    let catalogue = content::catalogue(connection).await?;
    sign_content(connection, CATALOGUE, &catalogue, &keys.content, now).await?;
    sign_fresh(connection, &keys.fresh, now).await?;
    sign_snapshot(connection, &keys.snapshot, now).await?;
    sign_timestamp(connection, &keys.timestamp, now).await?;
    Ok(entries)
}

/// A role with one target that the registry makes itself.
async fn sign_content(
    connection: &mut SqliteConnection,
    name: &'static str,
    content: &Content,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(), SigningError> {
    let current = Current::<TargetsRole>::read(connection, name).await?;
    let wanted = content::listing(TargetsRole::new(current.next, current.expires(now)), content);
    if !changes(current.body(), &wanted) && !current.is_due(now) {
        return Ok(());
    }
    let path = format!("targets/{}", layout::stored_path(content.path, Digest::of(&content.bytes)));
    let old = current.body().and_then(|body| body.targets.get(content.path)?.hashes.get("sha256"));
    if let Some(digest) = old.and_then(|text| Digest::parse(text).ok()) {
        let old = format!("targets/{}", layout::stored_path(content.path, digest));
        db::supersede(connection, &old, now).await?;
    }
    db::forget_superseded(connection, &path).await?;
    db::enqueue(connection, &path, &content.bytes).await?;
    put(connection, name, current.next, sign_role(&wanted, &[key])?, now).await
}

async fn sign_fresh(
    connection: &mut SqliteConnection,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(), SigningError> {
    let current = Current::<TargetsRole>::read(connection, FRESH).await?;
    let empty = TargetsRole::new(current.next, current.expires(now));
    let wanted = content::fresh_authors(connection, empty).await?;
    if !changes(current.body(), &wanted) && !current.is_due(now) {
        return Ok(());
    }
    put(connection, FRESH, current.next, sign_role(&wanted, &[key])?, now).await
}

/// Whether two versions of a role say something different, their headers aside.
fn changes(current: Option<&TargetsRole>, wanted: &TargetsRole) -> bool {
    current.is_none_or(|current| {
        current.targets != wanted.targets || current.delegations != wanted.delegations
    })
}

/// A snapshot of the newest version of every targets role (TUF §4.4).
async fn sign_snapshot(
    connection: &mut SqliteConnection,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(), SigningError> {
    let current = Current::<SnapshotRole>::read(connection, SNAPSHOT).await?;
    let mut wanted = SnapshotRole::new(current.next, current.expires(now), now);
    for (name, version) in db::roles(connection).await? {
        if !["root", SNAPSHOT, TIMESTAMP].contains(&name.as_str()) {
            wanted = wanted.with_role(&name, MetaFile::version_only(version));
        }
    }
    let is_same = current.body().is_some_and(|body| body.meta == wanted.meta);
    if is_same && !current.is_due(now) {
        return Ok(());
    }
    put(connection, SNAPSHOT, current.next, sign_role(&wanted, &[key])?, now).await
}

/// A timestamp that pins the newest snapshot by length and digest (TUF §4.6).
async fn sign_timestamp(
    connection: &mut SqliteConnection,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(), SigningError> {
    let current = Current::<TimestampRole>::read(connection, TIMESTAMP).await?;
    let Some(snapshot) = db::role(connection, SNAPSHOT).await? else { return Ok(()) };
    let pin = MetaFile::of(snapshot.version, &snapshot.file);
    let is_same = current.body().is_some_and(|body| body.snapshot().is_ok_and(|old| *old == pin));
    if is_same && !current.is_due(now) {
        return Ok(());
    }
    let wanted = TimestampRole::new(current.next, current.expires(now), now, pin);
    let file = sign_role(&wanted, &[key])?;
    let row = RoleRow { name: TIMESTAMP.to_owned(), version: current.next, signed: now, file };
    db::enqueue(connection, "tuf/timestamp.json", &row.file).await?;
    Ok(db::put_role(connection, &row).await?)
}

/// Stores a role's new version and queues its file; the older version's file is superseded.
async fn put(
    connection: &mut SqliteConnection,
    name: &str,
    version: MetadataVersion,
    file: Vec<u8>,
    now: Timestamp,
) -> Result<(), SigningError> {
    store_role(connection, &RoleRow { name: name.to_owned(), version, signed: now, file }, now)
        .await?;
    Ok(())
}

/// Stores a role's new version, whoever signed it, and queues its file. Every root stays for ever
/// (TUF §5.3); of any other role the older version is superseded.
pub(crate) async fn store_role(
    connection: &mut SqliteConnection,
    row: &RoleRow,
    now: Timestamp,
) -> Result<(), DbError> {
    let path = |version| format!("tuf/{}", layout::versioned_file(version, &row.name));
    let old = db::role(connection, &row.name).await?;
    if let Some(old) = old.filter(|_| row.name != "root") {
        db::supersede(connection, &path(old.version), now).await?;
    }
    db::enqueue(connection, &path(row.version), &row.file).await?;
    db::put_role(connection, row).await
}
