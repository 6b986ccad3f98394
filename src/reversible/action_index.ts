/**
 * What a snapshot store knows of the actions that can be undone.
 *
 * @module
 */
import { Journal } from "./journal.ts";
import type { SavedAction } from "./strategy.ts";

/** One line of the index. */
export type IndexEvent =
  | { readonly type: "saved"; readonly saved: SavedAction }
  | { readonly type: "changed"; readonly id: string; readonly to: Partial<SavedAction> }
  | { readonly type: "forgotten"; readonly ids: readonly string[] };

/** How many bytes of superseded events may be in the index before it is compacted. */
const SLACK_BYTES = 1024 * 1024;

/** The actions of a store, in memory and as a file of events, which is compacted when it has grown. */
export class ActionIndex {
  /** How many lines could not be read. */
  readonly damaged: number;
  readonly #path: string;
  /** In the order in which they were saved. */
  readonly #actions = new Map<string, SavedAction>();
  #journal: Journal<IndexEvent>;
  #compactAt = 0;

  /** Opens the file, or makes one. */
  constructor(path: string) {
    this.#path = path;
    const { events, damaged } = Journal.read<IndexEvent>(path);
    this.damaged = damaged;
    for (const event of events) applyTo(this.#actions, event);
    this.#journal = this.#compacted();
  }

  /** Reads the actions of a file that another process may be writing. */
  static read(path: string): SavedAction[] {
    const actions = new Map<string, SavedAction>();
    for (const event of Journal.read<IndexEvent>(path).events) applyTo(actions, event);
    return Array.from(actions.values());
  }

  /** All that are known, the oldest first. */
  get actions(): SavedAction[] {
    return Array.from(this.#actions.values());
  }

  /** How many are known. */
  get size(): number {
    return this.#actions.size;
  }

  get(recordId: string): SavedAction | undefined {
    return this.#actions.get(recordId);
  }

  /**
   * Appends an event and applies it.
   *
   * @returns The contents that the event made an action give up.
   */
  append(event: IndexEvent): readonly string[] {
    this.#journal.append(event);
    const lost = applyTo(this.#actions, event);
    if (this.#journal.size > this.#compactAt) this.#compact();
    return lost;
  }

  /** Resolves when all that was appended is on the disk. */
  sync(): Promise<void> {
    return this.#journal.sync();
  }

  close(): void {
    this.#journal.close();
  }

  #compact(): void {
    const before = this.#journal;
    try {
      this.#journal = this.#compacted();
      before.close();
    } catch {
      // Safe: the old index is complete, only longer. It is tried again later.
      this.#compactAt = before.size + SLACK_BYTES;
    }
  }

  #compacted(): Journal<IndexEvent> {
    const events = this.actions.map((saved): IndexEvent => ({ type: "saved", saved }));
    const journal = Journal.write(this.#path, events);
    this.#compactAt = journal.size * 2 + SLACK_BYTES;
    return journal;
  }
}

/** @returns The contents that an action gave up. */
function applyTo(actions: Map<string, SavedAction>, event: IndexEvent): readonly string[] {
  switch (event.type) {
    case "saved":
      actions.set(event.saved.recordId, event.saved);
      return [];
    case "changed": {
      const before = actions.get(event.id);
      if (before === undefined) return [];
      actions.set(event.id, { ...before, ...event.to });
      return event.to.blobs === undefined ? [] : before.blobs;
    }
    case "forgotten":
      return event.ids.flatMap((id) => {
        const blobs = actions.get(id)?.blobs ?? [];
        actions.delete(id);
        return blobs;
      });
  }
}
