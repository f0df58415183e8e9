import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sha384 } from '../../../../enclave/simulator/signing.ts';
import type { Attester } from '../../../../enclave/worker/attester.ts';
import { connectNsm } from '../../../../enclave/worker/nsm-attester.ts';
import { concatBytes, readU32, u32, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import {
  decodeNsmRequest,
  encodeNsmResponse,
  type NsmRequest,
  type NsmResponse,
} from '../../../../wire/message/nsm.ts';
import { codeOf } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-nsm-'));
let devices = 0;
let server: Server | undefined;
let sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server?.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Device = (request: NsmRequest, socket: Socket) => void;

/** A device that says whatever a test wants it to say. */
async function attach(device: Device): Promise<Attester> {
  const path = join(folder, `${devices++}.sock`);
  server = createServer((socket) => {
    sockets.push(socket);
    let buffered: Uint8Array = new Uint8Array(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Uint8Array) => {
      buffered = concatBytes(buffered, chunk);
      while (buffered.length >= 4 && buffered.length >= 4 + readU32(buffered, 0)) {
        const end = 4 + readU32(buffered, 0);
        device(decodeNsmRequest(buffered.slice(4, end)), socket);
        buffered = buffered.slice(end);
      }
    });
  });
  await new Promise<void>((resolve) => {
    server?.listen(path, resolve);
  });
  return connectNsm(path);
}

const framed = (bytes: Uint8Array): Uint8Array => concatBytes(u32(bytes.length), bytes);
const says =
  (response: NsmResponse): Device =>
  (_, socket) =>
    socket.write(framed(encodeNsmResponse(response)));
const config = new Uint8Array(32).fill(4);
const extendedOnce = sha384(concatBytes(new Uint8Array(48), config));
const request = { userData: new Uint8Array(32), nonce: new Uint8Array(32).fill(1), publicKey: new Uint8Array(65) };

describe('a device that works', () => {
  it('is asked for random bytes, a bound configuration and a document', async () => {
    const asked: NsmRequest[] = [];
    const answers: Partial<Record<NsmRequest['kind'], NsmResponse>> = {
      GetRandom: { kind: 'GetRandom', random: new Uint8Array(256).fill(9) },
      ExtendPCR: { kind: 'ExtendPCR', data: new Uint8Array(48) },
      LockPCR: { kind: 'LockPCR' },
      DescribePCR: { kind: 'DescribePCR', lock: true, data: extendedOnce },
      Attestation: { kind: 'Attestation', document: utf8('document') },
    };
    const nsm = await attach((question, socket) => {
      asked.push(question);
      says(answers[question.kind] as NsmResponse)(question, socket);
    });
    expect(nsm.tee).toBe('aws-nitro');
    expect(await nsm.entropy()).toEqual(new Uint8Array(256).fill(9));
    await nsm.bindConfiguration(config);
    expect(await nsm.attest(request)).toEqual({ document: utf8('document'), certificateTable: null });
    expect(asked).toEqual([
      { kind: 'GetRandom' },
      { kind: 'ExtendPCR', index: 16, data: config },
      { kind: 'LockPCR', index: 16 },
      { kind: 'DescribePCR', index: 16 },
      { kind: 'Attestation', ...request },
    ]);
  });

  it('answers several questions in their order, whatever the pieces', async () => {
    const waiting: Uint8Array[] = [];
    const nsm = await attach((question, socket) => {
      if (question.kind !== 'Attestation') return;
      waiting.push(framed(encodeNsmResponse({ kind: 'Attestation', document: question.nonce as Uint8Array })));
      if (waiting.length < 3) return;
      const all = concatBytes(...waiting);
      for (let at = 0; at < all.length; at += 7) socket.write(all.subarray(at, at + 7));
    });
    const nonces = [1, 2, 3].map((value) => new Uint8Array(32).fill(value));
    const documents = await Promise.all(nonces.map((nonce) => nsm.attest({ ...request, nonce })));
    expect(documents.map(({ document }) => document)).toEqual(nonces);
  });
});

