//! The settings that served last, kept beside `newleaf.toml`: where that is not understood, they
//! serve in its place and it is said so, loudly. A typing mistake must not keep a host down.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::{Config, ConfigError, FILE};

/// Name of the copy below the host's folder. The host writes it; nobody edits it.
pub const GOOD: &str = "newleaf.toml.good";

/// Settings to serve with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What they say.
    pub config: Config,
    text: String,
    mistake: Option<String>,
}

impl Settings {
    /// Reads `newleaf.toml`, or the copy of what served last where that is not understood.
    ///
    /// # Errors
    /// It is not understood, and there is no copy that is.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let error = match read(dir, FILE) {
            Ok((config, text)) => return Ok(Self { config, text, mistake: None }),
            Err(error) => error,
        };
        let Ok((config, text)) = read(dir, GOOD) else { return Err(error) };
        Ok(Self { config, text, mistake: Some(told(&error)) })
    }

    /// What to say where the copy serves: what is wrong with which line, and what mends it.
    pub fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    /// Keeps them as those that served. What is kept already costs no write.
    ///
    /// # Errors
    /// The disk refused; what was kept before stays whole.
    pub fn keep(&self, dir: &Path) -> io::Result<()> {
        let path = dir.join(GOOD);
        if fs::read(&path).is_ok_and(|kept| kept == self.text.as_bytes()) {
            return Ok(());
        }
        let fresh = dir.join("newleaf.toml.tmp");
        // As private as a file with a proxy's password must be.
        let open =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let mut file = open?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(dir)?.sync_all()
    }
}

/// What is wrong with `newleaf.toml` while earlier settings serve; nothing where it is understood.
pub fn mistake(dir: &Path) -> Option<String> {
    Config::load(dir).err().map(|error| told(&error))
}

fn told(error: &ConfigError) -> String {
    format!(
        "{}; the settings that served last are in use: {}",
        newleaf_update::explain::chain(error),
        error.hint()
    )
}

fn read(dir: &Path, name: &str) -> Result<(Config, String), ConfigError> {
    let path = dir.join(name);
    let text = super::text_of(&path)?;
    Ok((Config::parse(&text, &path)?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "[repository]\nurl = \"https://updates.example.com\"\n[core]\ntries = 3\n";

    #[test]
    fn settings_that_are_not_understood_give_way_to_those_that_served_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, WHOLE).unwrap();
        let served = Settings::load(dir.path()).unwrap();
        assert_eq!(served.mistake(), None);
        served.keep(dir.path()).unwrap();
        for (text, named) in [
            ("", "line 1: missing field `repository`"),
            (&WHOLE[..40], "line 2: "),
            (&format!("{WHOLE}colour = \"red\"\n"), "line 5: unknown field `colour`"),
            (&WHOLE.replace('3', "0"), "line 4: tries: "),
        ] {
            fs::write(&path, text).unwrap();
            let found = Settings::load(dir.path()).unwrap();
            assert_eq!(found.config, served.config);
            let mistake = found.mistake().unwrap();
            assert!(mistake.contains(named), "{mistake}");
            assert!(mistake.contains("served last"), "{mistake}");
            assert_eq!(super::mistake(dir.path()).as_deref(), Some(mistake));
            found.keep(dir.path()).unwrap();
            assert_eq!(fs::read_to_string(dir.path().join(GOOD)).unwrap(), WHOLE);
        }
        fs::remove_file(&path).unwrap();
        assert!(Settings::load(dir.path()).unwrap().mistake().unwrap().contains("cannot read"));
    }

    #[test]
    fn without_a_copy_the_mistake_itself_is_the_answer() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "[core]\ntries = 0\n").unwrap();
        fs::write(dir.path().join(GOOD), "torn").unwrap();
        let error = Settings::load(dir.path()).unwrap_err();
        assert!(error.to_string().contains("newleaf.toml line"), "{error}");
    }

    #[test]
    fn settings_that_are_no_text_give_way_with_the_line_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, WHOLE).unwrap();
        Settings::load(dir.path()).unwrap().keep(dir.path()).unwrap();
        fs::write(&path, b"[repository]\nurl = \"\xe9\"\n").unwrap();
        let found = Settings::load(dir.path()).unwrap();
        let mistake = found.mistake().unwrap();
        assert!(mistake.contains("line 2: byte 0xe9 is not UTF-8 text"), "{mistake}");
        assert!(mistake.contains("save the file as UTF-8"), "{mistake}");
    }
}
