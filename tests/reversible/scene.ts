/**
 * A kernel with a reversible layer before it, over a folder of real files.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type ActionRequest, Kernel, type KernelOptions, type Provider } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import {
  ReversibleActionLayer,
  type ReversibleOptions,
  type ReversibleResult,
  SnapshotStore,
  type SnapshotStoreOptions,
} from "../../src/reversible/mod.ts";
import { Workspace } from "../workspace.ts";

/** What a scene is made with. */
export interface SceneOptions {
  /** The rules over a folder. */
  readonly capabilities?: (root: string) => readonly unknown[];
  /** Who acts, given the filesystem provider. */
  readonly providers?: (filesystem: Provider) => NonNullable<KernelOptions["providers"]>;
  readonly store?: Partial<SnapshotStoreOptions>;
  readonly layer?: Partial<ReversibleOptions>;
  readonly kernel?: Partial<KernelOptions>;
}

const ALL = (root: string) => [{ action: "fs.*", resource: `${root}/**` }];

/** Everything of a scene. */
export class Scene implements AsyncDisposable {
  readonly ws = new Workspace();
  readonly #options: SceneOptions;
  kernel!: Kernel;
  store!: SnapshotStore;
  layer!: ReversibleActionLayer;

  private constructor(options: SceneOptions) {
    this.#options = options;
    this.ws.folder("w");
  }

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const scene = new Scene(options);
    await scene.start();
    return scene;
  }

  get snapshots(): string {
    return this.ws.path("snapshots");
  }

  async start(): Promise<void> {
    const { capabilities = ALL, providers = (one) => [one], store, layer, kernel } = this.#options;
    this.kernel = await Kernel.open({
      policy: { capabilities: capabilities(this.ws.root) },
      providers: providers(new FilesystemProvider({ snapshots: this.snapshots })),
      logPath: this.ws.path("kernel.log"),
      onWarning: () => {},
      ...kernel,
    });
    this.store = SnapshotStore.open({ folder: this.snapshots, ...store });
    this.layer = new ReversibleActionLayer({ kernel: this.kernel, store: this.store, ...layer });
  }

  async stop(): Promise<void> {
    this.store.close();
    await this.kernel.close();
  }

  /** The path of a name in the folder that the agent works in. */
  path(name: string): string {
    return this.ws.path("w", name);
  }

  /** Submits through the layer. */
  do(
    action: string,
    name: string,
    params: Record<string, unknown> = {},
    more: Partial<ActionRequest> = {},
  ): Promise<ReversibleResult> {
    return this.layer.submit({ action, target: this.path(name), params, ...more });
  }

  /** The same; it has to work. @returns The id of its record. */
  async done(...args: Parameters<Scene["do"]>): Promise<string> {
    const result = await this.do(...args);
    assertEquals([result.status, result.reversible], ["OK", true], JSON.stringify(result));
    return result.recordId as string;
  }

  /** Everything in the folder that the agent works in. */
  tree(): Tree {
    return treeOf(this.ws.path("w"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.ws[Symbol.dispose]();
  }
}

/** A folder, by the relative paths of what is in it. */
export type Tree = Readonly<Record<string, string>>;

/** A folder as text: of folders the mode, of files mode, time and content as base64. */
export function treeOf(root: string, below = ""): Tree {
  return Object.fromEntries(
    Array.from(Deno.readDirSync(`${root}${below}`)).toSorted((a, b) => a.name < b.name ? -1 : 1)
      .flatMap(({ name, isDirectory }) => {
        const path = `${below}/${name}`;
        const { mode, mtime } = Deno.lstatSync(root + path);
        const bits = ((mode ?? 0) & 0o7777).toString(8);
        if (isDirectory) return [[path, `folder ${bits}`], ...Object.entries(treeOf(root, path))];
        const content = Deno.readFileSync(root + path).toBase64();
        return [[path, `file ${bits} ${mtime?.getTime()} ${content}`]];
      }),
  );
}
