import { utf8 } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { KeyPairX25519, Suite } from '../../../wire/crypto/suite.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { WireError, type WireErrorCode } from '../../../wire/errors.ts';
import { acceptHandshake, proofmarkPrologue, startHandshake, type Transport } from '../../../wire/noise/index.ts';

export const suites: readonly (readonly [name: string, suite: Suite])[] = [
  ['node', nodeSuite],
  ['web', webSuite],
];

/** The code of the refusal; anything but a WireError fails the test, and so does success. */
export async function refusal(action: () => unknown): Promise<WireErrorCode | 'accepted'> {
  try {
    await action();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** The input with each byte in turn changed by each of the masks that issue a bit low, a bit high and a whole byte. */
export function* tampered(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Uint8Array.from(bytes);
      changed[offset] = (changed[offset] as number) ^ mask;
      yield changed;
    }
  }
}

export function testLog(name: string): Uint8Array {
  return sha256(utf8(`test log ${name}`));
}

export interface Session {
  readonly client: Transport;
  readonly worker: Transport;
}

export async function openSession(
  clientSuite: Suite,
  workerSuite: Suite,
  log: Uint8Array = testLog('a'),
): Promise<Session> {
  const prologue = proofmarkPrologue(log);
  const localStatic: KeyPairX25519 = await workerSuite.generateX25519();
  const started = await startHandshake(clientSuite, { prologue, remoteStatic: localStatic.publicKey });
  const accepted = await acceptHandshake(workerSuite, { prologue, localStatic, message1: started.message1 });
  return { client: await started.finish(accepted.message2), worker: accepted.transport };
}
