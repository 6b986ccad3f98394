import { assertEquals, assertRejects } from "@std/assert";
import { ProviderError } from "@agent-kernel/kernel/provider";
import { CALLS_OF_PROGRAM, ProgramSlots } from "../../../providers/process/program_slots.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";

const NEVER = new AbortController().signal;

Deno.test("a program whose calls hang is busy, and other programs are not", async () => {
  const timer = new ManualTimer();
  const slots = new ProgramSlots(timer);
  const hung = [];
  for (let i = 0; i < CALLS_OF_PROGRAM; i++) hung.push(await slots.take("/bin/a", NEVER));
  const next = slots.take("/bin/a", NEVER);
  timer.pass(1_000);
  const error = await assertRejects(() => next, ProviderError);
  assertEquals([error.code, error.message], [
    "PROGRAM_BUSY",
    'The program "/bin/a" is busy: 32 calls of it have not ended yet; this one was not started',
  ]);
  (await slots.take("/bin/b", NEVER))[Symbol.dispose]();
  for (const one of hung) one[Symbol.dispose]();
  (await slots.take("/bin/a", NEVER))[Symbol.dispose]();
});
