//! What an app's statements may do: a list. Decides by what SQLite says it is about to do, never by
//! the statement's text.

use rusqlite::hooks::{AuthAction, AuthContext};

use super::super::schema::is_reserved;

/// Allows what is on the list; everything else is denied, with its name.
#[expect(clippy::wildcard_enum_match_arm, reason = "an allow list denies what it does not know")]
pub(super) fn judge(context: AuthContext<'_>) -> Result<(), String> {
    let database = match context.action {
        // Here SQLite gives the database in the action, and for DROP COLUMN the column beside it.
        AuthAction::AlterTable { database_name, .. } => Some(database_name),
        _ => context.database_name,
    };
    if database.is_some_and(|name| name != "main") {
        return elsewhere(context.action);
    }
    match context.action {
        AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. } => Ok(()),
        // The schema may be read; DEFENSIVE keeps it from being written except by CREATE and DROP.
        AuthAction::Read { table_name, .. } => readable(table_name),
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::DropIndex { table_name, .. }
        | AuthAction::DropTrigger { table_name, .. }
        | AuthAction::AlterTable { table_name, .. } => own(table_name),
        AuthAction::CreateIndex { table_name, index_name } => {
            own(table_name).and_then(|()| own(index_name))
        }
        AuthAction::CreateTrigger { table_name, trigger_name } => {
            own(table_name).and_then(|()| own(trigger_name))
        }
        AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => own(view_name),
        // CREATE INDEX runs it inwardly; as a statement of its own it is harmless.
        AuthAction::Reindex { .. } => Ok(()),
        AuthAction::Function { function_name } => function(function_name),
        AuthAction::Pragma { pragma_name, .. } => pragma(pragma_name),
        AuthAction::Attach { .. } => Err("ATTACH and VACUUM are not allowed".to_owned()),
        AuthAction::Detach { .. } => Err("DETACH is not allowed".to_owned()),
        AuthAction::CreateVtable { .. } | AuthAction::DropVtable { .. } => {
            Err("virtual tables are not allowed".to_owned())
        }
        AuthAction::Analyze { .. } => Err("ANALYZE is not allowed".to_owned()),
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => Err("temporary tables are not allowed".to_owned()),
        other => Err(format!("{other:?} is not allowed")),
    }
}

/// What is allowed outside the main database: nothing, but that ALTER TABLE looks through the list
/// of temporary tables, which is always empty.
#[expect(clippy::wildcard_enum_match_arm, reason = "an allow list denies what it does not know")]
fn elsewhere(action: AuthAction<'_>) -> Result<(), String> {
    match action {
        AuthAction::Read { table_name: "sqlite_temp_master", .. }
        | AuthAction::Update { table_name: "sqlite_temp_master", .. } => Ok(()),
        _ => Err("temporary and attached databases are not allowed".to_owned()),
    }
}

fn own(name: &str) -> Result<(), String> {
    if is_reserved(name) { Err(format!("{name} belongs to the host")) } else { Ok(()) }
}

fn readable(table: &str) -> Result<(), String> {
    // Eponymous virtual tables that show the file's inside (`dbstat`, `sqlite_dbpage`) are read
    // without being created.
    const INSIDE: [&str; 5] = ["dbstat", "sqlite_dbpage", "sqlite_stmt", "bytecode", "tables_used"];
    if INSIDE.iter().any(|inside| table.eq_ignore_ascii_case(inside)) {
        return Err(format!("table {table} is not allowed"));
    }
    own(table)
}

fn pragma(name: &str) -> Result<(), String> {
    const ALLOWED: [&str; 3] = ["foreign_keys", "table_info", "user_version"];
    if ALLOWED.iter().any(|allowed| name.eq_ignore_ascii_case(allowed)) {
        Ok(())
    } else {
        Err(format!("PRAGMA {name} is not allowed"))
    }
}

fn function(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if FUNCTIONS.binary_search(&lower.as_str()).is_ok() {
        Ok(())
    } else {
        Err(format!("function {name} is not allowed"))
    }
}

/// The functions an app may call, sorted: SQLite's built-in scalar, aggregate, window, date, math
/// and JSON functions (<https://sqlite.org/lang_corefunc.html> and its neighbours), without those
/// that load code, read files, show the program's inside, gather every row in memory (`median`,
/// `percentile`), or look through one value for each part of another (`json_patch`). Those that begin
/// with `sqlite_` are how SQLite itself carries out ALTER TABLE; it lets no statement of an app call
/// them.
#[rustfmt::skip] // one name a line would hide the rest of the file
pub(super) const FUNCTIONS: [&str; 131] = [
    "->", "->>", "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "avg", "ceil",
    "ceiling", "changes", "char", "coalesce", "concat", "concat_ws", "cos", "cosh", "count",
    "cume_dist", "current_date", "current_time", "current_timestamp", "date", "datetime",
    "degrees", "dense_rank", "exp", "first_value", "floor", "format", "glob", "group_concat",
    "hex", "if", "ifnull", "iif", "instr", "json", "json_array", "json_array_insert",
    "json_array_length", "json_each", "json_error_position", "json_extract", "json_group_array",
    "json_group_object", "json_insert", "json_object", "json_pretty", "json_quote",
    "json_remove", "json_replace", "json_set", "json_tree", "json_type", "json_valid", "julianday",
    "lag", "last_insert_rowid", "last_value", "lead", "length", "like", "likelihood", "likely",
    "ln", "log", "log10", "log2", "lower", "ltrim", "max", "min", "mod", "nth_value",
    "ntile", "nullif", "octet_length", "percent_rank", "pi", "pow", "power", "printf", "quote", "radians", "random", "randomblob",
    "rank", "replace", "round", "row_number", "rtrim", "sign", "sin", "sinh", "soundex",
    "sqlite_add_constraint", "sqlite_drop_column", "sqlite_drop_constraint", "sqlite_fail",
    "sqlite_find_constraint", "sqlite_rename_column", "sqlite_rename_quotefix",
    "sqlite_rename_table", "sqlite_rename_test", "sqrt", "strftime", "string_agg", "substr",
    "substring", "subtype", "sum", "tan", "tanh", "time", "timediff", "total", "total_changes",
    "trim", "trunc", "typeof", "unhex", "unicode", "unistr", "unixepoch", "unlikely", "upper",
    "zeroblob",
];
