//! `newleaf.toml`: the settings an admin may edit, typed, each with its documented default.
//!
//! Trust roots, keys and what runs are never settings: they stand under `trust/` and in `state`.
//! The environment changes nothing here, so that the file tells all.

mod apps;
mod core;
pub mod edit;
mod error;
mod http;
mod kept;
mod listen;
mod log;
mod names;
mod outbound;
mod policy;
mod portal;
mod proxy;
mod repository;
mod seconds;
mod template;

use std::path::Path;

use serde::Deserialize;

pub use self::apps::{AppSetting, AppSettings, Apps};
pub use self::core::Core;
pub use self::error::ConfigError;
pub use self::http::Http;
pub use self::kept::{GOOD, Settings, mistake};
pub use self::listen::{Listen, Tls, scheme};
pub use self::log::{Log, LogForm};
pub use self::outbound::Outbound;
pub use self::policy::{Admission, PolicySettings};
pub use self::portal::PortalSettings;
pub use self::proxy::{InvalidProxy, ProxySetting, ProxyUrl};
pub use self::repository::{Rate, Repository, RepositoryUrl};
pub use self::seconds::Seconds;
pub use self::template::template;

/// Name of the file below the host's folder.
pub const FILE: &str = "newleaf.toml";

/// All settings of one host.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where releases come from.
    pub repository: Repository,
    /// Addresses the launcher binds.
    #[serde(default)]
    pub listen: Listen,
    /// How long clients are borne with, and how many.
    #[serde(default)]
    pub http: Http,
    /// The waits of a core update.
    #[serde(default)]
    pub core: Core,
    /// The waits and bounds of apps.
    #[serde(default)]
    pub apps: Apps,
    /// Channels, and which authors are accepted.
    #[serde(default)]
    pub policy: PolicySettings,
    /// The portal's address.
    #[serde(default)]
    pub portal: PortalSettings,
    /// What is logged.
    #[serde(default)]
    pub log: Log,
}

impl Config {
    /// Reads `<dir>/newleaf.toml`.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is not understood; the error names both.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        Self::parse(&text_of(&path)?, &path)
    }

    /// Parses the text of a `newleaf.toml`; `path` is only named in errors.
    ///
    /// # Errors
    /// A key that is not known, a value of the wrong form, one that is missing, or names of hosts that
    /// cannot stand beside each other.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::form(path, text, &error))?;
        config.check_names(path, text)?;
        Ok(config)
    }
}

