//! The answer to plain HTTP at a port of TLS (docs/protocol.md, section 1).

use pando_api::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The most bytes of a request that are read after it was refused.
const MAX_REQUEST: u64 = 16 << 10;

/// Returns whether a client sends a request of HTTP instead of TLS. A request begins with its
/// method, which is a word in upper case. A record of TLS begins with the byte 22.
pub(crate) async fn is_plain(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = stream.peek(&mut first).await?;
    Ok(length > 0 && first.iter().all(u8::is_ascii_uppercase))
}

/// Refuses a request of plain HTTP.
pub(crate) async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let problem = Problem::new(ProblemCode::Malformed, "this port speaks TLS: use https").to_json();
    let (status, length) = (ProblemCode::Malformed.status(), problem.len());
    let head = format!(
        "HTTP/1.1 {status} Bad Request\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), &problem].concat()).await?;
    stream.shutdown().await?;
    // If unread bytes were left, closing the connection would discard the answer.
    let mut rest = stream.take(MAX_REQUEST);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map(drop)
}
