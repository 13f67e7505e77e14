//! TUF's client workflow and signing half: bytes and a time in, trust out. Pure.
