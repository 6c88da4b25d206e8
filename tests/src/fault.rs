//! A way over loopback that misbehaves.
