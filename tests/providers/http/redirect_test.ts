import { assertEquals, assertStringIncludes } from "@std/assert";
import { echo, httpServer, LOOPBACK, sending, type Server, withHttp } from "./servers.ts";

interface Echo {
  method: string;
  headers: Record<string, string>;
  body: string;
}

/** Redirects `/to?status&location` there, and echoes everything else. */
function redirector(): Server {
  return httpServer((request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/to") return echo(request);
    const location = searchParams.get("location");
    return new Response("moved", {
      status: Number(searchParams.get("status") ?? 302),
      ...(location === null ? {} : { headers: { location } }),
    });
  });
}

function to(location: string, status = 302): string {
  return `/to?status=${status}&location=${encodeURIComponent(location)}`;
}

// deno-fmt-ignore -- a row is a line
const METHODS: readonly (readonly [status: number, method: string, then: string, keepsBody: boolean])[] = [
  [301, "PATCH", "PATCH", true],
  [301, "POST", "GET", false],
  [301, "PUT", "PUT", true],
  [302, "POST", "GET", false],
  [302, "DELETE", "DELETE", true],
  [303, "POST", "GET", false],
  [303, "PUT", "GET", false],
  [307, "POST", "POST", true],
  [308, "PUT", "PUT", true],
];
Deno.test("net.http follows redirects with the method that the status calls for", async (t) => {
  await using server = redirector();
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [status, method, then, keepsBody] of METHODS) {
      const how = `${status} of ${method} with ${then}, ${keepsBody ? "with" : "without"} its body`;
      await t.step(how, async () => {
        const { data } = await get(server.origin + to("/there", status), {
          method,
          body: "text",
          headers: { "content-language": "en", "x-own": "1", authorization: "Bearer mine" },
        });
        const { method: got, headers, body } = JSON.parse(data.body) as Echo;
        assertEquals([got, body], [then, keepsBody ? "text" : ""]);
        assertEquals(headers["content-language"], keepsBody ? "en" : undefined);
        assertEquals([headers["x-own"], headers["authorization"]], ["1", "Bearer mine"]);
        assertEquals(data.url, `${server.origin}/there`);
      });
    }
  });
});

Deno.test("net.http gives a redirect back that leads nowhere, or is not to be followed", async () => {
  await using server = redirector();
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    const still = await get(server.origin + to("/there"), { follow_redirects: false });
    assertEquals([still.data.status_code, still.data.headers["location"]], [302, "/there"]);
    assertEquals((await get(`${server.origin}/to`)).data.status_code, 302);
    assertEquals((await get(server.origin + to("/there", 300))).data.status_code, 300);
  });
});

Deno.test("net.http ends a loop of redirects", async () => {
  let requests = 0;
  await using server = httpServer(() => {
    requests++;
    return new Response(null, { status: 302, headers: { location: "/again" } });
  });
  for (const [maxRedirects, expected] of [[undefined, 11], [2, 3], [0, 1]] as const) {
    requests = 0;
    const options = maxRedirects === undefined ? {} : { maxRedirects };
    await withHttp({ allow: [`${server.origin}/**`], options }, async (get) => {
      assertEquals((await get(`${server.origin}/a`)).code, "TOO_MANY_REDIRECTS");
      assertEquals(requests, expected);
    });
  }
});

Deno.test("each hop of net.http is decided again, and has a record of its own before that of the request", async () => {
  let secretRequests = 0;
  await using inside = httpServer(() => {
    secretRequests++;
    return new Response("inside");
  });
  await using server = redirector();
  await withHttp({
    allow: [`${server.origin}/**`],
    deny: [{
      id: "no-admin",
      action: "net.http",
      resource: `${server.origin}/admin/**`,
      reason: "admins only",
    }],
  }, async (get, log) => {
    const elsewhere = await get(server.origin + to(`${inside.origin}/x`));
    assertEquals([elsewhere.status, elsewhere.code], ["DENIED", "NO_RULE"]);
    assertStringIncludes(elsewhere.error ?? "", `${inside.origin}/x`);
    const denied = await get(server.origin + to("/admin/x"));
    assertEquals([denied.status, denied.code, denied.rule], ["DENIED", "DENY_RULE", "no-admin"]);
    // The second hop of two.
    const second = await get(server.origin + to(to("/a/../admin/x")));
    assertEquals([second.status, second.code], ["DENIED", "DENY_RULE"]);
    assertEquals((await get(server.origin + to("/admins/x"))).status, "OK");
    const records = log().trim().split("\n").map((line) => JSON.parse(line));
    const first = server.origin.length;
    assertEquals(records.map(({ status, target }) => [status, target.slice(first)]), [
      ["DENIED", "/x"],
      ["DENIED", to(`${inside.origin}/x`)],
      ["DENIED", "/admin/x"],
      ["DENIED", to("/admin/x")],
      ["OK", to("/a/../admin/x")],
      ["DENIED", "/admin/x"],
      ["DENIED", to(to("/a/../admin/x"))],
      ["OK", "/admins/x"],
      ["OK", to("/admins/x")],
    ]);
    const errors = [elsewhere, denied, second].map(({ error }) => error);
    assertEquals([1, 3, 6].map((i) => records[i].error), errors);
  });
  assertEquals(secretRequests, 0);
});

