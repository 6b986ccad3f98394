import { assertEquals } from "@std/assert";
import { seccompFilter } from "../../../providers/process/seccomp.ts";

const X86_64 = 0xc000003e;
const AARCH64 = 0xc00000b7;
const ALLOW = 0x7fff0000, EPERM = 0x50001, ENOSYS = 0x50026, KILL = 0x80000000;

/** Runs a filter as the kernel does: a model of classic BPF, as far as filters here use it. */
function decide(
  filter: Uint8Array,
  call: { arch: number; nr: number; args?: readonly number[] },
): number {
  const { arch, nr, args = [] } = call;
  const view = new DataView(filter.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  args.forEach((value, index) => data.setBigUint64(16 + 8 * index, BigInt(value), true));
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const code = view.getUint16(8 * at, true);
    const k = view.getUint32(8 * at + 4, true);
    const jump = (isTrue: boolean) => view.getUint8(8 * at + (isTrue ? 2 : 3));
    switch (code) {
      case 0x20:
        accumulator = data.getUint32(k, true);
        break;
      case 0x15:
        at += jump(accumulator === k);
        break;
      case 0x35:
        at += jump(accumulator >= k);
        break;
      case 0x45:
        at += jump((accumulator & k) !== 0);
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`instruction ${code.toString(16)}`);
    }
  }
  throw new Error("the filter ends without an answer");
}

// deno-fmt-ignore -- a row is a line
const ROWS: readonly (readonly [
  name: string, x86_64: number | undefined, aarch64: number | undefined, args: readonly number[], action: number,
])[] = [
  ["read", 0, 63, [], ALLOW],
  ["execve", 59, 221, [], ALLOW],
  ["keyctl", 250, 219, [], EPERM],
  ["add_key", 248, 217, [], EPERM],
  ["request_key", 249, 218, [], EPERM],
  ["io_uring_setup", 425, 425, [], EPERM],
  ["userfaultfd", 323, 282, [], EPERM],
  ["bpf", 321, 280, [], EPERM],
  ["perf_event_open", 298, 241, [], EPERM],
  ["kexec_load", 246, 104, [], EPERM],
  ["open_by_handle_at", 304, 265, [], EPERM],
  ["mount", 165, 40, [], EPERM],
  ["pivot_root", 155, 41, [], EPERM],
  ["setns", 308, 268, [], EPERM],
  ["clone3", 435, 435, [], ENOSYS],
  ["openat2", 437, 437, [], ENOSYS],
  ["clone for a process", 56, 220, [0x11], ALLOW],
  ["clone for a thread", 56, 220, [0x3d0f00], ALLOW],
  ["clone with a user namespace", 56, 220, [0x10000011], EPERM],
  ["clone with a network namespace", 56, 220, [0x40000011], EPERM],
  ["clone with a mount namespace", 56, 220, [0x20011], EPERM],
  ["unshare of open files", 272, 97, [0x400], ALLOW],
  ["unshare of the user namespace", 272, 97, [0x10000000], EPERM],
  ["unshare of the time namespace", 272, 97, [0x80], EPERM],
  ["ioctl TCGETS", 16, 29, [0, 0x5401], ALLOW],
  ["ioctl TIOCSTI", 16, 29, [0, 0x5412], EPERM],
  ["ioctl TIOCSTI with more bits above", 16, 29, [0, 0x7700005412], EPERM],
  ["ioctl TIOCLINUX", 16, 29, [0, 0x541c], EPERM],
  ["personality, asked", 135, 92, [0xffffffff], ALLOW],
  ["personality without random addresses", 135, 92, [0x40000], ALLOW],
  ["personality with readable executables", 135, 92, [0x400000], EPERM],
  ["chmod 0755", 90, undefined, [0, 0o755], ALLOW],
  ["chmod 4755", 90, undefined, [0, 0o4755], EPERM],
  ["fchmod 1777", 91, 52, [0, 0o1777], ALLOW],
  ["fchmod 2755", 91, 52, [0, 0o2755], EPERM],
  ["fchmodat 0644", 268, 53, [0, 0, 0o644], ALLOW],
  ["fchmodat 6755", 268, 53, [0, 0, 0o6755], EPERM],
  ["fchmodat2 4755", 452, 452, [0, 0, 0o4755], EPERM],
  ["mknod of a set-uid file", 133, undefined, [0, 0o104755], EPERM],
  ["mknodat of a pipe", 259, 33, [0, 0, 0o10644], ALLOW],
  ["mknodat of a set-uid file", 259, 33, [0, 0, 0o104755], EPERM],
  ["creat 0644", 85, undefined, [0, 0o644], ALLOW],
  ["creat 4755", 85, undefined, [0, 0o4755], EPERM],
  ["open to read, whatever the third argument is", 2, undefined, [0, 0, 0o4755], ALLOW],
  ["open to make 4755", 2, undefined, [0, 0o101, 0o4755], EPERM],
  ["openat to make 0644", 257, 56, [0, 0, 0o101, 0o644], ALLOW],
  ["openat to make 4755", 257, 56, [0, 0, 0o101, 0o4755], EPERM],
  ["openat to make 4755 without a name", 257, 56, [0, 0, 0o20000001, 0o4755], EPERM],
  ["socket of AF_UNIX", 41, 198, [1, 1], ALLOW],
  ["socket of AF_INET", 41, 198, [2, 0x80001], ALLOW],
  ["socket of AF_INET6", 41, 198, [10, 2], ALLOW],
  ["socket of AF_NETLINK", 41, 198, [16, 3, 0], ALLOW],
  ["socket of AF_VSOCK", 41, 198, [40, 1], EPERM],
  ["socket of AF_VSOCK with more bits above", 41, 198, [0x100000028, 1], EPERM],
  ["socket of AF_PACKET", 41, 198, [17, 3], EPERM],
  ["socket of AF_ALG", 41, 198, [38, 5], EPERM],
  ["socket of AF_XDP", 41, 198, [44, 3], EPERM],
  ["socket of no family", 41, 198, [0, 1], EPERM],
  ["socketpair of AF_UNIX", 53, 199, [1, 1], ALLOW],
  ["socketpair of AF_TIPC", 53, 199, [30, 1], EPERM],
  ["openat to read, whatever the fourth argument is", 257, 56, [0, 0, 0, 0o4755], ALLOW],
];

