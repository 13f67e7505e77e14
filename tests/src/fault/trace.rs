//! What a traced program did to a folder: the calls that change it, in their order.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// The system calls that are recorded: those that change a disk, and those without which the
/// meaning of a descriptor would be lost.
const RECORDED: &str = "openat,?open,?creat,close,?dup,?dup2,dup3,fcntl,lseek,read,write,pwrite64,\
    writev,fsync,fdatasync,?rename,renameat,?renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,\
    ?link,linkat,ftruncate,fallocate,?chmod,fchmod,fchmodat,copy_file_range,sendfile";

/// One change of the folder; paths are relative to it, places and lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A file is made; where there is one already nothing changes.
    Create {
        /// The file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// A folder is made.
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// Bytes are written.
    Write {
        /// The file.
        path: PathBuf,
        /// Where in it.
        at: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Bytes of another file are written.
    Copy {
        /// The other file.
        from: PathBuf,
        /// Where in it.
        from_at: u64,
        /// The file.
        path: PathBuf,
        /// Where in it.
        at: u64,
        /// How many.
        length: u64,
    },
    /// A file is cut or made longer.
    Length {
        /// The file.
        path: PathBuf,
        /// Its new length.
        length: u64,
    },
    /// A file's rights change.
    Mode {
        /// The file.
        path: PathBuf,
        /// Its new rights.
        mode: u32,
    },
    /// A second name for a file.
    Link {
        /// The file.
        from: PathBuf,
        /// Its second name.
        to: PathBuf,
    },
    /// A new name in place of the old.
    Rename {
        /// The old name.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// A name goes.
    Remove {
        /// The name.
        path: PathBuf,
    },
    /// The disk has taken a file's bytes, or a folder's names.
    Sync {
        /// The file or folder.
        path: PathBuf,
    },
}

impl Op {
    /// The file or folder that changes, by its new name where it has one.
    pub fn path(&self) -> &Path {
        match self {
            Self::Create { path, .. }
            | Self::Folder { path }
            | Self::Write { path, .. }
            | Self::Copy { path, .. }
            | Self::Length { path, .. }
            | Self::Mode { path, .. }
            | Self::Remove { path }
            | Self::Sync { path }
            | Self::Link { to: path, .. }
            | Self::Rename { to: path, .. } => path,
        }
    }
}

/// Runs `program` undisturbed under `strace` and gives what it did below `folder`, which was as
/// `before` is.
pub fn record(program: &Command, folder: &Path, before: &Path, log: &Path) -> Vec<Op> {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "--seccomp-bpf", "-xx", "-s", "4194304", "-e", "signal=none"]);
    command.arg("-e").arg(format!("trace={RECORDED}")).arg("-o").arg(log);
    command.arg(program.get_program()).args(program.get_args());
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?}: {}\n{said}", ran.status);
    let text = std::fs::read_to_string(log).unwrap();
    let (folder, before) = (folder.to_owned(), before.to_owned());
    let mut reader = Reader { folder, before, ..Reader::default() };
    let mut begun = BTreeMap::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(first) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, first.to_owned());
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            let first = begun.remove(thread).unwrap_or_default();
            reader.take(&format!("{first}{rest}"));
        } else {
            reader.take(call);
        }
    }
    reader.ops
}

/// An open file of the traced program.
#[derive(Debug, Clone)]
struct Open {
    path: PathBuf,
    at: u64,
    appends: bool,
}

/// Reads calls one by one.
#[derive(Debug, Default)]
struct Reader {
    folder: PathBuf,
    before: PathBuf,
    open: BTreeMap<i64, Open>,
    /// How long each file is, as far as this program made it so.
    lengths: BTreeMap<PathBuf, u64>,
    ops: Vec<Op>,
}

/// One argument of a call.
#[derive(Debug, Clone)]
enum Argument {
    Text(Vec<u8>),
    Word(String),
}

impl Argument {
    fn number(&self) -> Option<i64> {
        let Self::Word(word) = self else { return None };
        if let Some(octal) = word.strip_prefix('0').filter(|rest| !rest.is_empty()) {
            return i64::from_str_radix(octal, 8).ok();
        }
        word.parse().ok()
    }

    fn has(&self, flag: &str) -> bool {
        matches!(self, Self::Word(word) if word.split('|').any(|it| it == flag))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Text(bytes) => PathBuf::from(String::from_utf8_lossy(bytes).into_owned()),
            Self::Word(_) => PathBuf::new(),
        }
    }
}

