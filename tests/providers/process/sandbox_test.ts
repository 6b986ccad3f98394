import { assert, assertEquals, assertMatch } from "@std/assert";
import { NO_SANDBOX, Programs, testInSandbox } from "./programs.ts";
import type { Workspace } from "../../workspace.ts";

/** Moves by one call of the system; `mv` would copy. */
function rename(from: string, to: string): string {
  return `/usr/bin/python3 -c 'import os; os.rename("${from}", "${to}")'`;
}

/** A mount cannot be moved, nor out of another one. */
const FIXED = /busy|cross-device|Read-only/;

/** A workspace in which "in" may be read, "out" written, and everything else is nobody's business. */
function tree(ws: Workspace): { allow: object[]; deny: object[] } {
  ws.file("in/a.txt", "inside");
  ws.file("in/deep/b.txt", "deep");
  ws.file("out/old.txt", "old");
  ws.file("secret.txt", "secret");
  ws.link("in/away", ws.path("secret.txt"));
  ws.link("in/up", "..");
  return {
    allow: [
      { action: "fs.read", resource: [ws.path("in"), ws.path("in/**")] },
      { action: "fs.write", resource: ws.path("out/**") },
    ],
    deny: [],
  };
}

testInSandbox("in the sandbox, files are there as the policy has them", async (t) => {
  await using programs = await Programs.open(tree, { sandbox: "required" });
  const { ws } = programs;
  const at = (name: string) => ws.path(name);
  const rows: [script: string, stdout: string, fails: RegExp | undefined][] = [
    [`cat ${at("in/a.txt")}`, "inside", undefined],
    [`cat ${at("in/deep/b.txt")}`, "deep", undefined],
    [`cat ${at("out/old.txt")}`, "old", undefined],
    [`echo new > ${at("out/new.txt")}; cat ${at("out/new.txt")}`, "new\n", undefined],
    [`mkdir ${at("out/d")} && rmdir ${at("out/d")}`, "", undefined],
    [`cat ${at("secret.txt")}`, "", /No such file/],
    [`cat ${at("in/../secret.txt")}`, "", /No such file/],
    [`cat ${at("in/away")}`, "", /No such file/],
    [`cat ${at("in/up/secret.txt")}`, "", /No such file/],
    [`ls ${at("")}`, "in\nout\n", undefined],
    [`ls ${at("log")}`, "", /No such file/],
    [`echo x > ${at("in/a.txt")}`, "", /Read-only/],
    [`echo x > ${at("in/new.txt")}`, "", /Read-only/],
    [`rm ${at("in/a.txt")}`, "", /Read-only/],
    [`chmod 777 ${at("in/a.txt")}`, "", /Read-only/],
    [`ln ${at("in/a.txt")} ${at("out/hard")}`, "", /cross-device/],
    [rename(at("in"), at("elsewhere")), "", FIXED],
    [rename(at("out"), at("elsewhere")), "", FIXED],
    ["cat /etc/passwd", "", /No such file/],
    ["cat /etc/shadow", "", /No such file/],
    ["ls /home", "", /No such file/],
    ["ls /root", "", /No such file/],
    ["ls /var", "", /No such file/],
    ["ls /run", "", /No such file/],
    ["ls /sys", "", /No such file/],
    ["echo x > /usr/bin/x", "", /Read-only/],
    ["echo x > /x", "", /Read-only/],
    ["echo x > /tmp/x && cat /tmp/x", "x\n", undefined],
    ["mount -t tmpfs none /tmp", "", /permi|superuser|denied/],
    [`umount ${at("in")}`, "", /permi|superuser|denied/],
    ["unshare --user --map-root-user true", "", /unshare/],
    ["mknod /tmp/disk b 8 0", "", /permitted/],
    [
      "ls /dev",
      "core\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n",
      undefined,
    ],
    ["hostname", "sandbox\n", undefined],
  ];
  for (const [script, stdout, fails] of rows) {
    await t.step(script.replaceAll(ws.root, ""), async () => {
      const said = await programs.said(script);
      assertEquals(said.stdout, stdout, said.stderr);
      if (fails === undefined) assertEquals([said.returncode, said.stderr], [0, ""]);
      else assertMatch(said.stderr, fails);
      assertEquals(said.sandboxed, true);
    });
  }
  // What is written outside of the policy's folders is gone with the sandbox.
  await programs.sh(`echo x > ${at("new.txt")}`);
  assertEquals(Array.from(Deno.readDirSync(ws.root), ({ name }) => name).sort(), [
    ...["in", "log", "out", "secret.txt"],
  ]);
  assertEquals(Deno.readTextFileSync(at("out/new.txt")), "new\n");
  assertEquals(Deno.readTextFileSync(at("in/a.txt")), "inside");
});

