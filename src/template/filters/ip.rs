//! The filters of `ansible.utils` for addresses and networks.

use super::super::fault::{Fault, R};
use super::super::net::{Net, int};
use super::super::python;
use super::super::value::Value;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 9] = [
    filter(&["ipaddr"], "value query= version= alias=", |_, a| {
        let version = a.get(2).and_then(Value::as_int).filter(|version| *version != 0);
        ipaddr(&a.value(0), &query(a, 1)?, version, "ipaddr")
    }),
    filter(&["ipv4"], "value query=", |_, a| ipaddr(&a.value(0), &query(a, 1)?, Some(4), "ipv4")),
    filter(&["ipv6"], "value query=", |_, a| ipaddr(&a.value(0), &query(a, 1)?, Some(6), "ipv6")),
    filter(&["ipwrap"], "value query=", |_, a| {
        let query = query(a, 1)?;
        let wrap = |value: &Value| -> R<Value> {
            match ipaddr(value, &query, None, "ipwrap") {
                Ok(found) if found.truth()? => ipaddr(&found, "wrap", None, "ipwrap"),
                _ => Ok(value.clone()),
            }
        };
        match a.value(0) {
            list if list.is_sequence() => Ok(Value::list(list.iterate()?.iter().map(wrap).collect::<R<_>>()?)),
            value => wrap(&value),
        }
    }),
    filter(&["ipsubnet"], "value query= index=", ipsubnet),
    filter(&["ipmath"], "value amount", |_, a| {
        let text = a.string(0)?;
        let Some(net) = Net::parse(&text) else {
            return Err(Fault::new(format!("You must pass a valid IP address; {text} is invalid")));
        };
        let Value::Int(amount) = a.value(1) else {
            return Err(Fault::new("You must pass an integer for arithmetic"));
        };
        let sum = if amount < 0 {
            net.value.checked_sub(amount.unsigned_abs())
        } else {
            net.value.checked_add(amount.unsigned_abs())
        };
        match sum.filter(|sum| *sum <= net.all()) {
            Some(sum) => Ok(Value::str(net.address(sum))),
            None => Err(Fault::new("result outside valid IP address boundary!")),
        }
    }),
    filter(&["nthhost"], "value query=", |_, a| {
        let Some(net) = parsed(&a.value(0)) else { return Ok(Value::Bool(false)) };
        let nth = match a.value(1) {
            Value::Str(text) => super::text::parse_int(&text, 10),
            other => other.as_int(),
        };
        let Some(nth) = nth.filter(|nth| *nth != 0) else { return Ok(Value::Bool(false)) };
        let net = Net { value: net.first(), ..net };
        Ok(nth_of(net, nth).map_or(Value::Bool(false), Value::str))
    }),
    filter(&["network_in_usable"], "value test", |_, a| inside(a, true)),
    filter(&["network_in_network"], "value test", |_, a| inside(a, false)),
];

fn query(a: &Bound, at: usize) -> R<String> {
    a.text_or(at, "")
}

fn parsed(value: &Value) -> Option<Net> {
    Net::parse(value.as_str()?)
}

fn nth_of(net: Net, nth: i128) -> Option<String> {
    let size = net.size().unwrap_or(u128::MAX);
    let at = if nth < 0 { size.checked_sub(nth.unsigned_abs())? } else { nth.unsigned_abs() };
    (at < size).then(|| net.address(net.first() + at))
}

fn inside(a: &Bound, usable: bool) -> R<Value> {
    let (Some(net), Some(test)) = (parsed(&a.value(0)), parsed(&a.value(1))) else { return Ok(Value::Bool(false)) };
    let (mut first, mut last) = (net.first(), net.last());
    if usable && net.hostmask() > 1 {
        (first, last) = (first + 1, last - 1);
    }
    Ok(Value::Bool(net.six == test.six && first <= test.first() && test.last() <= last))
}

