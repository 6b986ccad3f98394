import { assert, assertEquals } from "@std/assert";
import { MAX_SESSION_CHARACTERS, MAX_SESSION_VALUES } from "../../src/provenance/session_state.ts";
import { scene } from "./scene.ts";

const POLICY = {
  sources: [{ id: "contacts", action: "contacts.search", fields: "**.email" }, {
    id: "notes",
    action: "notes.read",
  }],
  capabilities: [
    { action: ["mail.read", "contacts.search", "notes.read"], resource: "**" },
    {
      action: "mail.send",
      resource: "**",
      constraint: { to: { from: ["prompt", "contacts", "notes"], as: "email" } },
    },
  ],
};

Deno.test("a session of 10,000 results keeps no more than its bounds, and knows nothing beyond them", async () => {
  await using world = await scene(POLICY);
  await using session = await world.kernel.session();
  for (let i = 0; i < 10_000; i++) {
    world.data["contacts.search"] = [0, 1, 2].map((n) => ({
      email: `p${i}.${n}@x.org`,
      note: "x",
    }));
    world.data["notes.read"] = `Note ${i}: ${"lorem ipsum ".repeat(20)}`;
    await session.submit({ action: i % 2 === 0 ? "contacts.search" : "notes.read", target: "x" });
  }
  const { values, characters, seen } = session.size;
  assert(values <= MAX_SESSION_VALUES && values > 10_000, `${values}`);
  assert(characters <= MAX_SESSION_CHARACTERS && characters > 500_000, `${characters}`);
  assert(seen <= 10_000, `${seen}`);
  const send = async (to: string) =>
    (await session.submit({ action: "mail.send", target: "out", params: { to } })).status;
  assertEquals([await send("p0.0@x.org"), await send("eve@evil.org")], ["OK", "DENIED"]);
});

Deno.test("past a bound what is in no source cannot be decided, and so is not allowed; what is known still passes", async () => {
  await using world = await scene(POLICY);
  await using session = await world.kernel.session({ prompt: "To a@b.org" });
  world.data["notes.read"] = "x ".repeat(MAX_SESSION_CHARACTERS / 2 - 8) + " late@x.org";
  await session.submit({ action: "notes.read", target: "x" });
  const send = async (to: string) =>
    (await session.submit({ action: "mail.send", target: "out", params: { to } })).status;
  assertEquals([await send("a@b.org"), await send("late@x.org")], ["OK", "DENIED"]);
});

Deno.test("reading the same again keeps nothing more", async () => {
  await using world = await scene(POLICY);
  await using session = await world.kernel.session();
  world.data["contacts.search"] = [{ email: "a@b.org" }, { email: "c@d.org" }];
  for (let i = 0; i < 3; i++) await session.submit({ action: "contacts.search", target: "x" });
  assertEquals(session.size.values, 2);
});
