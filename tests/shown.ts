/** What a program shows on standard error, as far as a text; what comes later is read at its end. */
export async function untilShown(child: Deno.ChildProcess, text: string) {
  const stderr = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let shown = "";
  while (!shown.includes(text)) {
    const { value, done } = await stderr.read();
    if (done) throw new Error(`It ended: ${shown}`);
    shown += value;
  }
  return {
    shown,
    /** All that it has shown when it has ended. */
    async rest(): Promise<string> {
      for (let piece; !(piece = await stderr.read()).done;) shown += piece.value;
      return shown;
    },
  };
}
