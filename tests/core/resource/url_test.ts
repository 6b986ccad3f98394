import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { URL_KIND } from "../../../src/core/resource/url.ts";
import { CanonicalError } from "../../../src/core/resource/world.ts";
import { FLAT } from "../policy/deciding.ts";

const REFUSED = null;
const normalise = (target: string) => URL_KIND.normalise(target, FLAT);

// deno-fmt-ignore -- a row is a line
const NORMAL_FORMS: readonly {
  cell: string;
  target: string;
  expected: string | null;
  why: string;
}[] = [
  // Authority
  { cell: "a plain URL", target: "https://h.example/a?b=c", expected: "https://h.example/a?b=c", why: "nothing is to be done" },
  { cell: "no path", target: "https://h.example", expected: "https://h.example/", why: "the path is /" },
  { cell: "upper case in scheme and host", target: "HTTPS://H.Example/A", expected: "https://h.example/A", why: "they have no case, the path has" },
  { cell: "a user", target: "https://u@h/", expected: REFUSED, why: "credentials do not belong there" },
  { cell: "another host as the user", target: "https://good.example@evil.example/", expected: REFUSED, why: "readers take it for the host" },
  { cell: "a password", target: "https://u:p@h/", expected: REFUSED, why: "credentials do not belong there" },
  { cell: "an empty user", target: "https://@h/", expected: REFUSED, why: "it is still the credentials' form" },
  { cell: "an @ in the path", target: "https://h/@scope/a", expected: "https://h/@scope/a", why: "it is part of a name" },
  { cell: "an @ after a backslash", target: "https://good.example\\@evil.example/", expected: REFUSED, why: "parsers disagree about the host" },
  { cell: "a backslash in the path", target: "https://h/a\\b", expected: REFUSED, why: "parsers disagree about it" },
  { cell: "backslashes for the slashes", target: "https:\\\\h\\a", expected: REFUSED, why: "parsers disagree about it" },
  { cell: "one slash", target: "https:/h/a", expected: REFUSED, why: "the standard guesses a host" },
  { cell: "three slashes", target: "https:///h/a", expected: REFUSED, why: "the standard guesses a host" },
  { cell: "no slash", target: "https:h", expected: REFUSED, why: "the standard guesses a host" },
  { cell: "no scheme", target: "//h/a", expected: REFUSED, why: "there is nothing to be relative to" },
  { cell: "the default port of https", target: "https://h:443/", expected: "https://h/", why: "one place, one name" },
  { cell: "the default port of http", target: "http://h:80/", expected: "http://h/", why: "one place, one name" },
  { cell: "the other scheme's port", target: "http://h:443/", expected: "http://h:443/", why: "it is another place" },
  { cell: "a port with zeros in front", target: "https://h:00443/", expected: "https://h/", why: "it is the same number" },
  { cell: "an empty port", target: "https://h:/", expected: "https://h/", why: "it means the default" },
  { cell: "a port that is too large", target: "https://h:65536/", expected: REFUSED, why: "there is none" },
  { cell: "a port in letters", target: "https://h:http/", expected: REFUSED, why: "it is no number" },
  { cell: "a dot after the host", target: "https://h.example./", expected: "https://h.example/", why: "one place, one name" },
  { cell: "a dot after the host with a port", target: "https://h.example.:8443/", expected: "https://h.example:8443/", why: "one place, one name" },
  { cell: "two dots after the host", target: "https://h.example../", expected: REFUSED, why: "a label is empty" },
  { cell: "a dot in front of the host", target: "https://.h.example/", expected: REFUSED, why: "a label is empty" },
  { cell: "a host of a dot", target: "https://./", expected: REFUSED, why: "there is no label" },
  { cell: "an encoded host", target: "https://ex%61mple.com/", expected: "https://example.com/", why: "the standard decodes it" },
  { cell: "an encoded slash in the host", target: "https://good.example%2f.evil.example/", expected: REFUSED, why: "no host holds it" },
  { cell: "an encoded @ in the host", target: "https://good.example%40evil.example/", expected: REFUSED, why: "no host holds it" },
  { cell: "an encoded # in the host", target: "https://evil.example%23.good.example/", expected: REFUSED, why: "no host holds it" },
  { cell: "an encoded NUL in the host", target: "https://good.example%00.evil.example/", expected: REFUSED, why: "no host holds it" },
  { cell: "a percent that encodes nothing in the host", target: "https://h%/", expected: REFUSED, why: "no host holds it" },
  { cell: "a host of 254 characters", target: `https://${"a.".repeat(126)}ab/`, expected: REFUSED, why: "DNS ends at 253" },
  // Names in other scripts
  { cell: "an IDN", target: "https://bücher.example/", expected: "https://xn--bcher-kva.example/", why: "DNS sees that" },
  { cell: "an upper-case IDN", target: "https://BÜCHER.example/", expected: "https://xn--bcher-kva.example/", why: "it is the same name" },
  { cell: "full-width letters", target: "https://ｈ.example/", expected: "https://h.example/", why: "IDNA maps them" },
  { cell: "an ideographic full stop", target: "https://h。example/", expected: "https://h.example/", why: "IDNA maps it to a dot" },
  { cell: "a soft hyphen", target: "https://ex\u00adample.com/", expected: "https://example.com/", why: "IDNA drops it" },
  { cell: "a Cyrillic a", target: "https://ex\u0430mple.com/", expected: "https://xn--exmple-4nf.com/", why: "it is another name" },
  { cell: "a fraction slash in the host", target: "https://good.example\u2044evil/", expected: "https://good.xn--exampleevil-lx3f/", why: "it is a letter of another name" },
  { cell: "a full-width slash in the host", target: "https://good.example／.evil.example/", expected: REFUSED, why: "it would map to a slash" },
  { cell: "broken punycode", target: "https://xn--a/", expected: REFUSED, why: "it encodes nothing" },
  // Addresses
  { cell: "an IPv4 address", target: "http://127.0.0.1/", expected: "http://127.0.0.1/", why: "it is the one form" },
  { cell: "a short IPv4 address", target: "http://127.1/", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "a decimal IPv4 address", target: "http://2130706433/", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "a hexadecimal IPv4 address", target: "http://0x7f000001/", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "an octal IPv4 address", target: "http://0177.0.0.1/", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "a mixed IPv4 address", target: "http://0x7f.1/", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "an IPv4 address with a dot after it", target: "http://127.0.0.1./", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "full-width digits", target: "http://１２７.0.0.1/", expected: "http://127.0.0.1/", why: "it is the same address" },
  { cell: "an IPv4 address out of range", target: "http://256.0.0.1/", expected: REFUSED, why: "there is none" },
  { cell: "a host that ends in a number", target: "http://a.1/", expected: REFUSED, why: "it counts as an address" },
  { cell: "five numbers", target: "http://1.2.3.4.5/", expected: REFUSED, why: "it counts as an address" },
  { cell: "an octal number that is none", target: "http://08.0.0.1/", expected: REFUSED, why: "it counts as an address" },
  { cell: "a long IPv6 address", target: "http://[0:0:0:0:0:0:0:1]/", expected: "http://[::1]/", why: "it is the same address" },
  { cell: "an upper-case IPv6 address", target: "http://[FE80::A]/", expected: "http://[fe80::a]/", why: "it is the same address" },
  { cell: "an IPv4-mapped address", target: "http://[::ffff:127.0.0.1]/", expected: "http://127.0.0.1/", why: "it is the same machine" },
  { cell: "an IPv4-mapped address in hexadecimal", target: "http://[::ffff:7f00:1]:8080/", expected: "http://127.0.0.1:8080/", why: "it is the same machine" },
  { cell: "an IPv4-mapped address in full", target: "http://[0:0:0:0:0:ffff:a9fe:a9fe]/", expected: "http://169.254.169.254/", why: "it is the same machine" },
  { cell: "an IPv4-compatible address", target: "http://[::127.0.0.1]/", expected: "http://[::7f00:1]/", why: "it is another address" },
  { cell: "a zone id", target: "http://[fe80::1%25eth0]/", expected: REFUSED, why: "URLs have none" },
  { cell: "an open bracket", target: "http://[::1/", expected: REFUSED, why: "it is not closed" },
  // Path
  { cell: "dot segments", target: "https://h/a/../b/./c", expected: "https://h/b/c", why: "they are gone" },
  { cell: "climbing over the root", target: "https://h/../../a", expected: "https://h/a", why: "there is no more" },
  { cell: "encoded dots", target: "https://h/a/%2e%2E/b", expected: "https://h/b", why: "they are dots" },
  { cell: "a half-encoded pair of dots", target: "https://h/a/.%2e/b", expected: "https://h/b", why: "they are dots" },
  { cell: "twice encoded dots", target: "https://h/a/%252e%252e/b", expected: "https://h/a/%252e%252e/b", why: "it is decoded once" },
  { cell: "..notes", target: "https://h/..notes", expected: "https://h/..notes", why: "it is a name" },
  { cell: "three dots", target: "https://h/.../a", expected: "https://h/.../a", why: "it is a name" },
  { cell: "an encoded slash", target: "https://h/a%2fb", expected: "https://h/a%2Fb", why: "it is not a slash" },
  { cell: "dots before an encoded slash", target: "https://h/a/..%2fb", expected: REFUSED, why: "some servers climb" },
  { cell: "dots after an encoded slash", target: "https://h/a%2f..", expected: REFUSED, why: "some servers climb" },
  { cell: "encoded dots and slash", target: "https://h/a/%2e%2e%2fb", expected: REFUSED, why: "some servers climb" },
  { cell: "dots before an encoded backslash", target: "https://h/a/..%5cb", expected: REFUSED, why: "some servers climb" },
  { cell: "dots before a semicolon", target: "https://h/a/..;/b", expected: REFUSED, why: "some servers climb" },
  { cell: "dots before a parameter", target: "https://h/a/..;x=1/b", expected: REFUSED, why: "some servers climb" },
  { cell: "encoded dots before a semicolon", target: "https://h/a/%2e%2e;/b", expected: REFUSED, why: "some servers climb" },
  { cell: "dots before an encoded semicolon", target: "https://h/a/..%3b/b", expected: REFUSED, why: "a server that decodes first climbs" },
  { cell: "a dot before a semicolon", target: "https://h/a/.;/b", expected: REFUSED, why: "some servers drop it" },
  { cell: "a parameter", target: "https://h/a;v=1/b", expected: "https://h/a;v=1/b", why: "it hides nothing" },
  { cell: "an encoded NUL", target: "https://h/a%00b", expected: REFUSED, why: "C ends there" },
  { cell: "an encoded line break", target: "https://h/a%0d%0aHost:b", expected: REFUSED, why: "it could split a request" },
  { cell: "an encoded space", target: "https://h/a%20b", expected: "https://h/a%20b", why: "it is a character" },
  { cell: "encoded letters", target: "https://h/%61%7E%2D", expected: "https://h/a~-", why: "they need no encoding" },
  { cell: "lower-case escapes", target: "https://h/%c3%a9", expected: "https://h/%C3%A9", why: "one place, one name" },
  { cell: "letters that need encoding", target: "https://h/é", expected: "https://h/%C3%A9", why: "one place, one name" },
  { cell: "an overlong encoding of dots", target: "https://h/%c0%ae%c0%ae/a", expected: "https://h/%C0%AE%C0%AE/a", why: "it is no UTF-8 for a dot" },
  { cell: "empty segments", target: "https://h//a//", expected: "https://h//a//", why: "servers may tell them apart" },
  { cell: "an escape made by decoding another", target: "https://h/a/%%32e%%32e/b", expected: REFUSED, why: "it would be decoded twice" },
  // Query and fragment
  { cell: "a fragment", target: "https://h/a?b#c", expected: "https://h/a?b", why: "servers never see it" },
  { cell: "an empty query", target: "https://h/a?", expected: "https://h/a", why: "one place, one name" },
  { cell: "a ? in the query", target: "https://h/a?b?c", expected: "https://h/a?b?c", why: "the first one counts" },
  { cell: "a path in the query", target: "https://h/a?b=/../c", expected: "https://h/a?b=/../c", why: "dots mean nothing there" },
  { cell: "an @ in the query", target: "https://h?@evil.example/", expected: "https://h/?@evil.example/", why: "the host ends before it" },
  { cell: "a host after a fragment", target: "https://h#@evil.example/", expected: "https://h/", why: "the host ends before it" },
  // Text
  { cell: "a line break", target: "https://h/a\r\nb", expected: REFUSED, why: "the standard would drop it" },
  { cell: "a tab in the scheme", target: "ht\ttps://h/", expected: REFUSED, why: "the standard would drop it" },
  { cell: "a space in front", target: " https://h/", expected: REFUSED, why: "the standard would drop it" },
  { cell: "a space within", target: "https://h/a b", expected: REFUSED, why: "it does not belong there" },
  { cell: "a NUL", target: "https://h/\0", expected: REFUSED, why: "it does not belong there" },
  { cell: "a lone surrogate", target: "https://h/\ud800", expected: REFUSED, why: "it has no UTF-8" },
  { cell: "nothing", target: "", expected: REFUSED, why: "it is no URL" },
  { cell: "a file", target: "file:///etc/passwd", expected: REFUSED, why: "only http and https are fetched" },
  { cell: "FTP", target: "ftp://h/", expected: REFUSED, why: "only http and https are fetched" },
  { cell: "data", target: "data:text/plain,a", expected: REFUSED, why: "only http and https are fetched" },
  { cell: "a WebSocket", target: "wss://h/", expected: REFUSED, why: "only http and https are fetched" },
  { cell: "a blob", target: "blob:https://h/", expected: REFUSED, why: "only http and https are fetched" },
  { cell: "20,000 characters", target: `https://h/${"a".repeat(20_000)}`, expected: REFUSED, why: "it is too long" },
];

