//! What an app may do: asked for in its manifest, granted by an admin.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ByteSize, Digest, JobName, Language};

/// The shortest time between two runs of a job, whatever a manifest asks for.
pub const SHORTEST_INTERVAL: Duration = Duration::from_mins(1);

/// The most that any app may ask to store, whatever a host allows: more is a mistake or a joke.
pub const MOST_STORAGE: ByteSize = ByteSize::bytes(1 << 50);

/// Why a claim does not read as what it means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitGrant {
    /// A host whose name may look like another's.
    #[error(
        "names the host {host:?}, which is not in ASCII; an international name is written as it is \
         looked up, such as xn--bcher-kva.example.com"
    )]
    Host {
        /// What was given.
        host: String,
    },
    /// A path that shows other than it is.
    #[error("names the path {path:?}, which is not in visible ASCII")]
    Path {
        /// What was given.
        path: String,
    },
    /// More storage than any machine has to give.
    #[error("asks to store {quota}, more than {MOST_STORAGE}")]
    Storage {
        /// What was asked for.
        quota: ByteSize,
    },
}

/// Something an app asks for, with the reason a person reads before saying yes.
///
/// An unknown `kind` does not parse: a host that does not understand a claim refuses the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// What is asked for.
    #[serde(flatten)]
    pub grant: Grant,
    /// Why, in a sentence; at most [`MAX_REASON`](crate::display::MAX_REASON) characters, none of
    /// them hidden, in every manifest that parses.
    pub reason: String,
}

impl Capability {
    /// The digest under which the signed role names the reason's text.
    pub fn reason_digest(&self) -> Digest {
        Digest::of(self.reason.as_bytes())
    }
}

/// A permission, without its reason: what is stored in `state` and enforced in the host calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Grant {
    /// Outbound HTTPS (or HTTP) to one host.
    Http {
        /// A host name, or `host:port`; no wildcard.
        host: String,
    },
    /// Key-value pairs and one SQL database, together up to `quota` bytes on disk.
    Storage {
        /// The most the app may store.
        quota: ByteSize,
    },
    /// A path under the app's own address that other apps' pages may link to.
    Route {
        /// Absolute below the app, such as `/feed.xml`.
        path: String,
    },
    /// Work at regular times.
    Schedule {
        /// Which of the app's jobs; `main` where it is not named.
        #[serde(default, skip_serializing_if = "JobName::is_main")]
        job: JobName,
        /// Seconds between two runs, at least 60.
        every_seconds: u32,
    },
    /// More processor time and memory to be compiled: what an interpreter needs. Asked for by the
    /// manifest's `language`, not among its capabilities.
    Compile {
        /// Whose interpreter it is.
        language: Language,
    },
}

impl Grant {
    /// What the grant is about, so that two sizes of one permission can be compared.
    pub fn subject(&self) -> String {
        match self {
            Self::Http { host } => format!("http {host}"),
            Self::Storage { .. } => "storage".to_owned(),
            Self::Route { path } => format!("route {path}"),
            Self::Schedule { job, .. } => format!("schedule {job}"),
            Self::Compile { .. } => "compile".to_owned(),
        }
    }

    /// What a person should bear in mind before saying yes; nothing of the usual claims.
    pub fn caution(&self) -> Option<&'static str> {
        match self {
            Self::Http { host } => Near::of(host).map(|near| match near {
                Near::Machine => {
                    "programs on this machine often trust whoever asks from it: say yes only if you \
                     know which one the app is to reach"
                }
                Near::Network => {
                    "devices and programs inside a network often trust whoever asks from it: say \
                     yes only if you know which one the app is to reach"
                }
            }),
            Self::Storage { .. }
            | Self::Route { .. }
            | Self::Schedule { .. }
            | Self::Compile { .. } => None,
        }
    }

    /// Checks that a person who reads it sees what it means.
    pub(crate) fn presentable(&self) -> Result<(), UnfitGrant> {
        let cut = |text: &str| text.chars().take(120).collect();
        match self {
            Self::Http { host } if !is_plain_host(host) => {
                Err(UnfitGrant::Host { host: cut(host) })
            }
            Self::Route { path } if !is_visible_ascii(path) => {
                Err(UnfitGrant::Path { path: cut(path) })
            }
            Self::Storage { quota } if *quota > MOST_STORAGE => {
                Err(UnfitGrant::Storage { quota: *quota })
            }
            Self::Http { .. }
            | Self::Route { .. }
            | Self::Storage { .. }
            | Self::Schedule { .. }
            | Self::Compile { .. } => Ok(()),
        }
    }

    /// Whether `self` allows all that `wanted` (of the same subject) asks for.
    fn covers(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Storage { quota: have }, Self::Storage { quota: want }) => have >= want,
            (
                Self::Schedule { every_seconds: have, .. },
                Self::Schedule { every_seconds: want, .. },
            ) => have <= want,
            // Each interpreter is given the same.
            (Self::Compile { language: have }, Self::Compile { language: want }) => {
                have.brings_interpreter() >= want.brings_interpreter()
            }
            (
                Self::Http { .. }
                | Self::Route { .. }
                | Self::Storage { .. }
                | Self::Schedule { .. }
                | Self::Compile { .. },
                _,
            ) => self == wanted,
        }
    }
}

