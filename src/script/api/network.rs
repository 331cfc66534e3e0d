//! Ports of a host, through the connection to the host: nothing is needed there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rhai::{Blob, Dynamic, Engine, Map, NativeCallContext};

use super::host::{Common, Effect, Host, TIMEOUT, text};
use super::method2;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::run::Report;
use crate::script::Script;
use crate::script::catalog::{Entry, Opt, opt};
use crate::script::options::Options;
use crate::script::value::from_json;
use crate::task::tls::Tls;
use crate::task::{Kind, http, tcp};

const ADDRESS: Opt =
    opt("address", "a text", "the address as the host sees it; itself: 127.0.0.1, or ::1 where only that listens");

const REFUSED: Opt = opt(
    "refused",
    "any value",
    "what is given when nothing listens, or the connection breaks without an answer; without it that is a failure",
);

const TCP: Entry = Entry {
    name: "tcp",
    on: "host",
    usage: "host.tcp(port, send) or host.tcp(port, send, options)",
    arguments: &[2, 3],
    options: &[
        ADDRESS,
        opt("bytes", "true or false", "give the answer as bytes rather than as a text; false"),
        REFUSED,
        TIMEOUT,
    ],
    kind: Some(Kind::Read),
    doc: "Connects to a port as the host itself would, sends a text (or bytes), and gives what is answered until the other side \
          closes. A port that nobody listens on is a failure. Where the host's sshd forbids to connect to it (AllowTcpForwarding, \
          PermitOpen), bash, socat or nc of the host does it; without one of them that is an error of kind `forbidden`, which \
          `refused` does not cover: nothing is known of the port.",
    example: "// let answer = hosts(\"masters\")[0].tcp(2181, \"srvr\");",
};

const HTTP: Entry = Entry {
    name: "http",
    on: "host",
    usage: "host.http(port, path) or host.http(port, path, options)",
    arguments: &[2, 3],
    options: &[
        opt("method", "a text", "GET"),
        opt("headers", "a map", "header fields"),
        opt("body", "a text", "what is sent"),
        opt("user", "a text", "who asks, where the server wants a name and a password (basic authentication)"),
        opt("password", "a text", "the user's password; best a secret"),
        opt(
            "tls",
            "a map of texts",
            "speak TLS (https): `ca`, the PEM of the authorities that may vouch for the server; `name`, what its certificate has \
             to be for, localhost without it; `certificate` and `key`, the PEM of who asks, where the server wants to know",
        ),
        ADDRESS,
        opt(
            "refused",
            "any value",
            "what is given when nothing listens, or there is no answer that is HTTP, or none in time; a map gets the reason as `why`. \
             Without it that is a failure",
        ),
        TIMEOUT,
    ],
    kind: Some(Kind::Read),
    doc: "Asks a web server as the host itself would, in plain HTTP or by TLS. Gives `status`, `headers`, `body`, and `json`: the body's value \
          where it is JSON, else (). Any status is an answer; look at `status`. A method other than GET and HEAD is an action. \
          `Host` is the address by which the host is reached, where neither `address`, `tls` nor `headers` says otherwise.",
    example: "// let status = hosts(\"masters\")[0].http(8181, \"/exhibitor/v1/cluster/status\").json;",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[TCP, HTTP];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    method2(engine, script, "tcp", ask);
    method2(engine, script, "http", request);
}

/// An argument that has to be a port.
pub fn port_of(function: &str, port: &Dynamic) -> Result<u16> {
    let number = port.as_int().ok().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    number.ok_or_else(|| Error::input(format!("{function} takes a port from 1 to 65535, not {port}")))
}

fn ask(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    port: &Dynamic,
    send: &Dynamic,
    options: Map,
) -> Result<Dynamic> {
    let mut options = Options::new(&TCP, options)?;
    let port = port_of("tcp", port)?;
    let send = match send.as_blob_ref() {
        Ok(bytes) => bytes.to_vec(),
        Err(_) => text("tcp", "what is sent", send)?.into_bytes(),
    };
    let mut question = tcp::Options::new(port, send);
    if let Some(address) = options.text("address")? {
        question.address = address;
    }
    let as_bytes = options.flag("bytes")?.unwrap_or(false);
    let refused = options.any("refused");
    let common = Common::take(&mut options)?;
    let shown = if as_bytes { String::new() } else { format!(" {}", String::from_utf8_lossy(&question.send).trim()) };
    let effect =
        Effect { name: "tcp", summary: format!("{}:{port}{shown}", question.address), kind: Kind::Read, ctx, common };
    let tolerant = refused.is_some();
    let answer = script.read(host, effect, async |context| match tcp::ask(context, &question).await {
        Ok(tcp::Answer::Said { bytes, .. }) if tolerant && bytes.is_empty() => Ok(None),
        Ok(tcp::Answer::Said { bytes, .. }) => Ok(Some(bytes)),
        Ok(tcp::Answer::Refused { .. }) if tolerant => Ok(None),
        Ok(tcp::Answer::Refused { why }) => {
            Err(Error::failed(format!("nothing listens on port {port} of {}", question.address)).caused_by(why))
        }
        Err(error) if tolerant && error.kind() == ErrorKind::Failed => Ok(None),
        Err(error) => Err(error),
    })?;
    let Some(answer) = answer else { return Ok(refused.unwrap_or_default()) };
    if as_bytes {
        let bytes: Blob = answer;
        return Ok(Dynamic::from_blob(bytes));
    }
    Ok(String::from_utf8_lossy(&answer).into_owned().into())
}

