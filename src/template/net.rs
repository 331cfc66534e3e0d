//! Addresses and networks of IPv4 and IPv6.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::value::Value;

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net {
    /// Whether it is IPv6.
    pub six: bool,
    pub value: u128,
    pub prefix: u32,
}

impl Net {
    pub fn bits(self) -> u32 {
        if self.six { 128 } else { 32 }
    }

    pub fn hostmask(self) -> u128 {
        match self.bits() - self.prefix {
            128 => u128::MAX,
            free => (1 << free) - 1,
        }
    }

    pub fn all(self) -> u128 {
        if self.six { u128::MAX } else { u128::from(u32::MAX) }
    }

    pub fn first(self) -> u128 {
        self.value & !self.hostmask() & self.all()
    }

    pub fn last(self) -> u128 {
        self.value | self.hostmask()
    }

    /// How many addresses it has; `None` for all of IPv6.
    pub fn size(self) -> Option<u128> {
        self.hostmask().checked_add(1)
    }

    pub fn is_single(self) -> bool {
        self.hostmask() == 0
    }

    /// netaddr gives networks of one and two addresses no broadcast, and those of IPv6 one.
    pub fn broadcast(self) -> Option<u128> {
        (self.hostmask() > 1).then(|| self.last())
    }

    pub fn address(self, value: u128) -> String {
        address(self.six, value)
    }

    pub fn ip(self) -> String {
        self.address(self.value)
    }

    pub fn cidr(self) -> String {
        format!("{}/{}", self.address(self.first()), self.prefix)
    }

    pub fn text(self) -> String {
        format!("{}/{}", self.ip(), self.prefix)
    }

    pub fn contains(self, other: Self) -> bool {
        self.six == other.six && self.first() <= other.first() && other.last() <= self.last()
    }

    /// An address, or one with a prefix or a mask.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, suffix) = match text.split_once('/') {
            Some((address, suffix)) => (address, Some(suffix)),
            None => (text, None),
        };
        let (six, value) = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
            (Ok(four), _) => (false, u128::from(u32::from(four))),
            (_, Ok(six)) => (true, u128::from(six)),
            _ => return None,
        };
        let bits = if six { 128 } else { 32 };
        let prefix = match suffix {
            None => bits,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) => digits.parse().ok()?,
            Some(mask) => {
                let mask = Self::parse(mask).filter(|mask| mask.six == six && mask.is_single())?;
                let inverted = !mask.value & mask.all();
                if inverted & inverted.wrapping_add(1) == 0 {
                    inverted.leading_zeros() - (128 - bits)
                } else if mask.value & (mask.value + 1) == 0 {
                    mask.value.leading_zeros() - (128 - bits)
                } else {
                    return None;
                }
            }
        };
        (prefix <= bits).then_some(Self { six, value, prefix })
    }

    /// A number as an address: IPv4 where it fits.
    pub fn number(value: u128, prefix: Option<u32>, version: Option<i128>) -> Option<Self> {
        let four = version != Some(6) && value <= u128::from(u32::MAX) && prefix.is_none_or(|prefix| prefix <= 32);
        let bits = if four { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Self { six: !four, value, prefix })
    }

    fn within(self, nets: &[&str]) -> bool {
        let single = Self { prefix: self.bits(), ..self };
        nets.iter().filter_map(|net| Self::parse(net)).any(|net| net.contains(single))
    }

    pub fn is_loopback(self) -> bool {
        self.within(&["127.0.0.0/8", "::1/128"])
    }

    pub fn is_multicast(self) -> bool {
        self.within(&["224.0.0.0/4", "ff00::/8"])
    }

    /// Whether the address is of the public network, by IANA's registries as netaddr has them.
    pub fn is_global(self) -> bool {
        if self.within(&[
            "192.0.0.9/32",
            "192.0.0.10/32",
            "2001:1::1/128",
            "2001:1::2/128",
            "2001:3::/32",
            "2001:4:112::/48",
            "2001:20::/28",
            "2001:30::/28",
        ]) {
            return true;
        }
        !self.within(&[
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "255.255.255.255/32",
            "::1/128",
            "::/128",
            "::ffff:0:0/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "fc00::/7",
            "fe80::/10",
        ])
    }

    pub fn is_netmask(self) -> bool {
        let inverted = !self.value & self.all();
        inverted & inverted.wrapping_add(1) == 0
    }

    pub fn is_hostmask(self) -> bool {
        self.value & self.value.wrapping_add(1) == 0
    }

    /// The name under which its address is looked up.
    pub fn reverse(self) -> String {
        if self.six {
            let digits: Vec<String> = format!("{:032x}", self.value).chars().rev().map(String::from).collect();
            return format!("{}.ip6.arpa.", digits.join("."));
        }
        let parts: Vec<String> = self.ip().split('.').rev().map(str::to_owned).collect();
        format!("{}.in-addr.arpa.", parts.join("."))
    }
}

pub fn address(six: bool, value: u128) -> String {
    if six {
        return Ipv6Addr::from(value).to_string();
    }
    Ipv4Addr::from(u32::try_from(value).unwrap_or(u32::MAX)).to_string()
}

pub fn int(value: u128) -> Value {
    i128::try_from(value).map_or_else(|_| Value::str(value.to_string()), Value::Int)
}
