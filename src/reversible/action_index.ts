/**
 * What a snapshot store knows of the actions that can be undone.
 *
 * @module
 */
import { Journal } from "./journal.ts";
import type { SavedAction } from "./strategy.ts";

/** What stands on a line of the index. */
export type IndexEvent =
  | { readonly type: "saved"; readonly saved: SavedAction }
  | { readonly type: "changed"; readonly id: string; readonly to: Partial<SavedAction> }
  | { readonly type: "forgotten"; readonly ids: readonly string[] };

/** So many bytes of events that say nothing any more are left in the index. */
const SLACK_BYTES = 1024 * 1024;

/** The actions of a store, in memory and as a file of events that is written anew when it grows long. */
export class ActionIndex {
  /** Lines that could not be read. */
  readonly damaged: number;
  readonly #path: string;
  /** In the order in which they were saved. */
  readonly #actions = new Map<string, SavedAction>();
  #journal: Journal<IndexEvent>;
  #compactAt = 0;

  /** Takes over the file, or makes one. */
  constructor(path: string) {
    this.#path = path;
    const { events, damaged } = Journal.read<IndexEvent>(path);
    this.damaged = damaged;
    for (const event of events) applyTo(this.#actions, event);
    this.#journal = this.#compacted();
  }

  /** What is in a file that somebody else may be writing. */
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

  /** @returns The contents that lost a user. */
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
      // The old index is as good as before, only longer: the next time it may work.
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

/** @returns The contents that lost a user. */
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
