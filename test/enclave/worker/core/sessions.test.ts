import { describe, expect, it } from 'vitest';
import { createSessions, type Sessions } from '../../../../enclave/worker/sessions.ts';
import { equalBytes, toHex } from '../../../../wire/bytes.ts';
import { nodeSuite } from '../../../../wire/crypto/node.ts';
import {
  openRecord,
  proofmarkPrologue,
  type StartedHandshake,
  sealRecord,
  startHandshake,
} from '../../../../wire/noise/index.ts';
import { random } from '../../../support/fake-log.ts';

const log = random(32);
const seal = nodeSuite.generateX25519();

function table(capacity: number): Sessions {
  return createSessions({ log, seal, ephemeral: () => nodeSuite.generateX25519(), capacity });
}

const start = (name = log): Promise<StartedHandshake> =>
  startHandshake(nodeSuite, { prologue: proofmarkPrologue(name), remoteStatic: seal.publicKey });

async function open(sessions: Sessions): Promise<Uint8Array> {
  return (await sessions.open((await start()).message1)).sessionId;
}

describe('a session', () => {
  it('gives both sides the same keys', async () => {
    const sessions = table(4);
    const client = await start();
    const { sessionId, message2 } = await sessions.open(client.message1);
    const mine = await client.finish(message2);
    const theirs = sessions.find(sessionId)?.transport;
    expect(equalBytes(mine.handshakeHash, theirs?.handshakeHash as Uint8Array)).toBe(true);
    const place = { direction: 'to-worker', request: 0, chunk: 0, final: true } as const;
    const record = await sealRecord(nodeSuite, mine.sendKey, mine.handshakeHash, place, Uint8Array.of(1), 'body');
    const key = theirs?.receiveKey as Uint8Array;
    expect((await openRecord(nodeSuite, key, mine.handshakeHash, 'to-worker', record)).data).toEqual(Uint8Array.of(1));
  });

  it('is bound to one log: the same worker under another name is another party', async () => {
    const { message1 } = await start(random(32));
    await expect(table(4).open(message1)).rejects.toMatchObject({ code: 'handshake_invalid' });
  });

  it('draws a key of its own for each message, so that nothing recorded opens twice', async () => {
    const sessions = table(4);
    const { message1 } = await start();
    const [first, second] = [await sessions.open(message1), await sessions.open(message1)];
    expect(equalBytes(first.message2, second.message2)).toBe(false);
    expect(equalBytes(first.sessionId, second.sessionId)).toBe(false);
    const keys = [first, second].map(({ sessionId }) => toHex(sessions.find(sessionId)?.transport.sendKey ?? log));
    expect(keys[0]).not.toBe(keys[1]);
  });

  it.each([0, 47, 49, 65_536])('is not opened by %d bytes, and takes no place then', async (length) => {
    const sessions = table(1);
    const kept = await open(sessions);
    await expect(sessions.open(new Uint8Array(length))).rejects.toMatchObject({ code: 'handshake_invalid' });
    expect(sessions.find(kept)).toBeDefined();
  });

  it('takes a request number once', async () => {
    const sessions = table(4);
    const session = sessions.find(await open(sessions));
    session?.accept(3);
    expect(() => session?.accept(3)).toThrow('record_replayed');
    session?.accept(2);
    session?.accept(3 + 1_024);
    expect(() => session?.accept(2)).toThrow('record_replayed');
  });
});

describe('the table', () => {
  it('does not know other ids', async () => {
    const sessions = table(4);
    await open(sessions);
    expect(sessions.find(random(16))).toBeUndefined();
    expect(sessions.find(new Uint8Array(0))).toBeUndefined();
  });

  it('is bounded, and the session that was quiet for longest goes', async () => {
    const sessions = table(3);
    const [a, b, c] = [await open(sessions), await open(sessions), await open(sessions)];
    sessions.find(a);
    const d = await open(sessions);
    expect([a, b, c, d].map((id) => sessions.find(id) !== undefined)).toEqual([true, false, true, true]);
  });

  it('stays bounded when many arrive at once', async () => {
    const sessions = table(8);
    const ids = await Promise.all(Array.from({ length: 40 }, () => open(sessions)));
    expect(ids.filter((id) => sessions.find(id) !== undefined)).toHaveLength(8);
  });
});
