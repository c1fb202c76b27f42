import { expect, test } from "@jest/globals";
import { addressOf } from "./address.ts";

test.each([
  ["203.0.113.7", "203.0.113.7"],
  [" 203.0.113.7\n", "203.0.113.7"],
  ["0.10.200.255", "0.10.200.255"],
  ["203.0.113.7:5678", "203.0.113.7"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["::ffff:cb00:7107", "203.0.113.7"],
  ["[::ffff:203.0.113.7]:443", "203.0.113.7"],
  ["[2001:db8:0:0::1]:443", "2001:db8::1"],
  ["[2001:DB8::1]", "2001:db8::1"],
  ["2001:db8::1", "2001:db8::1"],
  // Without brackets this is an address, and its last part no port.
  ["::1:443", "::1:443"],
  ["fe80::1%eth0", "fe80::1"],
])("%j is the address %s", (given, address) => expect(addressOf(given)).toBe(address));

test.each([
  "",
  " ",
  "x",
  "1",
  "203.0.113",
  "203.0.113.7:",
  "203.0.113.7:x",
  "203.0.113.777:80",
  "203.0.113.256",
  "203.0.113.07",
  "203.0.113.7.7",
  "[203.0.113.7",
  "[]:80",
  "203.0.113.7, 203.0.113.8",
])("%j is none", (given) => expect(addressOf(given)).toBeNull());
