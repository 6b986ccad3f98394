import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Scene, type Tree } from "./scene.ts";
import { applied, type Model, type Operation, paramsOf, PATHS } from "./tree_model.ts";

const operation: fc.Arbitrary<Operation> = fc.record({
  action: fc.constantFrom("fs.write", "fs.delete", "fs.mkdir", "fs.move"),
  path: fc.constantFrom(...PATHS),
  to: fc.constantFrom(...PATHS),
  content: fc.constantFrom("", "one", "two\n", "three"),
  overwrite: fc.boolean(),
});

const step = fc.oneof(
  { weight: 12, arbitrary: operation },
  { weight: 4, arbitrary: fc.constant("undo the last" as const) },
  { weight: 2, arbitrary: fc.record({ undo: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant("restart" as const) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The model's view of a real tree. */
function modelOf(tree: Tree): Model {
  return new Map(
    Object.entries(tree).map(([path, text]): [string, string | null] => {
      const [kind, , , content = ""] = text.split(" ");
      const decode = () => new TextDecoder().decode(Uint8Array.fromBase64(content));
      return [path, kind === "folder" ? null : decode()];
    }),
  );
}

function sorted(model: Model): [string, string | null][] {
  return [...model].sort(([a], [b]) => a < b ? -1 : 1);
}

/** So that at least one rollback is in the way of what came later. */
const OUT_OF_ORDER: readonly Step[] = [
  ...["one", "two\n", "three"].map((content): Step => ({
    ...{ action: "fs.write", path: "/a", to: "/a", content, overwrite: false },
  })),
  { undo: 0 },
];

Deno.test("any actions and rollbacks, with restarts, leave the tree of the model; undone, it is as before", async () => {
  let refused = 0, undone = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await using scene = await Scene.open();
      const path = scene.ws.file("w/a", "first");
      Deno.chmodSync(path, 0o751);
      Deno.utimeSync(path, 1, new Date(1_600_000_000_123));
      const root = scene.path("");
      const begin = scene.tree();
      const done: { id: string; before: Tree }[] = [];
      let model = modelOf(begin);
      for (const one of steps) {
        const before = scene.tree();
        if (one === "restart") {
          await scene.stop();
          await scene.start();
        } else if (one === "undo the last") {
          const last = done.pop();
          if (last === undefined) continue;
          const result = await scene.layer.rollback(last.id);
          assertEquals(result.status, "OK", JSON.stringify(result));
          assertEquals(scene.tree(), last.before);
          model = modelOf(last.before);
          undone++;
        } else if ("undo" in one) {
          const any = done[one.undo % done.length];
          if (any === undefined || any === done.at(-1)) continue;
          const preview = await scene.layer.preview(any.id);
          if (preview.status === "OK") continue;
          // Out of order it may be in the way of what came later: then nothing is changed.
          const { code } = await scene.layer.rollback(any.id);
          assert(code === "ROLLBACK_CONFLICT" || code === "ROLLBACK_IMPOSSIBLE", code);
          assertEquals(scene.tree(), before);
          refused++;
        } else {
          const target = root.replace(/\/$/, "") + one.path;
          const params = paramsOf(one, root.replace(/\/$/, ""));
          const result = await scene.layer.submit({ action: one.action, target, params });
          const next = applied(model, one);
          assertEquals(sorted(modelOf(scene.tree())), sorted(next), JSON.stringify([one, result]));
          if (next !== model) assertEquals([result.status, result.reversible], ["OK", true]);
          if (result.reversible) done.push({ id: result.recordId as string, before });
          model = next;
        }
      }
      const report = await scene.layer.rollbackAll();
      assertEquals(report.status, "OK", JSON.stringify(report.stopped));
      assertEquals(scene.tree(), begin);
      assertEquals(scene.store.bytes, 0);
    }),
    { numRuns: 25, examples: [[[...OUT_OF_ORDER]]] },
  );
  assert(undone > 10 && refused > 0, `${undone} undone, ${refused} refused`);
});
