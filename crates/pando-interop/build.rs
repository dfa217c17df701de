//! Generates the messages, the client and the server of `proto/mls_client.proto`, without requiring
//! an installed `protoc`. The generated messages can be serialized in the format of the runner's
//! transcripts, which encode bytes in Base64.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/mls_client.proto");
    let descriptors = protox::compile(["mls_client.proto"], ["proto"])?;
    let mut config = tonic_prost_build::configure().type_attribute(".", "#[derive(serde::Serialize)]");
    for file in &descriptors.file {
        for message in &file.message_type {
            for field in message.field.iter().filter(|field| field.r#type().as_str_name() == "TYPE_BYTES") {
                let path = format!(".{}.{}.{}", file.package(), message.name(), field.name());
                let many = field.label().as_str_name() == "LABEL_REPEATED";
                let function = if many { "list" } else { "bytes" };
                let attribute = format!("#[serde(serialize_with = \"crate::run::base64::{function}\")]");
                config = config.field_attribute(path, attribute);
            }
        }
    }
    config.compile_fds(descriptors)?;
    Ok(())
}
