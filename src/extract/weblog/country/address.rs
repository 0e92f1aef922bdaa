//! The address in a log field, and whether it is one the world knows. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads an address as logs write it; `None` for host names, `unix:`, `-` and the like.
///
/// `::ffff:1.2.3.4` is 1.2.3.4; a zone (`fe80::1%eth0`) and a port (`1.2.3.4:5678`) are cut off;
/// of a list `client, proxy` it is the client.
pub fn parse_address(field: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(field).ok()?;
    let first = text.split(',').next()?.trim();
    let bare = first.split('%').next()?;
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => bare.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

/// False for addresses that no registry gives to a country: private, loopback, link-local,
/// shared, documentation, benchmarking, multicast and reserved ones.
///
/// Source: the IANA special-purpose address registries (RFC 6890 and its updates).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => public_v6(v6),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // global unicast is 2000::/3; of it 2001:db8::/32 and 3fff::/20 are for documents
    (first & 0xe000) == 0x2000
        && !(first == 0x2001 && second == 0x0db8)
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_65_every_kind_of_address() {
        for (field, want) in [
            ("203.0.113.9", Some("203.0.113.9")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("1.2.3.4:5678", Some("1.2.3.4")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("1.2.3.4, 10.0.0.1, 10.0.0.2", Some("1.2.3.4")),
            ("piweba3y.prodigy.com", None),
            ("unix:", None),
            ("-", None),
            ("", None),
            ("1.2.3", None),
        ] {
            let want = want.map(|w| w.parse::<IpAddr>().expect(w));
            assert_eq!(parse_address(field.as_bytes()), want, "{field}");
        }
        assert_eq!(parse_address(&[0xff, 0xfe]), None);
    }

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.0.1",
            "192.0.2.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "2001:db8::1",
            "ff02::1",
            "3fff::1",
        ] {
            assert!(!is_public(text.parse().expect(text)), "{text}");
        }
        for text in ["8.8.8.8", "100.128.0.1", "198.20.0.1", "2001:4860::1", "2a00::1"] {
            assert!(is_public(text.parse().expect(text)), "{text}");
        }
    }
}
