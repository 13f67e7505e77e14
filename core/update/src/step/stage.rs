//! Unpacks a verified package into a slot beside the running version; asks a core's program what
//! it is before anyone depends on it.

use newleaf_domain::Target;
use newleaf_launcher::journal::StepId;
use newleaf_launcher::proto::PROTOCOL;
use newleaf_launcher::state::{AppSlot, CoreSlot, Origin};

use crate::port::SlotError;
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

/// Unpacks; what is in place already, complete, is taken as it is.
pub(crate) async fn run(cx: Context, artifact: VerifiedArtifact) -> StepResult<Ready> {
    let slots = &cx.updater.ports().slots;
    let slot = artifact.listed().slot();
    let total = artifact.inspected().unpacked.as_u64();
    let heard = |bytes: newleaf_domain::ByteSize| {
        cx.progress(StepId::Stage, bytes.as_u64(), Some(total), Unit::Bytes);
    };
    slots.unpack(&artifact, &slot, &heard).await.map_err(|error| failed(&error))?;
    let detail =
        format!("{} files, {}", artifact.inspected().members, artifact.inspected().unpacked);
    let staged = Staged::new(artifact, slot);
    let ready = match staged.artifact().target() {
        Target::App(_) => Ready::App(Box::new(app_slot(&staged))),
        Target::Core => Ready::Core(Box::new(core_slot(&cx, &staged).await?)),
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

fn app_slot(staged: &Staged) -> AppSlot {
    let change = staged.artifact().listed().change();
    AppSlot {
        digest: change.digest,
        version: change.to.clone(),
        grants: change.grants.clone(),
        schema: change.schema.1,
        oldest_reader: change.oldest_reader,
        snapshot: None,
        component: None,
    }
}

async fn core_slot(cx: &Context, staged: &Staged) -> Result<CoreSlot, Stop> {
    let change = staged.artifact().listed().change();
    let name = staged
        .artifact()
        .manifest()
        .binary
        .as_ref()
        .map_or("newleaf", |binary| binary.name.as_str());
    let program = format!("bin/{name}");
    let said = cx
        .updater
        .ports()
        .slots
        .self_test(staged.slot(), &program)
        .await
        .map_err(|error| failed(&error))?;
    if said.version != change.to {
        let what =
            format!("the program says it is {}, but it was signed as {}", said.version, change.to);
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
        schema: change.schema.1,
        oldest_reader: change.oldest_reader,
        binary: staged.artifact().manifest().binary.as_ref().map(|binary| binary.sha256),
    })
}
