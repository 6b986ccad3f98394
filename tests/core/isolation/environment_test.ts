import { assertEquals } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { Provider, type ProviderOptions } from "@agent-kernel/kernel/provider";
import { Workspace } from "../../workspace.ts";
import { HostileProvider } from "./fixtures/hostile_provider.ts";

/** The same provider in the process: it tells what it is told, or warns. */
function inProcess(options: Partial<ProviderOptions>): Provider {
  return new Provider({
    name: "hostile",
    isolation: "none",
    actions: { "hostile.do": { kind: "name" } },
    execute({ params }, { files, network, warn }) {
      if (params.attempt === "environment") return { files, network };
      const [times, line] = JSON.parse(String(params.argument));
      for (let i = 0; i < times; i++) warn(line.replace("#", String(i)));
      return null;
    },
    ...options,
  });
}

const PROVIDERS = [
  { place: "a Worker", make: () => new HostileProvider() as Provider },
  { place: "the process", make: () => inProcess({}) },
];

/** Has a provider make an attempt. */
async function attempt(provider: Provider, name: string, argument: unknown, allow: object[] = []) {
  using ws = new Workspace();
  const warnings: string[] = [];
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "hostile.do", resource: "x" }, ...allow] },
    providers: [provider],
    logPath: ws.path("kernel.log"),
    onWarning: (line) => warnings.push(line),
  });
  const { data, error } = await kernel.submit({
    action: "hostile.do",
    target: "x",
    params: { attempt: name, argument: JSON.stringify(argument) },
  });
  return { data, error, warnings: warnings.filter((line) => line.includes('"hostile": ')) };
}

for (const { place, make } of PROVIDERS) {
  Deno.test(`a provider in ${place} is told what the policy says of files and of the network`, async () => {
    const { data, error } = await attempt(make(), "environment", "", [
      { action: "net.http", resource: "http://example.com/" },
    ]);
    assertEquals(error, undefined);
    const { files, network } = data as { files: { denied: { path: string }[] }; network: boolean };
    assertEquals([Object.keys(files).sort(), network], [["denied", "readable", "writable"], true]);
    assertEquals(files.denied[0]?.path.endsWith("/kernel.log"), true);
  });

  Deno.test(`a warning of a provider in ${place} reaches the operator once, on one line, cut`, async () => {
    const { warnings } = await attempt(make(), "warn", [3, "a\nb\u202e" + "x".repeat(600)]);
    assertEquals(warnings.length, 1);
    assertEquals(warnings[0], `agent-kernel: provider "hostile": a b ${"x".repeat(496)}`);
  });

  Deno.test(`a provider in ${place} cannot flood the operator`, async () => {
    assertEquals((await attempt(make(), "warn", [1000, "line #"])).warnings.length, 20);
  });
}
