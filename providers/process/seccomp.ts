/**
 * The system calls that no program in the sandbox may make: a seccomp filter.
 *
 * A filter is a classic BPF program: instructions of 8 bytes `{u16 code, u8 jt, u8 jf, u32 k}` that
 * read `struct seccomp_data {int nr; u32 arch; u64 ip; u64 args[6]}` and return what the kernel does
 * (seccomp(2), linux/seccomp.h, linux/bpf_common.h).
 *
 * The list is that of flatpak (`common/flatpak-run.c`) and of Docker's default profile, as far as
 * the calls need no capability, which programs do not have; and what leaves set-uid files behind.
 *
 * @module
 */

/** The architectures that have a table here, by their name in `Deno.build.arch`. */
export type Architecture = "x86_64" | "aarch64";

/** `AUDIT_ARCH_*` of linux/audit.h. */
const AUDIT_ARCH: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  aarch64: 0xc00000b7,
};

/** System calls by their numbers: of x86_64, of aarch64 (asm/unistd.h). */
type Call = readonly [x86_64: number | undefined, aarch64: number | undefined];

/** Denied whatever their arguments are. */
// deno-fmt-ignore -- a table
const DENIED: Readonly<Record<string, Call>> = {
  // Keyrings are not in a namespace: the session keyring of the kernel's user is readable.
  add_key: [248, 217], request_key: [249, 218], keyctl: [250, 219],
  // Does what other calls do, past every filter.
  io_uring_setup: [425, 425], io_uring_enter: [426, 426], io_uring_register: [427, 427],
  // Kernel interfaces that exploits are built on, and that no plain program needs.
  userfaultfd: [323, 282], bpf: [321, 280], perf_event_open: [298, 241],
  fanotify_init: [300, 262], lookup_dcookie: [212, 18], uselib: [134, undefined],
  // By number instead of by path: past the mounts.
  open_by_handle_at: [304, 265],
  // Changes what the sandbox consists of.
  mount: [165, 40], umount2: [166, 39], pivot_root: [155, 41], chroot: [161, 51],
  open_tree: [428, 428], move_mount: [429, 429], fsopen: [430, 430], fsconfig: [431, 431],
  fsmount: [432, 432], fspick: [433, 433], mount_setattr: [442, 442], open_tree_attr: [467, 467],
  setns: [308, 268],
  // The machine's.
  kexec_load: [246, 104], kexec_file_load: [320, 294], init_module: [175, 105],
  finit_module: [313, 273], delete_module: [176, 106], reboot: [169, 142], swapon: [167, 224],
  swapoff: [168, 225], acct: [163, 89], quotactl: [179, 60], quotactl_fd: [443, 443],
  syslog: [103, 116], iopl: [172, undefined], ioperm: [173, undefined],
};

/** Answered as if the kernel did not know them: their arguments are in memory, out of a filter's sight. */
const UNKNOWN: Readonly<Record<string, Call>> = {
  clone3: [435, 435], // libraries go on with clone
  openat2: [437, 437], // programs go on with openat
};

/** Set-user-id and set-group-id, of sys/stat.h. */
const SET_ID = 0o6000;
/** All `CLONE_NEW*` of linux/sched.h that clone(2) knows. */
const NEW_NAMESPACES = 0x7e020000;
const CLONE_NEWTIME = 0x80;

/** Denied if an argument has one of these bits. */
// deno-fmt-ignore -- a table
const DENIED_BITS: readonly (readonly [call: Call, argument: number, bits: number])[] = [
  [[56, 220], 0, NEW_NAMESPACES], // clone
  [[272, 97], 0, NEW_NAMESPACES | CLONE_NEWTIME], // unshare
  [[90, undefined], 1, SET_ID], // chmod
  [[91, 52], 1, SET_ID], // fchmod
  [[268, 53], 2, SET_ID], // fchmodat
  [[452, 452], 2, SET_ID], // fchmodat2
  [[133, undefined], 1, SET_ID], // mknod
  [[259, 33], 2, SET_ID], // mknodat
  [[85, undefined], 1, SET_ID], // creat
];

/** `O_CREAT` and `__O_TMPFILE` of asm-generic/fcntl.h: only with one of them is there a mode. */
const CREATES = 0o100 | 0o20000000;

/** Denied if the first argument has one of `CREATES` and the second one of `SET_ID`. */
const CREATING: readonly (readonly [call: Call, flags: number, mode: number])[] = [
  [[2, undefined], 1, 2], // open
  [[257, 56], 2, 3], // openat
];

