import { assertEquals, assertThrows } from "@std/assert";
import { URL_KIND } from "../../../src/core/resource/url.ts";
import { PatternError } from "../../../src/core/resource/world.ts";
import { effectOn, FLAT, load } from "../policy/deciding.ts";

// deno-fmt-ignore -- a row is a line
const MATCHES: readonly {
  cell: string;
  resource: string;
  target: string;
  expected: "allow" | "deny" | "invalid";
}[] = [
  // Scheme, host, port
  { cell: "the very URL", resource: "https://h.example/a", target: "https://h.example/a", expected: "allow" },
  { cell: "the other scheme", resource: "https://h.example/a", target: "http://h.example/a", expected: "deny" },
  { cell: "another way to write the host", resource: "https://H.Example./a", target: "https://h.eXample:443/a", expected: "allow" },
  { cell: "another port", resource: "https://h.example/a", target: "https://h.example:8443/a", expected: "deny" },
  { cell: "the port that is named", resource: "https://h.example:8443/a", target: "https://h.example:8443/a", expected: "allow" },
  { cell: "the default port where another is named", resource: "https://h.example:8443/a", target: "https://h.example/a", expected: "deny" },
  { cell: "any port for :*", resource: "https://h.example:*/a", target: "https://h.example:1/a", expected: "allow" },
  { cell: "the default port for :*", resource: "https://h.example:*/a", target: "https://h.example/a", expected: "allow" },
  { cell: "a host with more at its end", resource: "https://h.example/**", target: "https://h.example.evil.example/a", expected: "deny" },
  { cell: "a host with more in front", resource: "https://h.example/**", target: "https://evil-h.example/a", expected: "deny" },
  { cell: "a subdomain of a literal host", resource: "https://h.example/**", target: "https://a.h.example/a", expected: "deny" },
  { cell: "an IDN written as people do", resource: "https://bücher.example/**", target: "https://xn--bcher-kva.example/a", expected: "allow" },
  { cell: "a look-alike of the host", resource: "https://example.com/**", target: "https://ex\u0430mple.com/a", expected: "deny" },
  { cell: "one label for *", resource: "https://*.example/a", target: "https://x.example/a", expected: "allow" },
  { cell: "two labels for *", resource: "https://*.example/a", target: "https://x.y.example/a", expected: "deny" },
  { cell: "no label for *", resource: "https://*.example/a", target: "https://example/a", expected: "deny" },
  { cell: "two labels for **", resource: "https://**.example/a", target: "https://x.y.example/a", expected: "allow" },
  { cell: "no label for **", resource: "https://**.example/a", target: "https://example/a", expected: "deny" },
  { cell: "another end for **", resource: "https://**.example/a", target: "https://x.example.evil/a", expected: "deny" },
  { cell: "a label that begins like api-*", resource: "https://api-*.example/a", target: "https://api-eu.example/a", expected: "allow" },
  { cell: "a label that does not begin like api-*", resource: "https://api-*.example/a", target: "https://xapi-eu.example/a", expected: "deny" },
  { cell: "two labels for api-*", resource: "https://api-*.example/a", target: "https://api-x.evil.example/a", expected: "deny" },
  { cell: "every host for **", resource: "https://**/a", target: "https://x.y.example/a", expected: "allow" },
  { cell: "every address for **", resource: "https://**/a", target: "https://10.0.0.1/a", expected: "allow" },
  { cell: "a name of one label for *", resource: "http://*/a", target: "http://localhost/a", expected: "allow" },
  { cell: "an address for *", resource: "http://*/a", target: "http://127.0.0.1/a", expected: "deny" },
  { cell: "an IPv6 address for *", resource: "http://*/a", target: "http://[::1]/a", expected: "deny" },
  { cell: "an address for four *", resource: "http://*.*.*.*/a", target: "http://127.0.0.1/a", expected: "deny" },
  { cell: "a name for four *", resource: "http://*.*.*.*/a", target: "http://a.b.c.example/a", expected: "allow" },
  { cell: "an address for **.1", resource: "http://**.com/a", target: "http://127.0.0.1/a", expected: "deny" },
  { cell: "an address in another form", resource: "http://127.0.0.1/a", target: "http://0x7f.1/a", expected: "allow" },
  { cell: "an address written as a number", resource: "http://2130706433/a", target: "http://127.0.0.1/a", expected: "allow" },
  { cell: "the mapped form of an address", resource: "http://127.0.0.1/a", target: "http://[::ffff:7f00:1]/a", expected: "allow" },
  { cell: "an IPv6 address in another form", resource: "http://[0:0::1]/a", target: "http://[::1]/a", expected: "allow" },
  // Path
  { cell: "a path below for /**", resource: "https://h/v1/**", target: "https://h/v1/a/b", expected: "allow" },
  { cell: "the folder for /**", resource: "https://h/v1/**", target: "https://h/v1", expected: "deny" },
  { cell: "the folder with a slash for /**", resource: "https://h/v1/**", target: "https://h/v1/", expected: "allow" },
  { cell: "a path with the same beginning", resource: "https://h/v1/**", target: "https://h/v10/a", expected: "deny" },
  { cell: "a climb out", resource: "https://h/v1/**", target: "https://h/v1/../v2/a", expected: "deny" },
  { cell: "an encoded climb out", resource: "https://h/v1/**", target: "https://h/v1/%2e%2e/v2/a", expected: "deny" },
  { cell: "a hidden climb out", resource: "https://h/v1/**", target: "https://h/v1/..%2fv2/a", expected: "invalid" },
  { cell: "an escape made by decoding", resource: "https://h/v1/**", target: "https://h/v1/%%32e%%32e/v2", expected: "invalid" },
  { cell: "twice encoded dots", resource: "https://h/v1/**", target: "https://h/v1/%252e%252e/a", expected: "allow" },
  { cell: "one segment for *", resource: "https://h/*/a", target: "https://h/x/a", expected: "allow" },
  { cell: "two segments for *", resource: "https://h/*/a", target: "https://h/x/y/a", expected: "deny" },
  { cell: "an encoded slash for *", resource: "https://h/*", target: "https://h/x%2Fy", expected: "allow" },
  { cell: "the root for no path", resource: "https://h", target: "https://h/", expected: "allow" },
  { cell: "a path for no path", resource: "https://h", target: "https://h/a", expected: "deny" },
  { cell: "another case of the path", resource: "https://h/A", target: "https://h/a", expected: "deny" },
  { cell: "an encoded letter of the path", resource: "https://h/a", target: "https://h/%61", expected: "allow" },
  { cell: "an encoded letter in the rule", resource: "https://h/%61", target: "https://h/a", expected: "allow" },
  { cell: "an accent in the rule", resource: "https://h/é", target: "https://h/%c3%a9", expected: "allow" },
  { cell: "an accent before *", resource: "https://h/é*", target: "https://h/éa", expected: "allow" },
  { cell: "an encoded letter before *", resource: "https://h/%61*", target: "https://h/ab", expected: "allow" },
  { cell: "a lower-case escape before *", resource: "https://h/%c3%a9*", target: "https://h/éa", expected: "allow" },
  { cell: "an escaped brace before *", resource: "https://h/\\{a\\}*", target: "https://h/{a}b", expected: "allow" },
  { cell: "a slash at the end where none is", resource: "https://h/a", target: "https://h/a/", expected: "deny" },
  { cell: "a doubled slash", resource: "https://h/a/b", target: "https://h/a//b", expected: "deny" },
  { cell: "a name that begins with two dots for ..*", resource: "https://h/..*", target: "https://h/..a", expected: "allow" },
  { cell: "a dot segment for .*", resource: "https://h/a/.*", target: "https://h/a/..", expected: "deny" },
  { cell: "a letter whose escape the wildcard cuts apart", resource: "https://h/%*41", target: "https://h/%41", expected: "deny" },
  { cell: "a label with two wildcards", resource: "https://a-*-b*.example/", target: "https://a-x-by.example/", expected: "allow" },
  { cell: "a label with two wildcards in another order", resource: "https://a-*-b*.example/", target: "https://b-x-ay.example/", expected: "deny" },
  { cell: "a hexadecimal digit before the wildcard", resource: "https://h/%4*", target: "https://h/%41", expected: "deny" },
  // Query
  { cell: "any query where none is named", resource: "https://h/a", target: "https://h/a?x=1", expected: "allow" },
  { cell: "no query where one is named", resource: "https://h/a?x=1", target: "https://h/a", expected: "deny" },
  { cell: "the query that is named", resource: "https://h/a?x=1", target: "https://h/a?x=1", expected: "allow" },
  { cell: "the query with a second value", resource: "https://h/a?x=1", target: "https://h/a?x=1&x=2", expected: "deny" },
  { cell: "the query with another param first", resource: "https://h/a?x=1", target: "https://h/a?y=2&x=1", expected: "deny" },
  { cell: "the query with a longer value", resource: "https://h/a?x=1", target: "https://h/a?x=12", expected: "deny" },
  { cell: "the query in another encoding", resource: "https://h/a?x=1", target: "https://h/a?%78=1", expected: "allow" },
  { cell: "the query before a fragment", resource: "https://h/a?x=1", target: "https://h/a?x=1#y", expected: "allow" },
  { cell: "any value for x=*", resource: "https://h/a?x=*", target: "https://h/a?x=1", expected: "allow" },
  { cell: "a second param for x=*", resource: "https://h/a?x=*", target: "https://h/a?x=1&y=2", expected: "deny" },
  { cell: "a slash in the value for x=*", resource: "https://h/a?x=*", target: "https://h/a?x=1/2", expected: "allow" },
  { cell: "more params for **", resource: "https://h/a?x=1&**", target: "https://h/a?x=1&y=2&z=3", expected: "allow" },
  { cell: "no query for an empty one", resource: "https://h/a?", target: "https://h/a", expected: "allow" },
  { cell: "a query for an empty one", resource: "https://h/a?", target: "https://h/a?x", expected: "deny" },
  { cell: "an encoded letter before * in the query", resource: "https://h/a?x=%61*", target: "https://h/a?x=ab", expected: "allow" },
  { cell: "an accent before * in the query", resource: "https://h/a?x=é*", target: "https://h/a?x=éa", expected: "allow" },
  { cell: "a quote before * in the query", resource: "https://h/a?x='*", target: "https://h/a?x='a", expected: "allow" },
  { cell: "the query in the path", resource: "https://h/a?x=1", target: "https://h/a%3Fx=1", expected: "deny" },
];

