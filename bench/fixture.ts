/**
 * Folders, policies and kernels for workloads.
 *
 * @module
 */
import { dirname, fromFileUrl } from "@std/path";
import { type ActionRequest, Kernel } from "../mod.ts";
import type { KernelOptions } from "../src/options.ts";

/** The root of the package. */
export const ROOT: string = dirname(dirname(fromFileUrl(import.meta.url)));

/** Makes a folder that is removed when the benchmarks of a file have ended. */
export function makeFolder(): string {
  Deno.mkdirSync(`${ROOT}/.tmp`, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: `${ROOT}/.tmp`, prefix: "bench-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}

/** Opens a kernel with its log in the folder. */
export function openKernel(
  folder: string,
  capabilities: readonly object[],
  options: Partial<KernelOptions> = {},
): Promise<Kernel> {
  return Kernel.open({
    policy: { capabilities },
    logPath: `${folder}/kernel-${crypto.randomUUID()}.log`,
    onWarning: () => {},
    ...options,
  });
}

/** Submits, and makes sure that it ends as it should: what fails fast is not fast. */
export async function expect(
  kernel: Kernel,
  request: ActionRequest,
  status: string,
): Promise<void> {
  const result = await kernel.submit(request);
  if (result.status !== status) {
    throw new Error(`${request.action} ended as ${result.status}: ${result.error}`);
  }
}

/** So many rules that speak of folders of their own. */
export function rules(size: number, pattern: (i: number) => string): object[] {
  return Array.from({ length: size }, (_, i) => ({ action: "fs.read", resource: pattern(i) }));
}
