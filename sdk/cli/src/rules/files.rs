//! Rules about an app's files beside its component.

use newleaf_domain::ByteSize;
use newleaf_package::{Limits, MANIFEST};
use newleaf_registry_api::FileKind;

use super::Findings;
use crate::contents::Contents;
use crate::project::COMPONENT;

/// Members that mean something; others are allowed below `assets/` and `migrations/` only.
const KNOWN: [&str; 6] = [MANIFEST, COMPONENT, "CHANGELOG.md", "LICENSE", "README.md", "icon.svg"];

pub(super) fn check(contents: &Contents, findings: &mut Findings) {
    check_sizes(contents, findings);
    check_names(contents, findings);
    check_icon(contents, findings);
    check_texts(contents, findings);
}

fn check_sizes(contents: &Contents, findings: &mut Findings) {
    for kind in [FileKind::Readme, FileKind::Changelog, FileKind::Icon] {
        let name = kind.file_name("");
        let length = contents.members.get(&name).copied().unwrap_or_default();
        if length > kind.limit() {
            let text = format!("is {length}, more than {}", kind.limit());
            findings.error(&name, text, "registries publish it beside the package: shorten it");
        }
    }
    let total = contents.members.values().map(|length| length.as_u64()).sum();
    let (total, limit) = (ByteSize::bytes(total), Limits::app().total);
    if total > limit {
        let hint = "leave files out, or load them at run time";
        findings.error("package", format!("is more than {total}; {limit} is the most"), hint);
    }
}

fn check_names(contents: &Contents, findings: &mut Findings) {
    let is_known = |name: &str| {
        KNOWN.contains(&name) || name.starts_with("assets/") || name.starts_with("migrations/")
    };
    for name in contents.members.keys().filter(|name| !is_known(name)) {
        findings.warning(name, "means nothing to a host", "move it below assets/, or leave it out");
    }
}

fn check_icon(contents: &Contents, findings: &mut Findings) {
    if let Some(icon) = &contents.manifest.icon {
        if icon != "icon.svg" {
            let text = format!("is {icon:?}");
            findings.error("icon", text, "name it icon.svg: that file is shown beside the app");
        } else if !contents.members.contains_key("icon.svg") {
            findings.error(
                "icon",
                "names icon.svg, which is not there",
                "add it, or remove the field",
            );
        }
    }
    let Some(bytes) = contents.texts.get("icon.svg") else { return };
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    if !text.contains("<svg") {
        findings.error("icon.svg", "is not an SVG image", "save the icon as SVG");
    }
    for active in ["<script", "<foreignobject", "javascript:", "onload="] {
        if text.contains(active) {
            findings.error("icon.svg", format!("contains {active:?}"), "an icon may only draw");
        }
    }
}

fn check_texts(contents: &Contents, findings: &mut Findings) {
    if !contents.members.contains_key("README.md") {
        findings.warning("README.md", "is not there", "people read it before they install");
    }
    let version = contents.manifest.version.as_str();
    match contents.texts.get("CHANGELOG.md").map(|bytes| String::from_utf8_lossy(bytes)) {
        None if !contents.members.contains_key("CHANGELOG.md") => {
            findings.warning("CHANGELOG.md", "is not there", "people read it before they update");
        }
        Some(text) if !text.contains(version) => {
            let text = format!("does not mention {version}");
            findings.warning(
                "CHANGELOG.md",
                text,
                "say what is new, so that people dare to update",
            );
        }
        None | Some(_) => {}
    }
}
