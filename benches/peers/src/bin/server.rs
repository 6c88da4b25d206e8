//! One of the servers: `server NAME ADDRESS [--threads N | --tls CERTIFICATE KEY]`.

use std::env;
use std::error::Error;

use peers::servers::{self, Start};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, address, threads, tls) = match arguments[..] {
        [name, address] => (name, address, 1, None),
        [name, address, "--threads", threads] => (name, address, threads.parse()?, None),
        [name, address, "--tls", certificate, key] => {
            (name, address, 1, Some([certificate, key].map(str::to_owned)))
        }
        _ => {
            let usage = "usage: server NAME ADDRESS [--threads N | --tls CERTIFICATE KEY]";
            return Err(usage.into());
        }
    };
    let serve = servers::find(name).ok_or_else(|| format!("no server {name}"))?;
    if tls.is_some() && !servers::OVER_TLS.contains(&name) {
        return Err(format!("{name} does not speak TLS here").into());
    }
    Ok(serve(Start { address: address.parse()?, threads, tls })?)
}
