//! Countries of addresses, kept so that a provider is asked once for each. It asks none.

use std::collections::BTreeMap;

use sqlx::{SqliteConnection, SqlitePool};

use super::{begin, json, signed};
use crate::error::Result;
use crate::sequence::Sequence;
use crate::state::db_error;

/// What `provider` once answered for these addresses; those it was never asked are left out.
/// `None` means it knows no country.
pub async fn known(
    pool: &SqlitePool,
    provider: &str,
    addresses: &[String],
) -> Result<BTreeMap<String, Option<String>>> {
    let found: Vec<(String, Option<String>)> = sqlx::query_as(
        "select address, country from landfall_addresses
         where provider = ? and address in (select value from json_each(?))",
    )
    .bind(provider)
    .bind(json(&addresses)?)
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    Ok(found.into_iter().collect())
}

/// Keeps what `provider` answered, in one transaction.
pub async fn remember(
    conn: &mut SqliteConnection,
    provider: &str,
    sequence: Sequence,
    answers: &[(String, Option<String>)],
) -> Result<()> {
    let mut transaction = begin(conn).await?;
    for (address, country) in answers {
        sqlx::query(
            "insert or replace into landfall_addresses (provider, address, country, sequence)
             values (?, ?, ?, ?)",
        )
        .bind(provider)
        .bind(address)
        .bind(country.as_deref())
        .bind(signed(sequence.0))
        .execute(&mut *transaction)
        .await
        .map_err(db_error)?;
    }
    transaction.commit().await.map_err(db_error)
}
