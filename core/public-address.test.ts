import { expect, test } from "@jest/globals";
import { isPublicAddress } from "./public-address.ts";

test.each([
  "8.8.8.8",
  "93.184.216.34",
  "151.101.1.140",
  "172.15.255.255",
  "172.32.0.1",
  "100.63.255.255",
  "100.128.0.1",
  "2606:2800:220:1:248:1893:25c8:1946",
  "2a03:2880:f12f:83:face:b00c:0:25de",
])("%s is public", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ["0.0.0.0", "this host"],
  ["0.1.2.3", "this network"],
  ["10.0.0.1", "private"],
  ["100.64.0.1", "a carrier's own"],
  ["100.127.255.255", "a carrier's own"],
  ["127.0.0.1", "this host"],
  ["127.255.255.254", "this host"],
  ["169.254.169.254", "where clouds keep credentials"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.0.0.1", "reserved"],
  ["192.0.2.1", "for examples"],
  ["192.168.1.1", "private"],
  ["198.18.0.1", "for measuring"],
  ["224.0.0.1", "multicast"],
  ["240.0.0.1", "reserved"],
  ["255.255.255.255", "everybody"],
  ["::", "this host"],
  ["::1", "this host"],
  ["::127.0.0.1", "IPv4 in the old notation"],
  ["::ffff:127.0.0.1", "IPv4 in disguise"],
  ["::ffff:7f00:1", "IPv4 in disguise, in hex"],
  ["::ffff:8.8.8.8", "IPv4 in disguise, though public"],
  ["::ffff:0:127.0.0.1", "translated IPv4"],
  ["64:ff9b::7f00:1", "NAT64 to this host"],
  ["64:ff9b::808:808", "NAT64"],
  ["64:ff9b:1::7f00:1", "a network's own NAT64"],
  ["2002:7f00:1::", "6to4 to this host"],
  ["2001:0:7f00:1::", "Teredo"],
  ["2001:db8::1", "for examples"],
  ["100::1", "thrown away"],
  ["fc00::1", "a network's own"],
  ["fd00:ec2::254", "where clouds keep credentials"],
  ["fe80::1", "this link"],
  ["fec0::1", "a site's own, of old"],
  ["ff02::1", "multicast"],
  ["4000::1", "nobody's yet"],
  ["fe80::1%eth0", "this link, by name"],
])("%s is not: %s", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each([
  "",
  "localhost",
  "0x7f.1",
  "2130706433",
  "017700000001",
  "127.1",
  "1.2.3.4.5",
  "999.1.1.1",
  "[::1]",
  "8.8.8.8:80",
])("%j is not even an address as look-ups answer it, or leads home", (text) => {
  expect(isPublicAddress(text)).toBe(false);
});
