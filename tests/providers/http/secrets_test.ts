import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Credentials } from "../../../providers/http/credentials.ts";
import { HttpProvider, type HttpSecret } from "@agent-kernel/kernel/providers/http";
import { httpServer, sending, type Server, withHttp } from "./servers.ts";

const VALUE = 's3cr3t+t0k/n &"<>';
const SECRETS = (server: Server, more: Partial<HttpSecret> = {}) => ({
  secrets: { API: { value: VALUE, prefix: "Bearer ", hosts: [server.origin], ...more } },
});

/** A server that answers what its function makes of the authorization that it got. */
function mirror(make: (authorization: string) => Response): Server {
  return httpServer((request) => make(request.headers.get("authorization") ?? "none"));
}

Deno.test("a secret of net.http goes to its host and is not in what comes back", async () => {
  const got: (string | null)[] = [];
  await using server = httpServer((request) => {
    got.push(request.headers.get("authorization"));
    return Response.json(Object.fromEntries(request.headers));
  });
  await withHttp({ allow: [`${server.origin}/**`], options: SECRETS(server) }, async (get, log) => {
    const { data } = await get(`${server.origin}/`);
    assertEquals(JSON.parse(data.body).authorization, "Bearer [secret API]");
    assertEquals(got, [`Bearer ${VALUE}`]);
    assertEquals(log().includes("s3cr3t"), false);
  });
});

Deno.test("a secret of net.http goes to no other host, port or scheme", async () => {
  await using server = mirror((authorization) => new Response(authorization));
  await using other = mirror((authorization) => new Response(authorization));
  const local = `http://localhost:${server.port}`;
  await withHttp({
    allow: [`${server.origin}/**`, `${other.origin}/**`, `${local}/**`],
    options: SECRETS(server),
  }, async (get) => {
    assertEquals((await get(`${server.origin}/`)).data.body, "Bearer [secret API]");
    assertEquals((await get(`${other.origin}/`)).data.body, "none");
    assertEquals((await get(`${local}/`)).data.body, "none");
    const headers = { authorization: "Bearer mine" };
    assertEquals((await get(`${other.origin}/`, { headers })).data.body, "Bearer mine");
  });
});

Deno.test("the agent cannot set the header of a secret for its host", async () => {
  await using server = mirror((authorization) => new Response(authorization));
  await withHttp({ allow: [`${server.origin}/**`], options: SECRETS(server) }, async (get) => {
    const headers = { Authorization: "Bearer mine" };
    const { status, code, error } = await get(`${server.origin}/`, { headers });
    assertEquals([status, code], ["ERROR", "HEADER_REFUSED"]);
    assertStringIncludes(error ?? "", '"authorization" is set by the configuration');
    assertEquals((await get(`${server.origin}/`, { headers: { "x-own": "1" } })).status, "OK");
  });
});

Deno.test("a secret of net.http crosses no redirect to another origin, also back and forth", async () => {
  const seen: string[] = [];
  const remember = (name: string) => (request: Request): Response => {
    const { pathname, searchParams } = new URL(request.url);
    seen.push(`${name}${pathname} ${request.headers.get("x-key") ?? "none"}`);
    const to = searchParams.get("to");
    return to === null
      ? new Response("end")
      : new Response(null, { status: 307, headers: { location: to } });
  };
  await using server = httpServer(remember("own"));
  await using other = httpServer(remember("other"));
  await withHttp({
    allow: [`${server.origin}/**`, `${other.origin}/**`],
    options: SECRETS(server, { value: "0123456789", prefix: "", header: "X-Key" }),
  }, async (get) => {
    const to = (origin: string, path: string, next: string) =>
      `${origin}${path}?to=${encodeURIComponent(next)}`;
    assertEquals((await get(to(server.origin, "/a", "/b"))).data.body, "end");
    assertEquals((await get(to(server.origin, "/a", `${other.origin}/b`))).data.body, "end");
    const back = to(other.origin, "/b", `${server.origin}/c`);
    assertEquals((await get(to(server.origin, "/a", back))).data.body, "end");
    // Somebody else's page must not have requests made in the name of the secret.
    assertEquals((await get(to(other.origin, "/a", `${server.origin}/b`))).data.body, "end");
    // What the agent sends under that name to the other host does not come along either.
    const headers = { "X-Key": "of the agent" };
    const own = await get(to(other.origin, "/a", `${server.origin}/b`), { headers });
    assertEquals(own.data.body, "end");
  });
  assertEquals(seen, [
    "own/a 0123456789",
    "own/b 0123456789",
    "own/a 0123456789",
    "other/b none",
    "own/a 0123456789",
    "other/b none",
    "own/c none",
    "other/a none",
    "own/b none",
    "other/a of the agent",
    "own/b none",
  ]);
});

