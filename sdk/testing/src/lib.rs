//! Runs an app on the real plugin host in a fake world.
