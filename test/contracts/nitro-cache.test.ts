import { decodeEventLog, encodeAbiParameters, encodeFunctionData, type Hex, keccak256, toHex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Receipt } from '../../contracts/tools/anvil.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import {
  authorityKeyId,
  basicConstraints,
  CA_USAGE,
  type CertificateSpec,
  certificate,
  chain,
  ECDSA_SHA256,
  keyAt,
  NOW,
  ROOT,
  specAt,
  testKey,
  validity,
} from '../support/certificates.ts';
import { name, sequence, unsigned } from '../support/der-writer.ts';
import { evidence } from '../support/nitro-evidence.ts';
import { hintsFor, type NitroWorld, nitroWorld } from './support/nitro.ts';

let world: NitroWorld;
beforeEach(async () => {
  world = await nitroWorld(ROOT, NOW);
});
afterEach(() => world.chain.stop());

const certificates = chain();
type Certificates = readonly Uint8Array[];
const documentOf = (list: Certificates): Uint8Array =>
  evidence({ certificates: list, fields: { user_data: new Uint8Array(32).fill(1) } });
const good = documentOf(certificates);
const replaced = (at: number, change: Partial<CertificateSpec>): Certificates =>
  certificates.map((bytes, index) => (index === at ? certificate({ ...specAt(at), ...change }) : bytes));

async function sent(
  functionName: 'verify' | 'remember' | 'verifyDocument',
  document: Uint8Array,
  known = 0,
): Promise<Receipt> {
  return world.send(functionName, document, await hintsFor(document, known));
}

async function succeeds(...args: Parameters<typeof sent>): Promise<Receipt> {
  const receipt = await sent(...args);
  expect(receipt.status).toBe('success');
  return receipt;
}

/** `accepted` or the code, with hints for what is not known only. */
async function ask(document: Uint8Array, known: number, now: number = NOW): Promise<string> {
  const answer = await world.ask(document, { hints: await hintsFor(document, known), now });
  return typeof answer === 'string' ? answer : 'accepted';
}

