/** Asking through a service on the network, played by a server on loopback. */
import { createHmac } from "node:crypto";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { webhookApprover, type WebhookFormat, type WebhookOptions } from "@agent-kernel/kernel";
import { questionOf } from "../../src/approval/question.ts";

const SECRET = "s".repeat(40);
const NOW = new Date("2026-11-28T12:00:00.000Z");

function question(content: object = {}) {
  return questionOf({
    ...{ id: crypto.randomUUID(), action: "shop.pay", target: "vendors/pens", rule: "pay" },
    ...{ params: { amount: 5 }, policy: "0".repeat(64), askedAt: NOW.toISOString() },
    expiresAt: "2026-11-28T12:10:00.000Z",
    ...content,
  });
}

/** A port that nobody listens on. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A service that keeps what it is sent. */
class Service implements AsyncDisposable {
  readonly requests: { body: string; signature: string }[] = [];
  status = 200;
  #told = Promise.withResolvers<void>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const signature = request.headers.get("x-agent-kernel-signature") ?? "";
      this.requests.push({ body: await request.text(), signature });
      this.#told.resolve();
      return new Response("ok", { status: this.status });
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/hook`;
  }

  async next(): Promise<{ body: string; signature: string }> {
    while (this.requests.length === 0) {
      await this.#told.promise;
      this.#told = Promise.withResolvers();
    }
    return this.requests.shift() as { body: string; signature: string };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function scene(options: Partial<WebhookOptions> = {}) {
  const service = new Service();
  const port = freePort();
  const approver = webhookApprover({
    ...{ url: service.url, secret: SECRET, by: "ops", answers: { port }, clock: () => NOW },
    ...options,
  });
  return { service, approver, port, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() };
}

/** The link in a message of the form `json`. */
const linkIn = (body: string): string => JSON.parse(body).link;

/** What the form of a page sends. */
function formOf(page: string, answer: string): URLSearchParams {
  const forms = Array.from(
    page.matchAll(/name="s" value="([^"]+)"><button name="answer" value="(\w+)"/g),
  );
  const [, s = ""] = forms.find(([, , value]) => value === answer) ?? [];
  return new URLSearchParams({ s, answer });
}

Deno.test("a webhook sends a signed message, its page shows the question, and its form answers once", async () => {
  await using at = scene();
  const asked = question({ target: "<b>vendors\u202e/&pens" });
  const { signal } = new AbortController();
  const answer = at.approver.ask(asked, signal);
  const { body, signature } = await at.service.next();
  const [, time = "", mac = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  assertEquals(mac, createHmac("sha256", SECRET).update(`${time}.${body}`).digest("hex"));
  assertEquals(JSON.parse(body).question.digest, asked.digest);

  // A preview of the link answers nothing, however often it is made.
  for (let i = 0; i < 2; i++) await (await fetch(linkIn(body))).body?.cancel();
  const response = await fetch(linkIn(body));
  const page = await response.text();
  assertMatch(response.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
  assert(page.includes("&#60;b&#62;vendors\\u202e/&#38;pens"), page);
  assert(!page.includes("<b>") && !page.includes("remember"), page);

  const post = (form: URLSearchParams) => fetch(linkIn(body), { method: "POST", body: form });
  for (
    const form of [{}, { answer: "yes" }, { answer: "yes", s: formOf(page, "no").get("s") ?? "" }]
  ) {
    const refused = await post(new URLSearchParams(form));
    await refused.body?.cancel();
    assertEquals(refused.status, 400);
  }
  const given = await post(formOf(page, "yes"));
  assertMatch(await given.text(), /Approved/);
  assertEquals(await answer, { approved: true, by: "ops", remember: false });
});

Deno.test("a no is a no, and a yes is remembered only where the question can be", async () => {
  for (const choice of ["no", "remember"] as const) {
    await using at = scene();
    const remember = { as: "target", target: "vendors/pens", for: "8 h" } as const;
    const { signal } = new AbortController();
    const answer = at.approver.ask(question({ remember }), signal);
    const link = linkIn((await at.service.next()).body);
    const page = await (await fetch(link)).text();
    await (await fetch(link, { method: "POST", body: formOf(page, choice) })).body?.cancel();
    const yes = choice !== "no";
    assertEquals(await answer, { approved: yes, by: "ops", remember: yes });
  }
});

Deno.test("of two answers that are read at once one counts, and the other is told that nothing waits", async () => {
  await using at = scene();
  const controller = new AbortController();
  const answer = at.approver.ask(question(), controller.signal);
  const link = new URL(linkIn((await at.service.next()).body));
  // As long as another question waits, pages are served.
  const other = at.approver.ask(question(), controller.signal).catch(() => {});
  await at.service.next();
  const page = await (await fetch(link)).text();
  const begin = async (choice: string) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: at.port });
    const form = formOf(page, choice).toString();
    const send = (text: string) => connection.write(new TextEncoder().encode(text));
    await send(
      `POST /${link.search} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${form.length}\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n`,
    );
    // The answer to Expect comes when the body is being read: the question has been found by then.
    await connection.read(new Uint8Array(1000));
    return async () => {
      await send(form);
      return await new Response(connection.readable).text();
    };
  };
  const [yes, no] = [await begin("yes"), await begin("no")];
  assertMatch(await no(), /^HTTP\/1.1 200 [^]*Denied/);
  assertMatch(await yes(), /^HTTP\/1.1 404 [^]*Nothing waits/);
  assertEquals((await answer).approved, false);
  controller.abort();
  await other;
});

Deno.test("a link is for one question and its time: any other is not found", async () => {
  await using at = scene();
  const controller = new AbortController();
  const mine = at.approver.ask(question(), controller.signal);
  const link = new URL(linkIn((await at.service.next()).body));
  const other = at.approver.ask(question(), controller.signal);
  const otherLink = new URL(linkIn((await at.service.next()).body));
  const expired = at.approver.ask(
    question({ expiresAt: NOW.toISOString() }),
    controller.signal,
  );
  const late = new URL(linkIn((await at.service.next()).body));
  const wrong = [
    new URL(`?q=${link.searchParams.get("q")}&s=${otherLink.searchParams.get("s")}`, link),
    new URL(`?q=${link.searchParams.get("q")}`, link),
    new URL(`?q=${crypto.randomUUID()}&s=${link.searchParams.get("s")}`, link),
    new URL("/", link),
    late,
  ];
  for (const url of wrong) {
    for (const method of ["GET", "POST"]) {
      const response = await fetch(url, { method });
      await response.body?.cancel();
      assertEquals(response.status, 404, `${method} ${url.pathname}`);
    }
  }
  const page = await (await fetch(link)).text();
  const large = await fetch(link, { method: "POST", body: `answer=yes&x=${"x".repeat(10_000)}` });
  await large.body?.cancel();
  assertEquals(large.status, 400);
  const put = await fetch(link, { method: "PUT", body: formOf(page, "yes") });
  await put.body?.cancel();
  assertEquals(put.status, 405);
  controller.abort(new DOMException("over", "AbortError"));
  const ended = await Promise.allSettled([mine, other, expired]);
  assertEquals(ended.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  // Nobody listens any more.
  const closed = await fetch(link).then(() => "open", () => "closed");
  assertEquals(closed, "closed");
});

Deno.test("a service that refuses the message, or cannot be reached, is an error", async () => {
  await using at = scene();
  at.service.status = 500;
  const { signal } = new AbortController();
  const refused = await at.approver.ask(question(), signal).catch(String);
  assertMatch(String(refused), /status 500/);
  const nobody = webhookApprover({
    url: `http://127.0.0.1:${freePort()}/`,
    ...{ secret: SECRET, by: "ops", answers: { port: freePort() } },
  });
  assertMatch(String(await nobody.ask(question(), signal).catch(String)), /error|refused/i);
});

