import { assert, assertEquals, assertMatch } from "@std/assert";
import { readAuditLog, type Stage } from "@agent-kernel/kernel";
import { tcpStreams } from "../../../providers/process/tcp_streams.ts";
import { Programs, type Said, testInSandbox } from "./programs.ts";

/** A server on loopback that answers with what it got, and counts. */
class Server implements AsyncDisposable {
  readonly got: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(hostname = "127.0.0.1") {
    this.#server = Deno.serve({ hostname, port: 0, onListen: () => {} }, async (request) => {
      const { method, url, headers } = request;
      const body = await request.text();
      const { host, pathname, search } = new URL(url);
      this.got.push(`${method} ${host}${pathname}${search} ${body}`.trim());
      return new Response(`${method} ${pathname} ${headers.get("x-mark") ?? "-"} ${body}\n`);
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A program in Python, for a shell. */
function python(source: string): string {
  return `/usr/bin/python3 - <<'END'\n${source}\nEND`;
}

/** Speaks to the proxy in the sandbox: sends each text, prints what comes back. */
function raw(...sent: readonly string[]): string {
  return python(`import socket
s = socket.create_connection(("127.0.0.1", 3128))
${sent.map((text) => `s.sendall(b"""${text}""")`).join("\n")}
s.settimeout(20)
data = b""
while True:
  try: part = s.recv(65536)
  except ConnectionError: break
  if not part: break
  data += part
print("".join(c if c.isprintable() or c == "\\n" else f"<{ord(c):02x}>" for c in data.decode("latin1").replace("\\r", "")))`);
}

function fetchBy(url: string, options = ""): string {
  return python(`import urllib.request, urllib.error
try:
  request = urllib.request.Request("${url}"${options})
  print(urllib.request.urlopen(request).read().decode(), end="")
except urllib.error.HTTPError as e: print(e.code, e.read().decode(), end="")
except Exception as e: print(type(e).__name__, e)`);
}

const open = (allow: readonly object[], deny: readonly object[] = []) =>
  Programs.open(() => ({ allow, deny }), { sandbox: "required" });

testInSandbox(
  "a program reaches by plain HTTP what rules for net.http allow, by path and method",
  async (t) => {
    await using server = new Server();
    const origin = `http://127.0.0.1:${server.port}`;
    await using programs = await open(
      [
        { action: "net.http", resource: `${origin}/open/**`, constraint: { method: "GET" } },
        {
          action: "net.http",
          resource: `${origin}/in`,
          constraint: { method: "POST", body: { in: ["yes"] } },
        },
        { action: "net.http", resource: `${origin}/in`, constraint: { method: "PUT" } },
      ],
      [{ action: "net.http", resource: `${origin}/open/secret/**` }],
    );
    const rows: [name: string, script: string, said: RegExp][] = [
      ["a path that is allowed", fetchBy(`${origin}/open/a?b=c`), /^GET \/open\/a - $/m],
      [
        "headers arrive",
        fetchBy(`${origin}/open/a`, `, headers={"X-Mark": "m"}`),
        /^GET \/open\/a m/,
      ],
      ["another path", fetchBy(`${origin}/closed`), /^403 agent-kernel: .*net\.http/],
      ["a path that is denied", fetchBy(`${origin}/open/secret/a`), /^403 /],
      [
        "the same by dot segments",
        raw(
          `GET ${origin}/open/x/../secret/a HTTP/1.1\\r\\n\\r\\n`,
        ),
        /^HTTP\/1\.1 403/,
      ],
      ["another method", fetchBy(`${origin}/open/a`, `, method="DELETE"`), /^403 /],
      ["a body that is allowed", fetchBy(`${origin}/in`, `, data=b"yes"`), /^POST \/in - yes$/m],
      ["another body", fetchBy(`${origin}/in`, `, data=b"no"`), /^403 /],
      [
        "a second request behind the body",
        raw(
          `PUT ${origin}/in HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\nabGET /closed HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n`,
        ),
        /^HTTP\/1\.1 200 (.|\n)*PUT \/in - ab\n\n$/,
      ],
      [
        "a body of unknown length",
        raw(
          `PUT ${origin}/in HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n`,
        ),
        /^HTTP\/1\.1 411/,
      ],
      [
        "another host in the header",
        raw(
          `GET ${origin}/open/a HTTP/1.1\\r\\nHost: other.example\\r\\n\\r\\n`,
        ),
        /^HTTP\/1\.1 200/,
      ],
      [
        "two lengths",
        raw(
          `PUT ${origin}/in HTTP/1.1\\r\\nContent-Length: 1\\r\\nContent-Length: 2\\r\\n\\r\\nab`,
        ),
        /^HTTP\/1\.1 400/,
      ],
      ["a request to the proxy itself", raw(`GET / HTTP/1.1\\r\\n\\r\\n`), /^HTTP\/1\.1 400/],
      [
        "a tunnel to the same place",
        raw(
          `CONNECT 127.0.0.1:${server.port} HTTP/1.1\\r\\n\\r\\n`,
        ),
        /^HTTP\/1\.1 403 (.|\n)*net\.connect/,
      ],
    ];
    for (const [name, script, said] of rows) {
      await t.step(name, async () => {
        const { stdout, stderr } = await programs.said(script);
        assertEquals(stderr, "");
        assertMatch(stdout, said);
      });
    }
    const at = `127.0.0.1:${server.port}`;
    assertEquals(server.got, [
      `GET ${at}/open/a?b=c`,
      `GET ${at}/open/a`,
      `POST ${at}/in yes`,
      `PUT ${at}/in ab`,
      `GET ${at}/open/a`,
    ]);
  },
);

const SOCKS = (host: string, port: number) => {
  const hex = (n: number) => `\\\\x${n.toString(16).padStart(2, "0")}`;
  return [
    "\\x05\\x01\\x00",
    `\\x05\\x01\\x00\\x03${hex(host.length)}${host}${hex(port >> 8)}${hex(port & 255)}`,
  ].map((text) => text.replaceAll("\\\\x", "\\x"));
};

testInSandbox("a program reaches through a tunnel what rules for net.connect allow", async (t) => {
  await using server = new Server();
  await using other = new Server();
  const { port } = server;
  await using programs = await open([
    { action: "net.connect", resource: `https://127.0.0.1:${port}/` },
    { action: "net.connect", resource: `https://**:${other.port}/` },
  ], [{ action: "net.connect", resource: "https://denied.example:*/**" }]);
  const get = "GET /a HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n";
  const connect = (authority: string) => `CONNECT ${authority} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n`;
  const rows: [name: string, script: string, said: RegExp][] = [
    ["CONNECT", raw(connect(`127.0.0.1:${port}`), get), / 200 (.|\n)*GET \/a/],
    ["CONNECT to another spelling of it", raw(connect(`0x7f.1:${port}`), get), / 200 (.|\n)*GET/],
    ["SOCKS5", raw(...SOCKS("127.0.0.1", port), get), /^<05><00><05><00>(.|\n)*GET \/a/],
    ["CONNECT to another port", raw(connect(`127.0.0.1:${port ^ 1}`)), / 403 /],
    ["SOCKS5 to another port", raw(...SOCKS("127.0.0.1", port ^ 1)), /^<05><00><05><02>/],
    [
      "a name that leads to a private address",
      raw(connect(`localhost:${other.port}`)),
      / 403 (.|\n)*127\.0\.0\.1|::1/,
    ],
    ["the same by SOCKS5", raw(...SOCKS("localhost", other.port)), /^<05><00><05><02>/],
    ["a private address that no rule names", raw(connect(`127.0.0.1:${other.port}`)), / 403 /],
    ["the same by IPv6", raw(connect(`[::1]:${other.port}`)), / 403 /],
    ["the same mapped into IPv6", raw(connect(`[::ffff:127.0.0.1]:${other.port}`)), / 403 /],
    ["the metadata service", raw(connect(`169.254.169.254:${other.port}`)), / 403 /],
    ["a host that is denied", raw(connect(`denied.example:${other.port}`)), / 403 /],
    ["an authority with a path", raw(connect(`127.0.0.1:${port}/a`)), / 400 /],
    ["an authority with a name before it", raw(connect(`a@127.0.0.1:${port}`)), / 400 /],
    [
      "SOCKS5 BIND",
      raw("\\x05\\x01\\x00", "\\x05\\x02\\x00\\x01\\x7f\\x00\\x00\\x01\\x00\\x50"),
      /^<05><00><05><07>/,
    ],
    ["SOCKS5 with a password only", raw("\\x05\\x01\\x02"), /^<05>ÿ/],
    ["SOCKS4", raw("\\x04\\x01\\x00\\x50\\x7f\\x00\\x00\\x01\\x00\\r\\n\\r\\n"), / 400 /],
  ];
  for (const [name, script, said] of rows) {
    await t.step(name, async () => {
      const { stdout, stderr } = await programs.said(script);
      assertEquals(stderr, "");
      assertMatch(stdout, said);
    });
  }
  assertEquals([server.got.length, other.got.length], [3, 0]);
});

testInSandbox("what does not use the proxy reaches nothing", async (t) => {
  await using server = new Server();
  const { port } = server;
  await using programs = await open([
    {
      action: ["net.http", "net.connect"],
      resource: [`http://127.0.0.1:${port}/**`, `https://**:*/**`],
    },
  ]);
  const attempt = (source: string) =>
    python(
      `import socket\ntry:\n  ${source}\n  print("reached")\nexcept OSError as e: print(type(e).__name__, e)`,
    );
  const rows: [name: string, script: string][] = [
    ["TCP to loopback", attempt(`socket.create_connection(("127.0.0.1", ${port}))`)],
    ["TCP to another host", attempt(`socket.create_connection(("1.1.1.1", 443), 5)`)],
    ["TCP over IPv6", attempt(`socket.create_connection(("2606:4700:4700::1111", 443), 5)`)],
    ["TCP to loopback over IPv6", attempt(`socket.create_connection(("::1", ${port}))`)],
    [
      "UDP",
      attempt(`socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53))`),
    ],
    [
      "UDP over IPv6",
      attempt(
        `socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2606:4700:4700::1111", 53))`,
      ),
    ],
    ["DNS", attempt(`socket.getaddrinfo("example.com", 443)`)],
    ["raw sockets", attempt(`socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)`)],
    ["packet sockets", attempt(`socket.socket(socket.AF_PACKET, socket.SOCK_RAW)`)],
    [
      "a listener outside by its abstract name",
      attempt(`socket.socket(socket.AF_UNIX).connect("\\0agent-kernel-none")`),
    ],
    [
      "bash",
      `/usr/bin/bash -c '(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo reached; true'`,
    ],
    [
      "a fetch without the variables",
      `unset HTTP_PROXY http_proxy ALL_PROXY all_proxy; ${fetchBy(`http://127.0.0.1:${port}/a`)}`,
    ],
  ];
  for (const [name, script] of rows) {
    await t.step(name, async () => {
      const { stdout } = await programs.said(script);
      assert(!stdout.includes("reached") && !stdout.includes("GET"), stdout);
    });
  }
  assertEquals(server.got, []);
  // The near miss.
  const { stdout } = await programs.said(fetchBy(`http://127.0.0.1:${port}/a`));
  assertEquals(stdout, "GET /a - \n");
});

testInSandbox(
  "a result lists the connections of its program, and denials are warned of once",
  async () => {
    await using server = new Server();
    const { port } = server;
    await using programs = await open([
      { action: "net.connect", resource: `https://127.0.0.1:${port}/` },
    ]);
    const request = "GET /a HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n";
    const denied = raw("CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n");
    const { connections } = await programs.said(
      [raw(`CONNECT 127.0.0.1:${port} HTTP/1.1\\r\\n\\r\\n`, request), denied, denied].join("\n"),
    );
    const [first, ...others] = connections as Connections;
    const sent = request.replaceAll("\\r\\n", "\r\n").length;
    assertEquals({ ...first, received: 0 }, {
      action: "net.connect",
      host: "127.0.0.1",
      port,
      allowed: true,
      count: 1,
      sent,
      received: 0,
    });
    assert((first?.received as number) > 50);
    assertEquals(others, [{
      action: "net.connect",
      host: "example.com",
      port: 443,
      allowed: false,
      code: "NO_RULE",
      count: 2,
      sent: 0,
      received: 0,
    }]);
    assertEquals(programs.warnings.filter((line) => line.includes("net.connect")).length, 1);
  },
);

testInSandbox(
  "each connection of a program has a record, allowed or not, and a stage may refuse it",
  async () => {
    await using server = new Server();
    const origin = `http://127.0.0.1:${server.port}`;
    const names = ["net.http", "net.connect"];
    const stage: Stage = {
      name: "odd_hours",
      enter({ target }) {
        if (target.endsWith("/b")) return { code: "ODD_HOURS", refusal: "not at night" };
      },
    };
    await using programs = await Programs.open(
      () => ({ allow: [{ action: "net.http", resource: `${origin}/*` }] }),
      { sandbox: "required" },
      () => ({ stages: [stage] }),
    );
    const urls = [`${origin}/a`, `${origin}/b`, `${origin}/c/d`];
    const { stdout } = await programs.said(
      [...urls.map((url) => fetchBy(url)), raw("CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n")]
        .join("\n"),
    );
    assertMatch(stdout, /^GET \/a - \n403 .*not at night.*\n?403 /);
    assertEquals(server.got.length, 1);
    const lines = await Array.fromAsync(readAuditLog(programs.ws.path("log/kernel.log")));
    const records = lines.flatMap((line) => "record" in line ? [line.record] : []);
    const connections = records.filter(({ action }) => names.includes(action));
    assertEquals(
      connections.map(({ action, target, status, code }) => [action, target, status, code]),
      [
        ["net.http", urls[0], "OK", undefined],
        ["net.http", urls[1], "DENIED", "ODD_HOURS"],
        ["net.http", urls[2], "DENIED", "NO_RULE"],
        ["net.connect", "https://example.com/", "DENIED", "NO_RULE"],
      ],
    );
    // They are known before the program that made them has ended.
    assertEquals(records.filter(({ action }) => action === "proc.exec").length, 1);
    assertEquals(records.at(-1)?.action, "proc.exec");
  },
);

type Connections = readonly Readonly<Record<string, unknown>>[];

testInSandbox("many connections at once and large bodies pass whole", async () => {
  await using programs = await open([
    { action: "net.connect", resource: "https://127.0.0.1:*/" },
  ]);
  const size = 3_000_000;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echoes = (async () => {
    for await (const one of listener) {
      const { readable, writable } = tcpStreams(one);
      readable.pipeTo(writable).finally(() => one.close()).catch(() => {});
    }
  })();
  const { stdout, stderr, returncode } = await programs.said(python(`
import socket, threading, os, hashlib
def talk():
  s = socket.create_connection(("127.0.0.1", 3128))
  s.sendall(b"CONNECT 127.0.0.1:${listener.addr.port} HTTP/1.1\\r\\n\\r\\n")
  s.recv(len(b"HTTP/1.1 200 Connection established\\r\\n\\r\\n"), socket.MSG_WAITALL)
  data = os.urandom(${size})
  def send():
    s.sendall(data); s.shutdown(socket.SHUT_WR)
  t = threading.Thread(target=send); t.start()
  back = b""
  while True:
    part = s.recv(1 << 16)
    if not part: break
    back += part
  t.join()
  print("same" if back == data else "other %d" % len(back), flush=True)
all = [threading.Thread(target=talk) for _ in range(8)]
for t in all: t.start()
for t in all: t.join()`));
  assertEquals([stdout, stderr, returncode], ["same\n".repeat(8), "", 0]);
  listener.close();
  await echoes.catch(() => {});
});

testInSandbox(
  "under the relay a program is as without it: arguments, streams, environment, ends",
  async () => {
    const allow = [{ action: "net.connect", resource: "https://example.com/" }];
    await using programs = await open(allow);
    const said = async (script: string, params = {}) => {
      const { stdout, stderr, returncode, signal } = await programs.said(script, params);
      return { stdout, stderr, returncode, signal };
    };
    assertEquals(
      await said('cat; printf "%s|" "$@"; echo e >&2; exit 7', {
        stdin: "in",
        words: ["", "a b", "$x"],
      }),
      {
        ...{ stdout: "in|a b|$x|", stderr: "e\n", returncode: 7, signal: undefined },
      },
    );
    assertEquals((await said("kill -9 $$")).signal, "SIGKILL");
    assertEquals((await said("kill -15 $$")).returncode, -15);
    assertEquals((await said("wc -c", { stdin: "x".repeat(3_000_000) })).stdout.trim(), "3000000");
    assertEquals(
      (await said("exec <&-; head -c 3000000 /dev/zero | wc -c", { stdin: "x".repeat(999_999) }))
        .stdout,
      "3000000\n",
    );
    const { stdout } = await said("env | sort; ls -A $HOME");
    const proxy = "http://127.0.0.1:3128";
    assertEquals(
      stdout.split("\n").filter((line) => line !== "").sort(),
      [
        ...[`ALL_PROXY=${proxy}`, `HTTPS_PROXY=${proxy}`, `HTTP_PROXY=${proxy}`, "HOME=/tmp/home"],
        ...["NODE_USE_ENV_PROXY=1", "NO_PROXY=", "PWD=/"],
        ...[`all_proxy=${proxy}`, `http_proxy=${proxy}`, `https_proxy=${proxy}`, "no_proxy="],
      ].sort(),
    );
  },
);

testInSandbox("a program that takes the place of its relay gains nothing", async () => {
  await using programs = await open([{ action: "net.connect", resource: "https://example.com/" }]);
  // Frames that no relay sends, written to the relay's own output.
  const { code, status, data } = await programs.sh(
    python(`
import os, time
relay = os.getppid()
while open(f"/proc/{relay}/comm").read().strip() != "deno": relay = int(open(f"/proc/{relay}/stat").read().split(") ")[1].split()[1])
out = os.open(f"/proc/{relay}/fd/1", os.O_WRONLY)
os.write(out, bytes([1]) + b"\\xff" * 8)
time.sleep(600)`),
    { timeout: 25 },
  );
  assertEquals([status, code], ["OK", undefined]);
  assertEquals((data as Said).signal, "SIGKILL");
});

testInSandbox(
  "variables that the relay needs for itself are the program's own in the program",
  async () => {
    await using programs = await Programs.open(() => ({
      allow: [{ action: "net.connect", resource: "https://example.com/" }],
    }), {
      sandbox: "required",
      env: { DENO_DIR: "/d", HTTP_PROXY: "http://own:1", LD_LIBRARY_PATH: "/none", A: "ü=\n1" },
    });
    const { stdout } = await programs.said(
      'echo "$DENO_DIR $HTTP_PROXY $LD_LIBRARY_PATH $A ${DENO_NO_UPDATE_CHECK-unset}"',
    );
    assertEquals(stdout, "/d http://own:1 /none ü=\n1 unset\n");
  },
);