describe('What NitroVerifier remembers', { timeout: 120_000 }, () => {
  it('spares signatures: CAs by any verification, the leaf where that is asked for', async () => {
    expect(await world.known(good)).toBe(0);
    expect(await ask(good, 1)).toBe('certificate_signature');
    const cold = await succeeds('verify', good);
    expect([cold.logs.length, await world.known(good)]).toEqual([3, 3]);
    expect(await ask(good, 4)).toBe('certificate_signature');
    const warm = await succeeds('verifyDocument', good, 3);
    expect([warm.logs.length, await world.known(good)]).toEqual([0, 3]);
    const remembering = await succeeds('remember', good, 3);
    expect([remembering.logs.length, await world.known(good)]).toEqual([1, 4]);
    const hot = await succeeds('verify', good, 4);
    expect(hot.logs.length).toBe(0);
    expect(Number(cold.gasUsed)).toBeGreaterThan(Number(warm.gasUsed) + 2_000_000);
    expect(Number(warm.gasUsed)).toBeGreaterThan(Number(hot.gasUsed) + 700_000);
    // Somebody else's document was first: hints for what is known by now do no harm.
    expect(await ask(good, 0)).toBe('accepted');
    expect(await ask(good, 5)).toBe('document_signature');
  });

  it('is what the events say', async () => {
    const { logs } = await succeeds('remember', good);
    const learned = new Map<Hex, bigint>();
    let parent: Hex = toHex(sha256(ROOT));
    for (const { data, topics } of logs) {
      const { eventName, args } = decodeEventLog({ abi: world.verifier.abi, data, topics: topics as [Hex] }) as {
        eventName?: string;
        args?: unknown;
      };
      const event = args as { id: Hex; parent: Hex; tbsSha256: Hex; record: bigint };
      expect([eventName, event.parent]).toEqual(['CertificateLearned', parent]);
      const pair = encodeAbiParameters([{ type: 'bytes32' }, { type: 'bytes32' }], [event.parent, event.tbsSha256]);
      expect(event.id).toBe(keccak256(pair));
      learned.set(event.id, event.record);
      parent = event.id;
    }
    expect(learned.size).toBe(4);
    for (const [id, record] of learned) {
      const data = encodeFunctionData({ abi: world.verifier.abi, functionName: 'certificateRecord', args: [id] });
      expect(BigInt(await world.chain.call({ to: world.address, data }))).toBe(record);
    }
  });

  it('comes from nothing that reverts', async () => {
    const hints = await hintsFor(good);
    const unsigned_ = evidence({ certificates, signature: (made) => made.map((octet) => octet ^ 1) });
    const refused = [
      await world.send('verify', good, hints.subarray(0, hints.length - 1)),
      await world.send(
        'verify',
        good,
        hints.map((octet, at) => (at === 100 ? octet ^ 1 : octet)),
      ),
      await sent('remember', unsigned_),
      await sent('verify', evidence({ certificates, fields: { user_data: null } })),
      await sent('remember', evidence({ certificates, fields: { digest: 'SHA256' } })),
      await sent('verify', documentOf(replaced(4, { signer: testKey().privateKey }))),
    ];
    for (const { status, logs } of refused) expect([status, logs.length]).toEqual(['reverted', 0]);
    expect(await world.known(good)).toBe(0);
  });

  it('does not outlive its own time, nor that of a certificate above it (C17)', async () => {
    const hour = 3_600_000;
    for (const at of [1, 2, 3]) {
      const list = replaced(at, { validity: validity(NOW - hour, NOW + hour) });
      const document = documentOf(list);
      await succeeds('remember', document);
      expect(await world.known(document)).toBe(4);
      expect(await ask(document, 4, NOW + hour)).toBe('accepted');
      expect(await ask(document, 4, NOW + hour + 1000)).toBe('certificate_expired');
      // The chain is good at this time, and the document not yet made.
      expect(await ask(document, 4, NOW - hour)).toBe('document_from_future');
      expect(await ask(document, 4, NOW - hour - 1000)).toBe('certificate_not_yet_valid');
    }
  });

  it('ends with the root', async () => {
    const root = certificate({ ...specAt(0), validity: validity(NOW - 1000, NOW + 1000) });
    await world.chain.stop();
    world = await nitroWorld(root, NOW);
    const document = documentOf([root, ...certificates.slice(1)]);
    await succeeds('remember', document);
    expect(await ask(document, 4, NOW + 1000)).toBe('accepted');
    expect(await ask(document, 4, NOW + 2000)).toBe('certificate_expired');
    expect(await ask(document, 4, NOW - 2000)).toBe('certificate_not_yet_valid');
  });

  it('is known under the one certificate that it was verified under', async () => {
    await succeeds('remember', good);
    // Another genuine CA of the same name: what the first one signed is not its own.
    const twin = testKey();
    const list = replaced(1, { spki: twin.spki, serial: unsigned(Uint8Array.of(0x42, 1)) });
    const document = documentOf(list);
    expect(await world.known(document)).toBe(0);
    expect(await ask(document, 4)).toBe('certificate_signature');
    const entries = await hintsFor(document);
    expect(await world.ask(document, { hints: entries })).toBe('certificate_signature');
    expect((await sent('remember', document)).status).toBe('reverted');
    expect(await ask(good, 4)).toBe('accepted');
  });

  it('is no help to a chain that does not begin with the root', async () => {
    await succeeds('remember', good);
    const other = certificate({ ...specAt(0), serial: unsigned(Uint8Array.of(9)) });
    expect(await ask(documentOf([other, ...certificates.slice(1)]), 4)).toBe('root_not_trusted');
    expect(await ask(documentOf(certificates.slice(1)), 3)).toBe('root_not_trusted');
  });

  it('keeps limits of path length', async () => {
    // An authority that allows no other below it, known from a document of its own.
    const instance = specAt(3);
    const strict = certificate({
      ...instance,
      issuer: specAt(0).subject,
      signer: keyAt(0).privateKey,
      extensions: [basicConstraints('ca', 0), CA_USAGE],
    });
    const leaf = certificates[4] as Uint8Array;
    await succeeds('verify', documentOf([ROOT, strict, leaf]));
    const between = certificate({
      ...specAt(2),
      issuer: instance.subject,
      signer: keyAt(3).privateKey,
      extensions: [basicConstraints('ca', 0), CA_USAGE],
    });
    const below = certificate({ ...specAt(4), issuer: specAt(2).subject, signer: keyAt(2).privateKey });
    const document = documentOf([ROOT, strict, between, below]);
    expect(await world.known(document)).toBe(1);
    expect(await ask(document, 1)).toBe('path_too_long');
    // A self-issued one does not count, whether its issuer is known or not.
    const twin = certificate({
      ...instance,
      issuer: instance.subject,
      signer: keyAt(3).privateKey,
      extensions: [basicConstraints('ca', 0), CA_USAGE],
    });
    expect(await ask(documentOf([ROOT, strict, twin, leaf]), 1)).toBe('accepted');
  });

  it('knows a CA as a CA and a leaf as a leaf', async () => {
    await succeeds('remember', good);
    const [root, ca1, ca2, ca3, leaf] = certificates as readonly [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    expect(await ask(documentOf([root, ca1, ca2, ca3]), 2)).toBe('leaf_is_ca');
    const below = certificate({ ...specAt(4), issuer: specAt(4).subject, signer: keyAt(4).privateKey });
    expect(await ask(documentOf([root, ca1, ca2, ca3, leaf, below]), 3)).toBe('issuer_not_ca');
  });

  it('still compares names and key identifiers of what hangs below it', async () => {
    await succeeds('verify', good);
    expect(await ask(documentOf(replaced(4, { issuer: name('somebody else') })), 3)).toBe('issuer_mismatch');
    const foreign = { extensions: [basicConstraints('ca', 0), CA_USAGE, authorityKeyId(Uint8Array.of(9))] };
    expect(await ask(documentOf(replaced(3, foreign)), 2)).toBe('key_identifier_mismatch');
  });

  it('reads around what was signed as strictly as the first time', async () => {
    await succeeds('remember', good);
    const ca = certificates[2] as Uint8Array;
    const signed = ca.subarray(4, 8 + (((ca[6] as number) << 8) | (ca[7] as number)));
    const rest = ca.subarray(4 + signed.length);
    const wrapped = (...parts: readonly Uint8Array[]): Uint8Array =>
      documentOf(certificates.map((bytes, at) => (at === 2 ? sequence(signed, ...parts) : bytes)));
    expect(await ask(wrapped(rest), 4)).toBe('accepted');
    expect(await ask(wrapped(rest, Uint8Array.of(5, 0)), 4)).toBe('der_invalid');
    const bitString = rest.subarray(12);
    expect(await ask(wrapped(ECDSA_SHA256, bitString), 4)).toBe('certificate_algorithm_mismatch');
    const zero = concatBytes(Uint8Array.of(3, 9, 0), sequence(unsigned(0), unsigned(1)));
    expect(await ask(wrapped(rest.subarray(0, 12), zero), 4)).toBe('certificate_signature_format');
  });
});