/** All texts in a value, whatever they are in. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Object.values(value ?? {}).flatMap(textsIn);
}

const FORMATS: readonly [WebhookFormat, (body: Record<string, unknown>) => unknown, unknown][] = [
  ["slack", (body) => [typeof body["text"], body["unfurl_links"]], ["string", false]],
  ["teams", (body) => body["type"], "message"],
  ["telegram", (body) => [body["chat_id"], body["parse_mode"]], ["to", undefined]],
  ["ntfy", (body) => body["topic"], "to"],
];
for (const [format, look, expected] of FORMATS) {
  Deno.test(`a message for ${format} has its form, a link, and no text that pretends`, async () => {
    await using at = scene({ format, to: "to" });
    const controller = new AbortController();
    const target = "a```b</x> <https://evil|Look and answer> \u202e&\n" + "y".repeat(1000);
    const answer = at.approver.ask(question({ target }), controller.signal).catch(() => {});
    const body = JSON.parse((await at.service.next()).body);
    assertEquals(look(body), expected);
    const texts = textsIn(body).join("\n");
    assert(texts.includes(`http://127.0.0.1:${at.port}/?q=`), texts);
    assert(!texts.includes("\u202e"), texts);
    assert(texts.includes("(cut, the link shows all)"), texts);
    if (format === "slack") {
      assertEquals(texts.match(/```/g)?.length, 2);
      assert(!texts.includes("<https://evil"), texts);
    }
    controller.abort();
    await answer;
  });
}

Deno.test("a webhook with a short secret, or an address that is none, cannot be made", () => {
  const options = { by: "ops", answers: { port: 1 } };
  assertThrows(
    () => webhookApprover({ ...options, url: "https://a/", secret: "short" }),
    RangeError,
  );
  for (const url of ["", "ftp://a/", "a"]) {
    assertThrows(() => webhookApprover({ ...options, url, secret: SECRET }), RangeError);
  }
  const { net } = webhookApprover({ ...options, url: "https://hooks.example/x", secret: SECRET });
  assertEquals(net, ["hooks.example:443", "127.0.0.1:1"]);
});
