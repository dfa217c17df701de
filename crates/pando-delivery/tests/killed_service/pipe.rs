//! Requests to the server and its answers, over the pipes of a child process.

use pando_api::Problem;
use pando_delivery::group::Caller;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{env, thread};
use tokio::sync::oneshot;

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Create,
    Commit,
    Message,
    Log,
    Inbox,
    Tree,
    Upload,
    Claim,
    Due,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Create,
        Self::Commit,
        Self::Message,
        Self::Log,
        Self::Inbox,
        Self::Tree,
        Self::Upload,
        Self::Claim,
        Self::Due,
    ];
}

/// A request of a client.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) caller: Caller,
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
}

/// Reads a frame: its length, a number, and the content. Returns `None` at the end of the pipe.
pub(crate) fn read_frame(pipe: &mut impl Read) -> Option<(u64, Vec<u8>)> {
    let mut head = [0; 12];
    pipe.read_exact(&mut head).ok()?;
    let (number, length) = head.split_at(8);
    let mut content = vec![0; u32::from_be_bytes(length.try_into().unwrap()).try_into().unwrap()];
    pipe.read_exact(&mut content).ok()?;
    Some((u64::from_be_bytes(number.try_into().unwrap()), content))
}

/// Writes a frame.
pub(crate) fn write_frame(pipe: &mut impl Write, number: u64, content: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(content.len()).unwrap();
    pipe.write_all(&[&number.to_be_bytes(), length.to_be_bytes().as_slice(), content].concat())?;
    pipe.flush()
}

impl Request {
    fn encode(&self) -> Vec<u8> {
        let client = self.caller.client.as_str().as_bytes();
        let head = [self.kind as u8, u8::try_from(client.len()).unwrap()];
        [&head, client, &self.caller.version.to_be_bytes(), &self.body].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let kind = Kind::ALL[usize::from(bytes[0])];
        let (client, rest) = bytes[2..].split_at(bytes[1].into());
        let (version, body) = rest.split_at(8);
        let client = std::str::from_utf8(client).unwrap().parse().unwrap();
        let version = u64::from_be_bytes(version.try_into().unwrap());
        Self { caller: Caller { client, version }, kind, body: body.to_vec() }
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server was killed: the outcome is unknown.
    Gone,
    Refused(Box<Problem>),
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Vec<u8>>>>>>;

/// A life of the server.
pub(crate) struct Server {
    child: Arc<Mutex<Child>>,
    requests: Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    errors: Mutex<Option<thread::JoinHandle<String>>>,
}

impl Server {
    /// Starts the server. If `point` is not empty, it ends itself when it passes this failpoint for
    /// the `countdown`-th time.
    pub(crate) fn start(folder: &Path, point: &str, countdown: u64) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--server", folder.to_str().unwrap(), point, &countdown.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut answers, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let requests = Mutex::new(child.stdin.take().unwrap());
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let answered = Arc::clone(&waiting);
        thread::spawn(move || {
            while let Some((number, answer)) = read_frame(&mut answers) {
                let sender = answered.lock().unwrap().as_mut().unwrap().remove(&number).unwrap();
                // The story may have ended.
                let _ = sender.send(answer);
            }
            // Requests without an answer fail.
            *answered.lock().unwrap() = None;
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let (child, next) = (Arc::new(Mutex::new(child)), AtomicU64::new(0));
        Self { child, requests, waiting, next, errors: Mutex::new(Some(errors)) }
    }

    pub(crate) fn child(&self) -> Arc<Mutex<Child>> {
        Arc::clone(&self.child)
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        match self.waiting.lock().unwrap().as_mut() {
            None => return Err(Failure::Gone),
            Some(waiting) => drop(waiting.insert(number, sender)),
        }
        // If the server is gone, the receiver says so.
        let _ = write_frame(&mut *self.requests.lock().unwrap(), number, &request.encode());
        let answer = receiver.await.map_err(|_| Failure::Gone)?;
        match answer.split_first().unwrap() {
            (1, body) => Ok(body.to_vec()),
            (_, problem) => Err(Failure::Refused(Problem::from_json(problem).unwrap().into())),
        }
    }

    /// Waits for the end of the process, which must not have panicked.
    pub(crate) fn wait(&self, point: &str) {
        let status = self.child.lock().unwrap().wait().unwrap();
        let errors = self.errors.lock().unwrap().take().unwrap().join().unwrap();
        assert!(!errors.contains("panicked"), "{point}: {status}: {errors}");
    }
}
