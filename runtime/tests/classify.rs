//! `tempest classify` as a shell sees it.