testInSandbox("in the sandbox, nothing of other processes is to be seen", async () => {
  await using programs = await Programs.open(tree, { sandbox: "required", env: { MARK: "1" } });
  const { stdout } = await programs.said("cat /proc/[0-9]*/environ | tr '\\0' '\\n' | sort -u");
  assertEquals(stdout, "HOME=/tmp/home\nMARK=1\nPWD=/\n");
  const seen = await programs.said("echo /proc/[0-9]*");
  assertEquals(seen.stdout, "/proc/1 /proc/2\n");
  const outside = await programs.said(
    `ls /proc/${Deno.pid}/root /proc/1/root/root; cat /proc/1/root/etc/passwd`,
  );
  assertEquals(outside.stdout, "");
  const signal = await programs.said(`kill -0 ${Deno.pid}`);
  assertMatch(signal.stderr, /No such process/);
  const capabilities = await programs.said("grep -c '^Cap.*:.0000000000000000$' /proc/self/status");
  assertEquals(capabilities.stdout, "5\n");
  assertEquals(
    (await programs.said("grep NoNewPrivs /proc/self/status")).stdout,
    "NoNewPrivs:\t1\n",
  );
});

/** Tries to connect and says how that ended. */
const CONNECT = (family: string, address: string) =>
  `/usr/bin/python3 -c 'import socket
s = socket.socket(socket.${family})
try:
  s.connect(${address}); print("connected")
except OSError as e: print(type(e).__name__, e.errno)'`;

testInSandbox(
  "in the sandbox, there is no network of the host unless the provider gives it by name",
  async (t) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const loopback = CONNECT("AF_INET", `("127.0.0.1", ${listener.addr.port})`);
    const metadata = CONNECT("AF_INET", '("169.254.169.254", 80)');
    const http = [{ action: "net.http", resource: "https://example.com/**" }];
    const rows: [string, object[], "policy" | "none" | "host", string, RegExp][] = [
      ["loopback", [], "policy", loopback, /^ConnectionRefusedError/],
      ["another host", [], "policy", metadata, /^OSError 101/],
      ["loopback, with a rule for net.http", http, "policy", loopback, /^Conn.*Refused/],
      ["another host, with a rule for net.http", http, "policy", metadata, /^OSError 101/],
      ["loopback, with such a rule and no network", http, "none", loopback, /^Conn.*Refused/],
      ["loopback, with the network of the host", [], "host", loopback, /^connected/],
    ];
    for (const [name, allow, network, script, expected] of rows) {
      await t.step(name, async () => {
        await using programs = await Programs.open(() => ({ allow }), {
          sandbox: "required",
          network,
        });
        assertMatch((await programs.said(script)).stdout, expected);
        const warned = programs.warnings.filter((line) => line.includes("network: host"));
        assertEquals(warned.length, network === "host" ? 1 : 0);
      });
    }
    listener.close();
  },
);

