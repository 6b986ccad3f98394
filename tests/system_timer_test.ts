import { assertEquals } from "@std/assert";
import { SharedTimer } from "../src/system_timer.ts";

/** A timer whose lanes are seen from outside: the platform's own, which are counted. */
class Platform implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  made = 0;

  constructor() {
    globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
      this.made++;
      return this.#setTimeout(...args);
    }) as typeof setTimeout;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

Deno.test("a thousand calls of the same length, taken back, take one timer of the platform", () => {
  using platform = new Platform();
  using timer = new SharedTimer();
  for (let i = 0; i < 1000; i++) timer.schedule(() => {}, 60_000)();
  const kept = Array.from({ length: 10 }, () => timer.schedule(() => {}, 60_000));
  for (const takeBack of kept) takeBack();
  assertEquals(platform.made, 1);
});

Deno.test("what is scheduled is called in order, each once, and not before its time", async () => {
  using timer = new SharedTimer();
  const called: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = timer.now();
  let early = 0;
  const add = (name: string, ms: number) =>
    timer.schedule(() => {
      if (timer.now() - start < ms) early++;
      called.push(name);
    }, ms);
  add("b", 20);
  const takeBack = add("never", 20);
  add("c", 20);
  add("a", 5);
  takeBack();
  takeBack();
  timer.schedule(resolve, 40);
  await promise;
  assertEquals([called, early], [["a", "b", "c"], 0]);
});

Deno.test("one that is scheduled by a callback has its whole time", async () => {
  using timer = new SharedTimer();
  const { promise, resolve } = Promise.withResolvers<number>();
  timer.schedule(() => {
    const start = timer.now();
    timer.schedule(() => resolve(timer.now() - start), 15);
  }, 15);
  assertEquals(await promise >= 15, true);
});

Deno.test("a timer that was taken back keeps no process alive", async () => {
  const module = new URL("../src/system_timer.ts", import.meta.url).href;
  const code = `import { SharedTimer } from ${JSON.stringify(module)};
    const timer = new SharedTimer();
    timer.schedule(() => {}, 600_000)();
    timer.schedule(() => console.log("called"), 1);`;
  const child = new Deno.Command("deno", {
    args: ["eval", "-q", code],
    stdout: "piped",
  });
  const { code: exit, stdout } = await child.output();
  assertEquals([exit, new TextDecoder().decode(stdout)], [0, "called\n"]);
});

Deno.test("a callback takes back the next one that is due at the same time", async () => {
  using timer = new SharedTimer();
  const called: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let takeBack = () => {};
  timer.schedule(() => {
    called.push("first");
    takeBack();
  }, 5);
  takeBack = timer.schedule(() => called.push("second"), 5);
  timer.schedule(() => {
    called.push("third");
    resolve();
  }, 5);
  const start = timer.now();
  // All three are due when the timer fires.
  while (timer.now() - start < 10);
  await promise;
  assertEquals(called, ["first", "third"]);
});
