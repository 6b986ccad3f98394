/**
 * `fs.delete` and `fs.move` act on a symbolic link itself, as `unlink` and `rename` do: what it leads
 * to is never touched. The link's own path is decided; what its goal is does not matter, unless it leads
 * to the kernel's own files.
 */
import { assertEquals } from "@std/assert";
import { type ActionResult, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { run, Workspace } from "../workspace.ts";

/** What is below a folder: of files the content, of links the goal. */
function treeOf(root: string, below = ""): Record<string, string> {
  const entries = Array.from(Deno.readDirSync(`${root}${below}`)).flatMap((entry) => {
    const path = `${below}/${entry.name}`;
    if (entry.isSymlink) return [[path.slice(1), `-> ${Deno.readLinkSync(root + path)}`]];
    if (entry.isFile) return [[path.slice(1), Deno.readTextFileSync(root + path)]];
    const inside = Object.entries(treeOf(root, path));
    return inside.length === 0 ? [[`${path.slice(1)}/`, ""]] : inside;
  });
  return Object.fromEntries(entries.sort(([a = ""], [b = ""]) => a < b ? -1 : 1));
}

interface Row {
  readonly cell: string;
  /** Links to make: name and goal, `$` standing for the root of the workspace. */
  readonly links: readonly (readonly [name: string, goal: string])[];
  readonly action: "fs.delete" | "fs.move";
  readonly target: string;
  readonly params?: { readonly to: string; readonly overwrite?: boolean };
  /** `OK` or the code of the refusal. */
  readonly expected: string;
  /** What is different afterwards; `undefined` for what is gone. */
  readonly changed?: Readonly<Record<string, string | undefined>>;
  readonly why: string;
}

const OUT = "$/out/secret.txt";

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  { cell: "a link to a file beside it", links: [["w/l", "v1.txt"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "the name is deleted, the content stays" },
  { cell: "the file that a link leads to", links: [["w/l", "v1.txt"]], action: "fs.delete", target: "w/v1.txt", expected: "OK", changed: { "w/v1.txt": undefined }, why: "its own name was given" },
  { cell: "a link out of what is allowed", links: [["w/l", OUT]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "nothing outside is touched" },
  { cell: "a link to what the policy denies", links: [["w/l", "$/w/denied/f.txt"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "only its goal is denied" },
  { cell: "a link that is denied itself", links: [["w/denied/l", "$/w/v1.txt"]], action: "fs.delete", target: "w/denied/l", expected: "DENY_RULE", why: "its own path counts" },
  { cell: "a link outside that leads in", links: [["out/l", "$/w/v1.txt"]], action: "fs.delete", target: "out/l", expected: "NO_RULE", why: "its own path is not allowed" },
  { cell: "a dangling link", links: [["w/l", "nowhere"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "there is a link" },
  { cell: "a dangling link out", links: [["w/l", "$/out/nowhere"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "there is a link" },
  { cell: "a link to itself", links: [["w/l", "l"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "it need not lead anywhere" },
  { cell: "a link to a link", links: [["w/l", "m"], ["w/m", "v1.txt"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "the first link alone" },
  { cell: "a link to a folder", links: [["w/l", "full"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "the folder is not empty, and stays" },
  { cell: "a link to a folder, with a slash at the end", links: [["w/l", "full"]], action: "fs.delete", target: "w/l/", expected: "OK", changed: { "w/l": undefined }, why: "a slash at the end means nothing in a path" },
  { cell: "a link to an empty folder", links: [["w/l", "empty"]], action: "fs.delete", target: "w/l", expected: "OK", changed: { "w/l": undefined }, why: "the folder stays" },
  { cell: "a file through a linked folder", links: [["w/l", "full"]], action: "fs.delete", target: "w/l/f.txt", expected: "OK", changed: { "w/full/f.txt": undefined, "w/full/": "" }, why: "folders above are resolved" },
  { cell: "a file through a link out", links: [["w/l", "$/out"]], action: "fs.delete", target: "w/l/secret.txt", expected: "NO_RULE", why: "it really is outside" },
  { cell: "a link in a folder outside that is reached by a link", links: [["w/l", "$/out"], ["out/m", "$/w/v1.txt"]], action: "fs.delete", target: "w/l/m", expected: "NO_RULE", why: "the link itself is outside" },
  { cell: "a link that leads to the kernel's log", links: [["w/l", "$/kernel.log"]], action: "fs.delete", target: "w/l", expected: "GUARDED", why: "by it the kernel may be started" },
  { cell: "a link to a link to the kernel's log", links: [["w/l", "m"], ["w/m", "$/kernel.log"]], action: "fs.delete", target: "w/m", expected: "GUARDED", why: "it is on the way to the log" },
  { cell: "a link to the folder of the kernel's log", links: [["w/l", "$"]], action: "fs.delete", target: "w/l", expected: "GUARDED", why: "it may be on the way to the log" },

  { cell: "a link", links: [["w/l", "v1.txt"]], action: "fs.move", target: "w/l", params: { to: "w/m" }, expected: "OK", changed: { "w/l": undefined, "w/m": "-> v1.txt" }, why: "the link is renamed as it is" },
  { cell: "a link out", links: [["w/l", OUT]], action: "fs.move", target: "w/l", params: { to: "w/m" }, expected: "OK", changed: { "w/l": undefined, "w/m": `-> ${OUT}` }, why: "nothing is read through it" },
  { cell: "a dangling link", links: [["w/l", "nowhere"]], action: "fs.move", target: "w/l", params: { to: "w/new/m" }, expected: "OK", changed: { "w/l": undefined, "w/new/m": "-> nowhere" }, why: "there is a link" },
  { cell: "a link to a folder", links: [["w/l", "full"]], action: "fs.move", target: "w/l", params: { to: "w/m" }, expected: "OK", changed: { "w/l": undefined, "w/m": "-> full" }, why: "a link is no folder" },
  { cell: "a file over a link", links: [["w/l", "keep.txt"]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l", overwrite: true }, expected: "OK", changed: { "w/v1.txt": undefined, "w/l": "1" }, why: "the link is replaced, its goal stays" },
  { cell: "a file over a link out", links: [["w/l", OUT]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l", overwrite: true }, expected: "OK", changed: { "w/v1.txt": undefined, "w/l": "1" }, why: "the link is replaced, its goal stays" },
  { cell: "a file over a dangling link, not to be replaced", links: [["w/l", "nowhere"]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l" }, expected: "EXISTS", why: "there is a link" },
  { cell: "a file over a link to a folder", links: [["w/l", "full"]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l", overwrite: true }, expected: "OK", changed: { "w/v1.txt": undefined, "w/l": "1" }, why: "it does not go into the folder" },
  { cell: "a link over the file that it leads to", links: [["w/l", "v1.txt"]], action: "fs.move", target: "w/l", params: { to: "w/v1.txt", overwrite: true }, expected: "SAME_FILE", why: "the content would be lost" },
  { cell: "a file over a link that leads to it", links: [["w/l", "v1.txt"]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l", overwrite: true }, expected: "SAME_FILE", why: "mv refuses it too" },
  { cell: "a link that leads in a circle", links: [["w/l", "l"]], action: "fs.move", target: "w/l", params: { to: "w/m" }, expected: "OK", changed: { "w/l": undefined, "w/m": "-> l" }, why: "it need not lead anywhere" },
  { cell: "a link over itself", links: [["w/l", "v1.txt"]], action: "fs.move", target: "w/l", params: { to: "w/l", overwrite: true }, expected: "SAME_FILE", why: "nothing would happen" },
  { cell: "a file through a link out", links: [["w/l", "$/out"]], action: "fs.move", target: "w/l/secret.txt", params: { to: "w/m" }, expected: "NO_RULE", why: "it really is outside" },
  { cell: "a file to a folder that a link leads to", links: [["w/l", "$/out"]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l/f" }, expected: "NO_RULE", why: "it would arrive outside" },
  { cell: "a link to where links are denied", links: [["w/l", "v1.txt"]], action: "fs.move", target: "w/l", params: { to: "w/denied/l" }, expected: "DENY_RULE", why: "the new path counts" },
  { cell: "a link that leads to the kernel's log", links: [["w/l", "$/kernel.log"]], action: "fs.move", target: "w/l", params: { to: "w/m" }, expected: "GUARDED", why: "by it the kernel may be started" },
  { cell: "a file over a link that leads to the kernel's log", links: [["w/l", "$/kernel.log"]], action: "fs.move", target: "w/v1.txt", params: { to: "w/l", overwrite: true }, expected: "GUARDED", why: "by it the kernel may be started" },
];

function build(links: Row["links"]): Workspace {
  const ws = new Workspace();
  ws.file("w/v1.txt", "1");
  ws.file("w/keep.txt", "keep");
  ws.file("w/full/f.txt", "f");
  ws.folder("w/empty");
  ws.file("w/denied/f.txt", "denied");
  ws.file("out/secret.txt", "secret");
  for (const [name, goal] of links) run("ln", "-s", goal.replace("$", ws.root), ws.path(name));
  return ws;
}

function openKernel(ws: Workspace): Promise<Kernel> {
  return Kernel.open({
    policy: {
      capabilities: [{ action: "fs.*", resource: ws.path("w/**") }],
      deny: [{ action: "fs.*", resource: ws.path("w/denied/**") }],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
}

function submit(kernel: Kernel, ws: Workspace, { action, target, params }: Row) {
  const path = (name: string) => `${ws.root}/${name}`;
  return kernel.submit({
    action,
    target: path(target),
    params: params === undefined ? {} : { ...params, to: path(params.to) },
  });
}

function outcome({ status, code }: ActionResult): string {
  return status === "OK" ? "OK" : code ?? "";
}

for (const row of ROWS) {
  const { cell, links, action, expected, changed = {}, why } = row;
  Deno.test(`${action} of ${cell}: ${expected}, because ${why}`, async () => {
    using ws = build(links);
    const trees = () => ({ ...prefixed("w", ws), ...prefixed("out", ws) });
    const before = trees();
    await using kernel = await openKernel(ws);
    const result = await submit(kernel, ws, row);
    assertEquals(outcome(result), expected, JSON.stringify(result));
    const after: Record<string, string | undefined> = { ...before };
    for (const [name, content] of Object.entries(changed)) {
      if (content === undefined) delete after[name];
      else after[name] = content.replace("$", ws.root);
    }
    assertEquals(trees(), after);
  });
}

function prefixed(name: string, ws: Workspace): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(ws.path(name))).map(([path, what]) => [`${name}/${path}`, what]),
  );
}

Deno.test("fs.write, fs.read and fs.stat still act on what a link leads to", async () => {
  using ws = build([["w/l", "v1.txt"]]);
  await using kernel = await openKernel(ws);
  const target = ws.path("w/l");
  await kernel.submit({ action: "fs.write", target, params: { content: "2" } });
  assertEquals(Deno.readTextFileSync(ws.path("w/v1.txt")), "2");
  assertEquals(Deno.lstatSync(target).isSymlink, true);
  assertEquals((await kernel.submit({ action: "fs.read", target })).data, "2");
  const { data } = await kernel.submit({ action: "fs.stat", target });
  assertEquals((data as { type: string }).type, "file");
});

Deno.test("a rule for a link alone allows to delete the link, not what is beside it", async () => {
  using ws = build([["w/l", OUT], ["w/m", OUT]]);
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.delete", resource: ws.path("w/l") }] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const remove = async (name: string) =>
    outcome(await kernel.submit({ action: "fs.delete", target: ws.path(name) }));
  assertEquals(await remove("w/m"), "NO_RULE");
  assertEquals(await remove("w/l"), "OK");
  assertEquals(Deno.readTextFileSync(ws.path("out/secret.txt")), "secret");
});
