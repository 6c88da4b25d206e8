//! The probes, as data.

mod closing;
mod deflate;
mod fragments;
mod frames;
mod handshake;
#[cfg(test)]
mod tests;
mod text;

use super::probe::Probe;

/// A group of probes that have a subject in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) probes: &'static [Probe],
}

/// All probes, in the order in which they run.
pub(super) static GROUPS: [Group; 8] = [
    Group { name: "requests", probes: handshake::REFUSED },
    Group { name: "responses", probes: handshake::ACCEPTED },
    Group { name: "frames", probes: frames::FRAMES },
    Group { name: "control frames", probes: frames::CONTROL },
    Group { name: "fragments", probes: fragments::FRAGMENTS },
    Group { name: "text", probes: text::TEXT },
    Group { name: "closing", probes: closing::CLOSING },
    Group { name: "compression", probes: deflate::DEFLATE },
];

/// Returns each probe with its group.
pub(super) fn all() -> impl Iterator<Item = (&'static Group, &'static Probe)> {
    GROUPS.iter().flat_map(|group| group.probes.iter().map(move |probe| (group, probe)))
}
