//! Small, complete values for this crate's own tests.

use newleaf_domain::{Digest, PlanId, Timestamp, UpdateId, Version};

use crate::state::{CorePhase, CoreSlot, CoreState, Origin, STATE_SCHEMA, State, Trial, Way};

pub(crate) fn slot(version: &str) -> CoreSlot {
    CoreSlot {
        digest: Digest::of(version.as_bytes()),
        version: Version::parse(version).unwrap(),
        origin: Origin::Release,
        protocol: 1,
        program: "bin/newleaf".to_owned(),
        schema: 1,
        oldest_reader: 1,
        binary: None,
    }
}

pub(crate) fn state() -> State {
    State {
        schema: STATE_SCHEMA,
        seq: 1,
        core: CoreState {
            good: slot("1.0.0"),
            previous: None,
            trial: None,
            phase: CorePhase::Idle,
            launcher_tries: 0,
            stand_in: None,
            image: None,
        },
        apps: std::collections::BTreeMap::default(),
        bad: Vec::new(),
    }
}

pub(crate) fn update() -> UpdateId {
    UpdateId::new(Timestamp::from_unix(1_800_000_000), &PlanId::of(Digest::of(b"plan")), 7)
}

pub(crate) fn trial(tries: u8, phase: CorePhase) -> State {
    let mut state = state();
    state.core.phase = phase;
    state.core.trial =
        Some(Trial { slot: slot("1.1.0"), tries, update: update(), way: Way::Forward });
    state
}
