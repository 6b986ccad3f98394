/** Units as their service managers read them. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type UnitOptions, UNITS } from "../../src/server/unit.ts";
import { Workspace } from "../workspace.ts";

const SYSTEMD_ANALYZE = "/usr/bin/systemd-analyze";

/** Words that each format has to escape. */
const WORDS = ['a "b"', "c\\d", "50%", "$HOME", "<e>&f", "g;h", "'i'", "ü", "--j=k l"];

const OPTIONS = (ws: Workspace): UnitOptions => ({
  command: ["/bin/echo", ...WORDS],
  folder: ws.folder("a folder of 5%"),
  searchPath: "/usr/bin:/bin",
});

async function output(program: string, args: readonly string[]) {
  const { stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  const text = new TextDecoder();
  return { stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test({
  name: "systemd has nothing to say against the unit, whatever words the command has",
  ignore: !isThere(SYSTEMD_ANALYZE), // Systems without systemd.
  async fn() {
    using ws = new Workspace();
    const unit = UNITS["systemd"]?.(OPTIONS(ws)) ?? "";
    const verify = async (text: string) => {
      const path = ws.file("agent-kernel.service", text);
      return (await output(SYSTEMD_ANALYZE, ["verify", "--man=no", path])).stderr;
    };
    assertEquals(await verify(unit), "");
    // What it does say of a wrong one.
    assertStringIncludes(await verify(unit.replace("UMask=", "Umask_=")), "Unknown key");
    assertStringIncludes(await verify(unit.replace("/bin/echo", "/bin/none")), "not executable");
  },
});

Deno.test("the property list of launchd has the words as they are", async () => {
  using ws = new Workspace();
  const options = OPTIONS(ws);
  const path = ws.file("unit.plist", UNITS["launchd"]?.(options) ?? "");
  const read =
    "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
  const { stdout, stderr } = await output("python3", ["-c", read, path]);
  const { ProgramArguments, WorkingDirectory, KeepAlive, Umask } = JSON.parse(stdout || stderr);
  assertEquals([ProgramArguments, WorkingDirectory], [options.command, options.folder]);
  assertEquals([KeepAlive, Umask], [{ SuccessfulExit: false }, 0o077]);
});

for (const [manager, unit] of Object.entries(UNITS)) {
  Deno.test(`${manager}: a word with a line break, which could be a line of its own, is refused`, () => {
    using ws = new Workspace();
    const command = ["/bin/echo", "a\nExecStartPre=/bin/evil"];
    assertThrows(() => unit({ ...OPTIONS(ws), command }), RangeError, "control character");
    assertThrows(() => unit({ ...OPTIONS(ws), folder: "/a\nb" }), RangeError);
  });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
