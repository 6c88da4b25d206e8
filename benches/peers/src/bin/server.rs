//! One of the servers: `server NAME ADDRESS [--threads N]`.

use std::env;
use std::error::Error;

use peers::servers::{self, Start};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, address, threads) = match arguments[..] {
        [name, address] => (name, address, 1),
        [name, address, "--threads", threads] => (name, address, threads.parse()?),
        _ => return Err("usage: server NAME ADDRESS [--threads N]".into()),
    };
    let serve = servers::find(name).ok_or_else(|| format!("no server {name}"))?;
    Ok(serve(Start { address: address.parse()?, threads })?)
}
