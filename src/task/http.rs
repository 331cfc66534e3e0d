//! Asking a web server on a host, through the connection to the host: in plain HTTP, or by TLS.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::Context;
use super::printable::last_lines;
use super::tcp::timed_out;
use super::tls::Tls;
use crate::error::{Error, Excerpt, Result};
use crate::host::Socket;

/// The longest body that is taken unless the caller says otherwise, in bytes.
pub const LIMIT: usize = 4 * 1024 * 1024;

/// A request.
#[derive(Clone, Debug)]
pub struct Options {
    /// `GET`, `POST`, …
    pub method: String,
    /// The address as the host sees it: its own loopback, or one that it can reach.
    pub address: String,
    /// What the server is told that it is called, where that is not the address: what its loopback is, only the host itself calls so.
    /// By TLS it is what the certificate is for.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
    /// The path with its query: `/exhibitor/v1/cluster/status`.
    pub path: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// The statuses that are no failure; all when there are none here.
    pub accept: Vec<u16>,
    /// The longest body that is taken, in bytes. A longer one is a failure.
    pub limit: usize,
    /// With whom to speak TLS; plain HTTP when none.
    pub tls: Option<Tls>,
}

impl Options {
    /// A GET that has to succeed.
    pub fn get(port: u16, path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            address: super::tcp::LOOPBACK.to_owned(),
            host: None,
            port,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            accept: (200..300).collect(),
            limit: LIMIT,
            tls: None,
        }
    }

    fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{}{}", in_url(&self.address), self.port, self.path)
    }

    fn request(&self) -> Result<Request<Full<Bytes>>> {
        let wrong = |what: &str| Error::input(format!("{what} of the request to {} can't be sent", self.url()));
        if !self.path.starts_with('/') {
            return Err(Error::input(format!("`{}` is no path of a web server", self.path))
                .hint("it begins with `/`; the option `tls` makes it https"));
        }
        let method =
            Method::from_bytes(self.method.as_bytes()).map_err(|error| wrong("the method").caused_by(error))?;
        let uri: Uri = self.path.parse().map_err(|error| wrong("the path").caused_by(error))?;
        let mut request = Request::new(Full::new(Bytes::from(self.body.clone())));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("zkmig/", env!("CARGO_PKG_VERSION"))));
        let plain = self.host.as_ref().unwrap_or(&self.address);
        let name = self.tls.as_ref().map_or(plain, |tls| &tls.name);
        let host = HeaderValue::try_from(format!("{}:{}", in_url(name), self.port));
        headers.insert(HOST, host.map_err(|error| wrong("the port").caused_by(error))?);
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).map_err(|error| wrong("a header").caused_by(error))?;
            let mut value = HeaderValue::try_from(value).map_err(|error| wrong("a header").caused_by(error))?;
            // Header fields are where secrets are.
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(request)
    }
}

/// An address as it stands before a port.
pub fn in_url(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields, names in lower case; of one that is there several times the values joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// Where it came from.
    pub url: String,
}

impl Response {
    /// The body as text; what is no UTF-8 is replaced by `U+FFFD`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; an error that points into it when it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let place = Excerpt::at_line(self.url.as_str(), self.text(), error.line(), error.column());
            Error::failed(format!("{} did not answer with JSON", self.url)).caused_by(error).at(place)
        })
    }
}

/// Sends a request and takes the response. A status that is not accepted is a failure that shows the body's last lines.
pub async fn request(context: &Context<'_>, options: &Options) -> Result<Response> {
    let request = options.request()?;
    match tokio::time::timeout(context.timeout, exchange(context, options, request)).await {
        Ok(response) => response.map_err(|error| error.on_host(context.host)),
        Err(_) => Err(timed_out(context, options.port, context.timeout, &[])),
    }
}

