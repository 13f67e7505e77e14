//! The schema of every core after 1.0.0: the stock product's, and one more step that 1.0.0 can read
//! past. The broken cores bring it too, so that what is taken back is taken back on it.

use newleaf::db::Migration;
use newleaf::stock;

/// What these cores add to the database.
pub(crate) const MIGRATIONS: &[Migration] = &[
    stock::NOTICE_BOARD,
    Migration {
        schema: 2,
        expand: &["ALTER TABLE notice ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0"],
        // Views are counted anew, once nobody goes back to what counted them before.
        contract: &["DELETE FROM page_view"],
        ..Migration::NONE
    },
];
