//! The host's own tables.

use super::Migration;

/// The steps of the host's own schema, apart from the product's.
pub const HOST_MIGRATIONS: &[Migration] = &[Migration {
    schema: 1,
    expand: &[
        // Secrets are kept as their SHA-256: who reads the file cannot sign in with it.
        "CREATE TABLE newleaf_session (
            key BLOB PRIMARY KEY,
            account TEXT NOT NULL,
            began INTEGER NOT NULL, -- seconds since 1970, as all times here
            expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
        "CREATE TABLE newleaf_sign_in_link (
            key BLOB PRIMARY KEY,
            account TEXT NOT NULL,
            expires INTEGER NOT NULL,
            used INTEGER -- when; null until then
        ) STRICT, WITHOUT ROWID",
        "CREATE TABLE newleaf_setting (
            key TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) STRICT, WITHOUT ROWID",
        // What the journal says of each update, folded; can be rebuilt from it.
        "CREATE TABLE newleaf_history (
            update_id TEXT PRIMARY KEY,
            last_seq INTEGER NOT NULL,
            entry TEXT NOT NULL -- JSON
        ) STRICT, WITHOUT ROWID",
    ],
    ..Migration::NONE
}];