/** Denied if the argument is one of these. */
const DENIED_VALUES: readonly (readonly [call: Call, argument: number, values: number[]])[] = [
  // ioctl with TIOCSTI or TIOCLINUX, which type into the terminal (CVE-2017-5226). The kernel looks
  // at 32 bits, and so does this (CVE-2019-10063).
  [[16, 29], 1, [0x5412, 0x541c]],
];

/** Allowed only if the argument is one of these. */
const ALLOWED_VALUES: readonly (readonly [call: Call, argument: number, values: number[]])[] = [
  // personality: Linux, its 32-bit form, old version numbers, the question; and without random
  // addresses, which debuggers want. The others bring back old kernel interfaces.
  [[135, 92], 0, [0x0, 0x8, 0x20000, 0x20008, 0x40000, 0xffffffff]],
  // socket, socketpair: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. A network namespace does not hold what
  // others lead to: AF_VSOCK reaches the host of a virtual machine, AF_ALG kernel code.
  [[41, 198], 0, [1, 2, 10, 16]],
  [[53, 199], 0, [1, 2, 10, 16]],
];

// linux/bpf_common.h
const LOAD = 0x20, JUMP_EQUAL = 0x15, JUMP_AT_LEAST = 0x35, JUMP_BITS = 0x45, RETURN = 0x06;
// linux/seccomp.h, with EPERM (1) and ENOSYS (38)
const ALLOW = 0x7fff0000, EPERM = 0x00050001, ENOSYS = 0x00050026, KILL = 0x80000000;
const NR = 0, ARCH = 4;
/** The other ABI of x86_64 marks its numbers so (asm/unistd_x32.h). */
const X32 = 0x40000000;

type Instruction = readonly [code: number, jt: number, jf: number, k: number];

const ret = (action: number): Instruction => [RETURN, 0, 0, action];
/** Both architectures are little-endian: the low half is first. */
const loadArgument = (index: number): Instruction => [LOAD, 0, 0, 16 + 8 * index];

/**
 * The filter of an architecture, as bubblewrap's `--seccomp` takes it.
 *
 * Programs for another architecture than the machine's own (32-bit ones) are killed by SIGSYS.
 *
 * @returns The bytes; `undefined` for an architecture that has no table.
 */
export function seccompFilter(architecture: string): Uint8Array | undefined {
  if (architecture !== "x86_64" && architecture !== "aarch64") return undefined;
  const column = architecture === "x86_64" ? 0 : 1;
  const when = (call: Call, body: readonly Instruction[]): Instruction[] => {
    const number = call[column];
    // INVARIANT: each body returns, so that what follows still has the number at hand.
    return number === undefined ? [] : [[JUMP_EQUAL, 0, body.length, number], ...body];
  };
  const oneOf = (values: readonly number[], then: number, otherwise: number): Instruction[] => [
    ...values.map((value, index): Instruction => [JUMP_EQUAL, values.length - index, 0, value]),
    ret(otherwise),
    ret(then),
  ];
  return encode([
    [LOAD, 0, 0, ARCH],
    [JUMP_EQUAL, 1, 0, AUDIT_ARCH[architecture]],
    ret(KILL),
    [LOAD, 0, 0, NR],
    ...(architecture === "x86_64" ? [[JUMP_AT_LEAST, 0, 1, X32] as const, ret(ENOSYS)] : []),
    ...Object.values(DENIED).flatMap((call) => when(call, [ret(EPERM)])),
    ...Object.values(UNKNOWN).flatMap((call) => when(call, [ret(ENOSYS)])),
    ...DENIED_BITS.flatMap(([call, argument, bits]) =>
      when(call, [loadArgument(argument), [JUMP_BITS, 0, 1, bits], ret(EPERM), ret(ALLOW)])
    ),
    ...CREATING.flatMap(([call, flags, mode]) =>
      when(call, [
        loadArgument(flags),
        [JUMP_BITS, 0, 3, CREATES],
        loadArgument(mode),
        [JUMP_BITS, 0, 1, SET_ID],
        ret(EPERM),
        ret(ALLOW),
      ])
    ),
    ...DENIED_VALUES.flatMap(([call, argument, values]) =>
      when(call, [loadArgument(argument), ...oneOf(values, EPERM, ALLOW)])
    ),
    ...ALLOWED_VALUES.flatMap(([call, argument, values]) =>
      when(call, [loadArgument(argument), ...oneOf(values, ALLOW, EPERM)])
    ),
    ret(ALLOW),
  ]);
}

function encode(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * program.length));
  program.forEach(([code, jt, jf, k], index) => {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, jt);
    view.setUint8(8 * index + 3, jf);
    view.setUint32(8 * index + 4, k, true);
  });
  return new Uint8Array(view.buffer);
}
