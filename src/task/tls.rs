//! TLS on a connection to a host's port: who the server has to be, and who asks.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};
use crate::host::Socket;

/// What a connection by TLS is made with. All texts are PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificates of the authorities that may vouch for the server. No other is trusted: the operator's machine
    /// knows nothing of a cluster's own authority.
    pub ca: String,
    /// The name or the address that the server's certificate has to be for.
    pub name: String,
    /// Who asks: a certificate, those that vouch for it after it, and its private key. None where the server doesn't ask.
    pub client: Option<(String, String)>,
}

impl std::fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).field("client", &self.client.is_some()).finish_non_exhaustive()
    }
}

impl Tls {
    /// The configuration; an error that says which of the texts can't be used.
    fn config(&self) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca", &self.ca)? {
            roots
                .add(certificate)
                .map_err(|error| Error::failed("a certificate in the `ca` of `tls` can't be used").caused_by(error))?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::defect("TLS can't be set up").caused_by(error))?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &self.client else { return Ok(config.with_no_client_auth()) };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| {
            Error::failed("the `key` of `tls` can't be read")
                .caused_by(error)
                .hint("a PEM text that begins with `-----BEGIN PRIVATE KEY-----`, without a passphrase")
        })?;
        config
            .with_client_auth_cert(certificates("certificate", certificate)?, key)
            .map_err(|error| Error::failed("the `certificate` and the `key` of `tls` can't be used").caused_by(error))
    }

    /// Makes the connection one by TLS. Fails where the server speaks none, or is not who it has to be.
    pub async fn connect(&self, socket: Box<dyn Socket>) -> Result<Box<dyn Socket>> {
        let name = ServerName::try_from(self.name.clone())
            .map_err(|error| Error::failed(format!("`{}` is no server's name", self.name)).caused_by(error))?;
        let connector = TlsConnector::from(Arc::new(self.config()?));
        let stream = connector
            .connect(name, socket)
            .await
            .map_err(|error| Error::failed(format!("no TLS with the server as `{}`", self.name)).caused_by(error))?;
        Ok(Box::new(stream))
    }
}

/// The certificates of a PEM text, at least one.
fn certificates(what: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = || {
        Error::failed(format!("the `{what}` of `tls` can't be read"))
            .hint("a PEM text that begins with `-----BEGIN CERTIFICATE-----`")
    };
    let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let read = read.map_err(|error| wrong().caused_by(error))?;
    if read.is_empty() { Err(wrong()) } else { Ok(read) }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::server::WebPkiClientVerifier;

    use super::*;

    /// An authority, and what it gives out.
    struct Authority(CertifiedIssuer<'static, KeyPair>);

    impl Authority {
        fn new() -> Self {
            let mut params = CertificateParams::new(Vec::new()).expect("parameters");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
        }

        /// A certificate for these names, and its key.
        fn give(&self, names: &[&str]) -> (String, String) {
            let key = KeyPair::generate().expect("a key");
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let certificate =
                CertificateParams::new(names).expect("names").signed_by(&key, &self.0).expect("a certificate");
            (certificate.pem(), key.serialize_pem())
        }
    }

    /// A server that wants a certificate of its authority, and says `hello` to who has one.
    async fn server(authority: &Authority, names: &[&str]) -> u16 {
        let (certificate, key) = authority.give(names);
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).expect("a root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().expect("one");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                certificates("certificate", &certificate).expect("certificates"),
                PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key"),
            )
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(socket).await {
                    drop(stream.write_all(b"hello").await);
                    drop(stream.shutdown().await);
                }
            }
        });
        port
    }

    /// What the server says.
    async fn hear(port: u16, tls: &Tls) -> Result<String> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let mut stream = tls.connect(Box::new(socket)).await?;
        let mut heard = String::new();
        // With TLS 1.3 a client learns only from its first read that its certificate was refused.
        stream.read_to_string(&mut heard).await.map_err(|error| Error::failed("no answer").caused_by(error))?;
        Ok(heard)
    }

    #[tokio::test]
    async fn both_sides_prove_who_they_are() {
        let authority = Authority::new();
        let port = server(&authority, &["localhost", "127.0.0.1"]).await;
        let right = Tls { ca: authority.0.pem(), name: "localhost".to_owned(), client: Some(authority.give(&["me"])) };
        assert_eq!(hear(port, &right).await.expect("an answer"), "hello");
        let by_address = Tls { name: "127.0.0.1".to_owned(), ..right.clone() };
        assert_eq!(hear(port, &by_address).await.expect("an answer"), "hello");

        let another = Authority::new();
        for (wrong, why) in [
            (Tls { client: None, ..right.clone() }, "nobody asks"),
            (Tls { client: Some(another.give(&["me"])), ..right.clone() }, "a stranger asks"),
            (Tls { ca: another.0.pem(), ..right.clone() }, "a stranger answers"),
            (Tls { name: "elsewhere".to_owned(), ..right.clone() }, "the certificate is another's"),
        ] {
            let error = hear(port, &wrong).await.expect_err(why);
            assert_eq!(error.kind(), crate::error::Kind::Failed, "{why}: {error}");
        }
    }

    #[tokio::test]
    async fn texts_that_are_no_certificates_are_refused_without_a_key_being_shown() {
        let authority = Authority::new();
        let port = server(&authority, &["localhost"]).await;
        let (certificate, key) = authority.give(&["me"]);
        let right = Tls { ca: authority.0.pem(), name: "localhost".to_owned(), client: None };
        for wrong in [
            Tls { ca: String::new(), ..right.clone() },
            Tls { ca: key.clone(), ..right.clone() },
            Tls { name: "no name".to_owned(), ..right.clone() },
            Tls { client: Some((certificate.clone(), certificate.clone())), ..right.clone() },
            Tls { client: Some((key.clone(), key.clone())), ..right.clone() },
        ] {
            let error = hear(port, &wrong).await.expect_err("a mistake");
            assert_eq!(error.kind(), crate::error::Kind::Failed, "{error}");
            assert!(!format!("{wrong:?}{error:?}").contains(key.lines().nth(1).expect("a line")));
        }
    }
}
