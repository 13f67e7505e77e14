//! What was released: every path with its bytes' digest for ever, and the apps' releases.

use newleaf_domain::{ByteSize, Channel, Digest, PackageName, Release, Timestamp, Version};

use super::open::{Connection, DbError};

/// One release of an app.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseRow {
    /// The app.
    pub(crate) app: PackageName,
    /// The release's version.
    pub(crate) version: Version,
    /// Its channel, as the newest role says.
    pub(crate) channel: Channel,
    /// When its author says it was published.
    pub(crate) published: Timestamp,
    /// The package's length.
    pub(crate) length: ByteSize,
    /// The package's digest.
    pub(crate) sha256: Digest,
    /// The name people read.
    pub(crate) name: String,
    /// One sentence on what it is for.
    pub(crate) summary: String,
    /// The icon's target path.
    pub(crate) icon: Option<String>,
}

fn digest(bytes: Vec<u8>) -> Result<Digest, DbError> {
    let bytes = bytes.try_into().map_err(|_| "not 32 bytes");
    bytes.map(Digest::from_bytes).map_err(DbError::damaged("digest"))
}

fn size(length: i64) -> Result<ByteSize, DbError> {
    u64::try_from(length).map(ByteSize::bytes).map_err(DbError::damaged("length"))
}

fn length(size: ByteSize) -> Result<i64, DbError> {
    i64::try_from(size.as_u64()).map_err(DbError::damaged("length"))
}

/// The digest and length that `path` was released with, where it ever was.
pub(crate) async fn released(
    connection: &mut Connection,
    path: &str,
) -> Result<Option<(Digest, ByteSize)>, DbError> {
    let row: Option<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT sha256, length FROM released WHERE path = ?")
            .bind(path)
            .fetch_optional(connection)
            .await?;
    row.map(|(sha256, length)| Ok((digest(sha256)?, size(length)?))).transpose()
}

/// Every path of a zip that was released, with its digest and length.
pub(crate) async fn packages(
    connection: &mut Connection,
) -> Result<Vec<(String, Digest, ByteSize)>, DbError> {
    let rows: Vec<(String, Vec<u8>, i64)> =
        sqlx::query_as("SELECT path, sha256, length FROM released WHERE path LIKE '%.zip'")
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(path, sha256, length)| Ok((path, digest(sha256)?, size(length)?)))
        .collect()
}

/// Records a path with its bytes for ever.
pub(crate) async fn record_path(
    connection: &mut Connection,
    path: &str,
    sha256: Digest,
    size: ByteSize,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO released (path, sha256, length, released) VALUES (?, ?, ?, ?)")
        .bind(path)
        .bind(sha256.as_bytes().as_slice())
        .bind(length(size)?)
        .bind(now.unix())
        .execute(connection)
        .await?;
    Ok(())
}

/// Records a new release of an app.
pub(crate) async fn record_release(
    connection: &mut Connection,
    release: &ReleaseRow,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO app_release (app, version, channel, published, length, sha256, name, summary, icon)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(release.app.as_str())
    .bind(release.version.as_str())
    .bind(release.channel.as_str())
    .bind(release.published.unix())
    .bind(length(release.length)?)
    .bind(release.sha256.as_bytes().as_slice())
    .bind(&release.name)
    .bind(&release.summary)
    .bind(release.icon.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

/// Records what the newest role says of a release that is known.
pub(crate) async fn revise_release(
    connection: &mut Connection,
    app: &PackageName,
    version: &Version,
    release: &Release,
) -> Result<(), DbError> {
    sqlx::query("UPDATE app_release SET channel = ?, published = ? WHERE app = ? AND version = ?")
        .bind(release.channel.as_str())
        .bind(release.published.unix())
        .bind(app.as_str())
        .bind(version.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// The versions of `app` that were released.
pub(crate) async fn versions(
    connection: &mut Connection,
    app: &PackageName,
) -> Result<Vec<Version>, DbError> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT version FROM app_release WHERE app = ?")
        .bind(app.as_str())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|text| Ok(Version::parse(text)?)).collect()
}

type Row = (String, String, String, i64, i64, Vec<u8>, String, String, Option<String>);

/// Every release, by app, the newest version first.
pub(crate) async fn releases(connection: &mut Connection) -> Result<Vec<ReleaseRow>, DbError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT app, version, channel, published, length, sha256, name, summary, icon
         FROM app_release",
    )
    .fetch_all(connection)
    .await?;
    let mut releases = rows.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    releases.sort_by(|a, b| a.app.cmp(&b.app).then_with(|| b.version.cmp(&a.version)));
    Ok(releases)
}

fn parse(row: Row) -> Result<ReleaseRow, DbError> {
    let (app, version, channel, published, length, sha256, name, summary, icon) = row;
    Ok(ReleaseRow {
        app: PackageName::parse(&app)?,
        version: Version::parse(&version)?,
        channel: Channel::parse(&channel)?,
        published: Timestamp::from_unix(published),
        length: size(length)?,
        sha256: digest(sha256)?,
        name,
        summary,
        icon,
    })
}
