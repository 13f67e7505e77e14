//! The package format: a strict reader and a reproducible writer of stored zips.