for (const { cell, target, expected, why } of NORMAL_FORMS) {
  Deno.test(`URL_KIND.normalise() ${expected === null ? "refuses" : "takes"} ${cell}: ${why}`, () => {
    if (expected === null) assertThrows(() => normalise(target), CanonicalError);
    else assertEquals(normalise(target), expected);
  });
}

/** Few pieces, so that the bad combinations come up. */
const ESCAPES = fc.constantFrom("%", "2", "3", "5", "e", ".", "/", ";", "%2", "%3", "%25", "%2F");
const ODDITIES = fc.constantFrom(
  "é",
  "?",
  "&",
  "#",
  ":",
  "@",
  "\\",
  "{",
  "'",
  "^",
  "|",
  "]",
  "a",
  "/",
  ".",
);
const HOSTS = fc.constantFrom("h", "H.example", "127.1", "[::ffff:1.2.3.4]", "bücher.example.");
const URLS = fc.tuple(
  HOSTS,
  fc.oneof(fc.array(ESCAPES, { maxLength: 14 }), fc.array(ODDITIES, { maxLength: 8 })),
).map(([host, rest]) => `http://${host}/${rest.join("")}`);

Deno.test("URL_KIND.normalise() changes nothing the second time", () => {
  fc.assert(
    fc.property(URLS, (text) => {
      const once = attempt(text);
      if (once !== undefined) assertEquals(normalise(once), once);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("URL_KIND.normalise() gives exactly the URL that fetch would send", () => {
  fc.assert(
    fc.property(URLS, (text) => {
      const once = attempt(text);
      if (once !== undefined) assertEquals(new URL(once).href, once);
    }),
    { numRuns: 5000 },
  );
});

function attempt(target: string): string | undefined {
  try {
    return normalise(target);
  } catch (error) {
    if (error instanceof CanonicalError) return undefined;
    throw error;
  }
}
