//! `newleaf-sdk new`: an app that builds, runs and can be published as it is.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::New;
use crate::report::{Exit, Failure, Report};

/// The files of a new app and their texts, in which [`fill`] replaces what is in braces.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../template/lib.rs.in")),
    ("manifest.json", include_str!("../template/manifest.json.in")),
    ("README.md", include_str!("../template/README.md.in")),
    ("CHANGELOG.md", include_str!("../template/CHANGELOG.md.in")),
    ("icon.svg", include_str!("../template/icon.svg.in")),
    (".gitignore", "/target\n*.key\n"),
];

pub(crate) fn run(args: &New) -> Result<Report, Failure> {
    let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from(args.name.app()));
    let sdk = sdk_dependency(args)?;
    let failed = |doing: &str, path: &Path, source: &io::Error| {
        let what = format!("{} could not be {doing}", path.display());
        Failure::of(&what, source, "name another folder with --folder, or check its permissions")
            .state(format!("{} may hold some of the app's files", folder.display()))
            .done("what was written before stays")
    };
    refuse_what_exists(&folder)?;
    let source = folder.join("src");
    fs::create_dir_all(&source).map_err(|error| {
        let what = format!("{} could not be created", source.display());
        Failure::of(&what, &error, "name another folder with --folder, or check its permissions")
    })?;
    for (name, template) in FILES {
        let path = folder.join(name);
        write_new(&path, &fill(template, args, &sdk))
            .map_err(|error| failed("written", &path, &error))?;
    }
    Ok(Report {
        text: format!(
            "{name} is in {folder}. Next:\n  cd {folder}\n  newleaf-sdk build",
            name = args.name,
            folder = folder.display(),
        ),
        json: json!({ "id": args.name, "folder": folder.display().to_string() }),
        exit: Exit::Done,
    })
}

fn refuse_what_exists(folder: &Path) -> Result<(), Failure> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(
            format!("{} is not empty", folder.display()),
            "name another folder with --folder",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let what = format!("{} could not be looked into", folder.display());
            Err(Failure::of(&what, &error, "name another folder with --folder"))
        }
    }
}

/// The dependency on the guest crate, as it stands in `Cargo.toml`.
fn sdk_dependency(args: &New) -> Result<String, Failure> {
    if let Some(url) = &args.sdk_git {
        return Ok(format!("{{ git = {} }}", quoted(url)));
    }
    let path = match &args.sdk_path {
        Some(path) => path.clone(),
        None => nearby_sdk().ok_or_else(|| {
            Failure::new(
                "the newleaf-sdk crate was not found in a checkout around this folder or program",
                "name it with --sdk-path FOLDER or --sdk-git URL",
            )
            .exit(Exit::Blocked)
        })?,
    };
    let path = path.canonicalize().map_err(|error| {
        let what = format!("{} could not be found", path.display());
        Failure::of(&what, &error, "name the folder of the newleaf-sdk crate with --sdk-path")
    })?;
    if !is_sdk(&path) {
        return Err(Failure::new(
            format!("{} does not hold the newleaf-sdk crate", path.display()),
            "name the folder that does, sdk/guest of a checkout, with --sdk-path",
        ));
    }
    Ok(format!("{{ path = {} }}", quoted(&path.to_string_lossy())))
}

/// The guest crate of the checkout that this program, or the current folder, lies in.
fn nearby_sdk() -> Option<PathBuf> {
    let starts = [std::env::current_dir(), std::env::current_exe()];
    starts.into_iter().flatten().find_map(|start| {
        let crates = start.ancestors().map(|folder| folder.join("sdk/guest"));
        crates.into_iter().find(|folder| is_sdk(folder))
    })
}

/// Whether the guest crate lies in `folder`.
fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"));
    manifest.is_ok_and(|text| text.lines().any(|line| line.trim() == "name = \"newleaf-sdk\""))
}

/// A TOML basic string; JSON's strings (RFC 8259 §7) are all of that form.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn fill(template: &str, args: &New, sdk: &str) -> String {
    let app = args.name.app();
    template
        .replace("{id}", args.name.as_str())
        // Never a keyword or a crate of the standard library, whatever the app is called.
        .replace("{crate}", &args.name.as_str().replace('/', "-"))
        .replace("{title}", &title(app))
        .replace("{sdk}", sdk)
}

/// `my-notes` as `My notes`.
fn title(app: &str) -> String {
    let words = app.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
