import { assert, assertEquals } from "@std/assert";
import { isLoopback, loopbackClient } from "../../src/agent/loopback.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { ROOT, Workspace } from "../workspace.ts";

/** Host names, and whether they mean this machine. */
const HOSTS: readonly (readonly [url: string, isLocal: boolean])[] = [
  ["http://localhost:1/", true],
  ["http://LOCALHOST/", true],
  ["http://models.localhost/", true],
  ["http://localhost./", true],
  ["http://127.0.0.1/", true],
  ["http://127.1/", true],
  ["http://127.9.9.9/", true],
  ["http://0x7f000001/", true],
  ["http://[::1]/", true],
  ["http://localhost.example.com/", false],
  ["http://notlocalhost/", false],
  ["http://127.0.0.1.example.com/", false],
  ["http://128.0.0.1/", false],
  ["http://10.0.0.1/", false],
  ["http://[::2]/", false],
  ["http://example.com/", false],
];
for (const [url, isLocal] of HOSTS) {
  Deno.test(`${url} is ${isLocal ? "" : "not "}on loopback`, () => {
    assertEquals(isLoopback(new URL(url).hostname), isLocal);
  });
}

const PROGRAM = `
import { AgentLoop } from "@agent-kernel/kernel/agent";
const [model, baseURL] = Deno.args;
try {
  const loop = new AgentLoop({
    model,
    modelOptions: { baseURL },
    retry: { retries: 0 },
    submit: () => Promise.reject(new Error("unused")),
  });
  console.log(await loop.run("Hi"));
} catch (error) {
  console.log(error.code, error.message);
}
`;

/** Asks a model in a process whose environment names a proxy. */
async function askBehindProxy(proxy: string, baseURL: string): Promise<string> {
  using ws = new Workspace();
  const program = ws.file("program.ts", PROGRAM);
  const { stdout, stderr } = await new Deno.Command("deno", {
    args: [
      ...["run", "-q", "--no-prompt", `--config=${ROOT}/deno.json`],
      ...[`--allow-net=${new URL(baseURL).host}`, program, "ollama/x", baseURL],
    ],
    env: {
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      ALL_PROXY: proxy,
      NO_PROXY: "",
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
    },
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** A proxy that answers everything itself, and keeps what it was asked for. */
function startProxy(): AsyncDisposable & { readonly url: string; readonly asked: string[] } {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    asked.push(request.url);
    return Response.json({
      choices: [{ index: 0, message: { content: "From the proxy" }, finish_reason: "stop" }],
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (const host of ["127.0.0.1", "localhost"]) {
  Deno.test(`a model on ${host} is asked directly, whatever proxy the environment names`, async () => {
    await using proxy = startProxy();
    await using model = ScriptedModel.start([{ text: "From the model" }]);
    const baseURL = model.baseURL.replace("127.0.0.1", host);
    assertEquals(await askBehindProxy(proxy.url, baseURL), "From the model\n");
    assertEquals(proxy.asked, []);
    assert(model.requests[0]?.headers.host?.startsWith(host));
  });
}

Deno.test({
  name: "a client for a host on loopback connects by IPv6, too",
  ignore: !hasIpv6(),
  async fn() {
    const server = Deno.serve(
      { hostname: "::1", port: 0, onListen: () => {} },
      () => new Response("Here"),
    );
    const url = `http://[::1]:${server.addr.port}/`;
    {
      using client = loopbackClient(url);
      assert(client !== undefined);
      assertEquals(await (await fetch(url, { client })).text(), "Here");
    }
    await server.shutdown();
  },
});

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    // A machine without IPv6.
    return false;
  }
}

Deno.test("no client is made for a host elsewhere, one that is asked by https, and what is no URL", () => {
  for (const url of ["http://example.com/", "https://localhost/", "https://127.0.0.1:1/", "x"]) {
    assertEquals(loopbackClient(url), undefined);
  }
});

Deno.test("a model elsewhere is asked through the proxy of the environment", async () => {
  await using proxy = startProxy();
  const answer = await askBehindProxy(proxy.url, "http://model.example.com/v1");
  assertEquals(answer, "From the proxy\n");
  assertEquals(proxy.asked, ["http://model.example.com/v1/chat/completions"]);
});