const hex = (text: string) =>
  Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0"));

/** What servers do with what they got. */
const ECHOES: Readonly<Record<string, (secret: string) => Response>> = {
  "in the body": (secret) => new Response(`you sent ${secret}, right?`),
  "in JSON": (secret) => Response.json({ secret }),
  "in JSON with escaped slashes": (secret) =>
    new Response(JSON.stringify({ secret }).replaceAll("/", "\\/")),
  "in HTML": (secret) =>
    new Response(
      secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
        .replaceAll('"', "&quot;"),
    ),
  "in a URL": (secret) => new Response(`/?a=${encodeURIComponent(secret)}`),
  "in a form": (secret) => new Response(new URLSearchParams({ secret }).toString()),
  "with all of it percent-encoded": (secret) => new Response(`%${hex(secret).join("%")}`),
  "in lower case": (secret) => new Response(secret.toLowerCase()),
  "in upper case": (secret) => new Response(secret.toUpperCase()),
  "in hex": (secret) => new Response(hex(secret).join("")),
  "in base64": (secret) => new Response(btoa(secret)),
  "in base64, with one byte before it": (secret) => new Response(btoa(`a${secret}`)),
  "in base64, with two bytes before it": (secret) => new Response(btoa(`ab${secret} and more`)),
  "in base64 for URLs": (secret) =>
    new Response(btoa(`ÿÿþ${secret}`).replaceAll("+", "-").replaceAll("/", "_")),
  "in a header": (secret) => new Response("", { headers: { "x-echo": secret } }),
  "in a cookie": (secret) => new Response("", { headers: { "set-cookie": `a=${btoa(secret)}` } }),
  "in a compressed body": (secret) =>
    new Response(new Uint8Array(gzipSync(secret)), { headers: { "content-encoding": "gzip" } }),
  "in UTF-16": (secret) =>
    new Response(Uint8Array.from([...secret].flatMap((char) => [char.charCodeAt(0), 0])), {
      headers: { "content-type": "text/plain;charset=utf-16le" },
    }),
  "in a binary body": (secret) =>
    new Response(secret, { headers: { "content-type": "application/octet-stream" } }),
  "in a redirect to itself": (secret) =>
    new Response(null, { status: 302, headers: { location: `/${encodeURIComponent(secret)}` } }),
  "in a redirect elsewhere": (secret) =>
    new Response(null, {
      status: 302,
      headers: { location: `http://evil.example/${btoa(secret)}` },
    }),
};
for (const [where, make] of Object.entries(ECHOES)) {
  Deno.test(`a secret of net.http that a server echoes ${where} is not in the result or the log`, async () => {
    await using server = mirror((authorization) => make(authorization.replace("Bearer ", "")));
    await withHttp(
      { allow: [`${server.origin}/**`], options: SECRETS(server) },
      async (get, log) => {
        const result = await get(`${server.origin}/`);
        const { body = "", encoding } = result.data ?? {};
        const shown = JSON.stringify(result) + (encoding === "base64" ? atob(body) : "") + log();
        for (const form of [VALUE, JSON.stringify(VALUE).slice(1, -1), "s3cr3t", "t0k", "S3CR3T"]) {
          assertEquals(shown.includes(form), false, shown);
        }
        for (const form of [btoa(VALUE), hex(VALUE).join(""), `%${hex(VALUE).join("%")}`]) {
          assertEquals(shown.includes(form.slice(4, 16)), false, shown);
        }
        assertStringIncludes(shown, "[secret API]");
      },
    );
  });
}

