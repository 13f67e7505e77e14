//! What a power cut can leave of a folder: of everything that was not synced, any part.
//!
//! A file's bytes are on the disk once the file was synced, a name once its folder was; before that
//! each may be there or not, in whatever order, and the bytes in part. This is stricter than the
//! filesystems in use, which keep some order. A rename happens as a whole or not at all.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_domain::Digest;

use super::trace::Op;
use crate::seed::Seed;

/// The most combinations that are built for one instant.
const COMBINATIONS: usize = 24;

/// A file or folder, by its number.
type Inode = usize;

/// A name in a folder.
type Name = (Inode, OsString);

/// A folder as it could be found: each file with its rights and bytes, each folder with nothing.
pub type Tree = BTreeMap<PathBuf, Option<(u32, Vec<u8>)>>;

/// A disk with what it has taken and what it has not.
#[derive(Debug, Clone)]
pub struct Disk {
    inodes: Vec<Node>,
    /// As programs see it.
    live: BTreeMap<Name, Inode>,
    /// As it is on the disk.
    durable: BTreeMap<Name, Inode>,
    /// Changes of names that no sync has covered.
    names: Vec<NameChange>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    is_folder: bool,
    mode: u32,
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Changes of bytes that no sync has covered.
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Add { name: Name, inode: Inode },
    Remove { name: Name },
    Move { from: Name, to: Name, inode: Inode },
}

