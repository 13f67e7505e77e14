//! What becomes of a program that an admin put at `<prefix>`. Pure: what was found goes in, the
//! decision and its words come out.

use std::path::PathBuf;

use newleaf_domain::{Digest, Edition, Version, shell};
use newleaf_launcher::state::{CoreSlot, ImageNote, Origin, State, Way};
use newleaf_update::Matched;

use crate::config::Admission;

/// The program at `<prefix>`, as it was found at a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    /// Where.
    pub(super) path: PathBuf,
    /// SHA-256 of its bytes.
    pub(super) binary: Digest,
    /// Its version, as it says.
    pub(super) version: Version,
    /// Its edition, as it says.
    pub(super) edition: Edition,
    /// The launcher protocol it speaks.
    pub(super) protocol: u32,
    /// The schema it writes.
    pub(super) schema: u32,
    /// The lowest schema whose program still runs on data it wrote.
    pub(super) oldest_reader: u32,
}

/// What it is held against.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) state: State,
    /// The edition of the program that serves; none where it is too old to say.
    pub(super) edition: Option<Edition>,
    /// The program that serves, on disk.
    pub(super) good_program: PathBuf,
    /// The lowest schema whose program may still work on the database.
    pub(super) data_reader: u32,
    /// What the signed metadata kept on disk knows of the dropped program.
    pub(super) matched: Matched,
    /// Whether a program of no known release is tried.
    pub(super) unknown: Admission,
    /// Whether an older program is tried.
    pub(super) older: Admission,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is what serves.
    Serves,
    /// It is tried like any update, and `note` is said of it.
    Try(Box<Trial>),
    /// It is not used. What serves goes on serving.
    Unused(ImageNote),
}

/// A trial of the dropped program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trial {
    /// The slot it becomes, or is already.
    pub(super) slot: CoreSlot,
    pub(super) way: Way,
    /// Its release, for people; why there is none, otherwise.
    pub(super) provenance: Result<String, String>,
    pub(super) note: Option<ImageNote>,
}

/// Path of the program below its slot.
const PROGRAM: &str = "bin/newleaf";

/// Decides. The first reason that stands against the program is the one that is told.
pub(super) fn decide(dropped: &Dropped, host: &Host) -> Decision {
    let core = &host.state.core;
    let good = &core.good;
    let release = host.matched.release.as_ref();
    if [Some(good.digest), good.binary].contains(&Some(dropped.binary))
        || release.is_some_and(|release| release.digest == good.digest)
    {
        return Decision::Serves;
    }
    match against(dropped, host) {
        Some(reason) => Decision::Unused(reason.note(dropped, host)),
        None => Decision::Try(Box::new(trial(dropped, host))),
    }
}