Deno.test("of a secret that is cut off at the end of a body, no part is left", async () => {
  await using server = mirror((authorization) => new Response(`x${authorization}`));
  await withHttp({ allow: [`${server.origin}/**`], options: SECRETS(server) }, async (get) => {
    for (let most = 8; most < 8 + VALUE.length; most++) {
      const { data, truncated } = await get(`${server.origin}/`, { max_bytes: most });
      assertEquals([data.body, truncated], ["xBearer ", true], String(most));
    }
    const whole = await get(`${server.origin}/`, { max_bytes: 8 + VALUE.length });
    assertEquals([whole.data.body, whole.truncated], ["xBearer [secret API]", undefined]);
  });
});

Deno.test("where a body is cut does not tell whether it ends with the start of a secret", async () => {
  await using server = sending(
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n!!${VALUE.slice(0, -1)}!`,
  );
  await withHttp({ allow: [`${server.origin}/**`], options: SECRETS(server) }, async (get) => {
    for (let most = 2; most < 2 + VALUE.length; most++) {
      const { data } = await get(`${server.origin}/`, { max_bytes: most });
      assertEquals(data.body, `!!${VALUE.slice(0, most - 2)}`);
    }
  });
});

const SPELLED = "aZ/+9=&<'\" b";
const SPELLINGS: readonly [by: string, text: string][] = [
  ["Python's quote", "aZ/%2B9%3D%26%3C%27%22%20b"],
  ["a form", "aZ%2F%2B9%3D%26%3C%27%22+b"],
  ["encodeURI", encodeURI(SPELLED)],
  ["Go's JSON", "aZ/+9=\\u0026\\u003c'\\\" b"],
  ["JSON in ASCII", "aZ\\/+9=&<'\\\" b"],
  ["Python's html.escape", "aZ/+9=&amp;&lt;&#x27;&quot; b"],
  ["Go's HTML", "aZ/&#43;9=&amp;&lt;&#39;&#34; b"],
  ["what escapes only some", "aZ/+9=&amp;&lt;'\" b"],
  ["MIME", `x${btoa(`${SPELLED}${SPELLED}`)}`.replace(/.{7}/g, "$&\r\n")],
];
for (const [by, text] of SPELLINGS) {
  Deno.test(`a secret is found as ${by} spells it`, () => {
    const credentials = new Credentials([
      { name: "KEY", header: "x-key", prefix: "", value: SPELLED, origins: [] },
    ]);
    assertEquals(credentials.isIn(`before ${text} behind`), true, text);
    assertEquals(credentials.isIn(`before ${text.replace(/9|[A-Za-z]{3}/g, "_")} behind`), false);
  });
}

Deno.test("of a secret in basic authentication, the password is kept too", async () => {
  const pair = "user:correct horse";
  await using server = mirror((authorization) =>
    new Response(`${authorization} is ${atob(authorization.slice(6))}, so horse is right`)
  );
  await withHttp({
    allow: [`${server.origin}/**`],
    options: SECRETS(server, { value: btoa(pair), prefix: "Basic " }),
  }, async (get) => {
    const { data } = await get(`${server.origin}/`);
    assertEquals(data.body, "Basic [secret API] is [secret API], so horse is right");
  });
});

Deno.test("what is no secret stays as it is", async () => {
  const text = "Bearer s3cr3t, s3cr3t t0k, and [secret API] of somebody else";
  await using server = sending(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${text}`);
  await withHttp({ allow: [`${server.origin}/**`], options: SECRETS(server) }, async (get) => {
    assertEquals((await get(`${server.origin}/`)).data.body, text);
  });
});

Deno.test("a provider does not show its secrets when it is printed", () => {
  const provider = new HttpProvider({ secrets: { API: { value: VALUE, hosts: ["a.example"] } } });
  const shown = [
    Deno.inspect(provider, { depth: 99, showHidden: true, getters: true }),
    Deno.inspect([{ provider }], { depth: 99 }),
    Deno.inspect(provider.config, { depth: 99 }),
    JSON.stringify(provider),
    String(provider.config),
  ];
  for (const text of shown) assertEquals(text.includes("s3cr3t"), false, text);
  assertStringIncludes(shown[0] as string, "https://a.example");
});

// deno-fmt-ignore -- a row is a line
const WRONG: readonly (readonly [secret: Partial<HttpSecret>, fine: Partial<HttpSecret>, message: string])[] = [
  [{ hosts: [] }, { hosts: ["a.example"] }, "no hosts"],
  [{ hosts: ["*.a.example"] }, { hosts: ["www.a.example"] }, "is not a host"],
  [{ hosts: ["a.example/path"] }, { hosts: ["a.example:8443"] }, "is not a host"],
  [{ hosts: ["user@a.example"] }, { hosts: ["https://a.example"] }, "is not a host"],
  [{ hosts: ["http://a.example"] }, { hosts: ["http://127.0.0.1:80"] }, "not HTTPS"],
  [{ hosts: ["http://localhost.a.example"] }, { hosts: ["http://localhost:8080"] }, "not HTTPS"],
  [{ hosts: ["http://10.0.0.1"] }, { hosts: ["http://[::1]:80"] }, "not HTTPS"],
  [{ hosts: ["ftp://a.example"] }, { hosts: ["A.EXAMPLE"] }, "not HTTPS"],
  [{ header: "host" }, { header: "x-host" }, "cannot be set"],
  [{ header: "proxy-authorization" }, { header: "authorization" }, "cannot be set"],
  [{ header: "x\r\ny" }, { header: "X-Y" }, "cannot be set"],
  [{ value: "short" }, { value: "long enough" }, "shorter than 8"],
  [{ value: "with\r\nline break" }, { value: "with no line break" }, "cannot stand in a header"],
  [{ value: "grüße grüße" }, { value: "gruesse gruesse" }, "cannot stand in a header"],
  [{ prefix: "a\nb" }, { prefix: "a b " }, "cannot stand in a header"],
];
for (const [secret, fine, message] of WRONG) {
  Deno.test(`a secret is refused with ${JSON.stringify(secret)}, and fine with ${JSON.stringify(fine)}`, () => {
    const base = { value: VALUE, hosts: ["a.example"] };
    const error = assertThrows(
      () => new HttpProvider({ secrets: { API: { ...base, ...secret } } }),
      RangeError,
      message,
    );
    assertEquals(String(error).includes("s3cr3t"), false);
    assert(new HttpProvider({ secrets: { API: { ...base, ...fine } } }));
  });
}

Deno.test("a secret comes from the environment, and one that is not there is refused", async () => {
  await using server = mirror((authorization) => new Response(String(authorization === VALUE)));
  Deno.env.set("AGENT_KERNEL_TEST_SECRET", VALUE);
  try {
    const secrets = { API: { env: "AGENT_KERNEL_TEST_SECRET", hosts: [server.origin] } };
    await withHttp({ allow: [`${server.origin}/**`], options: { secrets } }, async (get) => {
      assertEquals((await get(`${server.origin}/`)).data.body, "true");
    });
  } finally {
    Deno.env.delete("AGENT_KERNEL_TEST_SECRET");
  }
  const hosts = ["a.example"];
  for (const secret of [{ env: "AGENT_KERNEL_TEST_SECRET", hosts }, { hosts }]) {
    assertThrows(() => new HttpProvider({ secrets: { API: secret } }), TypeError, "API");
  }
});

Deno.test("a secret of any length is found, as a whole", () => {
  for (const length of [255, 256, 511, 512, 4096]) {
    const value = Array.from(
      { length },
      (_, i) => String.fromCharCode(33 + (i * 7919 + i * i * 31 + (i >> 5) * 13) % 89),
    ).join(
      "",
    );
    const credentials = new Credentials([
      { name: "KEY", header: "x-key", prefix: "", value, origins: [] },
    ]);
    for (const text of [value, encodeURIComponent(value)]) {
      assertEquals(credentials.redact(`(${text})(${text})`), "([secret KEY])([secret KEY])");
    }
  }
});

Deno.test("of two secrets that overlap, nothing is left", () => {
  const credential = (name: string, value: string) => ({
    ...{ name, value, header: "x-key", prefix: "", origins: [] },
  });
  const credentials = new Credentials([
    credential("A", "secret12"),
    credential("B", "12secret"),
  ]);
  assertEquals(credentials.redact("(secret12secret)"), "([secret A])");
});
