//! Both ends of a connection from start to end, with arbitrary operations.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use wsproto::KeepAlive;
use wsproto_testing::{Pair, limits, source};

/// Any script of calls, losses and times on two sessions joined by a cutter: no panic (I7), events
/// in order, at most one Close, `Closed` once and last (I10), no deadline in the past.
/// [`wsproto_testing`] makes the checks.
pub fn script(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = run(&mut u);
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let choice: u8 = u.arbitrary()?;
    let mut config = limits();
    let seconds = |seconds: u8| Duration::from_secs(seconds.into());
    config.keep_alive = (choice & 1 == 0)
        .then(|| KeepAlive { interval: seconds(choice >> 4), patience: seconds(choice >> 2 & 3) });
    config.close_timeout = (choice & 2 == 0).then(|| seconds(choice >> 2 & 7));
    config.deflate = match u.arbitrary::<bool>()? {
        true => Some(crate::deflate::wish(u)?),
        false => None,
    };
    let mut pair = Pair::new(&config, u.arbitrary()?);
    pair.play(&source::script(u)?);
    // Without a deadline, only the end of the transport can end it.
    let _ = pair.client.life.close(None);
    let (client, server) = pair.run_to_the_end();
    client.ended();
    server.ended();
    Ok(())
}