/// Why a program is not tried.
enum Against<'a> {
    Edition(&'a Edition),
    Failed(&'a str),
    SameVersion,
    Withdrawn(&'a str),
    Stone(&'a Version),
    BelowFloor(&'a Version),
    DataTooNew,
    Older,
    Unknown,
}

fn against<'a>(dropped: &'a Dropped, host: &'a Host) -> Option<Against<'a>> {
    let good = &host.state.core.good;
    let release = host.matched.release.as_ref();
    let failed = || {
        let digests = [Some(dropped.binary), release.map(|release| release.digest)];
        digests.into_iter().flatten().find_map(|digest| host.state.bad_reason(&digest))
    };
    let is_older = dropped.version < good.version;
    if let Some(other) = host.edition.as_ref().filter(|edition| **edition != dropped.edition) {
        Some(Against::Edition(other))
    } else if let Some(reason) = failed() {
        Some(Against::Failed(reason))
    } else if dropped.version == good.version {
        Some(Against::SameVersion)
    } else if let Some(reason) = release.and_then(|release| release.withdrawn.as_deref()) {
        Some(Against::Withdrawn(reason))
    } else if let Some(stone) = &host.matched.stone {
        Some(Against::Stone(stone))
    } else if let Some(floor) = host.matched.floor.as_ref().filter(|it| dropped.version < **it) {
        Some(Against::BelowFloor(floor))
    } else if dropped.schema < host.data_reader {
        Some(Against::DataTooNew)
    } else if is_older && host.older == Admission::Refused {
        Some(Against::Older)
    } else if release.is_none()
        && host.unknown == Admission::Refused
        && kept(dropped, host).is_none()
    {
        Some(Against::Unknown)
    } else {
        None
    }
}

impl Against<'_> {
    fn note(&self, dropped: &Dropped, host: &Host) -> ImageNote {
        let (text, todo, command) = self.words(dropped, host);
        let good = &host.state.core.good;
        ImageNote {
            about: good.digest,
            text: format!("{text}. This host stays on {}", good.version),
            todo,
            command: Some(command),
        }
    }

    /// The reason, the remedy and its command.
    fn words(&self, dropped: &Dropped, host: &Host) -> (String, String, String) {
        let good = &host.state.core.good;
        let Dropped { path, version, edition, .. } = dropped;
        let (path, now) = (path.display(), &good.version);
        let put_back = format!(
            "sudo install -m 755 {} {}",
            shell::word(&host.good_program),
            shell::word(&dropped.path)
        );
        let by_version = format!("newleaf update core --version {version}");
        let remove = |text: String| {
            (text, "Put the program that serves back in its place.".to_owned(), put_back.clone())
        };
        match self {
            Self::Edition(ours) => remove(format!(
                "The program at {path} is {version} of the edition {edition}, but this host is of \
                 the edition {ours}: it was not tried"
            )),
            Self::Failed(reason) => remove(format!(
                "The program at {path}, {version}, was not tried again, because it failed here: \
                 {reason}"
            )),
            Self::SameVersion => remove(format!(
                "The program at {path} says it is {version}, as what serves is, but has other \
                 bytes: SHA-256 {} there, {} here. It was not tried",
                dropped.binary,
                good.binary.unwrap_or(good.digest)
            )),
            Self::Withdrawn(reason) => remove(format!(
                "The program at {path}, {version}, was withdrawn by its makers: {reason}. It was \
                 not tried"
            )),
            Self::Stone(stone) => (
                format!(
                    "The program at {path} is {version}, but from {now} the way there leads over \
                     {stone}: it was not tried"
                ),
                "Let the host go the whole way by itself.".to_owned(),
                by_version,
            ),
            Self::BelowFloor(floor) => remove(format!(
                "The program at {path} is {version}, and its makers forbid to go back from {now} \
                 below {floor}: it was not tried"
            )),
            Self::DataTooNew => remove(format!(
                "The program at {path} is {version}, older than {now}, and cannot read the data: it \
                 knows schema {}, the data needs at least {}. It was not tried",
                dropped.schema, host.data_reader
            )),
            Self::Older => {
                let previous = host.state.core.previous.as_ref();
                let is_previous = previous.is_some_and(|slot| slot.version == *version);
                let text = format!(
                    "The program at {path} is {version}, older than {now}, and was not tried, as \
                     policy.older_core says"
                );
                let wanted = format!("Go back to {version}, where that is wanted.");
                match &host.matched.release {
                    _ if is_previous => (text, wanted, "newleaf rollback core".to_owned()),
                    Some(_) => (text, wanted, by_version),
                    // No release that could be chosen: only the program itself is left to be tried.
                    None => (
                        format!("{text}; it is of no release that the repository lists"),
                        format!(
                            "Put the program that serves back in its place; or, to go back to \
                             {version}, set policy.older_core = \"tried\" in newleaf.toml and \
                             restart the service."
                        ),
                        put_back,
                    ),
                }
            }
            Self::Unknown => remove(format!(
                "The program at {path}, {version}, is of no signed release that is known here, and \
                 was not tried, as policy.unknown_core says"
            )),
        }
    }
}

fn trial(dropped: &Dropped, host: &Host) -> Trial {
    let good = &host.state.core.good;
    let way = if dropped.version < good.version { Way::Back } else { Way::Forward };
    let slot = slot(dropped, host);
    if let Some(release) = &host.matched.release {
        return Trial { slot, way, provenance: Ok(release.path.clone()), note: None };
    }
    let why = host.matched.unknown.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    let note = ImageNote {
        about: slot.digest,
        text: format!(
            "{} at {} was put in place by hand and is of no signed release that is known \
             here{why}: it was tried as it is",
            dropped.version,
            dropped.path.display()
        ),
        todo: "Update to a signed release when there is one.".to_owned(),
        command: Some("newleaf check".to_owned()),
    };
    let provenance = Err(format!("no signed release that is known here has it{why}"));
    Trial { slot, way, provenance, note: Some(note) }
}

/// The slot of the version before, where it is of this very program.
fn kept<'a>(dropped: &Dropped, host: &'a Host) -> Option<&'a CoreSlot> {
    host.state.core.previous.as_ref().filter(|slot| slot.binary == Some(dropped.binary))
}

/// The slot that the program has already, else the one it becomes.
fn slot(dropped: &Dropped, host: &Host) -> CoreSlot {
    if let Some(kept) = kept(dropped, host) {
        return kept.clone();
    }
    let release = host.matched.release.as_ref();
    CoreSlot {
        digest: release.map_or(dropped.binary, |release| release.digest),
        version: dropped.version.clone(),
        origin: Origin::Local,
        protocol: dropped.protocol,
        program: PROGRAM.to_owned(),
        schema: dropped.schema,
        oldest_reader: release.map_or(dropped.oldest_reader, |release| release.oldest_reader),
        binary: Some(dropped.binary),
    }
}

#[cfg(test)]
mod tests {
    use newleaf_launcher::state::BadRelease;
    use newleaf_update::SignedCore;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn edition(text: &str) -> Edition {
        Edition::parse(text).unwrap()
    }

    /// 2.0.0, of the same edition.
    fn dropped() -> Dropped {
        Dropped {
            path: "/usr/local/bin/newleaf".into(),
            binary: Digest::of(b"dropped"),
            version: version("2.0.0"),
            edition: edition("community"),
            protocol: 1,
            schema: 2,
            oldest_reader: 0,
        }
    }

    fn signed(withdrawn: Option<&str>) -> SignedCore {
        SignedCore {
            digest: Digest::of(b"zip"),
            path: "core/community/2.0.0/x86_64-linux.zip".to_owned(),
            oldest_reader: 1,
            withdrawn: withdrawn.map(str::to_owned),
        }
    }

    /// A host that 1.5.0 serves.
    fn host(matched: Matched) -> Host {
        let mut state = crate::worker::tests::state();
        state.core.good.version = version("1.5.0");
        Host {
            state,
            edition: Some(edition("community")),
            good_program: "/srv/newleaf/slots/core/abc-1.5.0/bin/newleaf".into(),
            data_reader: 1,
            matched,
            unknown: Admission::Tried,
            older: Admission::Refused,
        }
    }

    /// Why it is left unused.
    fn reason(dropped: &Dropped, host: &Host) -> String {
        match decide(dropped, host) {
            Decision::Unused(note) => note.text,
            decision @ (Decision::Serves | Decision::Try(_)) => panic!("{decision:?}"),
        }
    }

    #[test]
    fn a_program_of_a_signed_release_is_tried_under_the_digest_of_its_package() {
        let host = host(Matched { release: Some(signed(None)), ..Matched::default() });
        let Decision::Try(trial) = decide(&dropped(), &host) else { panic!("it is not tried") };
        assert_eq!((trial.slot.digest, trial.way), (Digest::of(b"zip"), Way::Forward));
        assert_eq!((trial.slot.oldest_reader, trial.note), (1, None));
    }

    #[test]
    fn what_stands_against_a_program_is_told() {
        let release = Some(signed(Some("loses mail")));
        let withdrawn = host(Matched { release, ..Matched::default() });
        assert!(reason(&dropped(), &withdrawn).contains("withdrawn by its makers: loses mail"));

        let stone = Some(version("1.9.0"));
        let stone = host(Matched { stone, ..Matched::default() });
        assert!(reason(&dropped(), &stone).contains("from 1.5.0 the way there leads over 1.9.0"));

        let refused = Host { unknown: Admission::Refused, ..host(Matched::default()) };
        assert!(reason(&dropped(), &refused).contains("as policy.unknown_core says"));
    }

    #[test]
    fn the_way_back_names_only_a_version_that_can_be_chosen() {
        let older = Dropped { version: version("1.0.0"), ..dropped() };
        let note = |host: &Host| match decide(&older, host) {
            Decision::Unused(note) => note,
            decision @ (Decision::Serves | Decision::Try(_)) => panic!("{decision:?}"),
        };
        let listed = note(&host(Matched { release: Some(signed(None)), ..Matched::default() }));
        assert_eq!(listed.command.as_deref(), Some("newleaf update core --version 1.0.0"));
        let unlisted = note(&host(Matched::default()));
        assert!(unlisted.text.contains("of no release that the repository lists"), "{unlisted:?}");
        assert!(unlisted.todo.contains("policy.older_core = \"tried\""), "{unlisted:?}");
        let command = unlisted.command.unwrap();
        assert!(command.starts_with("sudo install -m 755 /srv/newleaf/slots/"), "{command}");
    }

    #[test]
    fn an_older_program_is_refused_below_the_floor_whatever_the_policy_says() {
        let older = Dropped { version: version("1.0.0"), ..dropped() };
        let floor = Some(version("1.2.0"));
        let floored = host(Matched { floor, ..Matched::default() });
        let floored = Host { older: Admission::Tried, ..floored };
        assert!(reason(&older, &floored).contains("forbid to go back from 1.5.0 below 1.2.0"));
        let old_schema = Dropped { schema: 0, ..older };
        let free = Host { older: Admission::Tried, ..host(Matched::default()) };
        assert!(reason(&old_schema, &free).contains("knows schema 0, the data needs at least 1"));
    }

    #[test]
    fn a_program_that_failed_here_is_known_by_its_bytes_and_by_its_release() {
        for digest in [Digest::of(b"dropped"), Digest::of(b"zip")] {
            let mut host = host(Matched { release: Some(signed(None)), ..Matched::default() });
            host.state.bad = vec![BadRelease { digest, reason: "it exited".to_owned() }];
            assert!(reason(&dropped(), &host).contains("because it failed here: it exited"));
        }
    }

    #[test]
    fn what_serves_already_is_nothing_new() {
        let mut host = host(Matched::default());
        host.state.core.good.binary = Some(Digest::of(b"dropped"));
        assert_eq!(decide(&dropped(), &host), Decision::Serves);
    }
}
