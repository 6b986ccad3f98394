import { assertEquals } from "@std/assert";
import { namedHosts } from "../../src/launch/named_hosts.ts";
import { load } from "../core/policy/deciding.ts";

// deno-fmt-ignore -- a row is a line
const NAMED_HOSTS: readonly { cell: string; resource: string | string[]; deny?: object[]; expected: string[] }[] = [
  { cell: "a name", resource: "https://api.example.com/v1/**", expected: ["api.example.com:443"] },
  { cell: "names with ports, each once", resource: ["http://h.example:8080/a", "http://h.example:8080/b"], expected: ["h.example:8080"] },
  { cell: "any port", resource: "http://h.example:*/**", expected: ["h.example"] },
  { cell: "an address in its one form", resource: ["http://127.1/**", "http://[::ffff:a00:1]/**"], expected: ["10.0.0.1:80", "127.0.0.1:80"] },
  { cell: "an address of IPv6", resource: "http://[0:0::1]:81/**", expected: ["[::1]:81"] },
  { cell: "braces", resource: "https://{a,b}.example/**", expected: ["a.example:443", "b.example:443"] },
  { cell: "no wildcard", resource: ["https://*.example.com/**", "https://a.*.example/**", "https://**/**", "http://*/**"], expected: [] },
  { cell: "no denied host", resource: "https://a.example/**", deny: [{ action: "net.http", resource: "http://10.0.0.1/**" }], expected: ["a.example:443"] },
];
for (const { cell, resource, deny = [], expected } of NAMED_HOSTS) {
  Deno.test(`namedHosts() of ${cell}`, () => {
    const policy = load({
      capabilities: [
        { action: "net.http", resource },
        { action: "fs.read", resource: "/w/**" },
      ],
      deny,
    });
    assertEquals(namedHosts(policy, ["net.http"]), expected);
    assertEquals(namedHosts(policy, ["fs.read"]), []);
  });
}
