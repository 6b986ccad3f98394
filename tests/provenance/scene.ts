/**
 * A kernel with a small world of mail behind it, for tests of sessions.
 *
 * @module
 */
import {
  type ApprovalQuestion,
  approverOf,
  Kernel,
  type KernelOptions,
  Provider,
} from "../../mod.ts";
import { Workspace } from "../workspace.ts";

/** What actions of the world return, by action and target; `"done"` for others. */
export type Data = Record<string, unknown>;

/** A kernel, its folder, and what was asked. */
export class Scene implements AsyncDisposable {
  readonly workspace = new Workspace();
  readonly data: Data = {};
  readonly questions: ApprovalQuestion[] = [];
  /** What a person says. */
  yes = false;
  kernel!: Kernel;

  /** Opens a kernel on the scene's log. */
  async open(
    policy: KernelOptions["policy"],
    options: Partial<KernelOptions> = {},
  ): Promise<Kernel> {
    return this.kernel = await Kernel.open({
      policy,
      providers: [this.provider()],
      logPath: this.workspace.path("kernel.log"),
      approvals: {
        approver: approverOf((question) => {
          this.questions.push(question);
          return { approved: this.yes, by: "ann" };
        }),
      },
      onWarning: () => {},
      ...options,
    });
  }

  /** Mail, contacts, notes. */
  provider(): Provider {
    const read = { kind: "name", effect: "none" } as const;
    const write = { kind: "name" } as const;
    return new Provider({
      name: "world",
      isolation: "none",
      actions: {
        ...{ "mail.read": read, "contacts.search": read, "notes.read": read },
        ...{ "mail.send": write, "contacts.add": write, "bank.pay": write },
        "form.fill": { kind: "name", params: ["name", "age"], defaults: { age: 1 } },
        "web.get": { kind: "url", effect: "none" },
        "fs.read": {},
        "fs.write": {},
      },
      execute: ({ action, target }) =>
        this.data[`${action} ${target}`] ?? this.data[action] ?? "done",
    });
  }

  /** The records of the log. */
  records(): Record<string, unknown>[] {
    return Deno.readTextFileSync(this.workspace.path("kernel.log")).split("\n")
      .filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kernel?.close();
    this.workspace[Symbol.dispose]();
  }
}

/** Opens a scene with a policy. */
export async function scene(
  policy: KernelOptions["policy"],
  options: Partial<KernelOptions> = {},
): Promise<Scene> {
  const made = new Scene();
  try {
    await made.open(policy, options);
    return made;
  } catch (error) {
    made.workspace[Symbol.dispose]();
    throw error;
  }
}

/** All actions of the world are allowed. */
export const ALL = {
  action: ["mail.read", "contacts.search", "notes.read", "mail.send", "contacts.add", "bank.pay"],
  resource: "**",
};
