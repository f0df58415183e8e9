import { afterEach, describe, expect, it } from 'vitest';
import { AttesterError } from '../../../../enclave/worker/attester.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { verifyLowS } from '../../../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { limits } from '../../../../wire/limits.ts';
import { registerMessage } from '../../../../wire/message/authorisations.ts';
import { decodeBundle, encodeBundle } from '../../../../wire/message/bundle.ts';
import { decodeRuntime } from '../../../../wire/message/execution.ts';
import { decodeIdentity, logPreimage, signerPoint } from '../../../../wire/message/identity.ts';
import {
  decodeAttested,
  decodeEntries,
  decodePlainAnswer,
  decodeReadyInfo,
  decodeState,
  encodeAcknowledge,
  encodeRelease,
  linkKind,
} from '../../../../wire/message/link.ts';
import { decodeReceipt, decodeTreeHead, HEAD_BYTES, RECEIPT_BYTES } from '../../../../wire/message/receipt.ts';
import { encodeFinalRecord } from '../../../../wire/message/session.ts';
import { paddedSize } from '../../../../wire/noise/record.ts';
import { codeOf, configuration, configurationBytes, gate, release, requestBytes } from './harness.ts';
import { closeLinks, openLink, pushRelease, serve, startCore, type TestLink } from './link.ts';

afterEach(closeLinks);

describe('before its configuration a worker', () => {
  it('says that it has none, first of all', async () => {
    const link = await openLink(await startCore());
    await link.first(linkKind.state);
    expect(decodeState(link.frames[0]?.payload as Uint8Array)).toEqual({
      version: 1,
      ready: null,
      size: 0,
      acknowledged: 0,
      models: [],
    });
  });

  it.each([
    ['attest', linkKind.attest, new Uint8Array(32)],
    ['release', linkKind.release, encodeRelease(release().signed)],
    ['file', linkKind.file, new Uint8Array(36)],
    ['handshake', linkKind.handshake, new Uint8Array(48)],
    ['sealed', linkKind.sealed, new Uint8Array(400)],
    ['plain', linkKind.plain, requestBytes()],
  ])('answers %s with not_configured', async (_, kind, payload) => {
    expect(await codeOf((await openLink(await startCore())).ask(kind, payload))).toBe('not_configured');
  });

  it('takes no acknowledgement, and does not fall over it', async () => {
    const link = await openLink(await startCore());
    link.send({ id: 0, kind: linkKind.acknowledge, payload: encodeAcknowledge(3) });
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(32)))).toBe('not_configured');
  });
});

describe('a configuration', () => {
  it('becomes the identity, bound to the device before any key exists', async () => {
    const core = await startCore();
    const link = await openLink(core);
    const operator = new Uint8Array(20).fill(7);
    const bytes = configurationBytes({ operator, chainId: 9n });
    const ready = decodeReadyInfo(await link.ask(linkKind.configure, bytes));
    const identity = decodeIdentity(ready.identity);
    expect(core.attester.bound).toEqual([sha256(bytes)]);
    expect(ready.configuration).toEqual(bytes);
    expect(identity).toMatchObject({ version: 1n, operator, chainId: 9n, config: sha256(bytes) });
    expect(identity.runtime).toEqual(sha256(ready.runtime));
    expect(decodeRuntime(ready.runtime).engine).toBe('onnxruntime');
  });

  it('is taken once: the same or another, later or at the same time, is refused', async () => {
    const core = await startCore();
    const link = await openLink(core);
    const { passed, open } = gate();
    core.attester.onBind = () => passed;
    const first = link.ask(linkKind.configure, configurationBytes());
    const second = codeOf(link.ask(linkKind.configure, configurationBytes({ telemetry: 'counters' })));
    expect(await second).toBe('already_configured');
    open();
    await first;
    expect(await codeOf(link.ask(linkKind.configure, configurationBytes()))).toBe('already_configured');
    expect(core.attester.bound).toHaveLength(1);
    expect(core.fatal).toEqual([]);
  });

  it('that is none is refused, and the right one may follow', async () => {
    const core = await startCore();
    const link = await openLink(core);
    const good = configurationBytes();
    for (const bytes of [new Uint8Array(0), utf8('nonsense'), good.subarray(1), concatBytes(good, Uint8Array.of(0))]) {
      expect(await codeOf(link.ask(linkKind.configure, bytes))).toBe('configuration_invalid');
    }
    expect(core.attester.bound).toEqual([]);
    expect(await codeOf(link.ask(linkKind.configure, good))).toBe('accepted');
  });

  it.each([
    ['the register is locked already', 'bind'],
    ['there is no entropy', 'entropy'],
  ])('is fatal where %s, and leaves no half-made epoch', async (_, what) => {
    const core = await startCore();
    const refuse = (): Promise<never> => Promise.reject(new AttesterError('device_refused', 'no'));
    if (what === 'bind') core.attester.onBind = refuse;
    else core.attester.entropy = refuse;
    const link = await openLink(core);
    expect(await codeOf(link.ask(linkKind.configure, configurationBytes()))).toBe('attestation_failed');
    expect(core.fatal).toMatchObject([{ code: 'device_refused' }]);
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(32)))).toBe('not_configured');
    expect(await codeOf(link.ask(linkKind.configure, configurationBytes()))).toBe('already_configured');
  });
});

