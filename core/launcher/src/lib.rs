//! Owns the sockets, the state file, the journal and the workers of a host; changes least.