/// What the option `tls` says.
fn tls_of(mut fields: serde_json::Map<String, serde_json::Value>) -> Result<Tls> {
    const KNOWN: [&str; 4] = ["ca", "name", "certificate", "key"];
    if let Some(unknown) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(Error::input(format!("`tls` has no field `{unknown}`"))
            .did_you_mean(unknown, KNOWN)
            .hint(format!("it has {}", KNOWN.join(", "))));
    }
    let mut text = |name: &str| match fields.remove(name) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::input(format!("the `{name}` of `tls` has to be a text"))),
    };
    let ca = text("ca")?.ok_or_else(|| {
        Error::input("`tls` lacks its `ca`").hint("the PEM text of the authorities that may vouch for the server")
    })?;
    let client = match (text("certificate")?, text("key")?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(Error::input("`tls` takes `certificate` and `key` together, or none of them")),
    };
    Ok(Tls { ca, name: text("name")?.unwrap_or_else(|| "localhost".to_owned()), client })
}

fn request(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    port: &Dynamic,
    path: &Dynamic,
    options: Map,
) -> Result<Dynamic> {
    let mut options = Options::new(&HTTP, options)?;
    let mut asked = http::Options::get(port_of("http", port)?, text("http", "the path", path)?);
    asked.accept = Vec::new();
    if let Some(method) = options.text("method")? {
        asked.method = method.to_ascii_uppercase();
    }
    match options.text("address")? {
        Some(address) => asked.address = address,
        None => asked.host = script.own_address(host)?,
    }
    for (name, value) in options.json("headers")?.unwrap_or_default() {
        asked.headers.push((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    }
    asked.body = options.text("body")?.unwrap_or_default().into_bytes();
    match (options.text("user")?, options.text("password")?) {
        (Some(user), password) => {
            let both = BASE64.encode(format!("{user}:{}", password.unwrap_or_default()));
            asked.headers.push(("authorization".to_owned(), format!("Basic {both}")));
        }
        (None, Some(_)) => return Err(Error::input("http takes a `password` only together with a `user`")),
        (None, None) => {}
    }
    if let Some(fields) = options.json("tls")? {
        asked.tls = Some(tls_of(fields)?);
    }
    let refused = options.any("refused");
    let common = Common::take(&mut options)?;
    let looks = matches!(asked.method.as_str(), "GET" | "HEAD");
    let kind = if looks { Kind::Read } else { Kind::Action };
    let summary = format!("{} {}:{}{}", asked.method, asked.address, asked.port, asked.path);
    let effect = Effect { name: "http", summary: summary.clone(), kind, ctx, common };
    let response = script.effect(host, effect, async |context| match http::request(context, &asked).await {
        Ok(response) => Ok((Ok(response), Report::default())),
        Err(error) if refused.is_some() && error.kind() == ErrorKind::Failed => Ok((Err(error), Report::default())),
        Err(error) => Err(error),
    })?;
    let Some(response) = response else { return Ok(super::host::unknown("http", &summary, host)) };
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            let mut given = refused.unwrap_or_default();
            if let Some(mut map) = given.write_lock::<Map>() {
                let parts = error.parts();
                let why = parts.causes.iter().fold(parts.message.clone(), |why, cause| format!("{why}: {cause}"));
                map.insert("why".into(), why.into());
            }
            return Ok(given);
        }
    };
    let mut map = Map::new();
    map.insert("status".into(), i64::from(response.status).into());
    let headers: Map =
        response.headers.iter().map(|(name, value)| (name.as_str().into(), value.clone().into())).collect();
    map.insert("headers".into(), headers.into());
    let json = response.json().map_or(Dynamic::UNIT, |value| from_json(&value));
    map.insert("json".into(), json);
    map.insert("body".into(), response.text().into());
    Ok(map.into())
}
