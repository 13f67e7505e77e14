//! Whose statements escape, or never end.

use std::collections::BTreeSet;

use crate::ground::{Ground, ground, id};

const SQL: &str = "hostile-sql";

/// The quota in its manifest.
const QUOTA: u64 = 4 * 1024 * 1024;

/// Statements that reach for something outside the app's own tables.
const ESCAPES: [&str; 24] = [
    "ATTACH DATABASE '/etc/passwd' AS other",
    "ATTACH DATABASE 'file:../notes/app.db?mode=rw' AS other",
    "ATTACH DATABASE ':memory:' AS other",
    "ATTACH DATABASE '' AS other",
    "DETACH DATABASE main",
    "VACUUM",
    "VACUUM INTO 'escaped.db'",
    "VACUUM main INTO 'file:escaped.db'",
    "PRAGMA journal_mode = OFF",
    "PRAGMA max_page_count = 1000000000",
    "PRAGMA temp_store_directory = '/'",
    "PRAGMA writable_schema = ON",
    "PRAGMA main.wal_checkpoint(TRUNCATE)",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM dbstat",
    "SELECT * FROM newleaf_keys",
    "SELECT load_extension('evil.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('escaped', 'x')",
    "SELECT json_patch('{}', '{}')",
    "CREATE TEMP TABLE t (x)",
    "CREATE VIRTUAL TABLE t USING fts5(x)",
    "UPDATE sqlite_schema SET sql = 'x'",
    "SELECT 1; ATTACH DATABASE 'other.db' AS other",
];

#[test]
fn no_statement_escapes_from_its_file() {
    let Some(ground) = ground("statements that escape") else { return };
    ground.install(SQL);
    let before = files(&ground);
    let (answers, siege) = ground.siege(SQL, "statements that escape", || {
        ESCAPES.map(|statement| (statement, ground.post(SQL, "/run", statement.as_bytes())))
    });
    for (statement, answer) in answers {
        assert_eq!(answer.status, 403, "{statement}: {}", answer.text());
    }
    siege.told("ATTACH and VACUUM are not allowed");
    let after = files(&ground);
    let new: Vec<_> = after.difference(&before).filter(|file| !file.contains("/app.db")).collect();
    assert!(new.is_empty(), "new files: {new:?}");
    ground.is_well(SQL);
}