/// The text of a file of settings.
fn text_of(path: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|error| ConfigError::not_utf8(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        Config::parse(text, Path::new("newleaf.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = "[repository]\nurl = \"https://updates.example.com\"\n\n[core]\nprobatoin = 5\n";
        let error = error_of(text);
        assert!(error.starts_with("newleaf.toml line 5: unknown field `probatoin`"), "{error}");
        assert!(error.contains("`probation`"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_form_is_named_with_its_line() {
        let text = "[repository]\nurl = \"https://updates.example.com\"\n[core]\nready_within = \"soon\"\n";
        let error = error_of(text);
        assert!(error.starts_with("newleaf.toml line 4: "), "{error}");
        assert!(error.contains("seconds"), "{error}");
    }

    #[test]
    fn a_rate_at_which_nothing_would_ever_come_is_refused() {
        let text = "[repository]\nurl = \"https://updates.example.com\"\nrate = 10\n";
        let error = error_of(text);
        assert!(error.starts_with("newleaf.toml line 3: ") && error.contains("1024"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_utf8_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, b"[repository]\nurl = \"https://updates.example.com/caf\xe9\"\n")
            .unwrap();
        let error = Config::load(dir.path()).unwrap_err();
        let path = path.display();
        assert_eq!(error.to_string(), format!("{path} line 2: byte 0xe9 is not UTF-8 text"));
        assert_eq!(error.hint(), format!("edit line 2 of {path}, and save the file as UTF-8"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_apart_from_one_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Config::load(dir.path()).unwrap_err().hint();
        assert!(missing.contains("newleaf init"), "{missing}");
        std::fs::create_dir(dir.path().join(FILE)).unwrap();
        let folder = Config::load(dir.path()).unwrap_err().hint();
        assert!(folder.contains("put the file back"), "{folder}");
    }

    #[test]
    fn a_proxy_and_mirrors_are_read() {
        let text = "[repository]\nurl = \"https://updates.example.com\"\nproxy = \"none\"\n\
                    mirrors = [\"https://mirror.example.net/newleaf/\"]\n";
        let config = Config::parse(text, Path::new("newleaf.toml")).unwrap();
        assert_eq!(config.repository.proxy, ProxySetting::None);
        assert_eq!(config.repository.mirrors[0].as_str(), "https://mirror.example.net/newleaf");
    }

    #[test]
    fn more_addresses_than_a_worker_can_be_given_are_refused_with_line_and_key() {
        let many = vec!["\"127.0.0.1:0\""; 35].join(", ");
        let text = format!(
            "[repository]\nurl = \"https://updates.example.com\"\n[listen]\npublic = [{many}]\n"
        );
        assert_eq!(
            error_of(&text),
            "newleaf.toml line 4: public: 35 addresses, but 29 are the most, public and admin together"
        );
    }

    #[test]
    fn a_version_that_would_never_be_started_is_refused_with_line_and_key() {
        let text = "[repository]\nurl = \"https://updates.example.com\"\n[core]\ntries = 0\n";
        assert_eq!(
            error_of(text),
            "newleaf.toml line 4: tries: invalid value: integer `0`, expected 1 to 255"
        );
        let config = Config::parse(&text.replace("= 0", "= 3"), Path::new("newleaf.toml")).unwrap();
        assert_eq!(config.core.tries.get(), 3);
    }

    #[test]
    fn a_setting_that_could_not_be_served_is_refused_with_line_and_key() {
        for (table, key, value, expected) in [
            ("portal", "origin", "\"not a url\"", "is not an origin"),
            ("repository", "proxy", "\"http://ada:hush/1@127.0.0.1:3128\"", "address of a proxy"),
            ("http", "head_within", "0", "0.1 seconds or more"),
            ("http", "idle_within", "0", "0.1 seconds or more"),
            ("core", "ready_within", "0", "0.1 seconds or more"),
            ("core", "hang_within", "0.5", "1 seconds or more"),
        ] {
            let url = "url = \"https://updates.example.com\"\n";
            let (head, line) = match table {
                "repository" => (format!("[repository]\n{url}"), 3),
                _ => (format!("[repository]\n{url}[{table}]\n"), 4),
            };
            let error = error_of(&format!("{head}{key} = {value}\n"));
            let place = format!("newleaf.toml line {line}: {key}: ");
            assert!(error.starts_with(&place) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let text = "[repository]\nurl = \"file:///srv/updates\"\n[listen]\n\
                    public_tls = { certificate = \"tls/cert.pem\" }\n";
        assert!(error_of(text).contains("missing field `key`"), "{}", error_of(text));
        let text = text.replace(" }", ", key = \"/etc/key.pem\" }");
        let config = Config::parse(&text, Path::new("newleaf.toml")).unwrap();
        let tls = config.listen.public_tls.as_ref().unwrap().below(Path::new("/srv/newleaf"));
        assert_eq!(tls.certificate, Path::new("/srv/newleaf/tls/cert.pem"));
        assert_eq!(tls.key, Path::new("/etc/key.pem"));
        assert_eq!(
            [scheme(Some(&tls)), scheme(config.listen.admin_tls.as_ref())],
            ["https", "http"]
        );
    }

    #[test]
    fn a_folder_without_a_repository_is_not_a_host() {
        assert!(error_of("[listen]\n").contains("repository"));
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        let text = "[repository]\nurl = \"file:///srv/updates\"\n[core]\nprobation = 0.25\n";
        let config = Config::parse(text, Path::new("newleaf.toml")).unwrap();
        assert_eq!(config.core.probation.duration(), std::time::Duration::from_millis(250));
    }
}