/// What a host stands for that is no part of the internet, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Near {
    /// This machine: loopback.
    Machine,
    /// What only those inside a network reach: private and link-local addresses, names without a
    /// dot, and those kept for local use (RFC 6762, RFC 8375, ICANN's `internal`).
    Network,
}

impl Near {
    fn of(host: &str) -> Option<Self> {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match name.parse::<IpAddr>() {
            Ok(address) => Self::of_address(address.to_canonical()),
            Err(_) => Self::of_name(&name),
        }
    }

    fn of_address(address: IpAddr) -> Option<Self> {
        let is_local = match address {
            IpAddr::V4(v4) => {
                let is_shared = matches!(v4.octets(), [100, 64..=127, ..]);
                v4.is_private() || v4.is_link_local() || is_shared
            }
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        if address.is_loopback() || address.is_unspecified() {
            Some(Self::Machine)
        } else {
            is_local.then_some(Self::Network)
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        let is_under = |end: &str| {
            name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if is_under("localhost") {
            return Some(Self::Machine);
        }
        let ends = ["local", "internal", "lan", "home.arpa", "localdomain", "intranet"];
        (!name.contains('.') || ends.into_iter().any(is_under)).then_some(Self::Network)
    }
}

/// Whether a host is written in the characters that names, addresses and ports have; whether it is
/// one of them is for those who look it up.
fn is_plain_host(host: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]/*@".contains(&b);
    host.len() <= 262 && host.bytes().all(is_plain)
}

fn is_visible_ascii(text: &str) -> bool {
    text.len() <= 1_024 && text.bytes().all(|b| b.is_ascii_graphic())
}

impl std::fmt::Display for Grant {
    /// A plain sentence part: `store up to 16 MiB`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { host } => match Near::of(host) {
                Some(Near::Machine) => write!(f, "talk to this machine itself, at {host}"),
                Some(Near::Network) => write!(f, "talk to your own network, at {host}"),
                None => write!(f, "talk to {host}"),
            },
            Self::Storage { quota } => write!(f, "store up to {quota}"),
            Self::Route { path } => write!(f, "serve {path}"),
            Self::Schedule { job, every_seconds } if job.is_main() => {
                write!(f, "do work in the background {}", Every(*every_seconds))
            }
            Self::Schedule { job, every_seconds } => {
                write!(f, "do its job “{job}” in the background {}", Every(*every_seconds))
            }
            Self::Compile { .. } => {
                f.write_str("take up to a minute of processor time and 2 GiB to be prepared")
            }
        }
    }
}

/// A number of seconds between two runs, in words: `every 15 minutes`.
struct Every(u32);

impl std::fmt::Display for Every {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [(u32, &str); 4] =
            [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
        let whole =
            |(length, _): &&(u32, &str)| self.0 >= *length && self.0.is_multiple_of(*length);
        let (length, unit) = UNITS.iter().find(whole).copied().unwrap_or((1, "second"));
        match self.0 / length {
            1 => write!(f, "every {unit}"),
            count => write!(f, "every {count} {unit}s"),
        }
    }
}

/// All that one app may do; empty means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Grant>", into = "Vec<Grant>")]
pub struct Grants(BTreeMap<String, Grant>);

impl Grants {
    /// The grants that give exactly what is asked for.
    pub fn all_of(asked: &[Capability]) -> Self {
        asked.iter().map(|capability| capability.grant.clone()).collect::<Vec<_>>().into()
    }

    /// Each grant, ordered by subject.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.values()
    }

    /// The most the app may store; nothing where storage was not granted.
    pub fn storage_quota(&self) -> Option<ByteSize> {
        self.0.values().find_map(|grant| match grant {
            Grant::Storage { quota } => Some(*quota),
            Grant::Http { .. }
            | Grant::Route { .. }
            | Grant::Schedule { .. }
            | Grant::Compile { .. } => None,
        })
    }

    /// Each job that may run by itself, with the time between the beginnings of two runs: at least
    /// [`SHORTEST_INTERVAL`].
    pub fn schedules(&self) -> impl Iterator<Item = (&JobName, Duration)> {
        self.0.values().filter_map(|grant| match grant {
            Grant::Schedule { job, every_seconds } => {
                let every = Duration::from_secs(u64::from(*every_seconds));
                Some((job, every.max(SHORTEST_INTERVAL)))
            }
            Grant::Http { .. }
            | Grant::Route { .. }
            | Grant::Storage { .. }
            | Grant::Compile { .. } => None,
        })
    }

    /// The hosts that outbound requests are granted to, each a name or `name:port` as the manifest
    /// has it.
    pub fn http_hosts(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(|grant| match grant {
            Grant::Http { host } => Some(host.as_str()),
            Grant::Storage { .. }
            | Grant::Route { .. }
            | Grant::Schedule { .. }
            | Grant::Compile { .. } => None,
        })
    }

    /// Whether the app may take what an interpreter needs to be compiled.
    pub fn compiles_interpreter(&self) -> bool {
        self.0.values().any(|grant| match grant {
            Grant::Compile { language } => language.brings_interpreter(),
            Grant::Http { .. }
            | Grant::Storage { .. }
            | Grant::Route { .. }
            | Grant::Schedule { .. } => false,
        })
    }

    /// What changes for an app that holds `self` and asks for `asked`.
    pub fn changes_to(&self, asked: &[Capability]) -> Vec<GrantChange> {
        let wanted = Self::all_of(asked);
        let mut changes = Vec::new();
        for capability in asked {
            let have = self.0.get(&capability.grant.subject());
            if have == Some(&capability.grant) {
                continue;
            }
            changes.push(GrantChange {
                from: have.cloned(),
                to: Some(capability.grant.clone()),
                reason: Some(capability.reason.clone()),
                widens: have.is_none_or(|have| !have.covers(&capability.grant)),
            });
        }
        for (subject, have) in &self.0 {
            if !wanted.0.contains_key(subject) {
                changes.push(GrantChange {
                    from: Some(have.clone()),
                    to: None,
                    reason: None,
                    widens: false,
                });
            }
        }
        changes
    }
}

impl From<Vec<Grant>> for Grants {
    fn from(grants: Vec<Grant>) -> Self {
        Self(grants.into_iter().map(|grant| (grant.subject(), grant)).collect())
    }
}
impl From<Grants> for Vec<Grant> {
    fn from(grants: Grants) -> Self {
        grants.0.into_values().collect()
    }
}

/// One difference between what an app holds and what its new version asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantChange {
    /// What it holds today.
    pub from: Option<Grant>,
    /// What it asks for; nothing where it gives the permission up.
    pub to: Option<Grant>,
    /// The author's reason, for what is asked.
    pub reason: Option<String>,
    /// Whether the app could do more than today; such a change needs an admin's yes.
    pub widens: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(mib: u64) -> Capability {
        Capability {
            grant: Grant::Storage { quota: ByteSize::mib(mib) },
            reason: "to keep notes".to_owned(),
        }
    }

    #[test]
    fn a_larger_quota_widens_and_a_smaller_one_does_not() {
        let held = Grants::all_of(&[storage(4)]);
        assert!(held.changes_to(&[storage(16)])[0].widens);
        assert!(!held.changes_to(&[storage(1)])[0].widens);
        assert!(held.changes_to(&[storage(4)]).is_empty());
    }

    #[test]
    fn a_permission_given_up_is_a_change_that_widens_nothing() {
        let changes = Grants::all_of(&[storage(4)]).changes_to(&[]);
        assert_eq!((changes.len(), changes[0].widens, changes[0].to.is_none()), (1, false, true));
    }

    fn schedule(text: &str) -> Grant {
        serde_json::from_str::<Capability>(text).unwrap().grant
    }

    #[test]
    fn a_schedule_without_a_job_is_one_of_the_job_main_and_is_written_as_it_was() {
        let text = r#"{"kind":"schedule","every_seconds":900,"reason":"to look"}"#;
        let main = JobName::default();
        assert_eq!(schedule(text), Grant::Schedule { job: main, every_seconds: 900 });
        let read: Capability = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn each_job_has_a_schedule_of_its_own_and_runs_once_a_minute_at_most() {
        let grants: Grants = vec![
            schedule(r#"{"kind":"schedule","every_seconds":1,"reason":"x"}"#),
            schedule(r#"{"kind":"schedule","job":"fetch","every_seconds":900,"reason":"x"}"#),
        ]
        .into();
        let found: Vec<_> =
            grants.schedules().map(|(job, every)| (job.as_str(), every.as_secs())).collect();
        assert_eq!(found, [("fetch", 900), ("main", 60)]);
        assert!(
            serde_json::from_str::<Capability>(
                r#"{"kind":"schedule","job":"Fetch it","every_seconds":900,"reason":"x"}"#
            )
            .is_err()
        );
    }

    #[test]
    fn a_schedule_reads_as_a_sentence() {
        let said = |job: &str, every_seconds| {
            Grant::Schedule { job: JobName::parse(job).unwrap(), every_seconds }.to_string()
        };
        assert_eq!(said("main", 3_600), "do work in the background every hour");
        assert_eq!(said("fetch", 900), "do its job “fetch” in the background every 15 minutes");
        assert_eq!(said("main", 90), "do work in the background every 90 seconds");
    }

    #[test]
    fn an_interpreter_is_a_claim_and_another_one_in_its_place_is_none_more() {
        let written_in = |language| Capability {
            grant: Grant::Compile { language },
            reason: "it is written in it".to_owned(),
        };
        let (python, other) = (written_in(Language::Python), written_in(Language::JavaScript));
        assert!(Grants::default().changes_to(std::slice::from_ref(&python))[0].widens);
        let held = Grants::all_of(std::slice::from_ref(&python));
        assert!(held.compiles_interpreter() && !Grants::default().compiles_interpreter());
        assert!(!held.changes_to(&[other])[0].widens);
        let text = serde_json::to_string(&held).unwrap();
        assert_eq!(text, r#"[{"kind":"compile","language":"python"}]"#);
        assert_eq!(
            python.grant.to_string(),
            "take up to a minute of processor time and 2 GiB to be prepared"
        );
    }

    #[test]
    fn running_more_often_widens_and_less_often_does_not() {
        let every = |every_seconds| Capability {
            grant: Grant::Schedule { job: JobName::default(), every_seconds },
            reason: "to look".to_owned(),
        };
        let held = Grants::all_of(&[every(900)]);
        assert!(held.changes_to(&[every(300)])[0].widens);
        assert!(!held.changes_to(&[every(3_600)])[0].widens);
    }

    #[test]
    fn a_host_that_is_no_part_of_the_internet_is_called_what_it_is() {
        let said = |host: &str| Grant::Http { host: host.to_owned() };
        for host in ["127.0.0.1:8081", "[::1]:80", "localhost", "api.localhost:90"] {
            let text = said(host).to_string();
            assert_eq!(text, format!("talk to this machine itself, at {host}"));
            assert!(said(host).caution().is_some());
        }
        for host in
            ["10.0.0.5", "192.168.1.1:80", "169.254.169.254", "[fd00::5]", "nas", "printer.local"]
        {
            assert_eq!(said(host).to_string(), format!("talk to your own network, at {host}"));
            assert!(said(host).caution().is_some());
        }
        for host in ["example.com", "9.9.9.9:443", "mylocalhost.example.com", "[2001:db8::1]:80"] {
            assert_eq!(said(host).to_string(), format!("talk to {host}"));
            assert_eq!(said(host).caution(), None);
        }
    }

    #[test]
    fn an_unknown_capability_does_not_parse() {
        let asked = r#"{"kind":"camera","reason":"to see"}"#;
        assert!(serde_json::from_str::<Capability>(asked).is_err());
    }

    #[test]
    fn a_capability_reads_as_the_manifest_has_it() {
        let asked = r#"{"kind":"storage","quota":4194304,"reason":"to keep notes"}"#;
        assert_eq!(serde_json::from_str::<Capability>(asked).unwrap(), storage(4));
    }
}
