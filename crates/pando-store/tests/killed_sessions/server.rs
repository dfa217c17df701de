//! The delivery service, which keeps an ordered file of messages with one Commit in each epoch.

use pando_mls::wire::ContentType;
use pando_mls::{Decode, MlsMessage};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) struct Server {
    path: PathBuf,
    pub(crate) log: Vec<Vec<u8>>,
    /// The epoch of the next Commit.
    epoch: u64,
}

impl Server {
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("server");
        let bytes = fs::read(&path).unwrap_or_default();
        let mut server = Self { path, log: Vec::new(), epoch: 0 };
        let mut rest = bytes.as_slice();
        while let Some((len, behind)) = rest.split_first_chunk() {
            let (message, behind) = behind.split_at(u32::from_be_bytes(*len).try_into().unwrap());
            server.order(message.to_vec());
            rest = behind;
        }
        server
    }

    /// Returns whether a message contains a Commit.
    fn is_commit(message: &MlsMessage) -> bool {
        message.content_type() == Some(ContentType::Commit)
    }

    fn order(&mut self, bytes: Vec<u8>) {
        self.epoch += u64::from(MlsMessage::decode(&bytes).is_ok_and(|message| Self::is_commit(&message)));
        self.log.push(bytes);
    }

    /// Appends a message to the log. Drops a message that is already in the log, and any second
    /// Commit of an epoch.
    pub(crate) fn accept(&mut self, bytes: Vec<u8>) {
        let message = MlsMessage::decode(&bytes).unwrap();
        if !Self::is_commit(&message) || message.epoch() == Some(self.epoch) {
            self.append(bytes);
        }
    }

    /// Appends bytes to the log, unless it already contains them. The bytes need not be a message.
    pub(crate) fn append(&mut self, bytes: Vec<u8>) {
        if self.log.contains(&bytes) {
            return;
        }
        let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let mut file = File::options().append(true).create(true).open(&self.path).unwrap();
        file.write_all(&[&len, bytes.as_slice()].concat()).unwrap();
        self.order(bytes);
    }

    /// Returns the number of application messages in the log.
    pub(crate) fn application_messages(&self) -> usize {
        let messages = self.log.iter().filter_map(|bytes| MlsMessage::decode(bytes).ok());
        messages.filter(|message| message.content_type() == Some(ContentType::Application)).count()
    }
}
