//! `publisher`: adds a publisher, and gives namespaces that offline keys vouch for to one.

use clap::Subcommand;
use newleaf_domain::{Clock as _, Namespace};
use serde_json::json;

use super::{DirArg, Failure, Output};
use crate::clock::SystemClock;
use crate::db::{self, Db, DbError};
use crate::dir::Dir;

#[derive(Debug, Subcommand)]
pub(super) enum Publisher {
    /// Add a publisher.
    Create {
        #[command(flatten)]
        dir: DirArg,
        /// The publisher's name.
        name: String,
    },
    /// Give a namespace that the offline keys vouch for to a publisher.
    Assign {
        #[command(flatten)]
        dir: DirArg,
        /// The publisher's name.
        name: String,
        /// The namespace.
        namespace: Namespace,
    },
}

impl Publisher {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create { dir, name } => create(&open(dir).await?, &name, output).await,
            Self::Assign { dir, name, namespace } => {
                assign(&open(dir).await?, &name, &namespace, output).await
            }
        }
    }
}

/// The database of an existing registry; may be open in a server at the same time.
pub(super) async fn open(dir: DirArg) -> Result<Db, Failure> {
    let dir = Dir::new(dir.dir);
    dir.require()?;
    Ok(Db::open(&dir.database()).await?)
}

async fn create(db: &Db, name: &str, output: Output) -> Result<(), Failure> {
    let mut transaction = db.write().await?;
    let created = db::create_publisher(&mut transaction, name, SystemClock.now()).await?;
    transaction.commit().await.map_err(DbError::from)?;
    if created.is_none() {
        let failed = format!("create the publisher: there is one called {name}");
        return Err(Failure::said(failed, "choose another name"));
    }
    output.done(&format!("publisher {name} created"), &json!({"publisher": name}));
    Ok(())
}

async fn assign(db: &Db, name: &str, to: &Namespace, output: Output) -> Result<(), Failure> {
    let mut transaction = db.write().await?;
    let publisher = db::publisher(&mut transaction, name).await?;
    let publisher = publisher.ok_or_else(|| unknown(name))?;
    let is_assigned = db::assign(&mut transaction, to, publisher).await?;
    transaction.commit().await.map_err(DbError::from)?;
    if !is_assigned {
        let failed = format!("assign the namespace: nobody vouches for {to}");
        return Err(Failure::said(failed, "claim it with `keys claim` and `role publish` first"));
    }
    let text = format!("namespace {to} belongs to {name}");
    output.done(&text, &json!({"publisher": name, "namespace": to}));
    Ok(())
}

/// There is no publisher of that name.
pub(super) fn unknown(name: &str) -> Failure {
    let failed = format!("find the publisher: there is none called {name}");
    Failure::said(
        failed,
        format!("create it with `newleaf-registry publisher create --dir D {name}`"),
    )
}
