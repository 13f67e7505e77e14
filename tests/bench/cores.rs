//! Two consecutive releases of core, in every form in which the second can travel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use newleaf_domain::{ByteSize, Digest};
use newleaf_package::transport::{Base, Effort, compress, create};
use newleaf_package::{Limits, PackageReader, Written};
use newleaf_tests::process::Ran;
use newleaf_tests::world::CoreRelease;
use tempfile::TempDir;

/// Core 1.0.0 as a host has it, and core 1.1.0 as it comes.
pub(crate) struct Cores {
    folder: TempDir,
    /// The slot of 1.0.0.
    pub(crate) slot: PathBuf,
    /// The package that was unpacked there.
    pub(crate) old: Written,
    /// The package of 1.1.0.
    pub(crate) new: Written,
    /// The length of its program.
    pub(crate) binary: u64,
}

impl Cores {
    /// Packs both and makes a delta and a compressed copy as a registry does.
    pub(crate) fn make() -> Self {
        let folder = tempfile::Builder::new().prefix("newleaf-bench-").tempdir().unwrap();
        let pack = |core: CoreRelease| {
            let package = core.pack(folder.path());
            (written(&package), package)
        };
        let ((old, old_package), (new, new_package)) =
            (pack(CoreRelease::Stock), pack(CoreRelease::Newer));
        let slot = folder.path().join("slot");
        std::fs::create_dir(&slot).unwrap();
        unpack(&old_package, &slot);
        std::fs::rename(&new_package, folder.path().join("new.zip")).unwrap();
        let binary = std::fs::metadata(newleaf_tests::build::program(CoreRelease::Newer.program()));
        let cores = Self { slot, old, new, binary: binary.unwrap().len(), folder };
        cores.make_smaller(&old_package);
        cores
    }

    fn make_smaller(&self, old_package: &Path) {
        let began = Instant::now();
        let base = Base::read(std::fs::File::open(old_package).unwrap(), self.old).unwrap();
        let package = std::fs::read(self.path("new.zip")).unwrap();
        let delta = create(&base, &package, Effort::Best).unwrap();
        std::fs::write(self.path("delta.zst"), delta).unwrap();
        println!("a delta took {:.1} s to make", began.elapsed().as_secs_f64());
        let mut copy = Vec::new();
        // What the receiver has to do is the same, however much work the copy was worth.
        compress(package.as_slice(), self.new.length, &mut copy, Effort::Quick).unwrap();
        std::fs::write(self.path("copy.zst"), copy).unwrap();
    }

    /// A deflated zip of what is in the package of 1.1.0, as other products ship it.
    pub(crate) fn deflated(&self) -> PathBuf {
        let (unpacked, zip) = (self.path("unpacked"), self.path("deflated.zip"));
        std::fs::create_dir(&unpacked).unwrap();
        unpack(&self.path("new.zip"), &unpacked);
        let mut command = Command::new("zip");
        Ran::ok(command.current_dir(&unpacked).args(["-q", "-6", "-r"]).arg(&zip).arg("."));
        zip
    }

    /// A path in the folder of all this.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn unpack(package: &Path, folder: &Path) {
    let mut reader = PackageReader::open(std::fs::File::open(package).unwrap(), Limits::core());
    reader.as_mut().unwrap().unpack_into(folder, &mut |_| ()).unwrap();
}

fn written(package: &Path) -> Written {
    let bytes = std::fs::read(package).unwrap();
    Written { length: ByteSize::bytes(bytes.len() as u64), sha256: Digest::of(&bytes) }
}

/// The length of the file at `path`.
pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}
