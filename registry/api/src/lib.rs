//! Wire types, paths and error codes of the registry's API.