async fn exchange(context: &Context<'_>, options: &Options, request: Request<Full<Bytes>>) -> Result<Response> {
    let socket = context.transport.dial(&options.address, options.port).await?;
    let socket = match &options.tls {
        Some(tls) => tls.connect(socket).await?,
        None => socket,
    };
    let broken = |error: hyper::Error| {
        // What a server that speaks TLS says to plain HTTP is no HTTP, or nothing.
        let foreign = options.tls.is_none() && (error.is_parse() || error.is_incomplete_message());
        let error = Error::failed(format!("{} {} failed", options.method, options.url())).caused_by(error);
        if foreign {
            error.hint("a server that speaks TLS answers so to plain HTTP: the option `tls` is for that")
        } else {
            error
        }
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<TokioIo<Box<dyn Socket>>, _>(TokioIo::new(socket))
            .await
            .map_err(broken)?;
    let talk = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.map_err(broken)?.data_ref() {
                bytes.extend_from_slice(data);
            }
            if bytes.len() > options.limit {
                return Err(Error::failed(format!(
                    "{} answered with more than {} bytes",
                    options.url(),
                    options.limit
                )));
            }
        }
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|known| known.push_str(&format!(", {value}")))
                .or_insert_with(|| value.into_owned());
        }
        Ok(Response { status: head.status.as_u16(), headers, body: bytes, url: options.url() })
    };
    tokio::pin!(connection, talk);
    let response = tokio::select! {
        biased;
        response = &mut talk => response?,
        // The server closed; what the request still has to say about that it says at once.
        _ = &mut connection => talk.await?,
    };
    if options.accept.is_empty() || options.accept.contains(&response.status) {
        return Ok(response);
    }
    let error = Error::failed(format!("{} {} answered with status {}", options.method, options.url(), response.status));
    let error = if matches!(response.status, 401 | 403) {
        error.hint("it wants to know who asks: the options `user` and `password`, or a header")
    } else {
        error
    };
    let body = last_lines(&response.body, 10);
    Err(if body.is_empty() { error } else { error.detail(body) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::bench::Bench;
    use super::*;

    async fn server(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut heard = vec![0; 4096];
                let length = socket.read(&mut heard).await.unwrap_or_default();
                heard.truncate(length);
                let heard = String::from_utf8_lossy(&heard).into_owned();
                let answer = answer.replace("{heard}", heard.lines().next().unwrap_or_default());
                drop(socket.write_all(answer.as_bytes()).await);
            }
        });
        port
    }

    #[tokio::test]
    async fn a_response_has_its_status_headers_and_body() {
        let bench = Bench::new();
        let port = server(
            "HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
        )
        .await;
        let response = request(&bench.context(), &Options::get(port, "/a?b=c")).await.expect("success");
        assert_eq!((response.status, response.headers["x-a"].as_str()), (200, "1, 2"));
        assert_eq!(response.json().ok(), Some(serde_json::json!([1, 2])));
        let port = server("HTTP/1.0 200 OK\r\n\r\n{heard}").await;
        let response = request(&bench.context(), &Options::get(port, "/a?b=c")).await.expect("success");
        assert_eq!(response.text(), "GET /a?b=c HTTP/1.1");
        let error = response.json().expect_err("no JSON");
        assert_eq!(error.parts().excerpts[0].line(), 1);
    }

    #[tokio::test]
    async fn a_failure_says_what_happened() {
        let mut bench = Bench::new();
        let port = server("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno\x1b!").await;
        let error = request(&bench.context(), &Options::get(port, "/x")).await.expect_err("a failure");
        assert_eq!(error.to_string(), format!("here: GET http://127.0.0.1:{port}/x answered with status 404"));
        assert_eq!(error.parts().details, ["no\\u{1b}!"]);
        let accepted = Options { accept: Vec::new(), ..Options::get(port, "/x") };
        assert_eq!(request(&bench.context(), &accepted).await.expect("success").status, 404);
        let limited = Options { limit: 2, ..accepted };
        assert!(request(&bench.context(), &limited).await.is_err());

        let port = server("this is no web server\r\n\r\n").await;
        assert!(request(&bench.context(), &Options::get(port, "/")).await.is_err());
        let port = server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
        assert!(request(&bench.context(), &Options::get(port, "/")).await.is_err());
        bench.timeout = Duration::from_millis(300);
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = silent.local_addr().expect("an address").port();
        let error = request(&bench.context(), &Options::get(port, "/")).await.expect_err("a time-out");
        assert_eq!(error.to_string(), format!("here: port {port} did not answer within 0.3 s"));
    }

    #[test]
    fn a_request_names_the_server_that_it_is_for() {
        for (address, host) in [("127.0.0.1", "127.0.0.1:80"), ("leader.mesos", "leader.mesos:80"), ("::1", "[::1]:80")]
        {
            let mut options = Options { address: address.to_owned(), ..Options::get(80, "/") };
            assert_eq!(options.request().expect("a request").headers()[HOST], host);
            options.host = Some("10.10.0.193".to_owned());
            assert_eq!(options.request().expect("a request").headers()[HOST], "10.10.0.193:80");
            options.headers = vec![("host".to_owned(), "mine".to_owned())];
            assert_eq!(options.request().expect("a request").headers()[HOST], "mine");
        }
    }

    #[test]
    fn requests_that_can_not_be_sent_are_mistakes() {
        for options in [
            Options::get(1, "http://x/"),
            Options::get(1, "/a b"),
            Options { method: "G T".to_owned(), ..Options::get(1, "/") },
            Options { headers: vec![("a\n".to_owned(), String::new())], ..Options::get(1, "/") },
            Options { headers: vec![("a".to_owned(), "\r\n".to_owned())], ..Options::get(1, "/") },
        ] {
            assert!(options.request().is_err(), "{options:?}");
        }
    }
}
