//! The registry: a write path with a database, a read path of static files.
