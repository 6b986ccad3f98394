import { assertEquals, assertStringIncludes } from "@std/assert";
import { effectOn, load, problemsOf } from "../policy/deciding.ts";

interface Row {
  readonly action: string;
  readonly resource: string;
  readonly value: string;
}

function policyOf({ action, resource, value }: Row) {
  return { variables: { V: value }, capabilities: [{ action, resource }] };
}

// deno-fmt-ignore -- a row is a line
const EFFECTS: readonly (Row & { target: string; expected: string })[] = [
  { action: "fs.read", resource: "/w/{x,${V}}", value: "a,b", target: "/w/a,b", expected: "allow" },
  { action: "fs.read", resource: "/w/{x,${V}}", value: "a,b", target: "/w/b", expected: "deny" },
  { action: "fs.read", resource: "/w/[0-9]${V}", value: "a-z", target: "/w/1a-z", expected: "allow" },
  { action: "fs.read", resource: "/w/${V}[0-9]", value: "^!", target: "/w/^!1", expected: "allow" },
  { action: "fs.read", resource: "/w/\\[${V}]", value: "a-z", target: "/w/[a-z]", expected: "allow" },
  { action: "fs.read", resource: "/w/[\\]]${V}", value: "a", target: "/w/]a", expected: "allow" },
  { action: "proc.exec", resource: "${V}/git", value: "/opt/a,b", target: "/opt/a,b/git", expected: "allow" },
  { action: "proc.exec", resource: "${V}/git", value: "/opt/[ab]", target: "/opt/[ab]/git", expected: "allow" },
  { action: "proc.exec", resource: "${V}/git", value: "/opt/[ab]", target: "/opt/a/git", expected: "deny" },
  { action: "mcp.call", resource: "${V}/tool", value: "a,b", target: "a,b/tool", expected: "allow" },
  { action: "net.http", resource: "https://${V}/**", value: "my_h-1.example", target: "https://my_h-1.example/a", expected: "allow" },
  { action: "net.http", resource: "https://${V}/**", value: "bücher.example", target: "https://xn--bcher-kva.example/a", expected: "allow" },
  { action: "net.http", resource: "https://${V}/**", value: "h.example:8443", target: "https://h.example:8443/a", expected: "allow" },
  { action: "net.http", resource: "https://${V}:8443/**", value: "[::1]", target: "https://[::1]:8443/a", expected: "allow" },
  { action: "net.http", resource: "{http,https}://${V}/**", value: "[::1]", target: "https://[::1]/a", expected: "allow" },
  { action: "net.http", resource: "https://h:${V}/**", value: "8443", target: "https://h:8443/a", expected: "allow" },
  { action: "net.http", resource: "https://*.${V}/**", value: "example.com", target: "https://a.example.com/a", expected: "allow" },
  { action: "net.http", resource: "${V}/**", value: "https://my-h.example/v1", target: "https://my-h.example/v1/a", expected: "allow" },
  { action: "net.http", resource: "https://h/${V}/b*", value: "a,*", target: "https://h/a,*/bc", expected: "allow" },
  { action: "net.http", resource: "https://h/${V}/b*", value: "a,*", target: "https://h/a,x/bc", expected: "deny" },
];

for (const row of EFFECTS) {
  Deno.test(`The value ${row.value} in ${row.resource} has the effect ${row.expected} on ${row.target}`, () => {
    assertEquals(effectOn(load(policyOf(row)), row.action, row.target), row.expected);
  });
}

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly (Row & { message: string })[] = [
  { action: "fs.read", resource: "/w/[${V}]", value: "a-z", message: "use it outside" },
  { action: "fs.read", resource: "/w/[!${V}]", value: "a", message: "use it outside" },
  { action: "fs.read", resource: "/w/[]${V}]", value: "a", message: "use it outside" },
  { action: "fs.read", resource: "/w/[^]${V}]", value: "a", message: "use it outside" },
  { action: "fs.read", resource: "/w/[a\\]${V}]", value: "b", message: "use it outside" },
  { action: "fs.read", resource: "/w/[{],x}${V}]", value: "a-z", message: "use it outside" },
  { action: "fs.read", resource: "/w/{[a,b]c,x}${V}]", value: "a-z", message: "use it outside" },
  { action: "fs.read", resource: "/w/${V}", value: "a/../b", message: 'the segment ".."' },
  { action: "proc.exec", resource: "/usr/${V}/git", value: "..", message: 'the segment ".."' },
  { action: "net.http", resource: "https://${V}/**", value: "*.example", message: "is no plain one" },
  { action: "net.http", resource: "https://${V}/**", value: "evil.example/x", message: "is no plain one" },
  { action: "net.http", resource: "https://${V}/**", value: "evil\\", message: "is no plain one" },
  { action: "net.http", resource: "https://${V}.example/**", value: "evil?", message: "is no plain one" },
  { action: "net.http", resource: "https://a.${V}/**", value: "b,c", message: "is no plain one" },
  { action: "net.http", resource: "http{,s}://${V}/**", value: "evil/x", message: "is no plain one" },
  { action: "net.http", resource: "https://h:${V}/**", value: "*", message: "is no plain one" },
  { action: "net.http", resource: "${V}/**", value: "https://*.example", message: "no escapes in the host" },
  { action: "net.http", resource: "https://h/${V}", value: "a b", message: "like %20" },
];

for (const row of REFUSED) {
  Deno.test(`readPolicy() refuses the value ${row.value} in ${row.resource}`, () => {
    const [problem, ...more] = problemsOf(policyOf(row));
    assertEquals(more, []);
    assertEquals(problem?.place, "capabilities[0].resource");
    assertStringIncludes(problem?.message ?? "", row.message);
  });
}
