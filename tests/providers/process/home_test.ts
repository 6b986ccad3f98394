import { assertEquals, assertMatch } from "@std/assert";
import { Programs, testInSandbox } from "./programs.ts";
import { Workspace } from "../../workspace.ts";

testInSandbox(
  "a program in the sandbox has an empty home of its own, and leaves nothing there",
  async () => {
    await using programs = await Programs.open(() => ({}), { sandbox: "required" });
    for (let i = 0; i < 2; i++) {
      const { stdout } = await programs.said('ls -A "$HOME"; echo x > "$HOME/.x" && cat ~/.x');
      assertEquals(stdout, "x\n");
    }
  },
);

testInSandbox(
  "a home that is given is kept; what the policy denies in it stays denied",
  async () => {
    using ws = new Workspace();
    const home = ws.folder("home");
    ws.file("home/.config/a", "a");
    ws.file("home/.ssh/id", "secret");
    ws.file("near", "near");
    await using programs = await Programs.open(
      () => ({ deny: [{ action: "fs.*", resource: `${home}/.ssh/**` }] }),
      { sandbox: "required", home },
    );
    const said = await programs.said(
      'echo "$HOME"; cat ~/.config/a; echo x > ~/.x; cat ~/.ssh/id ~/../near',
    );
    assertEquals(said.stdout, `${home}\na`);
    assertEquals(said.stderr.match(/No such file/g)?.length, 2);
    assertEquals((await programs.said("cat ~/.x")).stdout, "x\n");
    assertEquals(said.hidden, [`${home}/.ssh`]);
  },
);

testInSandbox("a home that is no folder, or a link to one, is refused", async () => {
  using ws = new Workspace();
  ws.folder("real");
  ws.link("link", ws.path("real"));
  for (const name of ["none", "link"]) {
    await using programs = await Programs.open(
      () => ({}),
      { sandbox: "required", home: ws.path(name) },
    );
    const { code, error } = await programs.sh("true");
    assertEquals(code, "NOT_A_FOLDER", name);
    assertMatch(error ?? "", /home of programs/);
  }
});

testInSandbox("HOME of the environment that is given counts", async () => {
  await using programs = await Programs.open(
    () => ({}),
    { sandbox: "required", env: { HOME: "/tmp/other" } },
  );
  assertEquals((await programs.said('echo "$HOME"')).stdout, "/tmp/other\n");
});

testInSandbox("npm runs", async () => {
  await using programs = await Programs.open(() => ({}), {
    sandbox: "required",
    env: { PATH: "/usr/bin:/bin" },
  });
  const { stdout } = await programs.said(
    "command -v npm >/dev/null && npm --version || echo 0.0.0",
  );
  assertMatch(stdout, /^\d+\.\d+\.\d+\n$/);
});

testInSandbox("a result lists what a deny rule hides, and nothing else", async () => {
  await using programs = await Programs.open((ws) => {
    ws.file("w/.git/config", "c");
    ws.file("w/a.key", "k");
    ws.file("w/a.txt", "a");
    ws.file("elsewhere/b.key", "k");
    return {
      allow: [{ action: "fs.read", resource: [ws.path("w"), ws.path("w/**")] }],
      deny: [{
        action: "fs.read",
        resource: [ws.path("w/.git/**"), ws.path("w/**/*.key"), ws.path("elsewhere/**")],
      }],
    };
  }, { sandbox: "required" });
  const at = (name: string) => programs.ws.path(name);
  assertEquals((await programs.said("true")).hidden, [at("w/.git"), at("w/a.key")]);
  await using open = await Programs.open(() => ({}), { sandbox: "required" });
  assertEquals((await open.said("true")).hidden, undefined);
});

testInSandbox("a list of hidden paths does not take the room of the output", async () => {
  await using programs = await Programs.open((ws) => {
    for (let i = 0; i < 50; i++) ws.file(`w/${"x".repeat(50)}${i}.key`);
    return {
      allow: [{ action: "fs.read", resource: ws.path("w/**") }],
      deny: [{ action: "fs.read", resource: ws.path("w/*.key") }],
    };
  }, { sandbox: "required", maxOutputBytes: 4000, stdoutShare: 1 });
  const { stdout, hidden = [], ...said } = await programs.said("yes | head -c 10000");
  assertEquals(stdout.length > 3000, true);
  assertEquals(hidden.length + (said as unknown as { hidden_more: number }).hidden_more, 50);
});
