//! The settings of `pando serve`: options, environment variables, a file in TOML, and defaults, in
//! this order of precedence.

use super::error::ServeError;
use pando_api::Domain;
use serde::Deserialize;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The domain of a server for development.
const LOCALHOST: &str = "localhost";

/// The folder for data, in the current folder, so that a server for development is easy to find and
/// to delete.
const DATA: &str = "pando-data";

/// The address for development, which only this machine can reach.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// Serve groups to clients: the delivery service
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// The folder for the store and the keys. Default: pando-data in the current folder
    #[arg(long, env = "PANDO_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address and the port. Default: 127.0.0.1:8443
    #[arg(long, env = "PANDO_LISTEN", value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// A file with settings, in the format TOML
    #[arg(long, env = "PANDO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The contents of the file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    domain: Option<Domain>,
    port: Option<u16>,
    tls: Option<TlsFiles>,
    #[serde(default)]
    anchors: Vec<Anchor>,
    #[serde(default)]
    feeds: Vec<FeedFile>,
}

/// The certificate of the server.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// A file with the chain of certificates, in the format PEM.
    pub(crate) certificate: PathBuf,
    /// A file with the private key, in the format PEM.
    pub(crate) key: PathBuf,
}

/// A trust anchor for the clients of a domain.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Anchor {
    /// The domain.
    pub(crate) domain: Domain,
    /// A file with the intermediate certificate in DER.
    pub(crate) certificate: PathBuf,
}

/// The revocation lists of a domain.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedFile {
    /// The domain.
    pub(crate) domain: Domain,
    /// The base64url of the key that signs the lists.
    pub(crate) key: String,
    /// A file with the newest list. The server reads it again when it changes.
    pub(crate) list: PathBuf,
}

/// The settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) domain: Domain,
    /// The port that clients dial, if it is not the one at which the server listens.
    pub(crate) port: Option<u16>,
    /// `None` for the development certificate.
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) anchors: Vec<Anchor>,
    pub(crate) feeds: Vec<FeedFile>,
}

impl Config {
    /// Reads the file, if there is one, and merges the settings.
    ///
    /// # Errors
    /// [`ServeError`] if the file cannot be read, a key is unknown, or settings do not fit.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, ServeError> {
        let file = match &arguments.config {
            Some(path) => File::read(path)?,
            None => File::default(),
        };
        Self::merge(arguments, file)
    }

    fn merge(arguments: &Arguments, file: File) -> Result<Self, ServeError> {
        let listen = arguments.listen.or(file.listen).unwrap_or(LISTEN);
        if file.tls.is_none() {
            if !listen.ip().is_loopback() {
                return Err(ServeError::NotLoopback(listen));
            }
            if file.domain.as_ref().is_some_and(|domain| domain.as_str() != LOCALHOST) {
                return Err(ServeError::NoCertificate);
            }
        }
        let localhost = || LOCALHOST.parse().map_err(|_| ServeError::NoDomain);
        let domain = match (file.domain, &file.tls) {
            (Some(domain), _) => domain,
            (None, None) => localhost()?,
            (None, Some(_)) => return Err(ServeError::NoDomain),
        };
        if file.port == Some(0) {
            return Err(ServeError::PortZero);
        }
        let data = arguments.data.clone().or(file.data).unwrap_or_else(|| DATA.into());
        let (port, tls, anchors, feeds) = (file.port, file.tls, file.anchors, file.feeds);
        if domain.as_str() != LOCALHOST && anchors.is_empty() {
            return Err(ServeError::NoAnchor);
        }
        Ok(Self { data, listen, domain, port, tls, anchors, feeds })
    }

    /// Returns whether this server has an authority for development, which issues certificates for
    /// the domain `localhost`.
    pub(crate) fn has_authority(&self) -> bool {
        self.domain.as_str() == LOCALHOST
    }
}

impl File {
    /// Reads a file. Its paths are relative to its folder.
    fn read(path: &Path) -> Result<Self, ServeError> {
        let text = fs::read_to_string(path).map_err(ServeError::file("read", path))?;
        let file = toml::from_str(&text);
        let mut file: Self = file.map_err(|error| ServeError::Config { path: path.to_owned(), error })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let anchors = file.anchors.iter_mut().map(|anchor| &mut anchor.certificate);
        let tls = file.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let feeds = file.feeds.iter_mut().map(|feed| &mut feed.list);
        for relative in file.data.iter_mut().chain(tls).chain(anchors).chain(feeds) {
            *relative = folder.join(&*relative);
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        merge(&Arguments::default(), text)
    }

    fn merge(arguments: &Arguments, text: &str) -> Result<Config, String> {
        let file = toml::from_str(text).map_err(|error| error.to_string())?;
        Config::merge(arguments, file).map_err(|error| error.to_string())
    }

    const TLS: &str = "tls = { certificate = 'c', key = 'k' }\n";
    const ANCHORS: &str = "[[anchors]]\ndomain = 'example.org'\ncertificate = 'a'\n";

    #[test]
    fn the_defaults_are_for_development() {
        let config = parse("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8443");
        assert_eq!((config.domain.as_str(), config.data.as_path()), ("localhost", Path::new("pando-data")));
        assert!(config.has_authority() && config.tls.is_none());
    }

    #[test]
    fn an_option_takes_precedence_over_the_file() {
        let text = "data = 'file'\nlisten = '127.0.0.1:1'";
        let config = parse(text).unwrap();
        assert_eq!((config.data.as_path(), config.listen.port()), (Path::new("file"), 1));
        let listen = Some("[::1]:2".parse().unwrap());
        let config = merge(&Arguments { data: Some("option".into()), listen, config: None }, text).unwrap();
        assert_eq!((config.data.as_path(), config.listen.port()), (Path::new("option"), 2));
    }

    #[test]
    fn an_unknown_key_is_named() {
        for (text, key) in [
            ("lisen = '127.0.0.1:1'", "lisen"),
            ("[tls]\ncertificate = 'c'\nkey = 'k'\nkeys = 'k'", "keys"),
            ("[[anchors]]\nname = 'example.org'", "name"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
        }
    }

    #[test]
    fn the_development_certificate_is_for_loopback_addresses() {
        for listen in ["0.0.0.0:8443", "192.0.2.1:8443", "[::]:8443"] {
            let error = parse(&format!("listen = '{listen}'")).unwrap_err();
            assert!(error.contains("tls.certificate"), "{error}");
        }
        assert!(parse("listen = '[::1]:8443'").is_ok());
        assert!(parse(&format!("listen = '0.0.0.0:443'\ndomain = 'localhost'\n{TLS}")).is_ok());
    }

    #[test]
    fn a_domain_needs_a_certificate_and_a_trust_anchor() {
        assert!(
            parse(&format!("domain = 'example.org'\n{ANCHORS}")).unwrap_err().contains("tls.certificate")
        );
        assert!(parse(&format!("{TLS}{ANCHORS}")).unwrap_err().contains("domain"));
        assert!(parse(&format!("domain = 'example.org'\n{TLS}")).unwrap_err().contains("anchors"));
        let config = parse(&format!("domain = 'example.org'\nport = 443\n{TLS}{ANCHORS}")).unwrap();
        assert!(!config.has_authority());
        assert!(parse(&format!("domain = 'example.org'\nport = 0\n{TLS}{ANCHORS}")).is_err());
    }
}