Deno.test("a hop of net.http is decided with the method and headers that it will have", async () => {
  await using server = redirector();
  const resource = `${server.origin}/**`;
  await withHttp({
    allow: [],
    capabilities: [
      { action: "net.http", resource, constraint: { method: "POST" } },
      { action: "net.http", resource: `${server.origin}/read`, constraint: { method: "GET" } },
    ],
  }, async (get) => {
    const post = { method: "POST", body: "x" };
    assertEquals((await get(server.origin + to("/write", 307), post)).status, "OK");
    assertEquals((await get(server.origin + to("/write", 303), post)).code, "CONSTRAINT_UNMET");
    assertEquals((await get(server.origin + to("/read", 303), post)).status, "OK");
  });
});

// deno-fmt-ignore -- a row is a line
const LOCATIONS: readonly (readonly [location: string, expected: string])[] = [
  ["/near", "OK"],
  ["near", "OK"],
  ["?q", "OK"],
  ["//127.0.0.1:PORT/near", "OK"],
  ["http://127.1:PORT/near", "OK"],
  ["/near#fragment", "OK"],
  ["/n%65ar", "OK"],
  ["file:///etc/passwd", "INVALID_TARGET"],
  ["data:text/html,hello", "INVALID_TARGET"],
  ["javascript:alert(1)", "INVALID_TARGET"],
  ["ftp://127.0.0.1/", "INVALID_TARGET"],
  ["blob:http://127.0.0.1:PORT/x", "INVALID_TARGET"],
  ["http://user:pass@127.0.0.1:PORT/near", "INVALID_TARGET"],
  ["http://127.0.0.1:PORT@evil.example/", "INVALID_TARGET"],
  ["//evil.example/", "NO_RULE"],
  ["\\\\evil.example/", "NO_RULE"],
  ["/\\evil.example/", "NO_RULE"],
  ["http://evil.example/", "NO_RULE"],
  ["http://[::1]:PORT/near", "NO_RULE"],
  ["http://127.0.0.1:1/near", "NO_RULE"],
  ["https://127.0.0.1:PORT/near", "NO_RULE"],
  ["http://", "INVALID_TARGET"],
  ["http://a b/", "INVALID_TARGET"],
  ["/a\tb", "INVALID_TARGET"],
  ["/..;/x", "INVALID_TARGET"],
];
Deno.test("net.http follows a redirect to what the policy allows, however it is written, and to nothing else", async (t) => {
  let location = "";
  await using server = httpServer((request) => {
    const { pathname, search, port } = new URL(request.url);
    if (pathname !== "/start" || search !== "") return echo(request);
    return new Response(null, {
      status: 302,
      headers: { location: location.replace("PORT", port) },
    });
  });
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    for (const [row, expected] of LOCATIONS) {
      await t.step(`${JSON.stringify(row)}: ${expected}`, async () => {
        location = row;
        const { status, code } = await get(`${server.origin}/start`);
        assertEquals([status, code], expected === "OK" ? ["OK", undefined] : ["DENIED", expected]);
      });
    }
  });
});

Deno.test("a redirect of net.http can bring no header of its own, and only one place", async () => {
  const start = "HTTP/1.1 302 Found\r\n";
  await using split = sending(`${start}location: /a\r\n X-Evil: 1\r\n\r\n`);
  await using bare = sending(`${start}location: /a\rX-Evil: 1\r\n\r\n`);
  await using two = sending(`${start}location: /a\r\nlocation: /b\r\n\r\n`);
  for (const server of [split, bare, two]) {
    await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
      assertEquals((await get(`${server.origin}/`)).code, "RESPONSE_MALFORMED");
    });
    assertEquals(server.heads.length, 1);
  }
  // Encoded, it is a part of the path.
  await using server = redirector();
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    assertEquals((await get(server.origin + to("/a%20X-Evil:%201"))).status, "OK");
    assertEquals((await get(server.origin + to("/a%0d%0aX-Evil:%201"))).status, "DENIED");
  });
});

Deno.test("net.http takes what was meant for one origin to no other", async () => {
  await using other = httpServer(echo);
  await using server = redirector();
  await withHttp({ allow: [`${server.origin}/**`, `${other.origin}/**`] }, async (get) => {
    const headers = { Authorization: "Bearer mine", Cookie: "a=b", "X-Own": "1" };
    const seen = async (url: string) => {
      const got = JSON.parse((await get(url, { headers })).data.body) as Echo;
      return ["authorization", "cookie", "x-own"].map((name) => got.headers[name]);
    };
    assertEquals(await seen(server.origin + to("/here")), ["Bearer mine", "a=b", "1"]);
    assertEquals(await seen(server.origin + to(`${other.origin}/`)), [undefined, undefined, "1"]);
  });
});
