/**
 * The inside of a sandbox as a program sees it, pinned: as root, and as a user.
 */
import { assertEquals } from "@std/assert";
import { findSandbox, inSandbox, type Sandbox } from "../../../providers/process/sandbox.ts";
import { withinLimits } from "../../../providers/process/limits.ts";
import { NO_SANDBOX, Programs, testInSandbox } from "./programs.ts";

const LOOK = String.raw`
import ctypes, errno, json, os, resource, socket, stat
libc = ctypes.CDLL(None, use_errno=True)
def call(nr, *args):
  return "ok" if libc.syscall(nr, *args) >= 0 else errno.errorcode[ctypes.get_errno()]
def attempt(action):
  try: action(); return "ok"
  except OSError as e: return errno.errorcode[e.errno]
def opens(path, flags):
  try: os.close(os.open(path, flags | os.O_NONBLOCK)); return True
  except OSError: return False
def files(top):
  found = []
  for folder, names, others in os.walk(top):
    if top == "/proc" and folder == top: names[:] = [n for n in names if not n.isdigit() and n not in ("self", "thread-self")]
    found += [os.path.join(folder, n) for n in others]
    if os.access(folder, os.W_OK): found.append(folder + "/")
  return found
def writable(top):
  return sorted(p for p in files(top) if not p.startswith("/dev/std") and (p.endswith("/") or opens(p, os.O_WRONLY)))
status = dict(l.split(":\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\t" in l)
nrs = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
nr = lambda *both: both[nrs]
mounts = sorted((m[4], m[5].split(",")[0]) for m in (l.split() for l in open("/proc/self/mountinfo")))
print(json.dumps({
  "mounts": ["%s %s" % m for m in mounts if not m[0].startswith(("/proc/", "/usr", "/bin", "/sbin", "/lib"))],
  "writable": [p for top in ("/proc", "/sys", "/dev") for p in writable(top)],
  "own": sorted(n for n in os.listdir("/proc/self") if opens("/proc/self/" + n, os.O_WRONLY)),
  "machine": sorted(n for n in os.listdir("/proc") if n in ${
  JSON.stringify(["kcore", "keys", "kmsg", "kallsyms", "timer_list", "kpageflags", "slabinfo"])
} and opens("/proc/" + n, os.O_RDONLY)),
  "machine folders": sorted(n for t in ("acpi", "bus", "fs", "irq", "scsi") if os.path.isdir("/proc/" + t) for n in os.listdir("/proc/" + t)),
  "root": sorted(os.listdir("/")),
  "keyrings": [call(nr(250, 219), 0, -3, 0), call(nr(248, 217), b"user", b"k", b"v", 1, -3), call(nr(249, 218), b"user", b"k", None, 0)],
  "io_uring": call(425, 1, None),
  "userfaultfd": call(nr(323, 282), 1),
  "namespaces": [call(nr(272, 97), f) for f in (0x10000000, 0x40000000, 0x20000)],
  "mount": call(nr(165, 40), b"none", b"/tmp", b"tmpfs", 0, None),
  "TIOCSTI": attempt(lambda: __import__("fcntl").ioctl(0, 0x5412, b"x")),
  "set-uid": [attempt(a) for a in (
    lambda: os.close(os.open("/tmp/a", os.O_CREAT | os.O_WRONLY, 0o644)),
    lambda: os.chmod("/tmp/a", 0o4755),
    lambda: os.chmod("/tmp/a", 0o2755),
    lambda: os.close(os.open("/tmp/b", os.O_CREAT | os.O_WRONLY, 0o4755)),
    lambda: os.mknod("/tmp/c", stat.S_IFREG | 0o4755),
    lambda: os.chmod("/tmp/a", 0o1755))],
  "capabilities": [status[n] for n in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
  "seccomp": [status["NoNewPrivs"], status["Seccomp"]],
  "sockets": sorted(f for f in range(64) if any(
    attempt(lambda: socket.socket(f, t).close()) != "EPERM" for t in (1, 2, 3, 5))),
  "interfaces": [n for _, n in socket.if_nameindex()],
  "limits": [resource.getrlimit(getattr(resource, "RLIMIT_" + n)) for n in ("AS", "FSIZE", "CPU", "NOFILE", "NPROC")],
  "devices": sorted({attempt(a) for n in ("full", "null", "random", "tty", "urandom", "zero") for a in (
    lambda: os.chmod("/dev/" + n, 0o666), lambda: os.chown("/dev/" + n, os.getuid(), os.getgid()),
    lambda: os.utime("/dev/" + n, (1, 1)), lambda: os.setxattr("/dev/" + n, "user.a", b""),
    lambda: os.setxattr("/dev/" + n, "system.posix_acl_access", b"\2\0\0\0"))}),
  "devices in use": [attempt(a) for a in (
    lambda: os.write(os.open("/dev/null", os.O_WRONLY), b"x"),
    lambda: os.write(os.open("/dev/full", os.O_WRONLY), b"x"),
    lambda: os.read(os.open("/dev/urandom", os.O_RDONLY), 1),
    lambda: [os.close(fd) for fd in os.openpty()])],
  "session": os.getsid(0) > 0 and attempt(lambda: os.close(os.open("/dev/tty", os.O_RDWR))),
}))`;

/** Only root may become another user. */
const IS_ROOT = await (async () => {
  const args = ["--reuid=65534", "--clear-groups", "/usr/bin/true"];
  try {
    return (await new Deno.Command("/usr/bin/setpriv", { args, stderr: "null" }).output()).success;
  } catch {
    return false; // There is no setpriv.
  }
})();

const NO_CAPABILITIES = Array(5).fill("0000000000000000");