for (const { cell, resource, target, expected } of MATCHES) {
  Deno.test(`A rule for ${resource} has the effect ${expected} on ${cell}`, () => {
    const policy = load({ capabilities: [{ action: "net.http", resource }] });
    assertEquals(effectOn(policy, "net.http", target), expected);
  });
}

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { pattern: string; why: string }[] = [
  { pattern: "/v1/**", why: "it has no scheme and host" },
  { pattern: "h.example/**", why: "it has no scheme" },
  { pattern: "*://h.example/", why: "the scheme cannot be a wildcard" },
  { pattern: "ftp://h/**", why: "only http and https are fetched" },
  { pattern: "https:///a", why: "it has no host" },
  { pattern: "https://u@h/", why: "canonical URLs carry no credentials" },
  { pattern: "https://h/a#b", why: "canonical URLs have no fragment" },
  { pattern: "https://h:70000/", why: "there is no such port" },
  { pattern: "https://h:8*/", why: "a port is whole or free" },
  { pattern: "https://h/a/../b", why: "canonical URLs have no dot segments" },
  { pattern: "https://h/%2e%2e/b", why: "canonical URLs have no dot segments" },
  { pattern: "https://h/a**b", why: "** stands alone" },
  { pattern: "https://a..h/", why: "a label is empty" },
  { pattern: "https://*..h/", why: "a label is empty" },
  { pattern: "https://256.1.1.1/", why: "there is no such address" },
  { pattern: "http://[::*]/", why: "an address has no wildcards" },
  { pattern: "http://10.0.0.*/**", why: "a wildcard never matches an address, and no name looks like one" },
  { pattern: "http://10.*.*.*/**", why: "it is meant for addresses, which it never matches" },
  { pattern: "https://evil?.example/", why: "the host ends at the ?, which its author did not mean" },
  { pattern: "https://bü*.example/", why: "canonical hosts are in ASCII" },
  { pattern: "https://*.a\u3002b.example/", why: "its canonical host has a label more" },
  { pattern: "https://*.a%2Eb.example/", why: "its canonical host has a label more" },
  { pattern: "https://%2A.example/", why: "it hides a wildcard, which hosts do not have" },
  { pattern: "https://h/a/.", why: "canonical URLs have no dot segments" },
  { pattern: "https://h/*/..", why: "canonical URLs have no dot segments" },
  { pattern: "https://h/.%2e/b*", why: "canonical URLs have no dot segments" },
  { pattern: "https://h/[é]*", why: "a class takes one character, and canonical URLs write six for it" },
  { pattern: "https://h/a\\\\*", why: "canonical URLs have no backslash in their path" },
  { pattern: "https://evil\\.example.com/**", why: "its host would be evil" },
  { pattern: "https://{a,evil\\}.example.com}/**", why: "its host would be evil" },
  { pattern: "https://*.evil\\.example.com/**", why: "its host would be another one" },
  { pattern: "https://h:80\\80/**", why: "a port has no escapes" },
  { pattern: "https\\://h/**", why: "a scheme has no escapes" },
  { pattern: "https://h/\\.\\./b", why: "canonical URLs have no dot segments" },
  { pattern: "https://h/a ", why: "a trailing space would be dropped" },
  { pattern: "https://h/a\tb", why: "a tab would be dropped" },
  { pattern: "https://h/a\n", why: "a line break would be dropped" },
  { pattern: "https://h/a\u007f", why: "canonical URLs encode control characters" },
  { pattern: "https://h/a?x=1 ", why: "a trailing space would be dropped" },
  { pattern: "https://h /a", why: "a host has no spaces" },
  { pattern: "https://h/a\\?b", why: "an escaped question mark is %3F" },
  { pattern: "https://h/a?x=%%33e", why: "canonical URLs hide no escape" },
  { pattern: "https://h/a*%zz\\", why: "it ends in a lone backslash" },
];

