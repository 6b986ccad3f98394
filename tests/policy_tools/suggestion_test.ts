import { assertEquals } from "@std/assert";
import { suggestionFor } from "../../src/policy_tools/suggestion.ts";

// deno-fmt-ignore -- a row is a line
const ROWS: readonly (readonly [path: string, mark: string | undefined])[] = [
  ["/w/.env", "SECRET"],
  ["/w/.ssh/config", "SECRET"],
  ["/w/my-credentials/x", "SECRET"],
  ["/w/AGENTS.md", "SETTINGS"],
  ["/w/CLAUDE.md", "SETTINGS"],
  ["/w/.windsurf/rules", "SETTINGS"],
  ["/w/sub/policy.yaml", "SETTINGS"],
  ["/w/.git/hooks/x", "SETTINGS"],
  ["/w/package.json", "SETTINGS"],
  ["/etc/passwd", "SECRET"],
  ["/w/src/main.ts", undefined],
  ["/w/keyboard.txt", undefined],
];
for (const [path, mark] of ROWS) {
  Deno.test(`suggestionFor() marks ${path} as ${mark ?? "nothing special"}`, () => {
    const suggestion = suggestionFor({
      ...{ action: "fs.write", target: path, params: {}, code: "NO_RULE", isRedacted: false },
    });
    const risks = "risks" in suggestion ? suggestion.risks : [];
    const found = risks.map((risk) => risk.split(":")[0] ?? "").filter((risk) =>
      /^[A-Z]+$/.test(risk)
    );
    assertEquals(found[0], mark);
  });
}
