import { assertEquals } from "@std/assert";
import { Deadlines } from "../../../src/core/isolation/deadlines.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";

Deno.test("Deadlines has one timer, also if what is told of a deadline starts another", () => {
  const timer = new ManualTimer();
  const expired: number[] = [];
  const deadlines = new Deadlines(timer, 100, (key) => {
    expired.push(key);
    if (key < 10) deadlines.start(key + 10);
  });
  for (let key = 0; key < 3; key++) deadlines.start(key);
  timer.pass(100);
  assertEquals(expired, [0, 1, 2]);
  assertEquals(timer.waiting, 1);
  timer.pass(100);
  assertEquals(expired, [0, 1, 2, 10, 11, 12]);
  deadlines.start(20);
  deadlines.clear();
  assertEquals(timer.waiting, 0);
});

Deno.test("Deadlines tells each key once, and none that was stopped", () => {
  const timer = new ManualTimer();
  const expired: number[] = [];
  const deadlines = new Deadlines(timer, 100, (key) => expired.push(key));
  deadlines.start(1);
  timer.pass(50);
  for (const key of [2, 3]) deadlines.start(key);
  deadlines.stop(2);
  timer.pass(50);
  assertEquals(expired, [1]);
  timer.pass(50);
  assertEquals(expired, [1, 3]);
});
