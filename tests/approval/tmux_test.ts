/** What a person sees: hostile questions in a real terminal, compared with what would be done. */
import { assert, assertEquals } from "@std/assert";
import { nextTurn } from "../turn.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { HOSTILE } from "./hostile_texts.ts";

function tmux(socket: string, ...args: string[]): string {
  const { code, stdout, stderr } = new Deno.Command("/usr/bin/tmux", {
    args: ["-S", socket, "-f", "/dev/null", ...args],
    env: { LC_ALL: "C.UTF-8", TERM: "xterm-256color" },
  }).outputSync();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const HAS_TMUX = (() => {
  try {
    return new Deno.Command("/usr/bin/tmux", { args: ["-V"] }).outputSync().success;
  } catch {
    return false;
  }
})();

/** The lines of a terminal of so many columns, from its beginning. */
async function screen(ws: Workspace, columns: number): Promise<string[]> {
  const socket = ws.path("tmux");
  const script = `${ROOT}/tests/approval/show_hostile.ts`;
  const command = `deno run -q --no-prompt --allow-read=${ROOT} ${script} ${columns}; cat`;
  // Before the session, so that its history is as long.
  tmux(socket, "start-server", ";", "set-option", "-g", "history-limit", "50000", ";", ...[
    "new-session",
    "-d",
    "-x",
    String(columns),
    "-y",
    "50",
    "-c",
    ROOT,
    command,
  ]);
  try {
    for (;;) {
      const lines = tmux(socket, "capture-pane", "-p", "-S", "-", "-t", "0").split("\n");
      if (lines.some((line) => line.startsWith("MARK end"))) return lines;
      await nextTurn();
    }
  } finally {
    tmux(socket, "kill-server");
  }
}

/** A line of a question and its pieces behind the margin, as one. */
function joined(lines: readonly string[], begin: string): string {
  const at = lines.findIndex((line) => line.startsWith(begin));
  let text = lines[at] ?? "";
  for (const line of lines.slice(at + 1)) {
    if (!line.startsWith("       > ")) break;
    text += line.slice(9);
  }
  return text.slice(begin.length);
}

for (const columns of [80, 132]) {
  Deno.test({
    name:
      `in a terminal of ${columns} columns, what is shown of each hostile question is what would be done`,
    // Where there is no tmux, nobody can look: the test of the lines themselves stands.
    ignore: !HAS_TMUX,
    async fn() {
      using ws = new Workspace();
      const lines = await screen(ws, columns);
      for (const [i, text] of HOSTILE.entries()) {
        const from = lines.indexOf(`MARK ${i}`);
        assert(from !== -1, `text ${i} moved the cursor, or took a line away`);
        const end = lines.findIndex((line, n) => n > from && line.startsWith("MARK "));
        const own = lines.slice(from + 1, end);
        const what = JSON.stringify(text).slice(0, 50);
        // Each line begins as one of ours, and each of ours is there once.
        for (const line of own) {
          assert(
            /^(id|action|target|param|agent|rule|asked|digest|note|change)( |$)| {2}\| | {7}> /
              .test(line),
            `${what}: ${line}`,
          );
        }
        for (const name of ["id", "action", "target", "agent", "rule", "digest"]) {
          assertEquals(own.filter((line) => line.startsWith(`${name} `)).length, 1, what);
        }
        // A terminal drops spaces at the end of a line: quotes keep those of a text.
        const shown = JSON.parse(joined(own, "target   "));
        assertEquals(shown.replaceAll(" ", ""), text.replaceAll(" ", ""), what);
        assertEquals(JSON.parse(joined(own, "action   ")), "fs.write");
      }
    },
  });
}
