//! Tests that run `pando serve` as an operator does, and send requests to it.

#![cfg(unix)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use ed25519_dalek::SigningKey;
use pando_api::{
    CertificateRequest, Challenge, Envelope, GroupList, Login, Problem, ProblemCode, Session, SignedRequest,
};
use pando_issuer::{Authority, Validity};
use pando_mls::{CipherSuite, Credential, CryptoProvider, RustCrypto, Signer};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

fn pando(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pando"));
    command.arg("serve").args(arguments);
    for name in ["PANDO_DATA", "PANDO_LISTEN", "PANDO_CONFIG"] {
        command.env_remove(name);
    }
    command
}

/// Returns the output of a server that does not start.
fn refused(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(2), 0));
    String::from_utf8(stderr).unwrap()
}

/// A server that runs.
struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    /// The lines before the one with the URL.
    announced: Vec<String>,
    port: u16,
    data: PathBuf,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut command = pando(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self { process, output, announced: Vec::new(), port: 0, data: data.to_owned() };
        while server.port == 0 {
            let mut line = String::new();
            assert!(server.output.read_line(&mut line).unwrap() > 0, "the server did not start");
            match line.trim_end().strip_prefix("serving https://localhost:") {
                Some(port) => server.port = port.parse().unwrap(),
                None => server.announced.push(line),
            }
        }
        server
    }

    /// Sends a signal, and returns the exit code and what else was printed.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let kill = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }

    /// Sends a request over a new connection. Returns the status and the body.
    fn send(&self, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.data.join("tls/ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let length = body.len();
        let head = format!("{head}host: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let status = str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }

    /// Logs in a device. Returns its token, or the code of the problem.
    fn log_in(&self, device: &Device) -> Result<String, ProblemCode> {
        let (status, challenge) = self.send("POST /v1/sessions/challenges HTTP/1.1\r\n", b"");
        assert_eq!(status, 200);
        let challenge: Challenge = Envelope::decode_body(&challenge).unwrap();
        let authority = format!("localhost:{}", self.port).parse().unwrap();
        let key = (&device.session.verifying_key().to_bytes()).into();
        let credential = (SUITE, device.credential.clone());
        let login = Login::sign(&authority, challenge, key, credential, &*device.signer).unwrap();
        let head = "POST /v1/sessions HTTP/1.1\r\ncontent-type: application/vnd.pando\r\n";
        let (status, body) = self.send(head, &Envelope::encode_body(login).unwrap());
        if status == 200 {
            let session: Session = Envelope::decode_body(&body).unwrap();
            return Ok(session.token.as_str().to_owned());
        }
        Err(Problem::from_json(&body).unwrap().known_code().unwrap())
    }
}

/// Ends the process of a test that has failed.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A device with a certificate of the server's authority for development.
struct Device {
    credential: Credential,
    signer: Box<dyn Signer>,
    session: SigningKey,
}

fn device(data: &Path) -> Device {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = RustCrypto.suite(SUITE).unwrap();
    let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
    let client = "alice@localhost/laptop".parse().unwrap();
    let request = CertificateRequest::sign(SUITE, client, &*signer).unwrap();
    let mut authority = Authority::open(data.join("authority")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let credential = authority.issue(&request, 1, Validity::days(now, 30), &mut rng).unwrap();
    Device { credential, signer, session: SigningKey::from_bytes(&[7; 32]) }
}

#[test]
fn a_server_starts_and_ends() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data);
    assert!(server.announced[0].contains("SHA-256 "), "{:?}", server.announced);
    assert_eq!(server.send("GET /healthz HTTP/1.1\r\n", b""), (200, b"ok\n".to_vec()));
    // Two servers do not share a folder.
    let second = refused(pando(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]));
    assert!(second.contains("already open"), "{second}");
    assert_eq!(server.end("-TERM"), (Some(0), String::new()));

    // All keys are the same after another start.
    let keys = || {
        let names = ["keys/head.key", "keys/token.key", "keys/remover-ed448.key", "tls/ca.key", "tls/ca.pem"];
        names.map(|name| fs::read(data.join(name)).unwrap())
    };
    let before = keys();
    let server = Server::start(&data);
    assert!(server.announced.iter().all(|line| !line.contains("SHA-256")), "{:?}", server.announced);
    assert_eq!(server.send("GET /healthz HTTP/1.1\r\n", b"").0, 200);
    assert_eq!(server.end("-INT").0, Some(0));
    assert!(keys() == before);
}