/// Each works for ever, or in one step for longer than anyone waits.
const ENDLESS: [(&str, &str); 13] = [
    ("a recursion", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"),
    (
        "a join of all with all",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i = c.i + 0.5",
    ),
    (
        "a sort of all",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         SELECT i FROM n ORDER BY random() LIMIT 1",
    ),
    (
        "LIKE of a long text",
        "SELECT printf('%.*c', 8000000, 'a') LIKE '%' || printf('%.*c', 240, 'a') || 'b'",
    ),
    (
        "GLOB of a long text",
        "SELECT printf('%.*c', 8000000, 'a') GLOB '*' || printf('%.*c', 240, 'a') || 'b*'",
    ),
    (
        "instr of a long text",
        "SELECT instr(printf('%.*c', 8000000, 'a'), printf('%.*c', 4000000, 'a') || 'b')",
    ),
    (
        "instr of a long blob",
        "SELECT instr(zeroblob(8000000), CAST(zeroblob(4000000) || 'b' AS BLOB))",
    ),
    (
        "replace in a long text",
        "SELECT length(replace(printf('%.*c', 8000000, 'a'), printf('%.*c', 4000000, 'a') || 'b', ''))",
    ),
    (
        "trim of many characters",
        "SELECT length(trim(printf('%.*c', 8000000, 'a'), printf('%.*c', 8000000, 'b') || 'a'))",
    ),
    (
        "unhex of many characters",
        "SELECT length(unhex(printf('%.*c', 8000000, '-'), printf('%.*c', 8000000, '+') || '-'))",
    ),
    (
        "names that stand for names",
        "WITH a AS (SELECT 1 x), b AS (SELECT 1 FROM a p, a q), c AS (SELECT 1 FROM b p, b q),
         d AS (SELECT 1 FROM c p, c q), e AS (SELECT 1 FROM d p, d q), f AS (SELECT 1 FROM e p, e q),
         g AS (SELECT 1 FROM f p, f q), h AS (SELECT 1 FROM g p, g q), i AS (SELECT 1 FROM h p, h q),
         j AS (SELECT 1 FROM i p, i q), k AS (SELECT 1 FROM j p, j q), l AS (SELECT 1 FROM k p, k q),
         m AS (SELECT 1 FROM l p, l q), n AS (SELECT 1 FROM m p, m q), o AS (SELECT 1 FROM n p, n q),
         r AS (SELECT 1 FROM o p, o q), s AS (SELECT 1 FROM r p, r q), t AS (SELECT 1 FROM s p, s q),
         u AS (SELECT 1 FROM t p, t q), v AS (SELECT 1 FROM u p, u q), w AS (SELECT 1 FROM v p, v q)
         SELECT count(*) FROM w",
    ),
    (
        "a trigger that sets itself off",
        "CREATE TABLE IF NOT EXISTS set_off (x)
;
CREATE TRIGGER IF NOT EXISTS again AFTER INSERT ON set_off BEGIN INSERT INTO set_off SELECT x FROM set_off; END
;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO set_off SELECT i FROM n",
    ),
    (
        "a text that doubles",
        "WITH RECURSIVE n(x) AS (SELECT 'aaaaaaaa' UNION ALL SELECT x || x FROM n) SELECT max(length(x)) FROM n",
    ),
];

#[test]
fn a_statement_without_end_ends_with_its_requests_processor_time() {
    let Some(ground) = ground("statements without end beside a neighbour") else { return };
    ground.install(SQL);
    for (what, statement) in ENDLESS {
        let begin = std::time::Instant::now();
        let (answer, _) =
            ground.siege(SQL, what, || ground.post(SQL, "/again", statement.as_bytes()));
        let took = begin.elapsed();
        assert!(matches!(answer.status, 403 | 500 | 504), "{what}: {answer:?}");
        assert!(took.as_secs() < 10, "{what} took {took:?}");
        println!("  {what}: {} after {took:.1?}: {}", answer.status, answer.text().trim());
    }
    ground.is_well(SQL);
}

#[test]
fn a_crowd_of_statements_without_end_leaves_the_neighbour_its_processor() {
    let Some(ground) = ground("a crowd of statements beside a neighbour") else { return };
    ground.install(SQL);
    let (_, endless) = ENDLESS[0];
    let asked = crate::client::Asked::post(SQL, "/run", endless.as_bytes());
    let (answers, siege) = ground.siege(SQL, "40 statements without end", || {
        crate::client::ask_many(ground.host.public, &asked, 40)
    });
    assert!(
        answers.iter().all(|answer| matches!(answer.status, 403 | 500 | 503 | 504)),
        "{answers:?}"
    );
    siege.told(SQL);
    ground.is_well(SQL);
}

/// Each would be large, in memory or on disk.
const LARGE: [(&str, &str); 5] = [
    ("a blob of a gigabyte", "SELECT zeroblob(1000000000)"),
    ("digits of digits", "SELECT length(hex(hex(hex(zeroblob(4000000)))))"),
    (
        "a group of all",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         SELECT length(group_concat(randomblob(100000))) FROM n",
    ),
    (
        "more than the quota",
        "CREATE TABLE IF NOT EXISTS filler (x)
;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO filler SELECT randomblob(9000) FROM n",
    ),
    (
        "more rows than a result has",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n",
    ),
];

/// SQLite gives nothing where a number would have so many places.
#[test]
fn a_number_of_a_gigabyte_is_not_made() {
    let Some(ground) = ground("a number without bound beside a neighbour") else { return };
    ground.install(SQL);
    let statement = "SELECT length(printf('%1000000000d', 1))";
    let (answer, _) = ground
        .siege(SQL, "a number without bound", || ground.post(SQL, "/run", statement.as_bytes()));
    assert!(matches!(answer.status, 200 | 403), "{}: {}", answer.status, answer.text());
    ground.is_well(SQL);
}

#[test]
fn what_is_too_large_is_refused() {
    let Some(ground) = ground("values without bound beside a neighbour") else { return };
    ground.install(SQL);
    let (answers, _) = ground.siege(SQL, "values without bound", || {
        LARGE.map(|(what, statement)| (what, ground.post(SQL, "/run", statement.as_bytes())))
    });
    for (what, answer) in answers {
        let said = answer.text();
        // What grows slowly may use up the request's processor time first.
        assert!(matches!(answer.status, 403 | 500), "{what}: {} {said}", answer.status);
        let reasons = ["TooLarge", "QuotaExceeded", "Interrupted", "processor time"];
        assert!(reasons.iter().any(|it| said.contains(it)), "{what}: {said}");
    }
    let data = ground.host.dir.join("data/apps").join(id(SQL)).join("app.db");
    let length = std::fs::metadata(&data).unwrap().len();
    assert!(length <= QUOTA, "{} has {length}", data.display());
    ground.is_well(SQL);
}

#[test]
fn a_row_of_many_large_values_is_bounded_in_memory() {
    let Some(ground) = ground("rows of many large values beside a neighbour") else { return };
    ground.install(SQL);
    let columns = vec!["randomblob(8000000)"; 200].join(", ");
    let statement = format!("SELECT {columns}");
    let asked = crate::client::Asked::post(SQL, "/run", statement.as_bytes());
    let (answers, _) = ground.siege(SQL, "8 × 1.6 GB in one row", || {
        crate::client::ask_many(ground.host.public, &asked, 8)
    });
    assert!(answers.iter().all(|answer| matches!(answer.status, 403 | 500 | 504)), "{answers:?}");
    ground.is_well(SQL);
}

/// Every file below the host's folder.
fn files(ground: &Ground) -> BTreeSet<String> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![ground.host.dir.join("data")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.display().to_string());
            }
        }
    }
    found
}
