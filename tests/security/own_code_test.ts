/**
 * The code of the kernel's own process: whoever could rewrite it would act outside of every sandbox
 * (design, promise 7).
 */
import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { authorize } from "../../src/core/policy/authorize.ts";
import { resolveOptions } from "../../src/resolve.ts";
import { EchoProvider } from "../core/isolation/fixtures/echo_provider.ts";
import { ROOT, Workspace } from "../workspace.ts";

const MAIN = fromFileUrl(Deno.mainModule);

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { action: string; target: string; to?: string; expected: string; why: string }[] = [
  { action: "fs.write", target: `${ROOT}/providers/filesystem/worker.ts`, expected: "GUARDED", why: "a provider's Worker" },
  { action: "fs.write", target: `${ROOT}/src/core/kernel.ts`, expected: "GUARDED", why: "the gate" },
  { action: "fs.write", target: `${ROOT}/src/new.ts`, expected: "GUARDED", why: "a module that is not there yet" },
  { action: "fs.delete", target: `${ROOT}/mod.ts`, expected: "GUARDED", why: "what the host imports" },
  { action: "fs.write", target: `${ROOT}/links/std_path/mod.ts`, expected: "GUARDED", why: "what the core imports" },
  { action: "fs.write", target: `${ROOT}/deno.json`, expected: "GUARDED", why: "it maps imports and grants permissions" },
  { action: "fs.write", target: `${ROOT}/deno.lock`, expected: "GUARDED", why: "it pins what is loaded" },
  { action: "fs.move", target: `${ROOT}/src`, to: `${ROOT}/old`, expected: "GUARDED", why: "another folder could take its place" },
  { action: "fs.move", target: `${ROOT}/docs/cli.md`, to: `${ROOT}/providers/x.ts`, expected: "GUARDED", why: "it would arrive among modules" },
  { action: "fs.delete", target: ROOT, expected: "GUARDED", why: "everything is in it" },
  { action: "fs.write", target: MAIN, expected: "GUARDED", why: "the host's main module" },
  { action: "fs.write", target: "/deno.json", expected: "GUARDED", why: "Deno looks for it above the main module" },
  { action: "fs.write", target: `${ROOT}/tests/deno.jsonc`, expected: "GUARDED", why: "the nearest one wins" },
  { action: "fs.write", target: `${ROOT}/tests/core/isolation/fixtures/echo_provider.ts`, expected: "GUARDED", why: "the module of a provider in use" },
  { action: "fs.write", target: `${ROOT}/package.json`, expected: "GUARDED", why: "with it Deno takes npm packages from node_modules" },
  { action: "fs.write", target: `${ROOT}/node_modules/js-yaml/index.js`, expected: "GUARDED", why: "it would stand in for what the kernel imports" },
  { action: "fs.move", target: `${ROOT}/docs`, to: `${ROOT}/tests/node_modules`, expected: "GUARDED", why: "it would arrive as packages" },
  { action: "fs.mkdir", target: "/node_modules", expected: "GUARDED", why: "packages are looked for above the main module" },
  { action: "fs.write", target: `${dirname(ROOT)}/package.json`, expected: "GUARDED", why: "Deno looks for it above" },
  { action: "fs.write", target: `${ROOT}/vendor/jsr.io/x.ts`, expected: "GUARDED", why: "Deno takes vendored modules from it" },
  { action: "fs.write", target: `${ROOT}/.npmrc`, expected: "GUARDED", why: "it names the registry" },
  { action: "fs.write", target: `${ROOT}/tsconfig.json`, expected: "GUARDED", why: "Deno reads it beside package.json" },
  { action: "fs.write", target: `${ROOT}/tests/core/isolation/fixtures/node_modules/a/b.js`, expected: "GUARDED", why: "beside the module of a provider" },
  { action: "fs.write", target: `${ROOT}/docs/package.json`, expected: "ALLOWED", why: "not above a module of the kernel" },
  { action: "fs.write", target: `${ROOT}/docs/node_modules/a/b.js`, expected: "ALLOWED", why: "not above a module of the kernel" },
  { action: "fs.write", target: `${ROOT}/node_modules2/a.js`, expected: "ALLOWED", why: "another folder" },
  { action: "fs.read", target: `${ROOT}/src/core/kernel.ts`, expected: "ALLOWED", why: "reading changes nothing" },
  { action: "fs.write", target: `${ROOT}/srcs/a.ts`, expected: "ALLOWED", why: "another folder" },
  { action: "fs.write", target: `${ROOT}/docs/deno.json`, expected: "ALLOWED", why: "not above the main module" },
];

using WS = new Workspace();
const CONTEXT = resolveOptions({
  policy: { capabilities: [{ action: "fs.*", resource: "/**" }] },
  providers: [new FilesystemProvider(), new EchoProvider()],
  logPath: WS.path("kernel.log"),
});

for (const { action, target, to, expected, why } of ROWS) {
  const name = target.replace(ROOT, "…");
  Deno.test(`the kernel's own code: ${action} on ${name} is ${expected}, ${why}`, () => {
    const params = to === undefined ? {} : { to };
    assertEquals(authorize({ action, target, params }, CONTEXT).decision.code, expected);
  });
}