#[test]
fn private_files_are_private() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    Server::start(&data).end("-TERM");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let keys: Vec<_> = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(keys.len(), 7);
    for key in keys.iter().chain(&[data.join("tls/ca.key"), data.join("authority/intermediate.key")]) {
        assert_eq!(mode(key), 0o600, "{}", key.display());
    }
    let key = data.join("keys/token.key");
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let error = refused(pando(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]));
    assert!(error.contains("token.key") && error.contains("640"), "{error}");
}

#[test]
fn the_development_certificate_stays_on_this_machine() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let error = refused(pando(&["--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()]));
    assert!(error.contains("not a loopback address") && error.contains("tls.certificate"), "{error}");
    assert!(!data.exists());
}

#[test]
fn settings_come_from_options_the_environment_and_a_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pando.toml");
    fs::write(&file, "listen = '0.0.0.0:1'\ndata = 'data'").unwrap();
    let (data, file) = (folder.path().join("other"), file.to_str().unwrap());
    // The file alone, then the environment before the file, then the option before both.
    assert!(refused(pando(&["--config", file])).contains("0.0.0.0:1"));
    let mut command = pando(&[]);
    command.env("PANDO_CONFIG", file).env("PANDO_LISTEN", "0.0.0.0:2");
    assert!(refused(command).contains("0.0.0.0:2"));
    let mut command = pando(&["--listen", "0.0.0.0:3", "--data", data.to_str().unwrap()]);
    command.env("PANDO_CONFIG", file).env("PANDO_LISTEN", "0.0.0.0:2");
    assert!(refused(command).contains("0.0.0.0:3"));
    fs::write(file, "lisen = '127.0.0.1:1'").unwrap();
    assert!(refused(pando(&["--config", file])).contains("`lisen`"));
    assert!(refused(pando(&["--config", "/nowhere/pando.toml"])).contains("/nowhere/pando.toml"));
}

#[test]
fn a_device_of_the_development_authority_logs_in_until_it_is_revoked() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let device = device(&data);
    let token = server.log_in(&device).unwrap();
    let head = format!("GET /v1/groups HTTP/1.1\r\nauthorization: Bearer {token}\r\n");
    let (status, list) = server.send(&head, b"");
    assert_eq!((status, Envelope::decode_body(&list)), (200, Ok(GroupList::default())));

    // A mutation with a signature for the port that the client dials.
    let (authority, authorization) = (format!("localhost:{}", server.port), format!("Bearer {token}"));
    let request = SignedRequest {
        method: "DELETE",
        authority: &authority,
        path: "/v1/inbox/1",
        query: None,
        content_type: None,
        authorization: &authorization,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let signature = request.sign(b"", &device.session, now.as_secs()).unwrap();
    let head = format!(
        "DELETE /v1/inbox/1 HTTP/1.1\r\nauthorization: {authorization}\r\ncontent-digest: {}\r\n\
         signature-input: {}\r\nsignature: {}\r\n",
        signature.content_digest, signature.signature_input, signature.signature
    );
    assert_eq!(server.send(&head, b"").0, 204);

    let client = "alice@localhost/laptop".parse().unwrap();
    let milliseconds = u64::try_from(now.as_millis()).unwrap();
    Authority::open(data.join("authority")).unwrap().revoke(&client, 1, milliseconds).unwrap();
    let mut code = None;
    for _ in 0..120 {
        std::thread::sleep(Duration::from_millis(500));
        code = server.log_in(&device).err();
        if code.is_some() {
            break;
        }
    }
    assert_eq!(code, Some(ProblemCode::CertificateRevoked));
    server.end("-TERM");
}
