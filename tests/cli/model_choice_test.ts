import { assertThrows } from "@std/assert";
import { readScript } from "../../src/cli/model_choice.ts";
import { Workspace } from "../workspace.ts";

Deno.test("a script that is not there is said in words", () => {
  using ws = new Workspace();
  const path = ws.path("none");
  assertThrows(
    () => readScript(path),
    TypeError,
    `Cannot play "${path}": there is no such file or folder`,
  );
});
