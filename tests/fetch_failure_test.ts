import { assertEquals, assertMatch } from "@std/assert";
import { fetchFailure } from "../src/fetch_failure.ts";

/** What `fetch` throws for a URL. */
async function failureOf(url: string): Promise<unknown> {
  try {
    await (await fetch(url)).body?.cancel();
  } catch (error) {
    return error;
  }
  throw new Error(`${url} answers`);
}

/** A port of loopback at which nothing listens any more. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("fetchFailure() says what is wrong with a server, and neither its URL nor an errno", async () => {
  const refused = fetchFailure(await failureOf(`http://127.0.0.1:${freePort()}/secret-path`));
  assertMatch(refused, /^nothing listens at its address \(.*\)$/);
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("plain"),
  );
  const plain = fetchFailure(await failureOf(`https://127.0.0.1:${server.addr.port}/`));
  assertMatch(plain, /^it does not speak TLS \(.*\)$/);
  for (const text of [refused, plain]) {
    assertEquals(/os error|secret-path|fetch/i.test(text), false);
  }
});

Deno.test("fetchFailure() knows the causes that depend on a network", () => {
  const of = (cause: string) =>
    fetchFailure(
      new TypeError("fetch failed", {
        cause: new Error(`error sending request for url (http://a/(b)): ${cause}`),
      }),
    );
  // deno-fmt-ignore -- a row is a line
  const rows: [cause: string, meaning: RegExp][] = [
    ["client error (Connect): dns error: failed to lookup address information: Name or service not known", /^its host name is not known/],
    ["client error (Connect): tcp connect error: Network is unreachable (os error 101)", /^its network cannot be reached/],
    ["client error (Connect): invalid peer certificate: UnknownIssuer", /^its TLS certificate is not accepted/],
    ["client error (SendRequest): connection closed before message completed", /^it closed the connection/],
    ["something new", /^it cannot be reached: something new$/],
  ];
  for (const [cause, meaning] of rows) assertMatch(of(cause), meaning);
});

Deno.test("fetchFailure() leaves other errors as they are", () => {
  const blocked = "Fetch failed: Requests to port 9 are blocked";
  assertEquals(fetchFailure(new TypeError(blocked)), blocked);
  assertEquals(fetchFailure("text"), "text");
  assertEquals(fetchFailure(null), "null");
});
