//! yawc, as without compression, with its default parameters.

use std::io;

use yawc::{DeflateOptions, Options};

use super::super::yawc::{converse, options};
use super::super::{Start, with_tasks};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks(start, |stream| {
        let compression = Some(DeflateOptions::default());
        converse(stream, Options { compression, ..options() })
    })
}
