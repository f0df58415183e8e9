import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { KeyPairX25519, Suite } from '../../../wire/crypto/suite.ts';
import { WireError } from '../../../wire/errors.ts';
import { initiate, respond } from '../../../wire/noise/handshake.ts';
import { acceptHandshake, proofmarkPrologue, startHandshake } from '../../../wire/noise/index.ts';
import { LOW_ORDER_POINTS } from './low-order.ts';
import { openSession, refusal, suites, tampered, testLog } from './support.ts';

const prologue = proofmarkPrologue(testLog('a'));

async function startTo(suite: Suite, localStatic: KeyPairX25519) {
  return await startHandshake(suite, { prologue, remoteStatic: localStatic.publicKey });
}

describe('a session', () => {
  const pairs = suites.flatMap(([a, client]) => suites.map(([b, worker]) => [a, b, client, worker] as const));

  it.each(pairs)('client on %s and worker on %s hold the same keys', async (_a, _b, client, worker) => {
    const session = await openSession(client, worker);
    expect(session.client.sendKey).toEqual(session.worker.receiveKey);
    expect(session.client.receiveKey).toEqual(session.worker.sendKey);
    expect(session.client.handshakeHash).toEqual(session.worker.handshakeHash);
    expect(session.client.sendKey).not.toEqual(session.client.receiveKey);
    expect(session.client.sendKey).toHaveLength(32);
    expect(session.client.handshakeHash).toHaveLength(32);
  });

  it('draws new ephemeral keys each time', async () => {
    const localStatic = nodeSuite.generateX25519();
    const started = await startTo(nodeSuite, localStatic);
    const options = { prologue, localStatic, message1: started.message1 };
    const first = await acceptHandshake(nodeSuite, options);
    // A replayed message 1 is answered, and gains nothing: the worker's side is fresh.
    const second = await acceptHandshake(nodeSuite, options);
    expect(second.message2).not.toEqual(first.message2);
    expect(second.transport.receiveKey).not.toEqual(first.transport.receiveKey);
    expect((await startTo(nodeSuite, localStatic)).message1).not.toEqual(started.message1);
  });

  it('writes messages of exactly 48 bytes', async () => {
    const localStatic = nodeSuite.generateX25519();
    const { message1 } = await startTo(nodeSuite, localStatic);
    expect(message1).toHaveLength(48);
    expect((await acceptHandshake(nodeSuite, { prologue, localStatic, message1 })).message2).toHaveLength(48);
  });

  it('binds the log as two words', () => {
    const log = testLog('a');
    expect(toHex(proofmarkPrologue(log))).toBe(`${toHex(utf8('proofmark/1'))}${'00'.repeat(21)}${toHex(log)}`);
  });

  it('refuses a log that is not 32 bytes', async () => {
    expect(await refusal(() => proofmarkPrologue(new Uint8Array(31)))).toBe('word_invalid');
  });
});

