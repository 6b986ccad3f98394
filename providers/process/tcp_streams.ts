/**
 * Streams of a TCP connection of which one direction can end before the other.
 *
 * @module
 */

/**
 * The two directions of a connection. Those that Deno gives close all of it when either one ends.
 * Also part of the relay, as text: refers to nothing outside of itself.
 */
export function tcpStreams(connection: Deno.TcpConn): {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
} {
  return {
    readable: new ReadableStream<Uint8Array>({
      async pull(controller) {
        const buffer = new Uint8Array(65_536);
        const n = await connection.read(buffer);
        if (n === null) controller.close();
        else controller.enqueue(buffer.subarray(0, n));
      },
    }, { highWaterMark: 0 }),
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        for (let at = 0; at < chunk.length;) at += await connection.write(chunk.subarray(at));
      },
      close: () => connection.closeWrite(),
    }),
  };
}
