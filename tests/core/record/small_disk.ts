/**
 * A disk of a few pages, where the machine lets us mount one.
 *
 * @module
 */
import { Workspace } from "../../workspace.ts";

const MOUNT = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"tmpfs", sys.argv[1].encode(), b"tmpfs", 0, b"size=256k,nr_inodes=64") != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
`;
const UNMOUNT = `
import ctypes, sys
sys.exit(ctypes.CDLL(None).umount2(sys.argv[1].encode(), 2))
`;

/** A folder that is a disk of its own, with room for 256 KiB. */
export class SmallDisk implements Disposable {
  readonly path: string;

  /** @throws {Error} The machine does not let us. */
  constructor(ws: Workspace) {
    this.path = ws.folder("disk");
    python(MOUNT, this.path);
  }

  /** Leaves no room for one byte more than fits into the last pages of the files that are there. */
  fill(): void {
    using ballast = Deno.openSync(`${this.path}/ballast`, { write: true, create: true });
    for (;;) {
      try {
        ballast.writeSync(new Uint8Array(4096));
      } catch {
        return;
      }
    }
  }

  /** Leaves no room for another file. */
  fillWithFiles(): void {
    Deno.mkdirSync(`${this.path}/ballast`);
    for (let i = 0;; i++) {
      try {
        Deno.writeTextFileSync(`${this.path}/ballast/${i}`, "");
      } catch {
        return;
      }
    }
  }

  /** Makes room again. */
  free(): void {
    Deno.removeSync(`${this.path}/ballast`, { recursive: true });
  }

  [Symbol.dispose](): void {
    python(UNMOUNT, this.path);
  }
}

/** Whether a disk can be mounted here: by root, in most containers. */
export function canMount(): boolean {
  if (Deno.build.os !== "linux") return false;
  using ws = new Workspace();
  try {
    using _ = new SmallDisk(ws);
    return true;
  } catch {
    return false;
  }
}

function python(script: string, path: string): void {
  const { success, stderr } = new Deno.Command("python3", { args: ["-c", script, path] })
    .outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
