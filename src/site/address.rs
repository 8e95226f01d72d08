//! The address of a hub: which one can be, and how it is recorded in the text of a site file, where one line is put in
//! or replaced and all others stay. Pure.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::yaml::parse;

/// An address under which people could reach a hub.
///
/// # Errors
/// What it is instead, e.g. `no IP address`.
pub fn hub_address(text: &str) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "no IP address")?;
    let (is_local_link, is_broadcast) = match address.to_canonical() {
        IpAddr::V4(four) => (four.is_link_local(), four.is_broadcast()),
        IpAddr::V6(six) => (six.is_unicast_link_local(), false),
    };
    match address.to_canonical() {
        one if one.is_unspecified() => Err("the address of no computer"),
        one if one.is_loopback() => Err("the address by which every computer reaches itself"),
        one if one.is_multicast() || is_broadcast => Err("an address of many computers"),
        _ if is_local_link => Err("an address that no router takes further"),
        _ => Ok(address),
    }
}

/// The text with `loadBalancer.address` set; none where its form cannot be edited safely: whatever is
/// written must read as the same settings with the address in it.
pub fn with_address(text: &str, address: IpAddr) -> Option<String> {
    let edited = edit(text, &line_value(address));
    let mut wanted = value(text)?;
    if wanted.is_null() {
        wanted = json!({});
    }
    let balancer = wanted.as_object_mut()?.entry("loadBalancer").or_insert(Value::Null);
    if balancer.is_null() {
        *balancer = json!({});
    }
    balancer.as_object_mut()?.insert("address".to_owned(), address.to_string().into());
    (value(&edited)? == wanted).then_some(edited)
}

fn value(text: &str) -> Option<Value> {
    parse("the site file", text).ok().map(|document| document.value)
}

/// An address of version 6 has colons, which mean something in YAML.
fn line_value(address: IpAddr) -> String {
    if address.is_ipv6() { format!("\"{address}\"") } else { address.to_string() }
}

fn edit(text: &str, value: &str) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let Some(head) = lines.iter().position(|line| line.starts_with("loadBalancer:")) else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        return format!("{text}{gap}loadBalancer:{end}  address: {value}{end}");
    };
    let children = || lines.iter().enumerate().skip(head + 1).take_while(|(_, line)| is_inside(line));
    let indent = children().find(|(_, line)| !is_empty(line)).map_or("  ", |(_, line)| indent(line)).to_owned();
    let found =
        children().find(|(_, line)| line.strip_prefix(&indent).is_some_and(|rest| rest.starts_with("address:")));
    if let Some(index) = found.map(|(index, _)| index) {
        let comment = lines[index].find(" #").map_or("", |at| &lines[index][at..]).trim_end().to_owned();
        lines[index] = format!("{indent}address: {value}{comment}{end}");
    } else {
        if !lines[head].ends_with('\n') {
            lines[head].push_str(end);
        }
        lines.insert(head + 1, format!("{indent}address: {value}{end}"));
    }
    lines.concat()
}

fn is_empty(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

fn is_inside(line: &str) -> bool {
    is_empty(line) || line.starts_with(' ')
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(text: &str) -> Option<String> {
        with_address(text, "192.0.2.7".parse().unwrap())
    }

    #[test]
    fn a_hub_has_an_address_that_people_can_reach() {
        for right in ["192.0.2.7", "10.0.0.1", "2001:db8::1", "fd00::1"] {
            assert_eq!(hub_address(right).map(|address| address.to_string()), Ok(right.to_owned()));
        }
        for wrong in [
            "",
            "hub.example.org",
            "192.0.2.7/24",
            "0.0.0.0",
            "::",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "ff02::1",
            "255.255.255.255",
            "169.254.1.1",
            "fe80::1",
        ] {
            assert!(hub_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_line_is_put_in_or_replaced() {
        let cases = [
            ("", "loadBalancer:\n  address: 192.0.2.7\n"),
            ("# mine\nprofile: cumulus", "# mine\nprofile: cumulus\nloadBalancer:\n  address: 192.0.2.7\n"),
            (
                "loadBalancer:  # open\n    # keep it\n    keepFloatingIp: true\nusers: {}\n",
                "loadBalancer:  # open\n    address: 192.0.2.7\n    # keep it\n    keepFloatingIp: true\nusers: {}\n",
            ),
            (
                "loadBalancer:\r\n  address: 198.51.100.1 # old\r\nprofile: x\r\n",
                "loadBalancer:\r\n  address: 192.0.2.7 # old\r\nprofile: x\r\n",
            ),
            ("loadBalancer:\n", "loadBalancer:\n  address: 192.0.2.7\n"),
        ];
        for (before, after) in cases {
            assert_eq!(run(before).as_deref(), Some(after));
            assert_eq!(run(after).as_deref(), Some(after), "again changes nothing");
        }
        let six = with_address("", "2001:db8::1".parse().unwrap());
        assert_eq!(six.as_deref(), Some("loadBalancer:\n  address: \"2001:db8::1\"\n"));
    }

    #[test]
    fn a_form_that_cannot_be_edited_safely_is_left_alone() {
        for text in [
            "loadBalancer: {keepFloatingIp: true}\n",
            "{profile: cumulus}\n",
            "\"loadBalancer\":\n  keepFloatingIp: true\n",
            "loadBalancer:\n  address: |\n    198.51.100.1\n",
            "- a list\n",
            "a: [broken\n",
        ] {
            assert_eq!(run(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_the_address_changes(
            before in prop::collection::vec("(profile: [a-z]{1,5}|users:|  homeSize: 1Gi|loadBalancer:|  address: [a-z0-9.]{1,9}|  keepFloatingIp: true|# .{0,9}|)", 0..9),
            end in "\n|\r\n|",
        ) {
            let text = before.join("\n") + &end;
            if let Some(edited) = run(&text) {
                prop_assert_eq!(&value(&edited).unwrap()["loadBalancer"]["address"], &json!("192.0.2.7"));
                let mut rest = edited.lines().filter(|line| !line.contains("192.0.2.7")).peekable();
                let kept = text.lines().filter(|line| rest.next_if_eq(line).is_some()).count();
                prop_assert!(kept + 1 >= text.lines().count(), "{edited}");
            }
        }
    }
}
