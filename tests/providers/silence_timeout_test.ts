import { assertEquals } from "@std/assert";
import { SilenceTimeout } from "../../providers/silence_timeout.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";

Deno.test("SilenceTimeout counts anew with each sign of progress", () => {
  const timer = new ManualTimer();
  using timeout = new SilenceTimeout(1_000, timer);
  timer.pass(999);
  timeout.restart();
  timer.pass(999);
  assertEquals(timeout.signal.aborted, false);
  timer.pass(1);
  assertEquals(timeout.signal.aborted, true);
});

Deno.test("SilenceTimeout leaves no timer when it is disposed of", () => {
  const timer = new ManualTimer();
  {
    using _timeout = new SilenceTimeout(1_000, timer);
  }
  assertEquals(timer.waiting, 0);
});

Deno.test("SilenceTimeout is aborted by the other signal too, with its reason, and tells the two apart", () => {
  const timer = new ManualTimer();
  const other = new AbortController();
  using timeout = new SilenceTimeout(1_000, timer, other.signal);
  other.abort("enough");
  assertEquals([timeout.signal.aborted, timeout.signal.reason], [true, "enough"]);
  assertEquals(timeout.passed, false);
  using late = new SilenceTimeout(1_000, timer, other.signal);
  assertEquals([late.signal.aborted, late.signal.reason], [true, "enough"]);
  using alone = new SilenceTimeout(1_000, timer, new AbortController().signal);
  timer.pass(1_000);
  assertEquals([alone.signal.aborted, alone.passed], [true, true]);
});

Deno.test("SilenceTimeout does not listen to the other signal once it is disposed of", () => {
  const other = new AbortController();
  const timeout = new SilenceTimeout(1_000, new ManualTimer(), other.signal);
  timeout[Symbol.dispose]();
  other.abort();
  assertEquals(timeout.signal.aborted, false);
});