for (const { pattern, why } of REFUSED) {
  Deno.test(`URL_KIND.compile() refuses ${pattern}: ${why}`, () => {
    assertThrows(() => URL_KIND.compile(pattern, FLAT), PatternError);
  });
}

Deno.test("URL_KIND.compile() says what is expected of a host and of white space", () => {
  const compile = (pattern: string) => () => URL_KIND.compile(pattern, FLAT);
  assertThrows(
    compile("https://evil\\.h/**"),
    PatternError,
    "no escapes in the host",
  );
  assertThrows(compile("https://h/a b"), PatternError, "expected them encoded, like %20");
});

Deno.test("A deny rule holds in whatever way the URL and the rule are written", () => {
  const denials = [
    "https://h/%61dmin*",
    "https://h/adm[i]n*",
    "HTTPS://H.:443/admin*",
    "https://h/{admin,x}*",
  ];
  for (const resource of denials) {
    const policy = load({
      capabilities: [{ action: "net.http", resource: "https://h/**" }],
      deny: [{ action: "net.http", resource }],
    });
    for (const target of ["https://h/admin", "https://H/%61dmin?x", "https://h:443/x/../adminx"]) {
      assertEquals(effectOn(policy, "net.http", target), "deny", `${resource} on ${target}`);
    }
    assertEquals(effectOn(policy, "net.http", "https://h/public"), "allow", resource);
  }
});
