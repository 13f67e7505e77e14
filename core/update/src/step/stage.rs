//! Unpacks a verified package into a slot beside the running version; asks a core's program what
//! it is before anyone depends on it.

use newleaf_domain::{Platform, Target};
use newleaf_launcher::journal::StepId;
use newleaf_launcher::proto::PROTOCOL;
use newleaf_launcher::state::{AppSlot, CoreSlot, Origin};
use newleaf_plan::Change;

use crate::port::{SelfTest, SlotError, Unpacked, runs};
use crate::proof::{Staged, VerifiedArtifact};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::view::Unit;

/// What was staged, as `state` will name it.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    /// A core's slot.
    Core(Box<CoreSlot>),
    /// An app's slot.
    App(Box<AppSlot>),
}

/// Unpacks; what is in place already is taken as it is only where it is the package's, byte for
/// byte.
pub(crate) async fn run(cx: Context, artifact: VerifiedArtifact) -> StepResult<Ready> {
    let slots = &cx.updater.ports().slots;
    let slot = artifact.listed().slot();
    let total = artifact.inspected().unpacked.as_u64();
    let heard = |bytes: newleaf_domain::ByteSize| {
        cx.progress(StepId::Stage, bytes.as_u64(), Some(total), Unit::Bytes);
    };
    let unpacked = slots.unpack(&artifact, &slot, &heard).await.map_err(|error| failed(&error))?;
    let detail =
        format!("{} files, {}", artifact.inspected().members, artifact.inspected().unpacked);
    let staged = Staged::new(artifact, slot);
    let ready = match staged.artifact().target() {
        Target::App(_) => Ready::App(Box::new(app_slot(&staged, unpacked)?)),
        Target::Core => Ready::Core(Box::new(core_slot(&cx, &staged, unpacked).await?)),
    };
    Ok(Passed::done(ready, detail))
}

fn failed(error: &SlotError) -> Stop {
    if error.is_machine_fault() {
        return Broken::machine(error, "see to the disk, then try again");
    }
    let todo = "tell the release's author".to_owned();
    Stop::Failed(Broken { what: crate::explain::chain(error), todo, blame: Blame::Version })
}

fn app_slot(staged: &Staged, unpacked: Unpacked) -> Result<AppSlot, Stop> {
    let change = staged.artifact().listed().change();
    let Some(component) = unpacked.runs else {
        let member = runs(staged.artifact().target(), staged.artifact().manifest());
        return Err(Broken::version(
            format!("the package holds no {member}"),
            "tell the release's author",
        ));
    };
    Ok(AppSlot {
        digest: change.digest,
        version: change.to.clone(),
        grants: change.grants.clone(),
        schema: change.schema.1,
        oldest_reader: change.oldest_reader,
        writes: (change.writes != change.schema.1).then_some(change.writes),
        snapshot: None,
        component: Some(component),
    })
}

async fn core_slot(cx: &Context, staged: &Staged, unpacked: Unpacked) -> Result<CoreSlot, Stop> {
    let change = staged.artifact().listed().change();
    let program = runs(staged.artifact().target(), staged.artifact().manifest());
    let said = cx
        .updater
        .ports()
        .slots
        .self_test(staged.slot(), &program)
        .await
        .map_err(|error| failed(&error))?;
    if let Some(what) = contradiction(&said, change, &cx.updater.face().platform) {
        return Err(Broken::version(what, "tell the product's maker"));
    }
    if said.protocol > PROTOCOL {
        tracing::info!(update = %cx.id, protocol = said.protocol, "the new core speaks a newer launcher protocol");
    }
    Ok(CoreSlot {
        digest: change.digest,
        version: change.to.clone(),
        origin: Origin::Release,
        protocol: said.protocol,
        program,
        // Its own, not the data's: by it is told what the program can read.
        schema: change.writes,
        oldest_reader: change.oldest_reader,
        binary: unpacked.runs,
    })
}

/// What the program says of itself, where that is not what was signed. (`oldest_reader` is not
/// compared: the manifest speaks of the data after *contract*, the program of it before.)
fn contradiction(said: &SelfTest, change: &Change, here: &Platform) -> Option<String> {
    if said.version != change.to {
        let (said, signed) = (&said.version, &change.to);
        return Some(format!("the program says it is {said}, but it was signed as {signed}"));
    }
    let signed = change.writes;
    if said.schema != signed {
        let said = said.schema;
        return Some(format!("the program writes schema {said}, but it was signed with {signed}"));
    }
    let other = said.platform.as_ref().filter(|platform| *platform != here)?;
    Some(format!("the program was built for {other}, but it was signed for {here}"))
}
