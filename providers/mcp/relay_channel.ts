/**
 * The one channel that the Worker may open. Imported before anything else: what the Worker of a provider does not
 * need is removed from it when the kernel's own modules are loaded, `BroadcastChannel` among it.
 *
 * @module
 */

let Channel: typeof BroadcastChannel | undefined = globalThis.BroadcastChannel;

/**
 * Opens a channel, once.
 *
 * INVARIANT: after that, or without a name, no code in this Worker can open another one.
 *
 * @param name Nobody else can guess it. @default none is opened, and none can be
 */
export function openOnce(name: string | undefined): BroadcastChannel | undefined {
  const Opened = Channel;
  Channel = undefined;
  return name === undefined || Opened === undefined ? undefined : new Opened(name);
}
