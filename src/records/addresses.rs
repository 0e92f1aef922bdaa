//! Countries of addresses, kept so that a provider is asked once for each. It asks none.

use std::collections::BTreeMap;

use super::{json, signed};
use crate::error::Result;
use crate::sequence::Sequence;
use crate::state::{Connection, Readers, query};

/// What `provider` once answered for these addresses; those it was never asked are left out.
/// `None` means it knows no country.
pub async fn known(
    pool: &Readers,
    provider: &str,
    addresses: &[String],
) -> Result<BTreeMap<String, Option<String>>> {
    let listed = match pool {
        Readers::Sqlite(_) => "select value from json_each($2)",
        Readers::Postgres(_) => "select json_array_elements_text(cast($2 as json))",
    };
    let found: Vec<(String, Option<String>)> = query(format!(
        "select address, country from landfall_addresses
         where provider = $1 and address in ({listed})",
    ))
    .bind(provider)
    .bind(json(&addresses)?)
    .fetch_all(pool)
    .await?;
    Ok(found.into_iter().collect())
}

/// Keeps what `provider` answered, in one transaction.
pub async fn remember(
    conn: &mut Connection,
    provider: &str,
    sequence: Sequence,
    answers: &[(String, Option<String>)],
) -> Result<()> {
    let mut transaction = conn.begin().await?;
    for (address, country) in answers {
        query(
            "insert into landfall_addresses (provider, address, country, sequence)
             values ($1, $2, $3, $4)
             on conflict (provider, address) do update set
                 country = excluded.country, sequence = excluded.sequence",
        )
        .bind(provider)
        .bind(address)
        .bind(country.as_deref())
        .bind(signed(sequence.0))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}
