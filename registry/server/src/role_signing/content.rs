//! What the online roles should say now, as the database has it: the fresh authors, the advisories,
//! the catalogue, and the list of apps that people read.

use std::collections::BTreeMap;

use newleaf_domain::Channel;
use newleaf_registry_api::{
    AppEntry, AppList, CATALOGUE_PATH, Catalogue, CatalogueApp, NamespaceLevel, ReleaseEntry,
};
use newleaf_trust::layout::{self, ADVISORIES_PATH};
use newleaf_trust::role::targets::Ending;
use newleaf_trust::role::{TargetRecord, TargetsRole};
use newleaf_trust::{Advisories, Advisory};
use sqlx::SqliteConnection;

use super::sign::SigningError;
use crate::db::{self, DbError, ReleaseRow};

/// One target of an online role: its path and bytes.
pub(super) struct Content {
    pub(super) path: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Delegates to every author who has published and for whom nobody has vouched offline. An author
/// without a role yet is left out, because a delegation without a role only fails.
pub(super) async fn fresh_authors(
    connection: &mut SqliteConnection,
    mut role: TargetsRole,
) -> Result<TargetsRole, SigningError> {
    for namespace in db::namespaces(connection).await? {
        let name = layout::author_role(&namespace.name);
        if namespace.level == NamespaceLevel::Fresh && db::role(connection, &name).await?.is_some()
        {
            let paths = [&*layout::author_paths(&namespace.name)];
            let (keys, threshold) = (&namespace.keys, namespace.threshold);
            role = role.with_delegation(&name, keys, threshold, &paths, Ending::Terminating);
        }
    }
    Ok(role)
}

/// The list of advisories, and the entries in it.
pub(super) async fn advisories(
    connection: &mut SqliteConnection,
) -> Result<(Content, Vec<Advisory>), SigningError> {
    let entries = db::advisories(connection).await?;
    let bytes = Advisories::new(entries.clone()).to_bytes()?;
    Ok((Content { path: ADVISORIES_PATH, bytes }, entries))
}

/// The catalogue's only shard.
pub(super) async fn catalogue(connection: &mut SqliteConnection) -> Result<Content, SigningError> {
    let releases = db::releases(connection).await?;
    let mut apps = BTreeMap::<_, Vec<&ReleaseRow>>::new();
    for release in &releases {
        apps.entry(&release.app).or_default().push(release);
    }
    let apps = apps.into_values().filter_map(|releases| catalogue_app(&releases)).collect();
    let bytes = newleaf_trust::sign::canonical_of(&Catalogue { apps })?;
    Ok(Content { path: CATALOGUE_PATH, bytes })
}

/// An app as its newest release describes it; `releases` has the newest first.
fn catalogue_app(releases: &[&ReleaseRow]) -> Option<CatalogueApp> {
    let stable = releases.iter().find(|release| release.channel == Channel::Stable);
    let newest = stable.or_else(|| releases.first())?;
    Some(CatalogueApp {
        id: newest.app.clone(),
        name: newest.name.clone(),
        summary: newest.summary.clone(),
        version: newest.version.clone(),
        channel: newest.channel,
        icon: newest.icon.clone(),
    })
}

/// `role` with `content` as its only target.
pub(super) fn listing(role: TargetsRole, content: &Content) -> TargetsRole {
    role.with_target(content.path, TargetRecord::of(&content.bytes))
}

/// Every app with its releases, for people and scripts.
pub(crate) async fn app_list(connection: &mut SqliteConnection) -> Result<AppList, DbError> {
    let yanked: BTreeMap<_, _> = db::advisories(connection)
        .await?
        .into_iter()
        .filter_map(|advisory| Some((advisory.path?, advisory.reason)))
        .collect();
    let mut list = AppList::default();
    for row in db::releases(connection).await? {
        let path = format!("apps/{}/{}/{}.zip", row.app, row.version, row.app.app());
        let release = ReleaseEntry {
            version: row.version,
            channel: row.channel,
            length: row.length,
            sha256: row.sha256,
            published: row.published,
            yanked: yanked.get(&path).cloned(),
        };
        match list.apps.last_mut() {
            Some(app) if app.id == row.app => app.releases.push(release),
            _ => list.apps.push(AppEntry {
                id: row.app,
                name: row.name,
                summary: row.summary,
                releases: vec![release],
            }),
        }
    }
    Ok(list)
}