/** The pin. Red: decide whether a program should see that, then change pin and CHANGELOG together. */
const INSIDE = {
  mounts: [
    ...["/ ro", "/dev ro", "/dev/full ro", "/dev/null ro", "/dev/pts rw", "/dev/random ro"],
    ...["/dev/shm rw", "/dev/tty ro", "/dev/urandom ro", "/dev/zero ro"],
    ...["/etc/alternatives ro", "/etc/ld.so.cache ro", "/proc ro", "/tmp rw"],
  ],
  writable: [
    ...["/dev/full", "/dev/null", "/dev/ptmx", "/dev/pts/", "/dev/pts/ptmx"],
    ...["/dev/random", "/dev/shm/", "/dev/urandom", "/dev/zero"],
  ],
  own: [],
  machine: [],
  "machine folders": [],
  root: ["bin", "dev", "etc", "lib", "lib64", "proc", "sbin", "tmp", "usr"],
  keyrings: ["EPERM", "EPERM", "EPERM"],
  io_uring: "EPERM",
  userfaultfd: "EPERM",
  namespaces: ["EPERM", "EPERM", "EPERM"],
  mount: "EPERM",
  TIOCSTI: "EPERM",
  "set-uid": ["ok", "EPERM", "EPERM", "EPERM", "EPERM", "ok"],
  capabilities: NO_CAPABILITIES,
  seccomp: ["1", "2"],
  // AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
  sockets: [1, 2, 10, 16],
  interfaces: ["lo"],
  limits: [
    [4_000_000_000, 4_000_000_000],
    [1_000_000, 1_000_000],
    [20, 20],
    [64, 64],
    [50, 50],
  ],
  devices: ["EROFS"],
  "devices in use": ["ok", "ENOSPC", "ok", "ok"],
  session: "ENXIO",
};

/** A user who does not own the machine's devices cannot change them in the first place. */
const AS_USER = {
  ...INSIDE,
  mounts: INSIDE.mounts.map((one) =>
    one.replace(/^(\/dev\/(full|null|random|tty|urandom|zero)) ro$/, "$1 rw")
  ),
  devices: ["EPERM"],
};

const PYTHON = Deno.realPathSync("/usr/bin/python3");
const LIMITS = {
  memory: 4_000_000_000,
  fileSize: 1_000_000,
  cpuSeconds: 20,
  openFiles: 64,
  processes: 50,
};

/** What a program in the sandbox sees, started with these words in front. */
async function look(sandbox: Sandbox, ...before: readonly string[]): Promise<unknown> {
  const { executable, args, env } = inSandbox(sandbox, {
    command: withinLimits([PYTHON, "-c", LOOK], { path: "/usr/bin/prlimit", limits: LIMITS }),
    tools: [PYTHON],
    env: {},
    cwd: "/",
    mounts: {
      ...{ modes: new Map(SYSTEM.map((path) => [path, "ro" as const])), links: new Map() },
      ...{ notes: [], hidden: [], inChangeable: [] },
    },
    systemPaths: SYSTEM,
    network: false,
  });
  const [first = executable, ...rest] = [...before, executable, ...args];
  const { stdout, stderr } = await new Deno.Command(first, {
    args: rest,
    env: { ...env },
    clearEnv: true,
    cwd: "/",
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"];

testInSandbox("the inside of a sandbox, as its own user sees it", async () => {
  const sandbox = await findSandbox("/usr/bin/bwrap") as Sandbox;
  assertEquals(await look(sandbox), IS_ROOT ? INSIDE : AS_USER);
});

const NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

Deno.test({
  name: `the inside of a sandbox, as another user than root sees it${
    IS_ROOT ? "" : " (not run: only root can become one)"
  }`,
  ignore: !IS_ROOT || NO_SANDBOX !== undefined,
  async fn() {
    const sandbox = await findSandbox("/usr/bin/bwrap") as Sandbox;
    assertEquals(await look(sandbox, ...NOBODY), AS_USER);
  },
});

testInSandbox(
  "in a sandbox that shows all files, /proc, /sys and /dev are its own too",
  async () => {
    await using programs = await Programs.open(() => ({
      allow: [{ action: ["fs.read", "fs.write"], resource: "/**" }],
    }), { sandbox: "required" });
    for (
      const path of [
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/sys/kernel/uevent_helper",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/dev/kmsg",
      ]
    ) {
      const { stdout } = await programs.said(
        `(: >>${path}) 2>/dev/null && echo written || echo kept`,
      );
      assertEquals(stdout, "kept\n", path);
    }
    assertEquals((await programs.said("ls -A /sys")).stdout, "");
  },
);

testInSandbox(
  "a program leaves no set-uid file behind in a folder that it may change",
  async () => {
    await using programs = await Programs.open((ws) => {
      ws.folder("out");
      return { allow: [{ action: "fs.write", resource: ws.path("out/**") }] };
    }, { sandbox: "required" });
    const out = programs.ws.path("out");
    const { stderr } = await programs.said(
      `cd ${out}; cp /usr/bin/true a; chmod u+s a; chmod g+s a; chmod 755 a; install -m 4755 a b; /usr/bin/python3 -c '
import os
os.umask(0)
for make in (lambda: os.open("c", os.O_CREAT | os.O_WRONLY, 0o6755), lambda: os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o4755)):
  try: make()
  except PermissionError: pass'`,
    );
    assertEquals(stderr.match(/not permitted/g)?.length, 3);
    for (const { name } of Deno.readDirSync(out)) {
      assertEquals((Deno.statSync(`${out}/${name}`).mode as number) & 0o6000, 0, name);
    }
    assertEquals((Deno.statSync(`${out}/a`).mode as number) & 0o777, 0o755);
  },
);
