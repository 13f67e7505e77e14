//! Bounds what one statement of an app makes SQLite keep in memory. SQLite bounds each value, and a
//! statement may hold hundreds of them. Its allocator stays what it is; ours only counts, by thread,
//! since a statement runs on one from beginning to end. A large one is memory of its app.
#![expect(unsafe_code, reason = "SQLite asks its allocator through C functions")]

use std::{
    cell::{Cell, RefCell},
    ffi::{c_int, c_void},
    ptr,
    sync::{Arc, OnceLock},
};

use rusqlite::ffi;

use crate::together::{Lent, Share};

/// What a statement may take before it is counted as memory of its app: some pages in SQLite's cache.
const FREE: i64 = 4 * 1024 * 1024;

/// What is counted at one time.
const BLOCK: i64 = 4 * 1024 * 1024;

thread_local! {
    /// Bytes that the statement of this thread may still take; none where nobody counts.
    static LEFT: Cell<Option<i64>> = const { Cell::new(None) };
    /// What it may have beyond that.
    static BEYOND: RefCell<Beyond> = const { RefCell::new(Beyond::nothing()) };
}

/// What a statement may have when it asks, and has had.
struct Beyond {
    left: i64,
    /// Whose memory it is; nobody's in the tests of the neighbours.
    share: Option<Arc<Share>>,
    lent: Vec<Lent>,
}

impl Beyond {
    const fn nothing() -> Self {
        Self { left: 0, share: None, lent: Vec::new() }
    }

    /// At least `short` bytes more, where they may be had.
    fn lend(&mut self, short: i64) -> Option<i64> {
        let more = short.max(BLOCK).min(self.left);
        if more < short {
            return None;
        }
        if let Some(share) = &self.share {
            self.lent.push(share.lend(u64::try_from(more).ok()?).ok()?);
        }
        self.left -= more;
        Some(more)
    }
}

/// The functions of SQLite's own allocator.
#[derive(Debug, Clone, Copy)]
struct Own {
    malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    size: unsafe extern "C" fn(*mut c_void) -> c_int,
}

static OWN: OnceLock<Option<Own>> = OnceLock::new();

/// Has SQLite's allocations counted from here on; false where SQLite is in use already, whose
/// allocator cannot be exchanged any more. Called at the start of a process that runs apps.
pub fn bound_memory() -> bool {
    OWN.get_or_init(install).is_some()
}

/// Does `work`, in which this thread's statements may take `most` bytes more than they give back,
/// as far as `share` has them; beyond that SQLite is told that there is no memory, and ends the
/// statement in good order.
pub(super) fn within<T>(most: i64, share: Option<&Arc<Share>>, work: impl FnOnce() -> T) -> T {
    /// Counts no more, however the work ends.
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            LEFT.set(None);
            drop(BEYOND.replace(Beyond::nothing()));
        }
    }
    let free = most.min(FREE);
    LEFT.set(Some(free));
    BEYOND.set(Beyond { left: most - free, share: share.cloned(), lent: Vec::new() });
    let _counted = Counted;
    work()
}

fn install() -> Option<Own> {
    let mut methods = ffi::sqlite3_mem_methods {
        xMalloc: None,
        xFree: None,
        xRealloc: None,
        xSize: None,
        xRoundup: None,
        xInit: None,
        xShutdown: None,
        pAppData: ptr::null_mut(),
    };
    let methods_at = &raw mut methods;
    // SAFETY: this option fills the structure it is given a pointer to, and keeps none.
    let asked = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, methods_at) };
    if asked != ffi::SQLITE_OK {
        return None;
    }
    let own = Own {
        malloc: methods.xMalloc?,
        realloc: methods.xRealloc?,
        free: methods.xFree?,
        size: methods.xSize?,
    };
    methods.xMalloc = Some(malloc);
    methods.xRealloc = Some(realloc);
    methods.xFree = Some(free);
    let methods_at = &raw const methods;
    // SAFETY: SQLite copies the structure; it refuses the call once it is in use. Whatever was
    // allocated before is of the same allocator, which ours hands everything on to.
    let set = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, methods_at) };
    (set == ffi::SQLITE_OK).then_some(own)
}

/// SQLite's own functions; ours run only once these are known.
fn own() -> Option<Own> {
    // While `install` runs nobody allocates: SQLite is not in use yet.
    OWN.get().copied().flatten()
}

/// Counts `bytes` more (or less); whether they may be had.
fn take(bytes: i64) -> bool {
    // A thread that ends counts no more.
    let taken = LEFT.try_with(|left| match left.get() {
        Some(room) if bytes > room => {
            let more = BEYOND.try_with(|it| it.try_borrow_mut().ok()?.lend(bytes - room));
            let more = more.ok().flatten();
            left.set(Some(more.map_or(room, |more| room + more - bytes)));
            more.is_some()
        }
        Some(room) => {
            left.set(Some(room - bytes));
            true
        }
        None => true,
    });
    taken.unwrap_or(true)
}

extern "C" fn malloc(bytes: c_int) -> *mut c_void {
    match own() {
        // SAFETY: handed on as it came from SQLite.
        Some(own) if take(bytes.into()) => unsafe { (own.malloc)(bytes) },
        Some(_) | None => ptr::null_mut(),
    }
}

extern "C" fn realloc(old: *mut c_void, bytes: c_int) -> *mut c_void {
    let Some(own) = own() else { return ptr::null_mut() };
    // SAFETY: SQLite gives a pointer that came from its allocator.
    let before = unsafe { (own.size)(old) };
    if !take(i64::from(bytes) - i64::from(before)) {
        return ptr::null_mut();
    }
    // SAFETY: handed on as it came from SQLite.
    unsafe { (own.realloc)(old, bytes) }
}

extern "C" fn free(old: *mut c_void) {
    let Some(own) = own() else { return };
    // SAFETY: SQLite gives a pointer that came from its allocator.
    take(-i64::from(unsafe { (own.size)(old) }));
    // SAFETY: handed on as it came from SQLite.
    unsafe { (own.free)(old) }
}
