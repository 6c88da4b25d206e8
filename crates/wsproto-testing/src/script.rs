//! Scripts: actions of both applications, the clock and the network on a [`Pair`], in any order.
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::call::body;
use crate::{Call, End, Half, Life, Pair, Side, call};

/// An action of an application, or of its transport, on one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A call of the sending half, if there is one.
    Call(Call),
    /// A close of the session, with that code or an empty Close.
    Close(Option<u16>),
    /// The transport ends abruptly.
    EndOfInput,
    /// An abort of the session.
    Abort,
}

/// A step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An action on that end.
    At(Side, Act),
    /// Some output arrives, or else the next deadline does.
    Go,
    /// Time passes, in milliseconds.
    Wait(u16),
    /// At most that many bytes on their way to that end are lost.
    Lose(Side, u8),
    /// A byte on its way to that end is changed.
    Damage(Side, u8),
    /// From now on nothing arrives.
    CutOff,
}

impl Act {
    fn perform<R: End>(&self, life: &mut Life<R>) {
        match self {
            // A refused call has written nothing, which is fine.
            Self::Call(call) => {
                let _ = life.session.sender().and_then(|s| call.make(s, &mut life.out));
            }
            Self::Close(code) => {
                let _ = life.close(body(*code).as_ref());
            }
            Self::EndOfInput => life.end_of_input(),
            Self::Abort => life.abort(),
        }
    }
}

impl Step {
    /// Performs the step.
    pub(crate) fn perform(&self, pair: &mut Pair) {
        match self {
            Self::At(Side::Client, act) => act.perform(&mut pair.client.life),
            Self::At(Side::Server, act) => act.perform(&mut pair.server.life),
            Self::Go => {
                pair.step();
            }
            Self::Wait(passed) => pair.wait(Duration::from_millis(u64::from(*passed))),
            Self::Lose(Side::Client, most) => lose(&mut pair.server, *most),
            Self::Lose(Side::Server, most) => lose(&mut pair.client, *most),
            Self::Damage(Side::Client, place) => damage(&mut pair.server, *place),
            Self::Damage(Side::Server, place) => damage(&mut pair.client, *place),
            Self::CutOff => pair.cut_off = true,
        }
    }
}

fn lose<R: End>(from: &mut Half<R>, most: u8) {
    let len = from.life.out.len().min(most.into());
    from.take(len);
}

fn damage<R: End>(from: &mut Half<R>, place: u8) {
    from.damage = Some(place.into());
}

/// Generates a script of at most 60 steps.
pub fn script() -> impl Strategy<Value = Vec<Step>> {
    let side = || prop_oneof![Just(Side::Client), Just(Side::Server)];
    let act = prop_oneof![
        12 => call().prop_map(Act::Call),
        2 => proptest::option::of(1000..5000_u16).prop_map(Act::Close),
        1 => Just(Act::EndOfInput),
        1 => Just(Act::Abort),
    ];
    let step = prop_oneof![
        8 => (side(), act).prop_map(|(side, act)| Step::At(side, act)),
        8 => Just(Step::Go),
        2 => (0..6000_u16).prop_map(Step::Wait),
        1 => (side(), any::<u8>()).prop_map(|(side, most)| Step::Lose(side, most)),
        1 => (side(), any::<u8>()).prop_map(|(side, place)| Step::Damage(side, place)),
        1 => Just(Step::CutOff),
    ];
    vec(step, 0..=60)
}
