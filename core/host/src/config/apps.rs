//! The waits and bounds of apps, and what an admin tells each of them.

use std::collections::BTreeMap;
use std::fmt;

use newleaf_domain::{AppOrigin, ByteSize, HostName, PackageName};
use newleaf_update::{OnDataLoss, Rehearsal};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Outbound, Seconds, outbound};

/// How long each part of an app update may take, how many requests wait for it, and the settings of
/// single apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apps {
    /// Whether apps share the public address, each below a path, or have a host name each.
    pub origin: AppOrigin,
    /// What the host names of apps end with; set where they have one each.
    pub domain: Option<HostName>,
    /// How long a new version is watched after it took over, and with `answer_within` how long a
    /// request may then be without an answer.
    pub probation: Seconds,
    /// How long running requests may take to end while new ones are held; then they are cut short with
    /// 503 and `Retry-After`.
    pub drain_within: Seconds,
    /// How long clients may take, in that time, to send or to read what is under way; then their
    /// requests are cut short with 408. At most half of `drain_within` counts.
    pub client_within: Seconds,
    /// Requests of one app that are held at a time, but never more than half of the connections of
    /// the public listeners; the next one gets 503 and `Retry-After`.
    pub hold_cap: usize,
    /// How long the data of a removed app is set aside before it goes for good.
    pub removed_for: Seconds,
    /// Requests of apps to the outside: the keys that begin with `outbound_`.
    pub outbound: Outbound,
    /// Processor time that one request of an app may use.
    pub processor: Seconds,
    /// How long an app may take to answer one request, to the last byte.
    pub answer_within: Seconds,
    /// What it means where a new version fails on a copy of the data.
    pub rehearsal: Rehearsal,
    /// How long visitors may be made to wait without having been told; a longer pause wants a yes.
    pub pause_unannounced: Seconds,
    /// What becomes of an app that cannot go back without losing what was written since its switch.
    pub on_data_loss: OnDataLoss,
    /// Traps that a new version may show in its probation.
    pub probation_traps: u64,
    /// Answers of class 5xx that it may give in its probation, requests that hang at its end included.
    pub probation_errors: u64,
    /// The most that an app may ask to store.
    pub most_storage: ByteSize,
    /// What of the disk stays free of apps' writes; where it is not set, 256 MiB or a hundredth,
    /// whichever is more, but no more than a tenth.
    pub reserve: Option<ByteSize>,
    /// What is set for single apps: `[apps."acme/notes".config]`.
    pub each: BTreeMap<PackageName, AppSettings>,
}

/// What is set for one app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppSettings {
    /// The host name it is served at in place of `<app>.<namespace>.<domain>`.
    pub host: Option<HostName>,
    /// What the app reads through `config.get`; the keys are the app's own.
    pub config: BTreeMap<String, AppSetting>,
}

/// One value an app reads: a text, or a number, `true` or `false` as the text of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSetting(String);

impl Apps {
    /// What `app` reads through `config.get`.
    pub fn config(&self, app: &PackageName) -> BTreeMap<String, String> {
        let config = self.each.get(app).map(|each| &each.config);
        let pairs = config.into_iter().flatten();
        pairs.map(|(key, AppSetting(value))| (key.clone(), value.clone())).collect()
    }
}

impl Default for Apps {
    fn default() -> Self {
        Self {
            origin: AppOrigin::Path,
            domain: None,
            probation: Seconds::new(60),
            drain_within: Seconds::new(20),
            client_within: Seconds::new(5),
            hold_cap: 4096,
            removed_for: Seconds::new(7 * 24 * 60 * 60),
            outbound: Outbound::default(),
            processor: Seconds::new(5),
            answer_within: Seconds::new(60),
            rehearsal: Rehearsal::Required,
            pause_unannounced: Seconds::new(20),
            on_data_loss: OnDataLoss::Ask,
            probation_traps: 3,
            probation_errors: 10,
            most_storage: ByteSize::mib(1024),
            reserve: None,
            each: BTreeMap::new(),
        }
    }
}

/// A key of `[apps]`.
enum Key {
    Origin,
    Domain,
    Probation,
    DrainWithin,
    ClientWithin,
    HoldCap,
    RemovedFor,
    Outbound(outbound::Key),
    Processor,
    AnswerWithin,
    Rehearsal,
    PauseUnannounced,
    OnDataLoss,
    ProbationTraps,
    ProbationErrors,
    MostStorage,
    Reserve,
    App(PackageName),
}