for (const [name, ofX86, ofArm, args, action] of ROWS) {
  const says = action === ALLOW ? "allows" : "denies";
  Deno.test(`seccompFilter() ${says} ${name}`, () => {
    const rows = [["x86_64", X86_64, ofX86], ["aarch64", AARCH64, ofArm]] as const;
    for (const [architecture, arch, nr] of rows) {
      if (nr === undefined) continue;
      const filter = seccompFilter(architecture) as Uint8Array;
      assertEquals(decide(filter, { arch, nr, args }), action, architecture);
    }
  });
}

Deno.test("seccompFilter() kills what is for another architecture", () => {
  const filter = seccompFilter("x86_64") as Uint8Array;
  for (const arch of [0x40000003, AARCH64, 0]) {
    assertEquals(decide(filter, { arch, nr: 0 }), KILL);
  }
  const other = seccompFilter("aarch64") as Uint8Array;
  assertEquals(decide(other, { arch: X86_64, nr: 0 }), KILL);
});

Deno.test("seccompFilter() knows no call of the x32 ABI", () => {
  const filter = seccompFilter("x86_64") as Uint8Array;
  assertEquals(decide(filter, { arch: X86_64, nr: 0x40000000 + 250 }), ENOSYS);
});

Deno.test("seccompFilter() has none for an architecture without a table", () => {
  assertEquals(seccompFilter("riscv64"), undefined);
});