describe.each(suites)('a hostile host, %s suite', (_name, suite) => {
  it('cannot change a byte of message 1', async () => {
    const localStatic = await suite.generateX25519();
    const { message1 } = await startTo(suite, localStatic);
    for (const changed of tampered(message1)) {
      expect(await refusal(() => acceptHandshake(suite, { prologue, localStatic, message1: changed }))).toBe(
        'handshake_invalid',
      );
    }
  });

  it('cannot change a byte of message 2', async () => {
    const localStatic = await suite.generateX25519();
    const ephemeral = await suite.generateX25519();
    const options = { prologue, remoteStatic: localStatic.publicKey, ephemeral };
    const { message1 } = await startHandshake(suite, options);
    const { message2 } = await acceptHandshake(suite, { prologue, localStatic, message1 });
    for (const changed of tampered(message2)) {
      const { finish } = await startHandshake(suite, options);
      expect(await refusal(() => finish(changed))).toBe('handshake_invalid');
    }
  });

  it('cannot lengthen or shorten a message', async () => {
    const localStatic = await suite.generateX25519();
    const { message1 } = await startTo(suite, localStatic);
    const { message2 } = await acceptHandshake(suite, { prologue, localStatic, message1 });
    for (const length of [0, 1, 31, 32, 47]) {
      const short = message1.subarray(0, length);
      expect(await refusal(() => acceptHandshake(suite, { prologue, localStatic, message1: short }))).toBe(
        'handshake_invalid',
      );
      const { finish } = await startTo(suite, localStatic);
      expect(await refusal(() => finish(message2.subarray(0, length)))).toBe('handshake_invalid');
    }
    for (const extra of [1, 16, 65_535]) {
      const long = concatBytes(message1, new Uint8Array(extra));
      expect(await refusal(() => acceptHandshake(suite, { prologue, localStatic, message1: long }))).toBe(
        'handshake_invalid',
      );
      const { finish } = await startTo(suite, localStatic);
      expect(await refusal(() => finish(concatBytes(message2, new Uint8Array(extra))))).toBe('handshake_invalid');
    }
  });

  it('cannot smuggle a payload into either message', async () => {
    const localStatic = await suite.generateX25519();
    const remoteStatic = localStatic.publicKey;
    const withPayload = await initiate(suite, { prologue, remoteStatic, payload: utf8('early') });
    expect(await refusal(() => acceptHandshake(suite, { prologue, localStatic, message1: withPayload.message1 }))).toBe(
      'handshake_invalid',
    );

    const started = await startTo(suite, localStatic);
    const { message2 } = await respond(suite, {
      prologue,
      localStatic,
      message1: started.message1,
      payload: utf8('extra'),
    });
    expect(await refusal(() => started.finish(message2))).toBe('handshake_invalid');
  });

  it('cannot present a low-order key, which would make the secret known', async () => {
    const localStatic = await suite.generateX25519();
    const { message1 } = await startTo(suite, localStatic);
    for (const point of LOW_ORDER_POINTS) {
      const low = fromHex(point);
      const forged1 = concatBytes(low, message1.subarray(32));
      expect(await refusal(() => acceptHandshake(suite, { prologue, localStatic, message1: forged1 }))).toBe(
        'handshake_invalid',
      );
      const { finish } = await startTo(suite, localStatic);
      expect(await refusal(() => finish(concatBytes(low, new Uint8Array(16))))).toBe('handshake_invalid');
      expect(await refusal(() => startHandshake(suite, { prologue, remoteStatic: low }))).toBe('key_invalid');
    }
  });

  it('gains nothing from a platform that returns an all-zero secret', async () => {
    const careless: Suite = { ...suite, x25519: () => new Uint8Array(32) };
    const localStatic = await suite.generateX25519();
    expect(await refusal(() => startTo(careless, localStatic))).toBe('key_invalid');
    const { message1 } = await startTo(suite, localStatic);
    expect(await refusal(() => acceptHandshake(careless, { prologue, localStatic, message1 }))).toBe(
      'handshake_invalid',
    );
  });

  it('cannot answer with another seal key, log or handshake', async () => {
    const localStatic = await suite.generateX25519();
    const other = await suite.generateX25519();
    const otherPrologue = proofmarkPrologue(testLog('b'));

    const { message1 } = await startTo(suite, localStatic);
    expect(await refusal(() => acceptHandshake(suite, { prologue, localStatic: other, message1 }))).toBe(
      'handshake_invalid',
    );
    expect(await refusal(() => acceptHandshake(suite, { prologue: otherPrologue, localStatic, message1 }))).toBe(
      'handshake_invalid',
    );

    const first = await startTo(suite, localStatic);
    const second = await startTo(suite, localStatic);
    const answer = await acceptHandshake(suite, { prologue, localStatic, message1: second.message1 });
    expect(await refusal(() => first.finish(answer.message2))).toBe('handshake_invalid');
  });

  it('cannot try twice: a refused answer ends the handshake, and so does an accepted one', async () => {
    const localStatic = await suite.generateX25519();
    const refused = await startTo(suite, localStatic);
    const { message2 } = await acceptHandshake(suite, { prologue, localStatic, message1: refused.message1 });
    expect(await refusal(() => refused.finish(concatBytes(message2.subarray(0, 47), Uint8Array.of(0))))).toBe(
      'handshake_invalid',
    );
    expect(await refusal(() => refused.finish(message2))).toBe('handshake_invalid');

    const used = await startTo(suite, localStatic);
    const answer = await acceptHandshake(suite, { prologue, localStatic, message1: used.message1 });
    await used.finish(answer.message2);
    expect(await refusal(() => used.finish(answer.message2))).toBe('handshake_invalid');
  });

  it('cannot spoil an answer by a second one while the first is being opened', async () => {
    const localStatic = await suite.generateX25519();
    const started = await startTo(suite, localStatic);
    const { message2, transport } = await acceptHandshake(suite, { prologue, localStatic, message1: started.message1 });
    const first = started.finish(message2);
    const second = refusal(() => started.finish(new Uint8Array(48).fill(9)));
    expect((await first).handshakeHash).toEqual(transport.handshakeHash);
    expect(await second).toBe('handshake_invalid');
  });

  it('finds no secret left over: all but the transport keys is overwritten', async () => {
    const secrets: Uint8Array[] = [];
    const watched: Suite = {
      ...suite,
      x25519: async (pair, publicKey) => keep(await suite.x25519(pair, publicKey)),
      hmacSha256: async (key, input) => keep(await suite.hmacSha256(key, input)),
    };
    const keep = (secret: Uint8Array): Uint8Array => {
      secrets.push(secret);
      return secret;
    };
    const { client } = await openSession(watched, suite);
    const left = secrets.filter((secret) => secret.some((byte) => byte !== 0));
    expect(secrets).toHaveLength(2 + 3 * 3);
    expect(left).toEqual([client.sendKey, client.receiveKey]);
  });
});