/// The name of a call, its arguments, and what it returned; none for one that failed.
fn parsed(call: &str) -> Option<(&str, Vec<Argument>, i64)> {
    let (name, rest) = call.split_once('(')?;
    let (inside, result) = rest.rsplit_once(" = ")?;
    let inside = inside.trim_end().strip_suffix(')')?;
    let result = result.split(' ').next()?.parse::<i64>().ok().filter(|result| *result >= 0)?;
    let mut arguments = Vec::new();
    let mut rest = inside;
    while !rest.is_empty() {
        if let Some(text) = rest.strip_prefix('"') {
            let (text, after) = text.split_once('"')?;
            let bytes = text.split("\\x").skip(1).filter_map(|it| u8::from_str_radix(it, 16).ok());
            arguments.push(Argument::Text(bytes.collect()));
            rest = after;
        } else if rest.starts_with('[') {
            let (inner, after) = rest[1..].split_once(']')?;
            arguments.push(Argument::Word(inner.to_owned()));
            rest = after;
        } else {
            let end = rest.find(", ").unwrap_or(rest.len());
            arguments.push(Argument::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.strip_prefix(", ").unwrap_or(rest);
    }
    Some((name, arguments, result))
}

impl Reader {
    fn take(&mut self, call: &str) {
        let Some((name, arguments, result)) = parsed(call) else { return };
        match (name, &arguments[..]) {
            ("open", [path, flags, mode @ ..]) => {
                let path = path.path();
                self.opened(&path, flags, mode.first(), result);
            }
            ("openat", [at, path, flags, mode @ ..]) => {
                let path = self.at(at, path);
                self.opened(&path, flags, mode.first(), result);
            }
            ("close", [fd]) => drop(fd.number().and_then(|fd| self.open.remove(&fd))),
            ("dup" | "dup2" | "dup3", [fd, ..]) => self.duplicated(fd, result),
            ("fcntl", [fd, what, ..]) if what.has("F_DUPFD_CLOEXEC") || what.has("F_DUPFD") => {
                self.duplicated(fd, result);
            }
            ("lseek", [fd, ..]) => {
                if let Some(open) = self.file(fd) {
                    open.at = result.unsigned_abs();
                }
            }
            ("read", [fd, ..]) => {
                if let Some(open) = self.file(fd) {
                    open.at += result.unsigned_abs();
                }
            }
            ("write", [fd, Argument::Text(bytes), ..]) => {
                let count = usize::try_from(result).unwrap_or(0).min(bytes.len());
                self.written(fd, bytes[..count].to_vec());
            }
            ("pwrite64", [fd, Argument::Text(bytes), _, at]) => {
                let count = usize::try_from(result).unwrap_or(0).min(bytes.len());
                let at = at.number().unwrap_or(0).unsigned_abs();
                if let Some(path) = self.file(fd).map(|open| open.path.clone()) {
                    self.put(path, at, bytes[..count].to_vec());
                }
            }
            ("fsync" | "fdatasync", [fd]) => {
                if let Some(path) = self.file(fd).map(|open| open.path.clone()) {
                    self.ops.push(Op::Sync { path });
                }
            }
            ("ftruncate", [fd, length]) => {
                let length = length.number().unwrap_or(0).unsigned_abs();
                if let Some(path) = self.file(fd).map(|open| open.path.clone()) {
                    self.cut(path, length);
                }
            }
            ("fchmod", [fd, mode]) => {
                let path = self.file(fd).map(|open| open.path.clone());
                self.ops
                    .extend(path.zip(mode_of(mode)).map(|(path, mode)| Op::Mode { path, mode }));
            }
            ("chmod", [path, mode]) => self.moded(&path.path(), mode),
            ("fchmodat", [at, path, mode, ..]) => {
                let path = self.at(at, path);
                self.moded(&path, mode);
            }
            ("writev" | "fallocate", [fd, ..]) => {
                assert!(self.file(fd).is_none(), "nothing here is written so: {call}");
            }
            ("copy_file_range", [from, _, to, _, ..]) | ("sendfile", [to, from, ..]) => {
                self.copied(from, to, result.unsigned_abs());
            }
            _ => self.renamed(name, &arguments),
        }
    }

    fn renamed(&mut self, name: &str, arguments: &[Argument]) {
        let (from, to) = match (name, arguments) {
            ("mkdir", [path, ..]) => return self.made(&path.path()),
            ("mkdirat", [at, path, ..]) => {
                let path = self.at(at, path);
                return self.made(&path);
            }
            ("unlink" | "rmdir", [path]) => return self.removed(&path.path()),
            ("unlinkat", [at, path, ..]) => {
                let path = self.at(at, path);
                return self.removed(&path);
            }
            ("rename" | "link", [from, to]) => (from.path(), to.path()),
            ("renameat" | "renameat2" | "linkat", [at, from, to_at, to, ..]) => {
                (self.at(at, from), self.at(to_at, to))
            }
            _ => return,
        };
        let (Some(from), Some(to)) = (self.inside(&from), self.inside(&to)) else { return };
        if name.starts_with("link") {
            if let Some(length) = self.lengths.get(&from).copied() {
                self.lengths.insert(to.clone(), length);
            }
            return self.ops.push(Op::Link { from, to });
        }
        // Descriptors stay with the file, whatever it is called.
        let moved = |path: &Path| Some(to.join(path.strip_prefix(&from).ok()?));
        for open in self.open.values_mut() {
            if let Some(path) = moved(&open.path) {
                open.path = path.components().collect();
            }
        }
        let lengths = std::mem::take(&mut self.lengths);
        let renamed = lengths.into_iter().map(|(path, length)| match moved(&path) {
            Some(path) => (path.components().collect(), length),
            None => (path, length),
        });
        self.lengths = renamed.collect();
        self.ops.push(Op::Rename { from, to });
    }

    /// The path below the folder, where it lies there.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let path = path.strip_prefix(&self.folder).ok()?;
        Some(path.components().filter(|it| *it != Component::CurDir).collect())
    }

    fn at(&self, at: &Argument, path: &Argument) -> PathBuf {
        let path = path.path();
        match at.number().and_then(|fd| self.open.get(&fd)) {
            Some(open) if path.is_relative() => self.folder.join(&open.path).join(path),
            Some(_) | None => path,
        }
    }

    fn file(&mut self, fd: &Argument) -> Option<&mut Open> {
        self.open.get_mut(&fd.number()?)
    }

    fn duplicated(&mut self, fd: &Argument, new: i64) {
        if let Some(open) = self.file(fd).cloned() {
            self.open.insert(new, open);
        }
    }

    fn opened(&mut self, path: &Path, flags: &Argument, mode: Option<&Argument>, fd: i64) {
        self.open.remove(&fd);
        let Some(path) = self.inside(path) else { return };
        if flags.has("O_CREAT") {
            let mode = mode.and_then(mode_of).unwrap_or(0o644) & !0o022;
            self.ops.push(Op::Create { path: path.clone(), mode });
        }
        if flags.has("O_TRUNC") {
            self.cut(path.clone(), 0);
        }
        let open = Open { path, at: 0, appends: flags.has("O_APPEND") };
        self.open.insert(fd, open);
    }

    fn written(&mut self, fd: &Argument, bytes: Vec<u8>) {
        let Some(number) = fd.number() else { return };
        let Some(open) = self.open.get(&number).cloned() else { return };
        let at = if open.appends { self.length_of(&open.path) } else { open.at };
        if let Some(open) = self.open.get_mut(&number) {
            open.at = at + bytes.len() as u64;
        }
        self.put(open.path, at, bytes);
    }

    /// The length of a file that this program may not have touched yet.
    fn length_of(&self, path: &Path) -> u64 {
        let found = || std::fs::metadata(self.before.join(path)).map_or(0, |found| found.len());
        self.lengths.get(path).copied().unwrap_or_else(found)
    }

    fn put(&mut self, path: PathBuf, at: u64, bytes: Vec<u8>) {
        let length = self.length_of(&path).max(at + bytes.len() as u64);
        self.lengths.insert(path.clone(), length);
        self.ops.push(Op::Write { path, at, bytes });
    }

    fn cut(&mut self, path: PathBuf, length: u64) {
        self.lengths.insert(path.clone(), length);
        self.ops.push(Op::Length { path, length });
    }

    fn copied(&mut self, from: &Argument, to: &Argument, length: u64) {
        let (Some(source), Some(target)) = (self.file(from).cloned(), self.file(to).cloned())
        else {
            return;
        };
        for (fd, at) in [(from, source.at), (to, target.at)] {
            if let Some(open) = self.file(fd) {
                open.at = at + length;
            }
        }
        if length > 0 {
            let (path, at) = (target.path, target.at);
            let end = self.length_of(&path).max(at + length);
            self.lengths.insert(path.clone(), end);
            self.ops.push(Op::Copy { from: source.path, from_at: source.at, path, at, length });
        }
    }

    fn moded(&mut self, path: &Path, mode: &Argument) {
        let path = self.inside(path);
        self.ops.extend(path.zip(mode_of(mode)).map(|(path, mode)| Op::Mode { path, mode }));
    }

    fn made(&mut self, path: &Path) {
        self.ops.extend(self.inside(path).map(|path| Op::Folder { path }));
    }

    fn removed(&mut self, path: &Path) {
        let Some(path) = self.inside(path) else { return };
        self.lengths.remove(&path);
        self.ops.push(Op::Remove { path });
    }
}

fn mode_of(argument: &Argument) -> Option<u32> {
    argument.number().and_then(|mode| u32::try_from(mode).ok())
}