/// `ipaddr(value, query)`.
pub fn ipaddr(value: &Value, query: &str, version: Option<i128>, alias: &str) -> R<Value> {
    if value.is_sequence() {
        let mut kept = Vec::new();
        for item in value.iterate()? {
            let found = ipaddr(&item, query, version, alias)?;
            if found.truth()? {
                kept.push(found);
            }
        }
        return Ok(Value::list(kept));
    }
    let no = Ok(Value::Bool(false));
    if !value.truth()? || matches!(value, Value::Bool(true)) {
        return no;
    }
    let text = python::text(value)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let (net, text, is_network) = if digits(&text) {
        let Some(net) = text.parse().ok().and_then(|number| Net::number(number, None, version)) else { return no };
        (net, net.text(), false)
    } else if let Some(net) = Net::parse(&text) {
        let is_network = text.contains('/');
        (net, text, is_network)
    } else {
        let parts =
            text.split_once('/').and_then(|(number, prefix)| Some((number.parse().ok()?, prefix.parse().ok()?)));
        let Some(net) = parts.and_then(|(number, prefix)| Net::number(number, Some(prefix), None)) else { return no };
        (net, net.text(), true)
    };
    if version.is_some_and(|version| (version == 6) != net.six) {
        return no;
    }
    // Ansible gives the value itself back where it was recognized.
    let given = match value {
        Value::Str(_) if !digits(&python::text(value)?) => Value::str(&text),
        _ => Value::str(&text),
    };
    asked(net, &given, query, is_network, alias)
}
fn asked(net: Net, given: &Value, query: &str, is_network: bool, alias: &str) -> R<Value> {
    let text = |text: String| Ok(Value::str(text));
    let when = |is: bool, text: String| Ok(if is { Value::str(text) } else { Value::None });
    let keep = |is: bool| Ok(if is { given.clone() } else { Value::None });
    let single = net.is_single();
    let is_host = net.value != net.first();
    let usable = || {
        if net.hostmask() == 1 { (net.first(), net.last()) } else { (net.first() + 1, net.last().saturating_sub(1)) }
    };
    let needs_network = || if is_network { Ok(()) } else { Err(Fault::new("Not a network address")) };
    match query {
        "" => text(if is_network { net.text() } else { net.ip() }),
        "address" | "ip" => when(single || is_host || net.broadcast().is_none() || net.six, net.ip()),
        "address/prefix" | "gateway" | "gw" | "host/prefix" | "hostnet" | "router" => {
            if net.hostmask() > 1 && (!is_host || net.broadcast() == Some(net.value)) {
                return Ok(Value::Bool(false));
            }
            text(net.text())
        }
        "bool" => Ok(Value::Bool(true)),
        "broadcast" => Ok(net.broadcast().map_or(Value::None, |value| Value::str(net.address(value)))),
        "cidr" => text(net.text()),
        "host" => when(single || is_host || net.broadcast().is_none(), net.text()),
        "hostmask" | "wildcard" => text(net.address(net.hostmask())),
        "int" => {
            if is_network {
                text(format!("{}/{}", net.value, net.prefix))
            } else {
                Ok(int(net.value))
            }
        }
        "ip/prefix" => when(net.hostmask() == 1 || (!single && is_host), net.text()),
        "ip_netmask" => {
            let mask = net.address(!net.hostmask() & net.all());
            when(net.hostmask() == 1 || (!single && is_host), format!("{} {mask}", net.ip()))
        }
        "ipv4" | "v4" => {
            if !net.six {
                return Ok(given.clone());
            }
            let mapped = net.value >> 32 == 0xffff || net.value >> 32 == 0;
            match (mapped, net.prefix.checked_sub(96)) {
                (true, Some(prefix)) => text(Net { six: false, value: net.value & 0xffff_ffff, prefix }.text()),
                _ => Ok(Value::Bool(false)),
            }
        }
        "ipv6" | "v6" => {
            if net.six {
                Ok(given.clone())
            } else {
                text(format!("::ffff:{}/{}", net.ip(), net.prefix + 96))
            }
        }
        "link-local" => keep(in_net(net, if net.six { "fe80::/10" } else { "169.254.0.0/16" })),
        "lo" | "loopback" => keep(net.is_loopback()),
        "multicast" => keep(net.is_multicast()),
        "unicast" => keep(!net.is_multicast()),
        "net" => when(!single && !is_host, net.cidr()),
        "netmask" => text(net.address(!net.hostmask() & net.all())),
        "network" | "network_id" => text(net.address(net.first())),
        "network/prefix" | "subnet" => text(net.cidr()),
        "network_netmask" => text(format!("{} {}", net.address(net.first()), net.address(!net.hostmask() & net.all()))),
        "network_wildcard" => text(format!("{} {}", net.address(net.first()), net.address(net.hostmask()))),
        "prefix" => Ok(Value::Int(net.prefix.into())),
        "private" => keep(!net.is_global()),
        "public" => {
            let plain = !net.is_multicast() && !net.is_loopback() && !net.is_netmask() && !net.is_hostmask();
            keep(plain && net.is_global())
        }
        "revdns" => text(net.reverse()),
        "size" => {
            net.size().map_or_else(|| text("340282366920938463463374607431768211456".into()), |size| Ok(int(size)))
        }
        "size_usable" => Ok(match net.size() {
            Some(1) => Value::Int(0),
            Some(2) => Value::Int(2),
            Some(size) => int(size - 2),
            None => int(u128::MAX - 1),
        }),
        "type" => text(if single || is_host { "address" } else { "network" }.into()),
        "version" => Ok(Value::Int(if net.six { 6 } else { 4 })),
        "wrap" => match (net.six, is_network) {
            (true, false) => text(format!("[{}]", net.ip())),
            (true, true) => text(format!("[{}]/{}", net.ip(), net.prefix)),
            _ => Ok(given.clone()),
        },
        "first_usable" => {
            needs_network()?;
            when(!single, net.address(if net.hostmask() == 1 { net.first() } else { net.first() + 1 }))
        }
        "last_usable" => {
            needs_network()?;
            when(!single, net.address(usable().1))
        }
        "range_usable" => {
            needs_network()?;
            let (first, last) = if single { (0, 0) } else { usable() };
            when(!single, format!("{}-{}", net.address(first), net.address(last)))
        }
        "next_usable" | "previous_usable" => {
            needs_network()?;
            let next = if query == "next_usable" { net.value.checked_add(1) } else { net.value.checked_sub(1) };
            match next.filter(|next| !single && (usable().0..=usable().1).contains(next)) {
                Some(next) => text(net.address(next)),
                None => Ok(Value::None),
            }
        }
        "peer" => {
            needs_network()?;
            match (net.size(), net.value % 4) {
                (Some(2), _) => text(net.address(net.value ^ 1)),
                (Some(4), 0) => Err(Fault::new("Network address of /30 has no peer")),
                (Some(4), 3) => Err(Fault::new("Broadcast address of /30 has no peer")),
                (Some(4), _) => text(net.address(net.value ^ 3)),
                _ => Err(Fault::new("Not a point-to-point network")),
            }
        }
        "6to4" => {
            if net.six {
                let inside = in_net(net, "2002::/16") && (!is_network || is_host);
                return if inside { Ok(given.clone()) } else { Ok(Value::Bool(false)) };
            }
            if !single && !is_host {
                return Ok(Value::Bool(false));
            }
            let part = |shift: u32| (net.value >> shift) & 0xff;
            text(format!("2002:{:02x}{:02x}:{:02x}{:02x}::1/48", part(24), part(16), part(8), part(0)))
        }
        other => {
            if let Ok(nth) = other.parse::<i128>() {
                return if single {
                    text(if is_network { net.text() } else { net.ip() })
                } else {
                    Ok(nth_of(net, nth)
                        .map_or(Value::Bool(false), |address| Value::str(format!("{address}/{}", net.prefix))))
                };
            }
            match Net::parse(other) {
                Some(range) => keep(range.contains(net)),
                None => Err(Fault::new(format!("{alias}: unknown filter type: {other}"))),
            }
        }
    }
}

