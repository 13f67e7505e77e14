//! `newleaf-sdk keygen`: the key that signs an author's releases.

use serde_json::json;

use crate::args::Keygen;
use crate::keyfile;
use crate::report::{Exit, Failure, Report};

pub(crate) fn run(args: Keygen) -> Result<Report, Failure> {
    let failed = |error: keyfile::KeyFileError| {
        let hint = error.hint();
        Failure::of("the key was not made", &error, hint)
    };
    let path = match args.out {
        Some(path) => path,
        None => keyfile::default_path().map_err(failed)?,
    };
    let public = keyfile::create(&path).map_err(failed)?.public();
    let file = path.display().to_string();
    Ok(Report {
        text: format!(
            "Key {} is in {file}.\n\
             Keep a copy of that file offline: whoever has it signs in your name, and without it \
             you cannot update your apps.",
            public.id().short()
        ),
        json: json!({ "file": file, "key_id": public.id(), "public": public.to_hex() }),
        exit: Exit::Done,
    })
}