describe('a device that does not', () => {
  it.each<[string, Device, string]>([
    ['says no', says({ kind: 'Error', code: 'InvalidOperation' }), 'device_refused'],
    ['answers another question', says({ kind: 'LockPCRs' }), 'device_protocol'],
    ['answers nonsense', (_, socket) => socket.write(framed(utf8('nonsense'))), 'device_protocol'],
    ['answers nothing at all', (_, socket) => socket.write(u32(0)), 'device_protocol'],
    ['announces too much', (_, socket) => socket.write(u32(limits.nsmResponseBytes + 1)), 'device_protocol'],
    ['announces the most', (_, socket) => socket.write(u32(0xffff_ffff)), 'device_protocol'],
    ['closes', (_, socket) => socket.end(), 'device_unreachable'],
    ['closes in the middle', (_, socket) => socket.end(concatBytes(u32(100), utf8('half'))), 'device_unreachable'],
    ['dies', (_, socket) => socket.destroy(), 'device_unreachable'],
  ])('that %s', async (_, device, code) => {
    const nsm = await attach(device);
    expect(await codeOf(nsm.attest(request))).toBe(code);
  });

  it('that refuses the register, or to lock it, binds nothing', async () => {
    for (const refused of ['ExtendPCR', 'LockPCR']) {
      const nsm = await attach((question, socket) => {
        const response: NsmResponse =
          question.kind === refused
            ? { kind: 'Error', code: 'ReadOnlyIndex' }
            : { kind: 'ExtendPCR', data: new Uint8Array(48) };
        says(response)(question, socket);
      });
      expect(await codeOf(nsm.bindConfiguration(new Uint8Array(32)))).toBe('device_refused');
    }
  });

  it.each<[string, NsmResponse]>([
    ['is not locked', { kind: 'DescribePCR', lock: false, data: extendedOnce }],
    ['was extended before', { kind: 'DescribePCR', lock: true, data: sha384(concatBytes(extendedOnce, config)) }],
    ['is empty', { kind: 'DescribePCR', lock: true, data: new Uint8Array(48) }],
    ['is cut short', { kind: 'DescribePCR', lock: true, data: extendedOnce.slice(0, 32) }],
  ])('whose register %s afterwards is not used, and not tried again', async (_, described) => {
    const asked: string[] = [];
    const nsm = await attach((question, socket) => {
      asked.push(question.kind);
      const answers: Partial<Record<NsmRequest['kind'], NsmResponse>> = {
        ExtendPCR: { kind: 'ExtendPCR', data: extendedOnce },
        LockPCR: { kind: 'LockPCR' },
        DescribePCR: described,
      };
      says(answers[question.kind] as NsmResponse)(question, socket);
    });
    expect(await codeOf(nsm.bindConfiguration(config))).toBe('register_unexpected');
    expect(await codeOf(nsm.bindConfiguration(config))).toBe('configuration_bound');
    expect(asked).toEqual(['ExtendPCR', 'LockPCR', 'DescribePCR']);
  });

  it.each([0, 1, 31])('that gives %d random bytes is no source of secrets', async (length) => {
    const nsm = await attach(says({ kind: 'GetRandom', random: new Uint8Array(length) }));
    expect(await codeOf(nsm.entropy())).toBe('device_protocol');
  });

  it('that closes fails every question under way, and every later one', async () => {
    const nsm = await attach((question, socket) => {
      if (question.kind === 'GetRandom') socket.destroy();
    });
    const lost = await Promise.all([codeOf(nsm.attest(request)), codeOf(nsm.attest(request)), codeOf(nsm.entropy())]);
    expect(lost).toEqual(['device_unreachable', 'device_unreachable', 'device_unreachable']);
    expect(await codeOf(nsm.attest(request))).toBe('device_unreachable');
  });

  it('that answers twice is not believed again', async () => {
    const response = framed(encodeNsmResponse({ kind: 'Attestation', document: utf8('one') }));
    const nsm = await attach((_, socket) => socket.write(concatBytes(response, response)));
    expect((await nsm.attest(request)).document).toEqual(utf8('one'));
    expect(await codeOf(nsm.attest(request))).toBe('device_protocol');
  });

  it('that is not there', async () => {
    expect(await codeOf(connectNsm(join(folder, 'nowhere.sock')))).toBe('device_unreachable');
  });
});
