//! What is lost where `state` could not be read and the one written before it had to serve.
//! Only tells: what ran is never guessed from the journal.

use std::collections::BTreeSet;

use newleaf_domain::{Digest, Target, UpdateId, Version};

use crate::journal::{Ending, Entry, Record};
use crate::state::State;

/// How the notice of such a start begins, by which it is found in the journal.
pub const FELL_BACK: &str = "`state` could not be read";

/// How the notice begins of a start from a `state` that the journal has gone past.
pub const OLDER: &str = "`state` is older than the journal";

/// An update that the journal shows as committed and the state does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which update.
    pub update: UpdateId,
    /// What it was of.
    pub target: Target,
    /// The version that was good.
    pub version: Version,
}

impl Missing {
    /// The command that brings it back.
    pub fn command(&self, state: &State) -> String {
        let Self { target, version, .. } = self;
        match target {
            Target::App(app) if state.apps.get(app).is_none_or(|app| app.good.is_none()) => {
                format!("newleaf apps install {app} --version {version}")
            }
            Target::App(_) | Target::Core => {
                format!("newleaf update {target} --version {version}")
            }
        }
    }
}

/// The last update that `records` show as committed, where `state` does not name its version.
///
/// The older state is one write behind, so no update before it can be missing. A core that it
/// still names as on trial is not missing: it is tried again.
pub fn missing<'a>(
    state: &State,
    records: impl DoubleEndedIterator<Item = &'a Record> + Clone,
) -> Option<Missing> {
    let committed =
        |record: &&Record| matches!(record.entry, Entry::Ended { ending: Ending::Committed, .. });
    let update = records.clone().rfind(committed)?.update.clone()?;
    let (target, version, digest) = records.rev().find_map(|record| began(record, &update))?;
    (!names(state, &target, digest)).then_some(Missing { update, target, version })
}

/// What `update` was said to bring, where `record` is its first.
fn began(record: &Record, update: &UpdateId) -> Option<(Target, Version, Digest)> {
    let Entry::Began { target, to, digest, .. } = &record.entry else { return None };
    let is_first = record.update.as_ref() == Some(update);
    is_first.then(|| (target.clone(), to.clone(), *digest))
}

fn names(state: &State, target: &Target, digest: Digest) -> bool {
    match target {
        Target::Core => {
            let trial = state.core.trial.as_ref().map(|trial| trial.slot.digest);
            state.core.good.digest == digest || trial == Some(digest)
        }
        Target::App(app) => {
            let good = state.apps.get(app).and_then(|app| app.good.as_ref());
            good.is_some_and(|good| good.digest == digest)
        }
    }
}

/// The notice of a start from the older state.
pub(crate) fn notice(state: &State, why: &str, records: &[Record]) -> String {
    let told = format!("{FELL_BACK} ({why}); the one written before it is used");
    match missing(state, records.iter()) {
        Some(missing) => format!(
            "{told}. It does not name {} {}, which update {} had made good: {}",
            missing.target,
            missing.version,
            missing.update,
            missing.command(state)
        ),
        None => format!(
            "{told}. Every update that the journal shows as committed is in it; an app that was \
             switched on or off last may not be: newleaf status"
        ),
    }
}

/// The notice of a start from a whole `state` that an update of core has gone past, as after a
/// part of a backup was put back. Of apps nothing is said: they are removed without a record.
pub(crate) fn older(state: &State, records: &[Record]) -> Option<String> {
    let begins =
        |record: &Record| matches!(&record.entry, Entry::Began { target: Target::Core, .. });
    let of_core = records.iter().filter(|it| begins(it)).filter_map(|it| it.update.as_ref());
    let of_core = of_core.collect::<BTreeSet<_>>();
    let is_core = |record: &&Record| record.update.as_ref().is_some_and(|it| of_core.contains(it));
    let lost = missing(state, records.iter().filter(is_core))?;
    let stood_in = state.core.stand_in.is_some();
    let runs = &state.core.good.version;
    (!stood_in).then(|| {
        format!(
            "{OLDER}: it names core {runs}, and update {} had made {} good, as where a part of a \
             backup was put back. Core {runs} is run: {}",
            lost.update,
            lost.version,
            lost.command(state)
        )
    })
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{PlanId, Timestamp};

    use super::*;
    use crate::sample;
    use crate::state::Way;

    fn committed(target: &str, version: &str) -> Vec<Record> {
        let slot = sample::slot(version);
        let began = Entry::Began {
            target: Target::parse(target).unwrap(),
            from: None,
            to: slot.version,
            digest: slot.digest,
            plan: PlanId::of(slot.digest),
            way: Way::Forward,
            by: "test".to_owned(),
        };
        let ended = Entry::Ended { ending: Ending::Committed, reason: None };
        let at = Timestamp::from_unix(1_800_000_000);
        let record = |(seq, entry)| Record { seq, at, update: Some(sample::update()), entry };
        [(1, began), (2, ended)].into_iter().map(record).collect()
    }

    #[test]
    fn an_app_that_was_committed_last_is_named_with_its_command() {
        let told = notice(&sample::state(), "it is torn", &committed("acme/notes", "2.0.0"));
        assert!(told.starts_with(FELL_BACK), "{told}");
        assert!(told.ends_with("newleaf apps install acme/notes --version 2.0.0"), "{told}");
        let told = notice(&sample::state(), "it is torn", &committed("core", "1.1.0"));
        assert!(told.ends_with("newleaf update core --version 1.1.0"), "{told}");
    }

    #[test]
    fn a_state_that_an_update_of_core_has_gone_past_is_told() {
        let told = older(&sample::state(), &committed("core", "1.1.0")).unwrap();
        assert!(told.starts_with(OLDER) && told.contains("had made 1.1.0 good"), "{told}");
        let mut stood_in = sample::state();
        stood_in.core.stand_in = Some("it is damaged".to_owned());
        assert_eq!(older(&stood_in, &committed("core", "1.1.0")), None);
        assert_eq!(older(&sample::state(), &committed("core", "1.0.0")), None);
        assert_eq!(older(&sample::state(), &committed("acme/notes", "2.0.0")), None);
    }

    #[test]
    fn what_the_state_names_is_not_missing() {
        assert_eq!(missing(&sample::state(), committed("core", "1.0.0").iter()), None);
        assert_eq!(missing(&sample::state(), [].iter()), None);
        let tried_again = sample::trial(1, crate::state::CorePhase::Probation);
        assert_eq!(missing(&tried_again, committed("core", "1.1.0").iter()), None);
    }
}
