//! The machine: one stage after another, each stage asking for its file. It holds the order of the
//! workflow; what makes a file good is [`crate::store`]'s, [`crate::chain`]'s and
//! [`crate::library`]'s to say.

use std::sync::Arc;

use newleaf_domain::{ByteSize, Timestamp};

use crate::TrustError;
use crate::chain::{EffectiveTime, Floor, Newest, pinned_snapshot};
use crate::error::Missing;
use crate::layout;
use crate::library::{RoleRequest, Shelf, judge_targets};
use crate::limits::Limits;
use crate::pin::Pin;
use crate::refresh::step::{
    Absence, ClockBehind, Fetch, Freshness, Next, Place, RefreshOutcome, Supplied, Wanted,
};
use crate::refresh::survey::{ListRequest, Progress, Survey};
use crate::role::root::TopRole;
use crate::role::{MetaFile, RootRole, SnapshotRole, TargetsRole, TimestampRole};
use crate::store::{
    ADVISORY_LIST, LEVELS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, TrustStore, next_root,
};
use crate::verified::{Verified, verify_role};

/// One run of the client workflow.
#[derive(Debug)]
pub struct Refresh {
    store: TrustStore,
    limits: Limits,
    time: EffectiveTime,
    root: Verified<RootRole>,
    roots_taken: u32,
    floor: Floor,
    stage: Stage,
    survey: Survey,
    asked: Option<(Fetch, Asked)>,
    to_persist: Vec<(String, Vec<u8>)>,
    outcome: Option<Box<RefreshOutcome>>,
}

/// How far the workflow is, with what each stage established.
#[derive(Debug, Clone)]
enum Stage {
    Roots,
    Timestamp,
    Snapshot(Arc<Verified<TimestampRole>>),
    Targets(Fresh),
    Survey(Fresh, Arc<Verified<TargetsRole>>),
}

/// A timestamp and the snapshot it pins.
#[derive(Debug, Clone)]
struct Fresh {
    timestamp: Arc<Verified<TimestampRole>>,
    snapshot: Arc<Verified<SnapshotRole>>,
}

/// What a fetched file is for.
#[derive(Debug)]
enum Asked {
    Root,
    Timestamp,
    Snapshot(Arc<Verified<TimestampRole>>),
    Targets(Fresh, MetaFile),
    Role(Box<RoleRequest>),
    List(ListRequest),
}