/// The keys of `[apps]` that name no app.
const KEYS: &[&str] = &[
    "origin",
    "domain",
    "probation",
    "drain_within",
    "client_within",
    "hold_cap",
    "removed_for",
    "outbound_private",
    "outbound_proxy",
    "outbound_within",
    "outbound_connect_within",
    "outbound_first_byte_within",
    "outbound_stall_within",
    "outbound_at_once",
    "outbound_request_body",
    "outbound_response_body",
    "processor",
    "answer_within",
    "rehearsal",
    "pause_unannounced",
    "on_data_loss",
    "probation_traps",
    "probation_errors",
    "most_storage",
    "reserve",
];

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.as_str() {
            "origin" => Ok(Self::Origin),
            "domain" => Ok(Self::Domain),
            "probation" => Ok(Self::Probation),
            "drain_within" => Ok(Self::DrainWithin),
            "client_within" => Ok(Self::ClientWithin),
            "hold_cap" => Ok(Self::HoldCap),
            "removed_for" => Ok(Self::RemovedFor),
            "processor" => Ok(Self::Processor),
            "answer_within" => Ok(Self::AnswerWithin),
            "rehearsal" => Ok(Self::Rehearsal),
            "pause_unannounced" => Ok(Self::PauseUnannounced),
            "on_data_loss" => Ok(Self::OnDataLoss),
            "probation_traps" => Ok(Self::ProbationTraps),
            "probation_errors" => Ok(Self::ProbationErrors),
            "most_storage" => Ok(Self::MostStorage),
            "reserve" => Ok(Self::Reserve),
            app if app.contains('/') => {
                PackageName::parse(app).map(Self::App).map_err(D::Error::custom)
            }
            other => {
                let unknown = || D::Error::unknown_field(other, KEYS);
                Outbound::key(other).map(Self::Outbound).ok_or_else(unknown)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Apps {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(AppsTable)
    }
}

/// Reads `[apps]`, whose keys are those of this host and the names of apps.
struct AppsTable;

impl<'de> Visitor<'de> for AppsTable {
    type Value = Apps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of waits and bounds, and of tables named by apps")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut table: M) -> Result<Apps, M::Error> {
        let mut apps = Apps::default();
        while let Some(key) = table.next_key()? {
            match key {
                Key::Origin => apps.origin = table.next_value()?,
                Key::Domain => apps.domain = Some(table.next_value()?),
                Key::Probation => apps.probation = table.next_value()?,
                Key::DrainWithin => apps.drain_within = table.next_value()?,
                Key::ClientWithin => apps.client_within = table.next_value()?,
                Key::HoldCap => apps.hold_cap = table.next_value()?,
                Key::RemovedFor => apps.removed_for = table.next_value()?,
                Key::Outbound(key) => apps.outbound.read(key, &mut table)?,
                Key::Processor => apps.processor = table.next_value()?,
                Key::AnswerWithin => apps.answer_within = table.next_value()?,
                Key::Rehearsal => apps.rehearsal = table.next_value()?,
                Key::PauseUnannounced => apps.pause_unannounced = table.next_value()?,
                Key::OnDataLoss => apps.on_data_loss = table.next_value()?,
                Key::ProbationTraps => apps.probation_traps = table.next_value()?,
                Key::ProbationErrors => apps.probation_errors = table.next_value()?,
                Key::MostStorage => apps.most_storage = table.next_value()?,
                Key::Reserve => apps.reserve = Some(table.next_value()?),
                Key::App(name) => {
                    apps.each.insert(name, table.next_value()?);
                }
            }
        }
        Ok(apps)
    }
}

impl<'de> Deserialize<'de> for AppSetting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AppSettingValue)
    }
}

/// Reads one value of `config`.
struct AppSettingValue;

impl Visitor<'_> for AppSettingValue {
    type Value = AppSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_str<E>(self, text: &str) -> Result<AppSetting, E> {
        Ok(AppSetting(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<AppSetting, E> {
        Ok(AppSetting(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<AppSetting, E> {
        Ok(AppSetting(number.to_string()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<AppSetting, E> {
        Ok(AppSetting(value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    const REPOSITORY: &str = "[repository]\nurl = \"https://updates.example.com\"\n";

    fn apps(text: &str) -> Result<Apps, String> {
        let config = Config::parse(&format!("{REPOSITORY}{text}"), Path::new("newleaf.toml"));
        config.map(|config| config.apps).map_err(|error| error.to_string())
    }

    #[test]
    fn an_app_reads_texts_numbers_and_switches() {
        let text = "[apps]\nhold_cap = 7\n[apps.\"acme/notes\".config]\ntitle = \"Ours\"\nper_page = 20\nratio = 0.5\nopen = true\n";
        let apps = apps(text).unwrap();
        let config = apps.config(&PackageName::parse("acme/notes").unwrap());
        let shown: Vec<_> =
            config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            shown,
            [("open", "true"), ("per_page", "20"), ("ratio", "0.5"), ("title", "Ours")]
        );
        assert_eq!(apps.hold_cap, 7);
        assert_eq!((apps.most_storage, apps.reserve), (ByteSize::mib(1024), None));
        assert!(apps.config(&PackageName::parse("acme/other").unwrap()).is_empty());
    }

    #[test]
    fn storage_has_a_most_and_the_disk_a_reserve() {
        let apps = apps("[apps]\nmost_storage = 4194304\nreserve = 0\n").unwrap();
        assert_eq!(apps.most_storage, ByteSize::mib(4));
        assert_eq!(apps.reserve, Some(ByteSize::bytes(0)));
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (text, line, words) in [
            ("[apps]\nholdcap = 7\n", 4, "unknown field `holdcap`"),
            ("[apps.\"acme/notes\"]\nconfg = 7\n", 4, "unknown field `confg`"),
            ("[apps.\"Acme/Notes\".config]\n", 3, "Acme/Notes"),
            ("[apps.\"acme/notes\".config]\nlist = [1]\n", 4, "a text, a number, true or false"),
        ] {
            let error = apps(text).unwrap_err();
            assert!(error.starts_with(&format!("newleaf.toml line {line}: ")), "{error}");
            assert!(error.contains(words), "{error}");
        }
    }
}