fn in_net(net: Net, other: &str) -> bool {
    Net::parse(other).is_some_and(|other| other.contains(Net { prefix: net.bits(), ..net }))
}

fn ipsubnet(_: &super::Interp, a: &Bound) -> R<Value> {
    let no = Ok(Value::Bool(false));
    let kind = ipaddr(&a.value(0), "type", None, "ipsubnet")?;
    let Some(kind) = kind.as_str().map(str::to_owned) else { return no };
    let Some(net) = ipaddr(&a.value(0), if kind == "address" { "cidr" } else { "subnet" }, None, "ipsubnet")?
        .as_str()
        .and_then(Net::parse)
    else {
        return no;
    };
    let net = Net { value: net.first(), ..net };
    let is_address = net.is_single();
    let query = query(a, 1)?;
    if query.is_empty() {
        return Ok(Value::str(net.cidr()));
    }
    let index = match a.value(2) {
        Value::None => None,
        Value::Str(text) => super::text::parse_int(&text, 10),
        other => other.as_int(),
    };
    if query.bytes().all(|c| c.is_ascii_digit()) {
        let Some(prefix) = query.parse::<u32>().ok().filter(|prefix| *prefix <= net.bits()) else { return no };
        let sized = |value: u128, prefix: u32| Net { value, prefix, ..net };
        if is_address {
            // The networks around it, the widest first.
            let bits = i128::from(net.bits());
            let index = index.unwrap_or(0);
            if index > bits + 1 - index || index < i128::from(prefix) - bits {
                return no;
            }
            let around: Vec<u32> = (prefix..net.bits()).collect();
            let at = if index < 0 { index + i128::try_from(around.len()).unwrap_or(0) } else { index };
            return match usize::try_from(at).ok().and_then(|at| around.get(at)) {
                Some(prefix) => Ok(Value::str(sized(net.value, *prefix).cidr())),
                None => Err(Fault::new("list index out of range")),
            };
        }
        let Some(more) = prefix.checked_sub(net.prefix) else {
            if index.is_some() {
                return no;
            }
            return Err(Fault::new(format!("Requested subnet size of {prefix} is invalid")));
        };
        let subnets = 1_u128.checked_shl(more).unwrap_or(u128::MAX);
        let Some(index) = index else { return Ok(Value::str(subnets.to_string())) };
        let at = if index < 0 { subnets.checked_sub(index.unsigned_abs()) } else { Some(index.unsigned_abs()) };
        let Some(at) = at.filter(|at| *at < subnets) else { return no };
        return Ok(Value::str(sized(net.first() + (at << (net.bits() - prefix)), prefix).text()));
    }
    let Some(other) = Net::parse(&query) else {
        return Err(Fault::new(format!("You must pass a valid subnet or IP address; {query} is invalid")));
    };
    if !other.contains(net) {
        return Err(Fault::new(format!("{} is not in the subnet {}", net.cidr(), other.cidr())));
    }
    let at = (net.value - other.first()) >> (net.bits() - net.prefix).min(127);
    Ok(Value::str((at + 1).to_string()))
}