testInSandbox("in the sandbox, abstract sockets of others are not there", async () => {
  const name = `agent-kernel-${crypto.randomUUID()}`;
  const server = new Deno.Command("python3", {
    args: [
      "-c",
      `import socket,sys
s = socket.socket(socket.AF_UNIX); s.bind("\\0${name}"); s.listen(); print("ready", flush=True); sys.stdin.read()`,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.getReader();
  await reader.read();
  const script = CONNECT("AF_UNIX", `"\\0${name}"`);
  {
    await using programs = await Programs.open(() => ({}), { sandbox: "required" });
    assertMatch((await programs.said(script)).stdout, /^ConnectionRefusedError/);
  }
  {
    await using programs = await Programs.open(() => ({}), { sandbox: "off" });
    assertEquals((await programs.said(script)).stdout, "connected\n");
  }
  await server.stdin.close();
  await reader.cancel();
  await server.status;
});

testInSandbox("in the sandbox, what deny rules name is hidden or fixed", async (t) => {
  await using programs = await Programs.open((ws) => {
    ws.file("w/a.txt", "a");
    ws.file("w/keys/k", "secret");
    ws.file("w/deep/er/server.key", "secret");
    ws.file("w/deep/er/keyboard.txt", "near");
    ws.file("w/fixed/f.txt", "fixed");
    ws.file("w/x/y/fixed.lock", "fixed");
    ws.file("w/single.txt", "secret");
    return {
      allow: [{ action: ["fs.read", "fs.write"], resource: [ws.path("w/**")] }],
      deny: [
        { action: "fs.*", resource: ws.path("w/keys/**") },
        { action: "fs.read", resource: ws.path("w/**/*.key") },
        { action: "fs.read", resource: ws.path("w/single.txt") },
        { action: "fs.write", resource: ws.path("w/fixed/**") },
        { action: "fs.write", resource: ws.path("w/**/*.lock") },
      ],
    };
  }, { sandbox: "required" });
  const at = (name: string) => programs.ws.path("w", name);
  const rows: [string, string, RegExp | undefined][] = [
    [`cat ${at("a.txt")}`, "a", undefined],
    [`cat ${at("deep/er/keyboard.txt")}`, "near", undefined],
    [`ls ${at("keys")}`, "", undefined],
    [`cat ${at("keys/k")}`, "", /No such file/],
    [`echo x > ${at("keys/new")}`, "", /Read-only/],
    [`cat ${at("deep/er/server.key")}`, "", /denied/],
    [`cat ${at("single.txt")}`, "", /denied/],
    [`cat ${at("fixed/f.txt")}`, "fixed", undefined],
    [`echo x > ${at("fixed/f.txt")}`, "", /Read-only/],
    [`rm -f ${at("fixed/f.txt")}`, "", /Read-only/],
    [`cat ${at("x/y/fixed.lock")}`, "fixed", undefined],
    [`echo x > ${at("x/y/fixed.lock")}`, "", /Read-only/],
    [`rm -f ${at("x/y/fixed.lock")}`, "", /busy/],
    // What is denied by its path must not come to another one.
    [rename(at("x"), at("z")), "", FIXED],
    [rename(at("deep/er"), at("er")), "", FIXED],
    [rename(at("deep/er"), at("deep/est")), "", FIXED],
    [rename(at("deep"), at("shallow")), "", FIXED],
    [rename(at("keys"), at("locks")), "", FIXED],
    [rename(at("single.txt"), at("double.txt")), "", FIXED],
    [`ln ${at("single.txt")} ${at("double.txt")}`, "", /cross-device/],
    [`ln ${at("deep/er/server.key")} ${at("double.txt")}`, "", /cross-device/],
    [`mv ${at("a.txt")} ${at("b.txt")} && cat ${at("b.txt")}`, "a", undefined],
  ];
  for (const [script, stdout, fails] of rows) {
    await t.step(script.replaceAll(programs.ws.root, ""), async () => {
      const said = await programs.said(script);
      assertEquals(said.stdout, stdout, said.stderr);
      if (fails === undefined) assertEquals([said.returncode, said.stderr], [0, ""]);
      else assertMatch(said.stderr, fails);
    });
  }
  assertEquals(Deno.readTextFileSync(at("deep/er/server.key")), "secret");
  assertEquals(Deno.readTextFileSync(at("x/y/fixed.lock")), "fixed");
});

testInSandbox("in the sandbox, patterns show what they match and nothing else", async () => {
  await using programs = await Programs.open((ws) => {
    ws.file("w/a.csv", "a");
    ws.file("w/b.txt", "b");
    ws.file("w/deep/c.csv", "c");
    ws.file("w/deep/d.csv", "d");
    ws.link("w/link.csv", ws.path("w/b.txt"));
    return {
      allow: [
        { action: "fs.read", resource: ws.path("w/*.csv") },
        { action: "fs.write", resource: ws.path("w/**/d.csv") },
      ],
      deny: [],
    };
  }, { sandbox: "required" });
  const at = (name: string) => programs.ws.path("w", name);
  const found = await programs.said(`cd ${at("")} && find . -type f | sort`);
  assertEquals(found.stdout, "./a.csv\n./deep/d.csv\n");
  assertEquals((await programs.said(`cat ${at("a.csv")}`)).stdout, "a");
  await programs.said(`echo new > ${at("deep/d.csv")}`);
  assertEquals(Deno.readTextFileSync(at("deep/d.csv")), "new\n");
});

testInSandbox(
  "in the sandbox, a pattern that denies also holds for a file that is allowed by name",
  async () => {
    await using programs = await Programs.open((ws) => {
      for (const name of ["a.csv", "b.txt", "sub/c", "d/e"]) ws.file(`w/${name}`, name);
      return {
        allow: [{
          action: "fs.read",
          resource: ["a.csv", "b.txt", "sub/**", "d/**"].map((name) => ws.path("w", name)),
        }],
        deny: [{ action: "fs.read", resource: [ws.path("w/*.csv"), ws.path("w/s*")] }],
      };
    }, { sandbox: "required" });
    const { stdout } = await programs.said(`cd ${programs.ws.path("w")} && find . -type f | sort`);
    assertEquals(stdout, "./b.txt\n./d/e\n");
  },
);

testInSandbox("in the sandbox, a program has none of the kernel's files open", async () => {
  await using programs = await Programs.open(tree, { sandbox: "required" });
  const { stdout } = await programs.said("readlink /proc/$$/fd/*; echo end");
  assertMatch(stdout, /^\/dev\/null\npipe:(.|\n)*end\n$/);
  assertEquals(stdout.split("\n").filter((path) => path.startsWith(programs.ws.root)), []);
});

testInSandbox("a pattern over more files than the bound fails and says what to do", async () => {
  await using programs = await Programs.open((ws) => {
    for (let i = 0; i < 20; i++) ws.file(`w/${i}.csv`);
    return { allow: [{ action: "fs.read", resource: ws.path("w/*.csv") }] };
  }, { sandbox: "required", maxEntries: 19 });
  const { status, code, error } = await programs.sh("true");
  assertEquals([status, code], ["ERROR", "SANDBOX_TOO_LARGE"]);
  assertMatch(error ?? "", /more than 19 files.*name whole folders/);
});

testInSandbox("whole folders are no matter of that bound", async () => {
  await using programs = await Programs.open((ws) => {
    for (let i = 0; i < 20; i++) ws.file(`w/${i}.csv`);
    return { allow: [{ action: "fs.read", resource: ws.path("w/**") }] };
  }, { sandbox: "required", maxEntries: 0 });
  assertEquals((await programs.said(`ls ${programs.ws.path("w")} | wc -l`)).stdout, "20\n");
});

testInSandbox(
  "a rule with a constraint gives no mount, and a denial with one takes all",
  async () => {
    await using programs = await Programs.open((ws) => {
      ws.file("limited/a", "a");
      ws.file("free/a.txt", "a");
      ws.file("free/b", "b");
      return {
        allow: [
          {
            action: "fs.read",
            resource: ws.path("limited/**"),
            constraint: { max_bytes: { max: 1 } },
          },
          { action: "fs.read", resource: ws.path("free/**") },
        ],
        deny: [{
          action: "fs.read",
          resource: ws.path("free/**/*.txt"),
          constraint: { max_bytes: { min: 1 } },
        }],
      };
    }, { sandbox: "required" });
    assertEquals((await programs.said(`ls ${programs.ws.root}`)).stdout, "");
  },
);

testInSandbox(
  "the kernel's own files and their neighbours cannot be made or changed",
  async (t) => {
    await using programs = await Programs.open((ws) => {
      ws.file("w/sub/a", "a");
      return {
        allow: [{
          action: ["fs.read", "fs.write"],
          resource: [ws.path("w/**"), ws.path("log/**")],
        }],
      };
    }, { sandbox: "required" });
    const { ws } = programs;
    for (const name of ["kernel.log", "kernel.log.journal.new", "kernel.log.segments", "other"]) {
      await t.step(name, async () => {
        assertMatch((await programs.said(`echo x >> ${ws.path("log", name)}`)).stderr, /Read-only/);
      });
    }
    assertMatch(
      (await programs.said(rename(ws.path("log"), ws.path("w/log")))).stderr,
      FIXED,
    );
    assertEquals((await programs.said(`echo b > ${ws.path("w/sub/b")}`)).stderr, "");
    const notes = programs.warnings.filter((line) => line.includes("file of the kernel's own"));
    assertEquals(notes.length, 1);
    assertMatch(notes[0] ?? "", /provider "process": programs cannot change ".*\/log"/);
  },
);

testInSandbox("a folder of the kernel's own files is kept in its place", async () => {
  await using programs = await Programs.open(
    (ws) => {
      ws.folder("a/b");
      return { allow: [{ action: ["fs.read", "fs.write"], resource: ws.path("**") }] };
    },
    { sandbox: "required" },
    (ws) => ({ logPath: ws.path("a/b/kernel.log") }),
  );
  const at = (name: string) => programs.ws.path(name);
  for (const name of ["a", "a/b"]) {
    assertMatch((await programs.said(rename(at(name), at("c")))).stderr, FIXED, name);
  }
  assertEquals((await programs.said(`echo x > ${at("a/x")}`)).stderr, "");
});

testInSandbox("a link in the policy leads where it led when the policy was loaded", async () => {
  await using programs = await Programs.open((ws) => {
    ws.file("real/a", "real");
    ws.file("other/a", "other");
    ws.link("link", ws.path("real"));
    // A link in a checkout is not followed, so that its goal has to be named.
    return { allow: [{ action: "fs.read", resource: [ws.path("link/**"), ws.path("real/**")] }] };
  }, { sandbox: "required" });
  const { ws } = programs;
  assertEquals((await programs.said(`cat ${ws.path("link/a")}`)).stdout, "real");
  Deno.removeSync(ws.path("link"));
  ws.link("link", ws.path("other"));
  assertEquals((await programs.said(`cat ${ws.path("link/a")}`)).stdout, "");
  Deno.renameSync(ws.path("real"), ws.path("gone"));
  ws.link("real", ws.path("other"));
  assertEquals((await programs.said(`cat ${ws.path("real/a")}`)).stdout, "");
});

testInSandbox("a denial inside of a system path is refused rather than ignored", async () => {
  await using programs = await Programs.open(() => ({
    allow: [{ action: "fs.read", resource: "/usr/**" }],
    deny: [{ action: "fs.read", resource: "/usr/share/**" }],
  }), { sandbox: "required" });
  const { code, error } = await programs.sh("true");
  assertEquals(code, "SANDBOX_CONFLICT");
  assertMatch(error ?? "", /"\/usr" is one of the provider's systemPaths/);
});

testInSandbox("a denial above of system paths leaves them", async () => {
  await using programs = await Programs.open(() => ({
    deny: [{ action: "fs.*", resource: "/**" }],
  }), { sandbox: "required" });
  assertEquals((await programs.said("echo here; ls /etc")).stdout.startsWith("here\n"), true);
});

Deno.test("without bubblewrap, auto says so once and goes on, required refuses", async () => {
  {
    await using programs = await Programs.open(() => ({}), { bubblewrap: "/usr/bin/timeout" });
    assertEquals((await programs.said("echo a")).sandboxed, false);
    assertEquals((await programs.said("echo b")).sandboxed, false);
    const lines = programs.warnings.filter((line) => line.includes("sandbox"));
    assertEquals(lines.length, 1);
    assertMatch(
      lines[0] ?? "",
      /provider "process": no sandbox, .*\/usr\/bin\/timeout does not work/,
    );
  }
  await using programs = await Programs.open(() => ({}), {
    bubblewrap: "/usr/bin/timeout",
    sandbox: "required",
  });
  const { status, code, error } = await programs.sh("echo a");
  assertEquals([status, code], ["ERROR", "SANDBOX_UNAVAILABLE"]);
  assertMatch(error ?? "", /\/usr\/bin\/timeout does not work/);
});

Deno.test("auto uses the sandbox where there is one", async () => {
  await using programs = await Programs.open(() => ({}));
  assertEquals((await programs.said("echo a")).sandboxed, NO_SANDBOX === undefined);
  assert(NO_SANDBOX !== undefined || !programs.warnings.some((line) => line.includes("sandbox")));
});

/** What a program tries on a protected file and on a protected folder, and what is refused. */
const TAKEN_AWAY = [
  ["mv kept.txt out.txt", /busy/],
  ["rm -f kept.txt", /busy/],
  ["echo x > kept.txt", /Read-only|denied/],
  ["truncate -s 0 kept.txt", /Read-only|denied/],
  ["ln kept.txt hard.txt", /cross-device|denied/],
  ["mv new.txt kept.txt", /busy/],
  ["mv folder other", /busy/],
  ["rm -rf folder", /busy|Read-only/],
  ["mv folder/inner.txt out.txt", /Read-only|No such file|cross-device/],
  ["echo x > folder/new.txt", /Read-only|denied/],
] as const;
/** By the action that a deny rule names: what a program may still do with both. */
const DENIED_ACTIONS = [
  ["fs.read", false],
  ["fs.write", true],
  ["fs.delete", true],
  ["fs.move", true],
] as const;
for (const [action, isReadable] of DENIED_ACTIONS) {
  testInSandbox(
    `in the sandbox, what may not be taken by ${action} stays where it is, whole`,
    async (t) => {
      await using programs = await Programs.open((ws) => {
        ws.file("work/kept.txt", "kept");
        ws.file("work/new.txt", "new");
        ws.file("work/folder/inner.txt", "inner");
        const all = [ws.path("work"), ws.path("work/**")];
        return {
          allow: [{
            action: ["fs.read", "fs.list", "fs.write", "fs.delete", "fs.move"],
            resource: all,
          }],
          deny: [{ action, resource: [ws.path("work/kept.txt"), ws.path("work/folder/**")] }],
        };
      }, { sandbox: "required" });
      const { ws } = programs;
      const work = ws.path("work");
      for (const [script, fails] of TAKEN_AWAY) {
        await t.step(script, async () => {
          const { returncode, stderr } = await programs.said(`cd ${work} && ${script}`);
          assert(returncode !== 0);
          assertMatch(stderr, fails);
          assertEquals(Deno.readTextFileSync(`${work}/kept.txt`), "kept");
          assertEquals(Deno.readTextFileSync(`${work}/folder/inner.txt`), "inner");
        });
      }
      const { stdout } = await programs.said(`cat ${work}/kept.txt ${work}/folder/inner.txt`);
      assertEquals(stdout, isReadable ? "keptinner" : "");
    },
  );
}

for (
  const [what, more] of [["approval", { approval: "required" }], ["limits", {
    limits: { calls: "9/day" },
  }]] as const
) {
  testInSandbox(
    `in the sandbox, a rule with ${what} gives nothing: nobody would ask, or count`,
    async () => {
      await using programs = await Programs.open((ws) => {
        ws.file("site/a.txt", "site");
        ws.file("work/b.txt", "work");
        return {
          allow: [
            {
              id: "site",
              action: ["fs.read", "fs.write"],
              resource: [ws.path("site"), ws.path("site/**")],
              ...more,
            },
            { action: "fs.*", resource: [ws.path("work"), ws.path("work/**")] },
          ],
        };
      }, { sandbox: "required" });
      const { ws } = programs;
      const { stdout } = await programs.said(
        `cat ${ws.path("site/a.txt")}; echo evil > ${ws.path("site/a.txt")}; cat ${
          ws.path("work/b.txt")
        }`,
      );
      assertEquals(stdout, "work");
      assertEquals(Deno.readTextFileSync(ws.path("site/a.txt")), "site");
    },
  );
}
