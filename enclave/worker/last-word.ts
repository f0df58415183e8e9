import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { encodeFrame } from '../../wire/codec/frame.ts';
import { linkKind } from '../../wire/message/link.ts';
import { encodeEnd } from '../../wire/message/telemetry.ts';

/** A host that is there comes back within this time; one that is not must not keep the next worker waiting. */
const PATIENCE_MILLISECONDS = 2_000;

/**
 * Tells the next host that connects how the worker ended, in the worker's place, then calls `then`, once. In production
 * nobody reads an enclave's console, and this is all that is left of it: one byte, which the host could also have
 * guessed. Whatever fails here fails silently, because the end itself is under way.
 */
export function sayLastWord(linkPath: string, exitStatus: number, then: () => void): void {
  let said = false;
  const finish = (): void => {
    if (said) return;
    said = true;
    clearTimeout(timer);
    server?.close();
    then();
  };
  const timer = setTimeout(finish, PATIENCE_MILLISECONDS);
  let server: Server | undefined;
  try {
    const frame = encodeFrame({ id: 0, kind: linkKind.ended, payload: encodeEnd(exitStatus) });
    rmSync(linkPath, { force: true });
    server = createServer((socket) => {
      socket.on('error', finish);
      socket.on('close', finish);
      // What the host sends is not read: it has asked a worker that is gone.
      socket.end(frame);
      socket.resume();
    });
    server.on('error', finish);
    server.listen(linkPath, () => chmodSync(linkPath, 0o666));
  } catch {
    finish();
  }
}