describe('parameters', () => {
  it.each(suites)('%s: a seal key of another length is refused', async (_name, suite) => {
    for (const length of [0, 31, 33, 65]) {
      expect(await refusal(() => startHandshake(suite, { prologue, remoteStatic: new Uint8Array(length) }))).toBe(
        'key_invalid',
      );
    }
  });

  it("a worker's own key of another length is refused", async () => {
    const localStatic = nodeSuite.generateX25519();
    const { message1 } = await startTo(nodeSuite, localStatic);
    for (const length of [31, 33]) {
      const odd = { ...localStatic, publicKey: new Uint8Array(length) };
      expect(await refusal(() => acceptHandshake(nodeSuite, { prologue, localStatic: odd, message1 }))).toBe(
        'key_invalid',
      );
    }
  });

  it('a failure of the platform stays what it is, and is not blamed on the message', async () => {
    const localStatic = nodeSuite.generateX25519();
    const { message1 } = await startTo(nodeSuite, localStatic);
    for (const failure of [new Error('out of memory'), new WireError('integer_out_of_range', 'not a u32')]) {
      const failing: Suite = {
        ...nodeSuite,
        x25519: () => {
          throw failure;
        },
      };
      await expect(acceptHandshake(failing, { prologue, localStatic, message1 })).rejects.toBe(failure);
    }
  });

  it('a payload beyond what a Noise message holds is refused', async () => {
    const { publicKey } = nodeSuite.generateX25519();
    const largest = new Uint8Array(65_535 - 48);
    const message = await initiate(nodeSuite, { prologue, remoteStatic: publicKey, payload: largest });
    expect(message.message1).toHaveLength(65_535);
    const beyond = new Uint8Array(largest.length + 1);
    expect(await refusal(() => initiate(nodeSuite, { prologue, remoteStatic: publicKey, payload: beyond }))).toBe(
      'handshake_invalid',
    );
  });
});
