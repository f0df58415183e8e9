import { createDecipheriv, createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { acceptHandshake, openRecord, sealRecord, startHandshake } from '../../../wire/noise/index.ts';
import { type NoiseGolden, noiseGolden } from '../../vectors/noise-golden.ts';
import { refusal, suites } from './support.ts';

let golden: NoiseGolden;
beforeAll(async () => {
  golden = await noiseGolden();
});

describe('golden session', () => {
  it('is the same bytes as ever: a change here breaks every deployed peer', () => {
    expect(toHex(sha256(utf8(JSON.stringify(golden))))).toBe(
      '83c28e00f2267a8d4d2ab668d972c8822b23f37a0f5a64056f6a14342c1d2d2f',
    );
  });

  it('follows from the Noise specification, step by step and without our state machine', () => {
    const { sealKey, clientEphemeral, workerEphemeral } = golden.keys;
    const hmac = (key: Uint8Array, input: Uint8Array) =>
      new Uint8Array(createHmac('sha256', key).update(input).digest());
    const hkdf = (chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] => {
      const temporary = hmac(chainingKey, input);
      const first = hmac(temporary, Uint8Array.of(1));
      return [first, hmac(temporary, concatBytes(first, Uint8Array.of(2)))];
    };
    const dh = (privateKey: string, publicKey: string) =>
      nodeSuite.x25519(nodeSuite.importX25519(fromHex(privateKey)), fromHex(publicKey));
    const emptySeal = (key: Uint8Array, h: Uint8Array) =>
      nodeSuite.sealAesGcm(key, new Uint8Array(12), h, new Uint8Array(0));
    const mix = (h: Uint8Array, data: Uint8Array) => sha256(concatBytes(h, data));

    const name = concatBytes(utf8('Noise_NK_25519_AESGCM_SHA256'), new Uint8Array(4));
    const es = dh(clientEphemeral.privateKey, sealKey.publicKey);
    const ee = dh(workerEphemeral.privateKey, clientEphemeral.publicKey);
    const [ck1, k1] = hkdf(name, es);
    const [ck2, k2] = hkdf(ck1, ee);
    const [toWorker, toClient] = hkdf(ck2, new Uint8Array(0));

    const h1 = mix(
      mix(mix(name, fromHex(golden.prologue)), fromHex(sealKey.publicKey)),
      fromHex(clientEphemeral.publicKey),
    );
    const tag1 = emptySeal(k1, h1);
    const h2 = mix(mix(h1, tag1), fromHex(workerEphemeral.publicKey));
    const tag2 = emptySeal(k2, h2);

    expect(golden.message1).toBe(clientEphemeral.publicKey + toHex(tag1));
    expect(golden.message2).toBe(workerEphemeral.publicKey + toHex(tag2));
    expect(golden.handshakeHash).toBe(toHex(mix(h2, tag2)));
    expect(golden.toWorkerKey).toBe(toHex(toWorker));
    expect(golden.toClientKey).toBe(toHex(toClient));
  });

  it('has records that plain AES-256-GCM opens with the stated nonce and associated data', () => {
    expect(golden.records.length).toBeGreaterThan(0);
    for (const entry of golden.records) {
      const bytes = fromHex(entry.record);
      const key = fromHex(entry.direction === 'to-worker' ? golden.toWorkerKey : golden.toClientKey);
      const decipher = createDecipheriv('aes-256-gcm', key, fromHex(entry.nonce));
      decipher.setAAD(fromHex(entry.associatedData)).setAuthTag(bytes.subarray(-16));
      const plaintext = Buffer.concat([decipher.update(bytes.subarray(9, -16)), decipher.final()]);
      expect(plaintext).toHaveLength(entry.plaintextLength);
      expect(plaintext.readUInt32BE(0)).toBe(entry.data.length / 2);
      expect(plaintext.subarray(4, 4 + entry.data.length / 2).toString('hex')).toBe(entry.data);
    }
  });
});

describe.each(suites)('golden session on the %s suite', (_name, suite) => {
  it('shakes hands to the same bytes', async () => {
    const { sealKey, clientEphemeral, workerEphemeral } = golden.keys;
    const started = await startHandshake(suite, {
      prologue: fromHex(golden.prologue),
      remoteStatic: fromHex(sealKey.publicKey),
      ephemeral: await suite.importX25519(fromHex(clientEphemeral.privateKey)),
    });
    const accepted = await acceptHandshake(suite, {
      prologue: fromHex(golden.prologue),
      localStatic: await suite.importX25519(fromHex(sealKey.privateKey)),
      message1: started.message1,
      ephemeral: await suite.importX25519(fromHex(workerEphemeral.privateKey)),
    });
    const transport = await started.finish(accepted.message2);
    expect(toHex(started.message1)).toBe(golden.message1);
    expect(toHex(accepted.message2)).toBe(golden.message2);
    expect(toHex(transport.handshakeHash)).toBe(golden.handshakeHash);
    expect(toHex(transport.sendKey)).toBe(golden.toWorkerKey);
    expect(toHex(transport.receiveKey)).toBe(golden.toClientKey);
  });

  it('seals and opens every record', async () => {
    const h = fromHex(golden.handshakeHash);
    for (const { data, record, direction, request, chunk, final, padding } of golden.records) {
      const key = fromHex(direction === 'to-worker' ? golden.toWorkerKey : golden.toClientKey);
      const place = { direction, request, chunk, final };
      expect(toHex(await sealRecord(suite, key, h, place, fromHex(data), padding))).toBe(record);
      const opened = await openRecord(suite, key, h, direction, fromHex(record));
      expect(opened).toEqual({ place, data: fromHex(data) });
    }
    for (const { dataByte, dataLength, plaintextLength, recordSha256, ...entry } of golden.largeRecords) {
      const { direction, request, chunk, final, padding } = entry;
      const key = fromHex(direction === 'to-worker' ? golden.toWorkerKey : golden.toClientKey);
      const data = new Uint8Array(dataLength).fill(Number.parseInt(dataByte, 16));
      const record = await sealRecord(suite, key, h, { direction, request, chunk, final }, data, padding);
      expect(record).toHaveLength(9 + plaintextLength + 16);
      expect(toHex(sha256(record))).toBe(recordSha256);
    }
  });

  it('refuses what must be refused, each with its code', async () => {
    const h = fromHex(golden.handshakeHash);
    const key = fromHex(golden.toWorkerKey);
    expect(golden.refused.length).toBeGreaterThan(0);
    for (const { name, code, record } of golden.refused) {
      const found = await refusal(() => openRecord(suite, key, h, 'to-worker', fromHex(record)));
      expect({ name, code: found }).toEqual({ name, code });
    }
  });
});