describe('attesting', () => {
  it('binds the log, the signer and the challenge', async () => {
    const core = await startCore();
    const link = await openLink(core);
    const { identity } = decodeReadyInfo(await link.ask(linkKind.configure, configurationBytes()));
    const challenge = new Uint8Array(32).fill(6);
    const { possession, ...attested } = decodeAttested(await link.ask(linkKind.attest, challenge));
    expect(attested).toEqual({
      tee: 'aws-nitro',
      document: concatBytes(Uint8Array.of(0xd0), challenge),
      certificateTable: null,
    });
    const message = registerMessage(sha256(logPreimage(identity)), challenge);
    expect(await verifyLowS(nodeSuite, signerPoint(decodeIdentity(identity)), message, possession)).toBe(true);
    expect(core.attester.asked).toEqual([
      { userData: sha256(logPreimage(identity)), nonce: challenge, publicKey: signerPoint(decodeIdentity(identity)) },
    ]);
  });

  it.each([0, 31, 33, 1_024])('takes no challenge of %d bytes', async (length) => {
    const { link, attester } = await serve();
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(length)))).toBe('malformed');
    expect(attester.asked).toEqual([]);
  });

  it('says no more than that it failed', async () => {
    const { link, attester } = await serve();
    attester.onAttest = () => Promise.reject(new AttesterError('device_unreachable', 'a path of this machine'));
    await expect(link.ask(linkKind.attest, new Uint8Array(32))).rejects.toMatchObject({
      code: 'attestation_failed',
      message: 'device_unreachable',
    });
  });

  it('is bounded while the device does not answer', async () => {
    const { link, attester } = await serve();
    const { passed, open } = gate();
    attester.onAttest = async () => {
      await passed;
      return { document: utf8('late'), certificateTable: null };
    };
    const asked = Array.from({ length: limits.attestationsPending }, () =>
      link.ask(linkKind.attest, new Uint8Array(32)),
    );
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(32)))).toBe('busy');
    open();
    expect(await Promise.all(asked)).toHaveLength(limits.attestationsPending);
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(32)))).toBe('accepted');
  });
});

describe('a release over the link', () => {
  it('is announced, sent and shown in the state', async () => {
    const { link, demo, ...core } = await serve();
    link.socket.destroy();
    const again = await openLink(core);
    expect(decodeState((await again.first(linkKind.state)).payload).models).toEqual([demo.modelId]);
  });

  it.each([
    ['announcement', linkKind.release],
    ['piece', linkKind.file],
    ['first message', linkKind.handshake],
    ['record', linkKind.sealed],
    ['request', linkKind.plain],
  ])('a malformed %s is refused, and the link lives on', async (_, kind) => {
    const { link } = await serve();
    for (const length of [0, 1, 15, 35]) {
      expect(await codeOf(link.ask(kind, new Uint8Array(length)))).toMatch(/^(malformed|session_unknown)$/);
    }
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(32)))).toBe('accepted');
  });

  it('cannot end the worker by names that make no text', async () => {
    const { link, pool } = await serve();
    const name = (length: number): string => `${'a'.repeat(length)}${'\u{1F600}'.repeat(50)}`;
    for (let length = 0; length < 6; length++) {
      const inputs = Array.from(
        { length: 8 },
        (_, i) => ({ name: `${i}${name(length)}`, datatype: 'FP32', shape: [] }) as const,
      );
      expect(await codeOf(pushRelease(link, release([utf8('m')], { inputs })))).toBe('release_invalid');
    }
    expect(pool.closed).toBe(6);
    expect(await codeOf(link.ask(linkKind.attest, new Uint8Array(32)))).toBe('accepted');
  });

  it('hides what went wrong inside the worker', async () => {
    const { link, pool } = await serve();
    pool.beforeLoad = () => Promise.reject(new RangeError('something private'));
    await expect(pushRelease(link, release([utf8('m')]))).rejects.toMatchObject({ code: 'internal', message: '' });
  });
});

