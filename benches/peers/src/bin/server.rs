//! One of the servers: `server NAME ADDRESS`.

use std::env;
use std::error::Error;

use peers::servers;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(name), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: server NAME ADDRESS".into());
    };
    let serve = servers::find(&name).ok_or_else(|| format!("no server {name}"))?;
    Ok(servers::run(serve, address.parse()?)?)
}
