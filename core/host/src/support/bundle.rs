//! The support bundle: what someone needs who was not there, in one archive without a secret.

use newleaf_domain::Timestamp;
use newleaf_launcher::{Layout, journal};

use super::facts::facts;
use super::kept_log::KeptLog;
use super::redact::{redacted, settings};
use super::tar::Tar;
use crate::config;
use crate::product::Product;

/// Records of the journal that go along.
const RECORDS: usize = 500;

/// Bytes of the log that go along.
const LOG: u64 = 256 * 1024;

const README: &str = "\
What this host said and how it stood when the bundle was made. Passwords in addresses, tokens and
whatever apps were told are replaced by \"(hidden)\"; databases, keys and app data are not in it.
Look through it before you pass it on.

facts.txt      versions, room, owners and modes
state.json     what should run; state.prev.json is what should have run one write ago
journal.jsonl  the last records
host.log       the end of the log
newleaf.toml   the settings
";

/// What the archive is called, and the folder in it.
pub(crate) fn file_name(program: &str, now: Timestamp) -> String {
    format!("{program}-support-{}.tar", now.unix())
}

/// The archive of the host in `layout`. Whatever cannot be read is told in its place.
pub(crate) fn bundle(product: &Product, layout: &Layout, now: Timestamp) -> Vec<u8> {
    let mut tar = Tar::new(u64::try_from(now.unix()).unwrap_or_default());
    let name = file_name(product.program, now);
    let folder = name.trim_end_matches(".tar");
    let mut add = |name: &str, text: &str| tar.add(&format!("{folder}/{name}"), text.as_bytes());
    add("README.txt", README);
    add("facts.txt", &facts(product, layout));
    add("state.json", &file(&layout.state(), redacted));
    add("state.prev.json", &file(&layout.previous_state(), redacted));
    add("journal.jsonl", &records(layout));
    add("host.log", &redacted(&KeptLog::of(layout.dir()).tail(LOG)));
    for name in [config::FILE, config::GOOD] {
        add(name, &file(&layout.dir().join(name), settings));
    }
    tar.finish()
}

fn file(path: &std::path::Path, safe: impl Fn(&str) -> String) -> String {
    match std::fs::read(path) {
        Ok(bytes) => safe(&String::from_utf8_lossy(&bytes)),
        Err(error) => format!("not read: {error}\n"),
    }
}

fn records(layout: &Layout) -> String {
    let records = match journal::read_from(layout, 1) {
        Ok(records) => records,
        Err(error) => return format!("not read: {}\n", newleaf_update::explain::chain(&error)),
    };
    let last = &records[records.len().saturating_sub(RECORDS)..];
    let lines = last.iter().filter_map(|record| serde_json::to_string(record).ok());
    lines.map(|line| redacted(&line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_the_folder_is_in_the_bundle() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "newleaf.toml",
            "[repository]\nurl = \"https://a:hush1@updates.example.com\"\n[apps.\"acme/notes\".config]\nkey = \"hush2\"\n",
        );
        write("newleaf.toml.good", "[repository]\nproxy = \"http://a:hush3@b\"\n");
        write("state", "torn hush_is_no_secret_word");
        write(
            "journal.jsonl",
            "{\"seq\":1,\"at\":\"2026-11-21T02:30:00Z\",\"kind\":\"notice\",\"text\":\"http://a:hush4@b failed\"}\n",
        );
        write("host.log", "password=hush5\nlistening\n");
        write("newleaf.db", "hush6");
        write("trust/root.json", "hush7");
        write("data/core/x", "hush8");
        write("snapshots/core-1-1.0.0/newleaf.db", "hush9");
        let product = crate::stock::product("1.0.0");
        let made = bundle(&product, &layout, Timestamp::from_unix(1_800_000_000));
        let text = String::from_utf8_lossy(&made);
        for n in 1..=9 {
            assert!(!text.contains(&format!("hush{n}")), "secret {n} is in the bundle");
        }
        for wanted in ["facts.txt", "listening", "failed", "updates.example.com", "newleaf.db 6"] {
            assert!(text.contains(wanted), "{wanted} is missing:\n{text}");
        }
    }
}
