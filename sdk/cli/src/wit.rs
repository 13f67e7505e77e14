//! The texts of the contract and of the standard it stands on, as this program carries them.

/// A text in WIT, or one that belongs to it.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its file, below the folder of a world.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// The world of an app, which is its author's to change.
pub(crate) const WORLD: Text = Text { name: "app.wit", text: include_str!("template/app.wit.in") };

macro_rules! texts {
    ($folder:literal from $source:literal: $($file:literal)*) => {
        &[$(Text {
            name: concat!($folder, "/", $file),
            text: include_str!(concat!("../../wit/", $source, "/", $file)),
        }),*]
    };
}

/// `newleaf:app`, the contract.
const CONTRACT: &[Text] = texts!("deps/newleaf-app" from "v1":
    "blobs.wit" "config.wit" "jobs.wit" "lifecycle.wit" "log.wit" "sql.wit" "store.wit" "world.wit");

/// WASI 0.2, as the WebAssembly Community Group publishes it.
const WASI: &[Text] = texts!("deps" from "wasi-0.2":
    "cli.wit" "clocks.wit" "filesystem.wit" "http.wit" "io.wit" "random.wit" "sockets.wit");

/// The licence of [`WASI`].
const LICENCE: Text =
    Text { name: "LICENSE-WASI", text: include_str!("../../wit/wasi-0.2/LICENSE") };

/// What a world of an app stands on.
pub(crate) fn depended_on() -> impl Iterator<Item = &'static Text> {
    CONTRACT.iter().chain(WASI).chain([&LICENCE])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::path::Path;

    use super::*;

    #[test]
    fn no_file_of_the_contract_or_of_the_standard_is_left_out() {
        for (source, texts) in [("v1", CONTRACT), ("wasi-0.2", WASI)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(source);
            let files = std::fs::read_dir(folder).unwrap();
            let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let there = files
                .filter(|name| Path::new(name).extension() == Some(OsStr::new("wit")))
                .collect::<BTreeSet<_>>();
            let carried = texts.iter().filter_map(|it| it.name.rsplit('/').next());
            assert_eq!(carried.map(str::to_owned).collect::<BTreeSet<_>>(), there);
        }
    }
}
