/**
 * What patterns match: segments, not characters.
 *
 *     deno run -P=examples examples/02_policy/glob_patterns.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;
const logPath = `${root}/kernel.log`;
/** In the rows, /w stands for a folder of the workspace. */
const real = (text: string) => text.replace(/^\/w/, `${root}/w`);

const rows: [action: string, pattern: string, targets: string[]][] = [
  ["fs.read", "/w/*.txt", ["/w/a.txt", "/w/sub/a.txt", "/w/a.txt.exe"]],
  ["fs.read", "/w/**", [
    "/w/a.txt",
    "/w/sub/deep/a.txt",
    "/w",
    "/w-evil/a.txt",
    "/w/../etc/passwd",
  ]],
  ["fs.read", "/w/**/*.{md,txt}", ["/w/a.md", "/w/x/y/a.txt", "/w/a.pdf"]],
  ["fs.read", "/w/report-[0-9][0-9].csv", ["/w/report-07.csv", "/w/report-7.csv"]],
  ["net.http", "https://*.example.com/v1/**", [
    "https://api.example.com/v1/items",
    "https://a.b.example.com/v1/items",
    "https://example.com/v1/items",
    "https://api.example.com.evil.test/v1/items",
    "https://API.EXAMPLE.COM:443/v1/./items",
    "https://api.example.com/v1/%2e%2e/admin",
  ]],
  ["mcp.call", "files/read_*", ["files/read_text", "files/write_text", "other/read_text"]],
];

for (const [action, pattern, targets] of rows) {
  console.log(`${action} ${pattern}`);
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action, resource: real(pattern) }] },
    logPath,
  });
  for (const target of targets) {
    const { code } = await kernel.submit({ action, target: real(target) });
    // Nothing here has a provider: what is allowed ends as NO_PROVIDER.
    console.log(`  ${code === "NO_PROVIDER" ? "matches " : "does not"}  ${target}`);
  }
}