impl Refresh {
    /// Begins a refresh of `store` at the time `now`. What is found for a namespace in `pins` must
    /// be signed by the pinned signer.
    ///
    /// # Errors
    /// The store's root cannot be used.
    pub fn start(
        store: TrustStore,
        pins: Vec<Pin>,
        wanted: Wanted,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Self, TrustError> {
        let root = store.root(&limits)?;
        let survey = Survey::new(pins, wanted, store.levels()?);
        Ok(Self {
            store,
            limits,
            time: EffectiveTime::new(now),
            root,
            roots_taken: 0,
            floor: Floor::default(),
            stage: Stage::Roots,
            survey,
            asked: None,
            to_persist: Vec::new(),
            outcome: None,
        })
    }

    /// The store with everything accepted so far.
    pub fn into_store(self) -> TrustStore {
        self.store
    }

    /// What to do next. After an error the refresh is over; what was persisted stays good.
    ///
    /// # Errors
    /// A root, timestamp, snapshot or top targets role is not to be trusted.
    #[expect(
        clippy::should_implement_trait,
        reason = "fallible, and ends with Done, not with None"
    )]
    pub fn next(&mut self) -> Result<Next, TrustError> {
        loop {
            if !self.to_persist.is_empty() {
                return Ok(Next::Persist(std::mem::take(&mut self.to_persist)));
            }
            if let Some((fetch, _)) = &self.asked {
                return Ok(Next::Fetch(fetch.clone()));
            }
            // Only here: what was accepted together with the last answer is persisted before it.
            if let Some(outcome) = &self.outcome {
                return Ok(Next::Done(outcome.clone()));
            }
            match self.stage.clone() {
                Stage::Roots => self.ask_root()?,
                Stage::Timestamp => {
                    self.ask(TIMESTAMP.to_owned(), self.limits.timestamp, Asked::Timestamp);
                }
                Stage::Snapshot(timestamp) => self.find_snapshot(timestamp)?,
                Stage::Targets(fresh) => self.find_targets(fresh)?,
                Stage::Survey(fresh, top) => self.survey(&fresh, &top)?,
            }
        }
    }

    /// Takes what came of the last [`Next::Fetch`].
    ///
    /// # Errors
    /// The file is not to be trusted and the whole refresh depends on it. A delegated role's fault
    /// is no error here: it is recorded in the view.
    pub fn supply(&mut self, supplied: Supplied) -> Result<(), TrustError> {
        let (fetch, asked) = self.asked.take().ok_or(TrustError::NotAsked)?;
        if fetch.absence == Absence::EndsChain && supplied == Supplied::NotFound {
            return self.end_roots();
        }
        let brought = brought(&fetch, supplied);
        match asked {
            Asked::Root => self.take_root(&fetch.path, brought?),
            Asked::Timestamp => self.take_timestamp(brought?),
            Asked::Snapshot(timestamp) => self.take_snapshot(timestamp, brought?),
            Asked::Targets(fresh, pin) => self.take_targets(fresh, &pin, brought?),
            Asked::Role(request) => {
                self.survey.supply_role(*request, brought);
                Ok(())
            }
            Asked::List(request) => {
                if let Some(bytes) = self.survey.supply_list(&request, brought) {
                    self.keep(ADVISORY_LIST, bytes);
                }
                Ok(())
            }
        }
    }

    fn ask(&mut self, path: String, max: ByteSize, asked: Asked) {
        let fetch = Fetch { place: Place::Metadata, path, max, absence: Absence::IsError };
        self.asked = Some((fetch, asked));
    }

    /// Asks for a file by its pin: never more bytes than the pin says, where it does.
    fn ask_pinned(&mut self, role: &str, pin: &MetaFile, max: ByteSize, asked: Asked) {
        let max = pin.length.map_or(max, |length| length.min(max));
        self.ask(layout::versioned_file(pin.version, role), max, asked);
    }

    fn keep(&mut self, file: &str, bytes: Vec<u8>) {
        self.store.insert(file, bytes.clone());
        self.to_persist.push((file.to_owned(), bytes));
    }

    /// §5.3.2 and §5.3.3: the next root, as long as there is one and the bound is not reached.
    fn ask_root(&mut self) -> Result<(), TrustError> {
        let next = self.root.version().next().filter(|_| self.roots_taken < self.limits.root_steps);
        let Some(version) = next else { return self.end_roots() };
        let path = layout::versioned_file(version, "root");
        let (max, absence) = (self.limits.root, Absence::EndsChain);
        self.asked = Some((Fetch { place: Place::Metadata, path, max, absence }, Asked::Root));
        Ok(())
    }

    fn take_root(&mut self, file: &str, bytes: Vec<u8>) -> Result<(), TrustError> {
        self.root = next_root(&self.root, file, &bytes, &self.limits)?;
        self.roots_taken += 1;
        self.keep(ROOT, bytes);
        Ok(())
    }

    /// §5.3.10 and §5.3.11: only the last root must not be expired; floors of rotated keys go.
    fn end_roots(&mut self) -> Result<(), TrustError> {
        self.floor = Floor::of(&self.store, &self.root, &self.limits)?;
        self.time.note(self.floor.timestamp.as_ref().and_then(|role| role.signed_at));
        self.time.note(self.floor.snapshot.as_ref().and_then(|role| role.signed_at));
        self.root.check_expiry(ROOT, self.time.now())?;
        self.stage = Stage::Timestamp;
        Ok(())
    }

    /// §5.4.
    fn take_timestamp(&mut self, bytes: Vec<u8>) -> Result<(), TrustError> {
        let authority = self.root.authority(TopRole::Timestamp)?;
        let offered = verify_role::<TimestampRole>(TIMESTAMP, &bytes, &authority, &self.limits)?;
        let newest = self.floor.judge_timestamp(offered)?;
        let is_new = matches!(newest, Newest::Offered(_));
        let timestamp = newest.into_role();
        self.time.note(timestamp.signed_at);
        timestamp.check_expiry(TIMESTAMP, self.time.now())?;
        // The timestamp may have told a later time than the clock.
        self.root.check_expiry(ROOT, self.time.now())?;
        if is_new {
            // From here on a store without it has lost it.
            if self.store.get(LEVELS).is_none() {
                self.keep(LEVELS, b"{}".to_vec());
            }
            self.keep(TIMESTAMP, bytes);
        }
        self.stage = Stage::Snapshot(Arc::new(timestamp));
        Ok(())
    }

    /// §5.5.1, unless the stored snapshot is the pinned one.
    fn find_snapshot(&mut self, timestamp: Arc<Verified<TimestampRole>>) -> Result<(), TrustError> {
        let pin = timestamp.snapshot()?.clone();
        let stored = self
            .store
            .get(SNAPSHOT)
            .map(|bytes| pinned_snapshot(bytes, &pin, &self.root, &self.limits));
        if let Some(Ok(snapshot)) = stored {
            return self.use_snapshot(timestamp, snapshot);
        }
        self.ask_pinned("snapshot", &pin, self.limits.snapshot, Asked::Snapshot(timestamp));
        Ok(())
    }

    /// §5.5.2 to §5.5.7.
    fn take_snapshot(
        &mut self,
        timestamp: Arc<Verified<TimestampRole>>,
        bytes: Vec<u8>,
    ) -> Result<(), TrustError> {
        let snapshot = pinned_snapshot(&bytes, timestamp.snapshot()?, &self.root, &self.limits)?;
        self.floor.judge_snapshot(&snapshot)?;
        self.use_snapshot(timestamp, snapshot)?;
        self.keep(SNAPSHOT, bytes);
        Ok(())
    }

    fn use_snapshot(
        &mut self,
        timestamp: Arc<Verified<TimestampRole>>,
        snapshot: Verified<SnapshotRole>,
    ) -> Result<(), TrustError> {
        self.time.note(snapshot.signed_at);
        snapshot.check_expiry(SNAPSHOT, self.time.now())?;
        self.stage = Stage::Targets(Fresh { timestamp, snapshot: Arc::new(snapshot) });
        Ok(())
    }

    /// §5.6.1, unless the stored top targets role is the pinned one.
    fn find_targets(&mut self, fresh: Fresh) -> Result<(), TrustError> {
        let absent =
            || TrustError::MissingRole { role: "targets".to_owned(), why: Missing::NotInSnapshot };
        let pin = fresh.snapshot.role("targets").ok_or_else(absent)?.clone();
        let stored = self.store.get(TARGETS).map(|bytes| self.judge_top(bytes, &pin));
        if let Some(Ok(top)) = stored {
            self.stage = Stage::Survey(fresh, Arc::new(top));
            return Ok(());
        }
        self.ask_pinned("targets", &pin, self.limits.targets, Asked::Targets(fresh, pin.clone()));
        Ok(())
    }

    /// §5.6.2 to §5.6.6.
    fn take_targets(
        &mut self,
        fresh: Fresh,
        pin: &MetaFile,
        bytes: Vec<u8>,
    ) -> Result<(), TrustError> {
        let top = self.judge_top(&bytes, pin)?;
        self.keep(TARGETS, bytes);
        self.stage = Stage::Survey(fresh, Arc::new(top));
        Ok(())
    }

    fn judge_top(&self, bytes: &[u8], pin: &MetaFile) -> Result<Verified<TargetsRole>, TrustError> {
        let authority = self.root.authority(TopRole::Targets)?;
        judge_targets(TARGETS, bytes, pin, &authority, &self.limits, self.time.now())
    }

    /// §5.6.7: the delegated roles, as far as what is wanted leads to them.
    fn survey(
        &mut self,
        fresh: &Fresh,
        top: &Arc<Verified<TargetsRole>>,
    ) -> Result<(), TrustError> {
        let shelf = Shelf {
            store: &self.store,
            snapshot: &fresh.snapshot,
            limits: &self.limits,
            now: self.time.now(),
        };
        let progress = self.survey.advance(top, &shelf)?;
        for (file, bytes) in self.survey.take_accepted() {
            self.keep(&file, bytes);
        }
        match progress {
            Progress::NeedsRole(request) => {
                let (role, pin) = (request.role.clone(), request.pin.clone());
                self.ask_pinned(&role, &pin, self.limits.role, Asked::Role(request));
            }
            Progress::NeedsList(request) => {
                let (path, max) = (request.stored_path.clone(), request.length);
                let (place, absence) = (Place::Target, Absence::IsError);
                self.asked = Some((Fetch { place, path, max, absence }, Asked::List(request)));
            }
            Progress::Levels(bytes) => self.keep(LEVELS, bytes),
            Progress::Done(targets) => {
                let freshness = self.freshness(fresh, top);
                self.outcome = Some(Box::new(RefreshOutcome { targets: *targets, freshness }));
            }
        }
        Ok(())
    }

    fn freshness(&self, fresh: &Fresh, top: &Verified<TargetsRole>) -> Freshness {
        let clock = self.time.clock();
        let tolerated = |signed_at: &Timestamp| {
            signed_at.seconds_since(clock) <= self.limits.clock_behind_seconds
        };
        let behind = self.time.newest_signed().filter(|signed_at| !tolerated(signed_at));
        Freshness {
            judged_at: self.time.now(),
            signed_at: self.time.newest_signed(),
            root_expires: self.root.expires(),
            timestamp_expires: fresh.timestamp.expires(),
            snapshot_expires: fresh.snapshot.expires(),
            targets_expires: top.expires(),
            clock: behind.map(|signed_at| ClockBehind { clock, signed_at }),
        }
    }
}

/// The fetched bytes, or the fault that their absence is.
fn brought(fetch: &Fetch, supplied: Supplied) -> Result<Vec<u8>, TrustError> {
    let file = || fetch.path.clone();
    let over = |found: String| TrustError::over_limit(&fetch.path, "length", found, fetch.max);
    match supplied {
        Supplied::Bytes(bytes) => {
            let length = ByteSize::bytes(bytes.len() as u64);
            if length > fetch.max { Err(over(length.to_string())) } else { Ok(bytes) }
        }
        Supplied::TooLarge => Err(over("more".to_owned())),
        Supplied::NotFound => {
            Err(TrustError::MissingRole { role: file(), why: Missing::NotServed })
        }
        Supplied::Unavailable(reason) => Err(TrustError::Unavailable { file: file(), reason }),
    }
}
