//! `token`: makes a token, which is shown once and stored as a digest only; and ends one.

use clap::Subcommand;
use newleaf_domain::Clock as _;
use newleaf_registry_api::{Action, NamePattern, Scope, Secret};
use serde_json::json;

use super::publisher_command::{open, unknown};
use super::{DirArg, Failure, Output};
use crate::clock::SystemClock;
use crate::db::{self, Db, DbError};

/// Days a token lives unless told otherwise.
const DAYS: u32 = 90;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token and print it, this once.
    Create {
        #[command(flatten)]
        dir: DirArg,
        /// Whose token it is.
        #[arg(long)]
        publisher: String,
        /// What it may do.
        #[arg(long, value_delimiter = ',', default_value = "publish")]
        allow: Vec<Action>,
        /// On which names: *, `<namespace>/*` or `<namespace>/<app>`.
        #[arg(long, default_value = "*")]
        names: NamePattern,
        /// After how many days it ends; 0 for never.
        #[arg(long, default_value_t = DAYS)]
        days: u32,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
    },
    /// End a token.
    Revoke {
        #[command(flatten)]
        dir: DirArg,
        /// Its number.
        id: i64,
    },
}

struct Order {
    publisher: String,
    scope: Scope,
    days: u32,
    label: String,
}

impl Token {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create { dir, publisher, allow, names, days, label } => {
                let scope = Scope::new(&allow, names).map_err(|error| {
                    Failure::new("make the token", &error, "name one with --allow")
                })?;
                create(&open(dir).await?, &Order { publisher, scope, days, label }, output).await
            }
            Self::Revoke { dir, id } => revoke(&open(dir).await?, id, output).await,
        }
    }
}

async fn create(db: &Db, order: &Order, output: Output) -> Result<(), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::said(format!("make the token: no random bytes: {error}"), "try again")
    })?;
    let secret = Secret::from_random(random);
    let now = SystemClock.now();
    let expires = (order.days > 0).then(|| now.plus_seconds(i64::from(order.days) * 86_400));
    let mut transaction = db.write().await?;
    let publisher = db::publisher(&mut transaction, &order.publisher).await?;
    let publisher = publisher.ok_or_else(|| unknown(&order.publisher))?;
    let (label, scope) = (&order.label, &order.scope);
    let id =
        db::create_token(&mut transaction, publisher, label, &secret, scope, now, expires).await?;
    transaction.commit().await.map_err(DbError::from)?;
    let value = json!({"id": id, "token": secret.reveal(), "expires": expires});
    output.done(secret.reveal(), &value);
    Ok(())
}

async fn revoke(db: &Db, id: i64, output: Output) -> Result<(), Failure> {
    let mut transaction = db.write().await?;
    let is_revoked = db::revoke_token(&mut transaction, id, SystemClock.now()).await?;
    transaction.commit().await.map_err(DbError::from)?;
    if !is_revoked {
        let failed = format!("revoke the token: none numbered {id} is valid");
        return Err(Failure::said(failed, "nothing: it cannot be used"));
    }
    output.done(&format!("token {id} revoked"), &json!({"revoked": id}));
    Ok(())
}
