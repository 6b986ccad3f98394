import { assertEquals } from "@std/assert";
import { RegularFile } from "../../../providers/filesystem/regular_file.ts";
import { Workspace } from "../../workspace.ts";

Deno.test("opening a named pipe waits for nobody", () => {
  using ws = new Workspace();
  const made = new Deno.Command("mkfifo", { args: [ws.path("pipe")] }).outputSync();
  assertEquals(made.success, true);
  using pipe = new RegularFile(ws.path("pipe"));
  assertEquals(pipe.info.isFIFO(), true);
});

Deno.test("a part of a file is read, as far as it goes", () => {
  using ws = new Workspace();
  ws.file("a.txt", "0123456789");
  using file = new RegularFile(ws.path("a.txt"));
  const text = (offset: number, length: number) =>
    new TextDecoder().decode(file.read(offset, length));
  assertEquals([text(0, 3), text(8, 10), text(20, 1), file.info.size], ["012", "89", "", 10]);
});
