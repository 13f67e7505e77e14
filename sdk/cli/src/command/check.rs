//! `newleaf-sdk check`: what is wrong with an app, before anybody installs it.

use serde_json::json;

use crate::args::Check;
use crate::contents::{Component, Contents};
use crate::report::{Exit, Failure, Report};
use crate::rules;

pub(crate) fn run(args: &Check) -> Result<Report, Failure> {
    let contents = Contents::of(&args.what)
        .map_err(|error| Failure::of("the app was not checked", &error, error.hint()))?;
    let findings = rules::findings(&contents);
    let subject = format!("{} {}", contents.manifest.id, contents.manifest.version);
    let mut text = rules::render(&subject, &findings);
    if matches!(contents.component, Component::NotBuilt) {
        text.push_str(
            "\nThe component was not looked at: `newleaf-sdk build` makes and checks it.",
        );
    }
    let needs = match &contents.component {
        Component::Inspected(inspection) => inspection.min_abi.clone(),
        Component::NotBuilt | Component::Missing | Component::Unfit(_) => None,
    };
    if let Some(needs) = &needs {
        // What the component imports decides, not what the manifest says.
        text.push_str("\nThe component runs on hosts from contract ");
        text.push_str(needs.as_str());
        text.push_str(" on.");
    }
    Ok(Report {
        text,
        json: json!({
            "id": contents.manifest.id,
            "version": contents.manifest.version,
            "component_checked": !matches!(contents.component, Component::NotBuilt),
            "needs_abi": needs,
            "findings": findings,
        }),
        exit: if rules::any_error(&findings) { Exit::Failed } else { Exit::Done },
    })
}
