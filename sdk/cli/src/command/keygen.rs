//! `newleaf-sdk keygen`: the key that signs an author's releases.

use serde_json::json;

use crate::args::Keygen;
use crate::keyfile::{self, NewKey};
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
    let NewKey { public, public_file } = keyfile::create(&path).map_err(failed)?;
    let (file, public_file) = (path.display().to_string(), public_file.display().to_string());
    Ok(Report {
        text: format!(
            "Key {} is in {file}.\n\
             Keep a copy of that file offline: whoever has it signs in your name, and without it \
             you cannot update your apps.\n\
             Its public half is in {public_file}. Anybody may have that: the registry's people \
             vouch for you with it.",
            public.id().short()
        ),
        json: json!({
            "file": file,
            "key_id": public.id(),
            "public": public.to_hex(),
            "public_file": public_file,
        }),
        exit: Exit::Done,
    })
}
