//! Small, complete values for this crate's own tests.

use newleaf_domain::{Digest, PlanId, Timestamp, UpdateId, Version};

use crate::state::{CorePhase, CoreSlot, Origin, State, Trial, Way};

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
    State::first(slot("1.0.0"))
}

pub(crate) fn update() -> UpdateId {
    UpdateId::new(Timestamp::from_unix(1_800_000_000), &PlanId::of(Digest::of(b"plan")), 7)
}

pub(crate) fn trial(tries: u8, phase: CorePhase) -> State {
    let mut state = state();
    state.core.phase = phase;
    state.core.trial = Some(Trial {
        slot: slot("1.1.0"),
        tries,
        update: update(),
        way: Way::Forward,
        expand_within_ms: None,
    });
    state
}
