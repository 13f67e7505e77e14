//! What a host does with a package that came, as a process of its own, so that its processor time
//! and its memory can be measured: verifies it, and unpacks it or makes it of a delta.
//!
//! Closes with one line: the most memory it had, in bytes.
#![expect(clippy::print_stdout, reason = "a command line program talks on standard output")]

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{ByteSize, Digest};
use newleaf_package::transport::{self, Base};
use newleaf_package::{Limits, PackageReader, Written};

type Failed = Box<dyn std::error::Error>;

/// Carries one package from a download to where it is wanted.
#[derive(Debug, Parser)]
enum Carry {
    /// The package itself: verify, unpack.
    Plain {
        package: PathBuf,
        slot: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
    /// Its compressed copy: expand, verify, unpack.
    Copy {
        copy: PathBuf,
        package: PathBuf,
        slot: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
    /// A delta: rebuild the base and verify it, apply, verify what came.
    Delta {
        base: PathBuf,
        base_sha256: Digest,
        delta: PathBuf,
        package: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
}

/// What is signed of the package.
#[derive(Debug, Clone, Copy, Args)]
struct Signed {
    #[arg(long)]
    length: u64,
    #[arg(long)]
    sha256: Digest,
}

impl Signed {
    const fn written(self) -> Written {
        Written { length: ByteSize::bytes(self.length), sha256: self.sha256 }
    }
}

fn main() -> Result<(), Failed> {
    match Carry::parse() {
        Carry::Plain { package, slot, signed } => {
            verify(&package, signed)?;
            unpack(&package, &slot)?;
        }
        Carry::Copy { copy, package, slot, signed } => {
            let out = BufWriter::new(File::create(&package)?);
            transport::expand(BufReader::new(File::open(copy)?), out, signed.written())?;
            verify(&package, signed)?;
            unpack(&package, &slot)?;
        }
        Carry::Delta { base, base_sha256, delta, package, signed } => {
            apply(&base, base_sha256, &delta, &package, signed)?;
            verify(&package, signed)?;
        }
    }
    println!("{}", most_memory()?);
    Ok(())
}

fn apply(
    slot: &Path,
    sha256: Digest,
    delta: &Path,
    package: &Path,
    signed: Signed,
) -> Result<(), Failed> {
    let frame = std::fs::read(delta)?;
    let base = Base::rebuild(slot, Limits::core(), sha256)?;
    let bytes = transport::apply(&base, &frame, signed.written())?;
    Ok(File::create(package)?.write_all(&bytes)?)
}

/// Hashes the file as it is on disk.
fn verify(package: &Path, signed: Signed) -> Result<(), Failed> {
    let mut file = File::open(package)?;
    let mut digest = DigestWriter::default();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            count => digest.update(&piece[..count]),
        }
    }
    let (length, found) = (digest.length(), digest.finish());
    if (length, found) == (signed.length, signed.sha256) {
        Ok(())
    } else {
        Err(format!("{length} bytes with SHA-256 {found} are not what was signed").into())
    }
}

fn unpack(package: &Path, slot: &Path) -> Result<(), Failed> {
    std::fs::create_dir(slot)?;
    PackageReader::open(File::open(package)?, Limits::core())?.unpack_into(slot, &mut |_| ())?;
    Ok(())
}

/// `VmHWM` of this process: as much memory as it had at its largest.
fn most_memory() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the system does not say"))
}
