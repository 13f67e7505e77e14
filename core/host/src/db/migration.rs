//! One step of a schema.

/// A step of a schema, in three parts that run at different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The schema it leads to; ascending, starting at 1.
    pub schema: u32,
    /// Statements that only add (tables, columns with a default, indexes), run in one
    /// transaction while the old version serves. The old version's writes must stay right.
    pub expand: &'static [&'static str],
    /// Statements that fill what was added, while the version before goes on writing. Each takes
    /// `?1`, the most rows it may change, and is run again, in a transaction of its own, until it
    /// changes fewer: then it has found every row that was there. It must look for rows that still
    /// need it (`WHERE id IN (SELECT id FROM t WHERE added IS NULL LIMIT ?1)`), so that it can be
    /// cut short anywhere. The number follows the time the last transaction took, well below
    /// 250 ms. A statement that looks through a large table keeps its place: it gives the keys of
    /// its rows back (`RETURNING id`), and `?2` is the greatest so far, at first the smallest
    /// integer (`… WHERE added IS NULL AND id > ?2 ORDER BY id LIMIT ?1`). Rows that the version
    /// before writes later stay as it writes them, a default or null that this version can read,
    /// until the backfill runs again: when a version of this schema comes after an older one once
    /// more, and before `contract`.
    pub backfill: &'static [&'static str],
    /// Statements that take away what only older versions need, run in one transaction once
    /// nobody can go back. From then on no version with a lower schema starts.
    pub contract: &'static [&'static str],
}

impl Migration {
    /// A step that does nothing, to build others from by `..Migration::NONE`.
    pub const NONE: Self = Self { schema: 0, expand: &[], backfill: &[], contract: &[] };
}
