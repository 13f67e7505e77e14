//! *Contract*: takes away what only versions need that nobody can go back to. First it fills what
//! such a version left unfilled: afterwards there may be nothing to fill it from.

use sqlx::{Connection as _, SqliteConnection};

use super::expand::backfill;
use super::{Beat, Db, DbError, Meta, Migration, Progress, Side, meta};

/// Contracts the product's schema up to `schema`, the one of the oldest version that must go on
/// running. Runs as the first step of the next core update, or when *Undo* has expired.
///
/// # Errors
/// A statement fails; its step is undone whole.
pub async fn contract(db: &Db, product: &[Migration], schema: u32) -> Result<(), DbError> {
    contract_with(db, product, schema, &mut |_| Beat::GoOn).await
}

/// As [`contract`]; `beat` is called after each transaction that fills something.
///
/// # Errors
/// As [`contract`], or `beat` says to stop.
pub(crate) async fn contract_with(
    db: &Db,
    product: &[Migration],
    schema: u32,
    beat: &mut (dyn FnMut(Progress) -> Beat + Send),
) -> Result<(), DbError> {
    let mut connection = db.writer().acquire().await.map_err(DbError::on("write to newleaf.db"))?;
    let reached = Meta::read(&mut connection, Side::Product).await?.schema;
    for migration in product {
        if migration.schema > schema.min(reached) || migration.contract.is_empty() {
            continue;
        }
        let done = meta::is_done(&mut connection, Side::Product, migration.schema, "contract");
        if !done.await.map_err(DbError::on("read the schema"))? {
            backfill(&mut connection, Side::Product, migration, beat).await?;
            step(&mut connection, migration).await.map_err(DbError::on("contract the schema"))?;
        }
    }
    Ok(())
}

/// Whether [`contract`] up to `schema` would change anything.
///
/// # Errors
/// The database cannot be read.
pub async fn has_to_contract(
    connection: &mut SqliteConnection,
    product: &[Migration],
    schema: u32,
) -> Result<bool, DbError> {
    let reached = Meta::read(connection, Side::Product).await?.schema;
    for migration in product {
        if migration.schema <= schema.min(reached) && !migration.contract.is_empty() {
            let done = meta::is_done(connection, Side::Product, migration.schema, "contract");
            if !done.await.map_err(DbError::on("read the schema"))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn step(connection: &mut SqliteConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let Migration { schema, contract, .. } = *migration;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    if !meta::is_done(&mut transaction, Side::Product, schema, "contract").await? {
        for statement in contract {
            sqlx::query(*statement).execute(&mut *transaction).await?;
        }
        meta::mark_done(&mut transaction, Side::Product, schema, "contract").await?;
        Meta { schema, oldest_reader: schema }.raise(&mut transaction, Side::Product).await?;
    }
    transaction.commit().await
}
