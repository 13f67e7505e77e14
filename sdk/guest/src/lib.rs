//! What an app's author writes against.
