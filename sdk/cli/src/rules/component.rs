//! Rules about the component: it can be served, and it needs nothing that no host has.

use newleaf_domain::{AbiVersion, ByteSize, Grant};
use newleaf_plugin_host::{Handler, Inspection};

use super::Findings;
use crate::contents::{Component, Contents};
use crate::project::COMPONENT;

pub(super) fn check(contents: &Contents, findings: &mut Findings) {
    match &contents.component {
        Component::Inspected(inspection) => check_inspection(contents, inspection, findings),
        Component::Unfit(error) => {
            let text = format!("is not a component: {}", crate::report::chain(error));
            findings.error(COMPONENT, text, "build it with `newleaf-sdk build`");
        }
        Component::NotBuilt => {}
        Component::Missing => {
            findings.error(COMPONENT, "is not there", "build the package with `newleaf-sdk build`");
        }
    }
}

fn check_inspection(contents: &Contents, inspection: &Inspection, findings: &mut Findings) {
    if inspection.kind == Handler::None {
        let hint = "name your handler with newleaf_sdk::handle! or newleaf_sdk::app!; in other \
                    languages export wasi:http/incoming-handler";
        findings.error(COMPONENT, "does not take HTTP requests", hint);
    }
    for import in inspection.imports.iter().filter(|import| !is_offered(import)) {
        let text = format!("imports {import:?}, which no host offers");
        findings.error(COMPONENT, text, "remove the dependency that needs it");
    }
    check_size(contents, findings);
    check_storage(contents, inspection, findings);
    check_schedule(contents, inspection, findings);
    check_abi(contents, inspection.min_abi.as_ref(), findings);
}

/// What a host compiles unasked; with an interpreter in it, a component is twice as large.
const LARGE: ByteSize = ByteSize::mib(6);

/// A host gives more time and memory to compile only where it is asked for.
fn check_size(contents: &Contents, findings: &mut Findings) {
    let length = contents.members.get(COMPONENT).copied().unwrap_or_default();
    if length > LARGE && !contents.manifest.language.brings_interpreter() {
        let text = format!("is {length}, and the manifest names no language with an interpreter");
        let hint = "name \"language\": \"javascript\" or \"python\" where it is that: hosts give up \
                    compiling it else";
        findings.warning(COMPONENT, text, hint);
    }
}

/// Data is kept only by an app that asked for room.
fn check_storage(contents: &Contents, inspection: &Inspection, findings: &mut Findings) {
    let asked = contents
        .manifest
        .capabilities
        .iter()
        .any(|capability| matches!(capability.grant, Grant::Storage { .. }));
    let keeps = |import: &&String| {
        ["newleaf:app/sql@", "newleaf:app/store@", "newleaf:app/blobs@"]
            .iter()
            .any(|name| import.starts_with(name))
    };
    if let Some(import) = inspection.imports.iter().find(keeps).filter(|_| !asked) {
        let text = format!("imports {import}, but capabilities ask for no storage");
        findings.warning(COMPONENT, text, "ask for it: every call of the app is refused else");
    }
}

/// Work at regular times needs both: the permission, and something that does it.
fn check_schedule(contents: &Contents, inspection: &Inspection, findings: &mut Findings) {
    let is_schedule = |grant: &Grant| matches!(grant, Grant::Schedule { .. });
    let asks = contents.manifest.capabilities.iter().any(|it| is_schedule(&it.grant));
    match (asks, inspection.has_jobs()) {
        (true, false) => findings.error(
            COMPONENT,
            "exports no newleaf:app/jobs, but capabilities ask for a schedule",
            "implement newleaf_sdk::Jobs and name it with newleaf_sdk::jobs!",
        ),
        (false, true) => findings.error(
            "capabilities",
            "ask for no schedule, but the component exports newleaf:app/jobs",
            "ask for a schedule for each job, or leave newleaf_sdk::jobs! out",
        ),
        (true, true) | (false, false) => {}
    }
}

/// All of WASI is linked (with nothing granted), and our own interfaces.
fn is_offered(import: &str) -> bool {
    import.starts_with("wasi:") || import.starts_with("newleaf:app/")
}

fn check_abi(contents: &Contents, needed: Option<&AbiVersion>, findings: &mut Findings) {
    let Some(needed) = needed else { return };
    match &contents.manifest.abi {
        Some(named) if named.runs(needed) => {}
        Some(named) => {
            let text = format!("is {named}, but the component needs {needed}");
            findings.error("abi", text, "name the version that the component needs");
        }
        None => {
            let text = format!("is not named, and the component needs {needed}");
            findings.error("abi", text, "add it, so that older hosts do not try");
        }
    }
    let current = AbiVersion::current();
    if !current.runs(needed) {
        let text = format!("needs contract {needed}, this SDK knows {current}");
        findings.error(COMPONENT, text, "update newleaf-sdk");
    }
}