describe('a plain request', () => {
  const ask = async (link: TestLink, payload: Uint8Array): Promise<ReturnType<typeof decodePlainAnswer>> =>
    decodePlainAnswer(await link.ask(linkKind.plain, payload));

  it('is answered with its receipt, after the entries that hold it', async () => {
    const { link, demo } = await serve();
    const answer = await ask(link, requestBytes({ modelId: demo.modelId }));
    const bundle = decodeBundle(answer.bundle);
    const kinds = link.frames.map(({ kind }) => kind);
    expect(kinds.lastIndexOf(linkKind.entries)).toBeLessThan(kinds.lastIndexOf(linkKind.reply));
    expect(decodeEntries((await link.first(linkKind.entries)).payload)).toEqual({
      from: 0,
      receipts: [bundle.receipt],
      executions: [bundle.execution],
      head: bundle.head,
      signature: bundle.signature,
    });
    expect(decodeReceipt(bundle.receipt).status).toBe(0n);
  });

  it('that says it came sealed is refused without a receipt', async () => {
    const { link, demo } = await serve();
    expect(await codeOf(link.ask(linkKind.plain, requestBytes({ modelId: demo.modelId, flags: 2n })))).toBe(
      'malformed',
    );
    expect(link.frames.some(({ kind }) => kind === linkKind.entries)).toBe(false);
  });

  it('names the configured chain and settlement in its head', async () => {
    const settlement = new Uint8Array(20).fill(8);
    const { link, demo } = await serve({ chainId: 5n, settlement });
    const { bundle } = await ask(link, requestBytes({ modelId: demo.modelId }));
    expect(decodeTreeHead(decodeBundle(bundle).head)).toMatchObject({ chainId: 5n, settlement });
  });

  it('beyond what may be under way is busy, until one is done', async () => {
    const { link, demo, pool } = await serve({ limits: { pending: 2 } });
    const { passed, open } = gate();
    const { run } = pool;
    pool.run = async (inputs, ms) => {
      await passed;
      return run(inputs, ms);
    };
    const payload = requestBytes({ modelId: demo.modelId });
    const both = [ask(link, payload), ask(link, payload)];
    expect(await codeOf(link.ask(linkKind.plain, payload))).toBe('busy');
    open();
    await Promise.all(both);
    expect(await codeOf(link.ask(linkKind.plain, payload))).toBe('accepted');
  });

  it('is refused while the log is full, and runs nothing', async () => {
    const { link, demo, pool } = await serve({ limits: { unacknowledgedLeaves: 2, pending: 2 } });
    const payload = requestBytes({ modelId: demo.modelId });
    await ask(link, payload);
    await ask(link, payload);
    let ran = false;
    pool.run = async () => {
      ran = true;
      return [];
    };
    expect(await codeOf(link.ask(linkKind.plain, payload))).toBe('log_full');
    expect(ran).toBe(false);
    link.send({ id: 0, kind: linkKind.acknowledge, payload: encodeAcknowledge(1) });
    expect(await codeOf(link.ask(linkKind.plain, payload))).toBe('accepted');
    expect(await codeOf(link.ask(linkKind.plain, payload))).toBe('log_full');
  });

  it('that meets a fault of the worker’s own gives its place back', async () => {
    const { link, demo, pool } = await serve({ limits: { pending: 1, unacknowledgedLeaves: 1 } });
    const { run } = pool;
    pool.run = () => Promise.reject(new RangeError('something private'));
    const payload = requestBytes({ modelId: demo.modelId });
    await expect(link.ask(linkKind.plain, payload)).rejects.toMatchObject({ code: 'internal', message: '' });
    pool.run = run;
    expect(await codeOf(link.ask(linkKind.plain, payload))).toBe('accepted');
  });
});

it('the largest answer with the largest bundle fits into a record and a frame: nothing is found too large after the run', () => {
  const bundle = encodeBundle({
    receipt: new Uint8Array(RECEIPT_BYTES),
    execution: new Uint8Array(limits.executionBytes),
    proof: Array.from({ length: limits.treeProofHashes }, () => new Uint8Array(32)),
    head: new Uint8Array(HEAD_BYTES),
    signature: new Uint8Array(64),
  });
  expect(bundle.length).toBeLessThanOrEqual(limits.bundleBytes);
  const largestBody = limits.bodyBytes;
  expect(() => configuration({ limits: { responseBytes: largestBody + 1 } })).toThrow('responseBytes');
  const empty = encodeFinalRecord({ bundle: new Uint8Array(0), format: 0, jsonLength: 0, body: new Uint8Array(0) });
  const size = paddedSize(empty.length + limits.bundleBytes + largestBody, 'body');
  expect(size).toBeLessThanOrEqual(limits.recordPlaintextBytes);
  expect(size + 25).toBeLessThanOrEqual(limits.recordBytes);
  expect(limits.recordBytes + 1_024).toBeLessThanOrEqual(limits.frameBytes);
});
