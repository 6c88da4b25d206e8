//! Allocations of opening handshakes.

use peers::Outcome;
use peers::handshake::{Answer, End, Written, answer, peers};

const HANDSHAKES: usize = 1000;

/// Prints a line for each end and implementation: end, peer, allocations, bytes of them.
pub(super) fn print() -> Outcome {
    for end in [End::Server, End::Client(ANSWER)] {
        for peer in peers() {
            let written = Written::default();
            // Objects that are made once are not counted.
            end.shake(&*peer, &written)?;
            let info =
                super::counted(|| (0..HANDSHAKES).try_for_each(|_| end.shake(&*peer, &written)))?;
            let count = super::each(info.count_total, HANDSHAKES);
            let bytes = super::each(info.bytes_total, HANDSHAKES);
            println!("{}\t{}\t{count}\t{bytes:.0}", end.name(), peer.name());
        }
    }
    Ok(())
}

/// The answer is nobody's work.
const ANSWER: Answer = |request| {
    let mut answered = None;
    allocation_counter::opt_out(|| answered = answer(request));
    answered
};
