import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../../../providers/http/connection.ts";
import { foresee } from "../../../providers/http/denial.ts";
import { DeniedError } from "../../../src/worker/mod.ts";
import { nextTurn } from "../../turn.ts";

const NAMED = ["127.0.0.9:8080", "lab.example", "named.localhost"];

// deno-fmt-ignore -- a row is a line
const FORESEEN: readonly { target: string; code?: string; text: RegExp }[] = [
  { target: "http://127.0.0.1:8080/a", code: "ADDRESS_DENIED", text: /add \{ action: net\.http, resource: "http:\/\/127\.0\.0\.1:8080\/none" \}/ },
  { target: "http://[::1]/", code: "ADDRESS_DENIED", text: /resource: "http:\/\/\[::1\]\/none"/ },
  { target: "http://169.254.169.254/latest", code: "ADDRESS_DENIED", text: /not on the public internet/ },
  { target: "http://[64:ff9b::7f00:1]/", code: "ADDRESS_DENIED", text: /not on the public internet/ },
  { target: "http://localhost:3000/", code: "ADDRESS_DENIED", text: /resource: "http:\/\/localhost:3000\/none"/ },
  { target: "http://app.localhost/", code: "ADDRESS_DENIED", text: /resource: "http:\/\/app\.localhost\/none"/ },
  { target: "http://example.com:25/", code: "PORT_DENIED", text: /Port 25/ },
  { target: "http://127.0.0.9:8080/a", text: /^undefined$/ },
  { target: "http://named.localhost/a", text: /^undefined$/ },
  { target: "http://1.1.1.1/", text: /^undefined$/ },
  { target: "http://localhost.example.com/", text: /^the address of "localhost\.example\.com"/ },
  { target: "http://example.com/", text: /^the address of "example\.com".* unless rules name both the host and that address/ },
  { target: "http://lab.example/a", text: /^the address of .* unless a rule names that address literally, as one names the host/ },
];

for (const { target, code, text } of FORESEEN) {
  Deno.test(`foresee() knows of ${target}: ${code ?? "not refused for certain"}`, () => {
    const { denied, checked } = foresee(new URL(target), { named: NAMED, isHttp: true });
    assertEquals(denied?.code, code);
    assertMatch(`${denied?.reason ?? checked}`, text);
  });
}

Deno.test("foresee() refuses ports for requests only, a tunnel may lead to any", () => {
  const url = new URL("http://example.com:25/");
  assertEquals(foresee(url, { named: [], isHttp: false }).denied, undefined);
});

Deno.test("what is foreseen to be refused is not connected to", async () => {
  const came: Deno.Conn[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) came.push(connection);
  })();
  const refused = FORESEEN.filter(({ code }) => code !== undefined).map(({ target }) => target);
  const { signal } = new AbortController();
  // Whether something listens at localhost is not told either.
  for (const target of [...refused, `http://localhost:${listener.addr.port}/`]) {
    const url = new URL(target);
    const error = await assertRejects(
      () => connect(url, { named: NAMED, caCerts: [], signal }),
      DeniedError,
    );
    const { denied } = foresee(url, { named: NAMED, isHttp: true });
    assertEquals([error.code, error.message], [denied?.code, denied?.reason], target);
  }
  // Whoever had connected before would come first.
  (await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port })).close();
  while (came.length === 0) await nextTurn();
  listener.close();
  await accepting;
  assertEquals(came.length, 1);
  for (const connection of came) connection.close();
});
