//! Generates the messages, the client and the server of `proto/mls_client.proto`, without an installed `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/mls_client.proto");
    let descriptors = protox::compile(["mls_client.proto"], ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
