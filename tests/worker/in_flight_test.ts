import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { InFlight } from "../../src/worker/in_flight.ts";

Deno.test("InFlight does what a Map does, however much has come and gone", () => {
  const step = fc.record({ key: fc.nat(20), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1000, maxLength: 3000 }), (steps) => {
      const model = new Map<number, number>();
      const inFlight = new InFlight<number, number>();
      steps.forEach(({ key, add }, i) => {
        if (add) {
          model.set(key, i);
          inFlight.set(key, i);
        } else {
          model.delete(key);
          inFlight.delete(key);
        }
        assertEquals(inFlight.get(key), model.get(key));
        assertEquals(inFlight.size, model.size);
      });
      assertEquals(inFlight.entries(), [...model]);
      assertEquals(inFlight.values(), [...model.values()]);
    }),
    { numRuns: 20 },
  );
});

Deno.test("InFlight tells what there is, while that is removed", () => {
  const inFlight = new InFlight<number, string>();
  for (let i = 0; i < 1000; i++) inFlight.set(i, `${i}`);
  const seen: number[] = [];
  for (const [key] of inFlight.entries()) {
    seen.push(key);
    inFlight.delete(key);
  }
  assertEquals(seen.length, 1000);
  assertEquals(inFlight.size, 0);
  inFlight.set(1, "again");
  inFlight.clear();
  assertEquals(inFlight.entries(), []);
});
