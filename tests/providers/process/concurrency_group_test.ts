import { assertEquals, assertRejects } from "@std/assert";
import { ConcurrencyGroup } from "../../../providers/process/concurrency_group.ts";
import { Programs, testInSandbox } from "./programs.ts";

const NEVER = new AbortController().signal;
const planned = (...inChangeable: string[]) => () => Promise.resolve({ inChangeable });

Deno.test("ConcurrencyGroup.join() lets programs with the same mounts in what they may change run at the same time", async () => {
  const group = new ConcurrencyGroup();
  for (let i = 0; i < 3; i++) await group.join(planned("/w/.git"), NEVER);
});

Deno.test("ConcurrencyGroup.join() waits until all others have left, and plans again then", async () => {
  const group = new ConcurrencyGroup();
  await group.join(planned(), NEVER);
  await group.join(planned(), NEVER);
  let looks = 0;
  const third = group.join(
    () => Promise.resolve({ inChangeable: ["/w/.git", ...(looks++ === 0 ? [] : ["/w/.hg"])] }),
    NEVER,
  );
  const fourth = group.join(planned("/w/.git"), AbortSignal.abort(new Error("too long")));
  await assertRejects(() => fourth, Error, "too long");
  assertEquals(looks, 1);
  group.leave();
  group.leave();
  assertEquals(await third, { inChangeable: ["/w/.git", "/w/.hg"] });
});

// Without this, 58 of 305 programs read a file outside of the policy beside one that exchanges a denied
// folder for a link to where that file is.
testInSandbox("no sandbox is made beside a program that could move what is mounted", async () => {
  await using programs = await Programs.open((ws) => {
    ws.folder("w");
    return {
      allow: [{ action: ["fs.read", "fs.write"], resource: [ws.path("w"), ws.path("w/**")] }],
      deny: [{ action: "fs.write", resource: [ws.path("w/.git"), ws.path("w/.git/**")] }],
    };
  }, { sandbox: "required" });
  const cwd = programs.ws.path("w");
  const watcher = Deno.watchFs(cwd);
  const first = programs.said(
    `mkdir .git; i=0
     while [ ! -e second ] && [ $i -lt 300000 ]; do i=$((i+1)); done
     [ -e second ] && echo together || echo alone`,
    { cwd },
  );
  for await (const { kind } of watcher) if (kind === "create") break;
  const second = programs.said(": > second; echo x > .git/x", { cwd });
  assertEquals((await first).stdout, "alone\n");
  assertEquals((await second).returncode !== 0, true);
  await programs.said("rmdir .git", { cwd });
});