/// How much of a file's changes is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    None,
    Half,
    All,
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: new } => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }

    /// The first half of it.
    fn half(&self) -> Self {
        match self {
            Self::Write { at, bytes } => {
                Self::Write { at: *at, bytes: bytes[..bytes.len() / 2].to_vec() }
            }
            Self::Length(length) => Self::Length(*length),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<Name, Inode>) {
        match self {
            Self::Add { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
            Self::Move { from, to, inode } => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
        }
    }

    /// The folder whose sync makes it durable.
    const fn folder(&self) -> Inode {
        match self {
            Self::Add { name, .. } | Self::Remove { name } | Self::Move { to: name, .. } => name.0,
        }
    }
}

const ROOT: Inode = 0;

fn size(length: u64) -> usize {
    usize::try_from(length).unwrap()
}

impl Disk {
    /// A disk that has taken all of `folder`.
    pub fn of(folder: &Path) -> Self {
        let root = Node { is_folder: true, ..Node::default() };
        let mut disk = Self {
            inodes: vec![root],
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            names: Vec::new(),
        };
        disk.read(folder, ROOT);
        disk.durable = disk.live.clone();
        disk
    }

    fn read(&mut self, folder: &Path, inode: Inode) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            let name = (inode, entry.file_name());
            let mode = found.permissions().mode() & 0o7777;
            let bytes = if found.is_file() { std::fs::read(entry.path()) } else { Ok(Vec::new()) };
            let bytes = bytes.unwrap();
            self.inodes.push(Node {
                is_folder: found.is_dir(),
                mode,
                live: bytes.clone(),
                durable: bytes,
                changes: Vec::new(),
            });
            let new = self.inodes.len() - 1;
            self.live.insert(name, new);
            if found.is_dir() {
                self.read(&entry.path(), new);
            }
        }
    }

    fn find(&self, path: &Path) -> Option<Inode> {
        let step =
            |inode, part: &std::ffi::OsStr| self.live.get(&(inode, part.to_owned())).copied();
        path.iter().try_fold(ROOT, step)
    }

    fn name(&self, path: &Path) -> Option<Name> {
        Some((self.find(path.parent()?)?, path.file_name()?.to_owned()))
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.names.push(change);
    }

    fn add(&mut self, path: &Path, node: Node) {
        if self.find(path).is_none()
            && let Some(name) = self.name(path)
        {
            self.inodes.push(node);
            let inode = self.inodes.len() - 1;
            self.rename(NameChange::Add { name, inode });
        }
    }

    fn change(&mut self, path: &Path, change: Change) {
        let Some(inode) = self.find(path) else { return };
        let node = &mut self.inodes[inode];
        let nothing = matches!(change, Change::Length(length) if length == node.live.len());
        if !nothing {
            change.apply(&mut node.live);
            node.changes.push(change);
        }
    }

    /// Does what a program did.
    pub fn take(&mut self, op: &Op) {
        match op {
            Op::Create { path, mode } => self.add(path, Node { mode: *mode, ..Node::default() }),
            Op::Folder { path } => self.add(path, Node { is_folder: true, ..Node::default() }),
            Op::Write { path, at, bytes } => {
                self.change(path, Change::Write { at: size(*at), bytes: bytes.clone() });
            }
            Op::Copy { from, from_at, path, at, length } => {
                let Some(source) = self.find(from) else { return };
                let (start, end) = (size(*from_at), size(from_at + length));
                let bytes = self.inodes[source].live[start..end].to_vec();
                self.change(path, Change::Write { at: size(*at), bytes });
            }
            Op::Length { path, length } => self.change(path, Change::Length(size(*length))),
            Op::Mode { path, mode } => {
                if let Some(inode) = self.find(path) {
                    self.inodes[inode].mode = *mode;
                }
            }
            Op::Link { from, to } => {
                if let Some((inode, name)) = self.find(from).zip(self.name(to)) {
                    self.rename(NameChange::Add { name, inode });
                }
            }
            Op::Rename { from, to } => {
                let found = self.find(from).zip(self.name(from)).zip(self.name(to));
                if let Some(((inode, from), to)) = found {
                    self.rename(NameChange::Move { from, to, inode });
                }
            }
            Op::Remove { path } => {
                if let Some(name) = self.name(path) {
                    self.rename(NameChange::Remove { name });
                }
            }
            Op::Sync { path } => self.sync(path),
        }
    }

    fn sync(&mut self, path: &Path) {
        let Some(inode) = self.find(path) else { return };
        let node = &mut self.inodes[inode];
        if !node.is_folder {
            node.durable.clone_from(&node.live);
            node.changes.clear();
            return;
        }
        let (taken, left): (Vec<_>, _) =
            std::mem::take(&mut self.names).into_iter().partition(|it| it.folder() == inode);
        self.names = left;
        for change in taken {
            change.apply(&mut self.durable);
            if let NameChange::Move { from, inode, .. } = change {
                // Its old name is history: it cannot come back by itself.
                self.names.retain(|it| {
                    !matches!(it, NameChange::Add { name, inode: of } if *name == from && *of == inode)
                });
            }
        }
    }

    /// What a power cut at this instant could leave: every combination, or some by chance, with the
    /// extremes among them.
    pub fn left_by_power_cut(&self, seed: &mut Seed) -> Vec<Tree> {
        let changed = |(inode, node): (Inode, &Node)| (!node.changes.is_empty()).then_some(inode);
        let files = self.inodes.iter().enumerate().filter_map(changed).collect::<Vec<_>>();
        let choices = self.choices(files.len(), seed);
        choices.iter().map(|(kept, parts)| self.tree(kept, &files, parts)).collect()
    }

    fn choices(&self, files: usize, seed: &mut Seed) -> Vec<(Vec<bool>, Vec<Part>)> {
        let parts = [Part::None, Part::All, Part::Half];
        let names = self.names.len();
        let all = 2_usize
            .checked_pow(u32::try_from(names).unwrap())
            .zip(3_usize.checked_pow(u32::try_from(files).unwrap()))
            .and_then(|(names, files)| names.checked_mul(files))
            .filter(|all| *all <= COMBINATIONS);
        if let Some(all) = all {
            let choice = |mut number: usize| {
                let mut digit = |base: usize| {
                    let digit = number % base;
                    number /= base;
                    digit
                };
                let kept = (0..names).map(|_| digit(2) == 1).collect();
                (kept, (0..files).map(|_| parts[digit(3)]).collect())
            };
            return (0..all).map(choice).collect();
        }
        let extremes = [true, false].into_iter().flat_map(|kept| {
            [Part::None, Part::All].map(|part| (vec![kept; names], vec![part; files]))
        });
        let mut choices = extremes.collect::<Vec<_>>();
        while choices.len() < COMBINATIONS {
            let kept = (0..names).map(|_| seed.below(2) == 1).collect();
            choices.push((kept, (0..files).map(|_| parts[seed.below(3)]).collect()));
        }
        choices
    }

    fn tree(&self, kept: &[bool], files: &[Inode], parts: &[Part]) -> Tree {
        let mut names = self.durable.clone();
        for (change, _) in self.names.iter().zip(kept).filter(|(_, kept)| **kept) {
            change.apply(&mut names);
        }
        let part = |inode: Inode| {
            let at = files.iter().position(|it| *it == inode);
            at.map_or(Part::None, |at| parts[at])
        };
        let mut tree = Tree::new();
        let mut folders = vec![(ROOT, PathBuf::new())];
        while let Some((folder, path)) = folders.pop() {
            let first = (folder, OsString::new());
            for ((_, name), inode) in names.range(first..).take_while(|it| it.0.0 == folder) {
                let path = path.join(name);
                let node = &self.inodes[*inode];
                if node.is_folder {
                    folders.push((*inode, path.clone()));
                    tree.insert(path, None);
                } else {
                    tree.insert(path, Some((node.mode, node.found(part(*inode)))));
                }
            }
        }
        tree
    }
}

impl Node {
    fn found(&self, part: Part) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let whole = match part {
            Part::None => return bytes,
            Part::All => return self.live.clone(),
            Part::Half => self.changes.len() / 2,
        };
        for change in &self.changes[..whole] {
            change.apply(&mut bytes);
        }
        if let Some(torn) = self.changes.get(whole) {
            torn.half().apply(&mut bytes);
        }
        bytes
    }
}

/// What tells one tree from another.
pub fn digest_of(tree: &Tree) -> Digest {
    let mut all = Vec::new();
    for (path, file) in tree {
        all.extend_from_slice(path.as_os_str().as_encoded_bytes());
        match file {
            None => all.push(0),
            Some((mode, bytes)) => {
                all.extend_from_slice(&mode.to_le_bytes());
                all.extend_from_slice(Digest::of(bytes).to_string().as_bytes());
            }
        }
    }
    Digest::of(&all)
}

/// Makes `folder` so.
pub fn build(tree: &Tree, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (path, file) in tree {
        let path = folder.join(path);
        match file {
            None => std::fs::create_dir(&path).unwrap(),
            Some((mode, bytes)) => {
                std::fs::write(&path, bytes).unwrap();
                let mode = std::fs::Permissions::from_mode(*mode);
                std::fs::set_permissions(&path, mode).unwrap();
            }
        }
    }
}
