import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { initiate, respond } from '../../../wire/noise/handshake.ts';
import { cipherNonce } from '../../../wire/noise/nonce.ts';
import { suites } from './support.ts';

const file = new URL('../../../../shared/vectors/noise-nk-25519-aesgcm-sha256.json', import.meta.url);

interface PublicVector {
  readonly init_prologue: string;
  readonly init_ephemeral: string;
  readonly init_remote_static: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
  readonly source: string;
}

describe.skipIf(!existsSync(file))('public Noise NK vectors (skipped where ../shared/vectors is absent)', () => {
  it.each(suites)('%s suite: handshake and transport messages', async (_name, suite) => {
    const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: PublicVector[] };
    expect(vectors.length).toBeGreaterThan(0);
    for (const vector of vectors) await replay(suite, vector);
  });
});

async function replay(suite: Suite, vector: PublicVector): Promise<void> {
  const [first, second, ...transportMessages] = vector.messages;
  if (first === undefined || second === undefined) throw new Error('the vector has no handshake');

  const initiation = await initiate(suite, {
    prologue: fromHex(vector.init_prologue),
    remoteStatic: fromHex(vector.init_remote_static),
    ephemeral: await suite.importX25519(fromHex(vector.init_ephemeral)),
    payload: fromHex(first.payload),
  });
  const response = await respond(suite, {
    prologue: fromHex(vector.resp_prologue),
    localStatic: await suite.importX25519(fromHex(vector.resp_static)),
    ephemeral: await suite.importX25519(fromHex(vector.resp_ephemeral)),
    message1: initiation.message1,
    payload: fromHex(second.payload),
  });
  const finished = await initiation.finish(response.message2);

  expect(toHex(initiation.message1)).toBe(first.ciphertext);
  expect(toHex(response.message2)).toBe(second.ciphertext);
  expect(toHex(response.payload)).toBe(first.payload);
  expect(toHex(finished.payload)).toBe(second.payload);
  expect(finished.transport.handshakeHash).toEqual(response.transport.handshakeHash);
  if (vector.handshake_hash !== undefined) {
    expect(toHex(finished.transport.handshakeHash)).toBe(vector.handshake_hash);
  }

  // After two handshake messages the initiator speaks first, and each side counts its own messages.
  expect(transportMessages.length).toBeGreaterThan(0);
  for (const [index, { payload, ciphertext }] of transportMessages.entries()) {
    const fromInitiator = index % 2 === 0;
    const sender = fromInitiator ? finished.transport : response.transport;
    const receiver = fromInitiator ? response.transport : finished.transport;
    const nonce = cipherNonce(0, Math.floor(index / 2));
    const sealed = await suite.sealAesGcm(sender.sendKey, nonce, new Uint8Array(0), fromHex(payload));
    expect(toHex(sealed)).toBe(ciphertext);
    const opened = await suite.openAesGcm(receiver.receiveKey, nonce, new Uint8Array(0), sealed);
    expect(opened).toEqual(fromHex(payload));
  }
}
