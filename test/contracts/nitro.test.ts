import { createHash } from 'node:crypto';
import { decodeFunctionResult, encodeFunctionData, keccak256, toFunctionSelector, toHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeNitroHints,
  type NitroProofError,
  nitroStatements,
  proveNitroDocument,
} from '../../contracts/prover/nitro/index.ts';
import { proveP384 } from '../../contracts/prover/p384/index.ts';
import { ChainError } from '../../contracts/tools/anvil.ts';
import { parseEcdsaP384Signature } from '../../verifier/codec/ecdsa-signature.ts';
import { verifyNitroDocument } from '../../verifier/index.ts';
import { concatBytes, fromHex, utf8 } from '../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../wire/codec/cbor.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import {
  basicConstraints,
  type CertificateSpec,
  certificate,
  chain,
  keyAt,
  MODULE_ID,
  NOW,
  ROOT,
  specAt,
  testKey,
  validity,
} from '../support/certificates.ts';
import { name, unsigned } from '../support/der-writer.ts';
import { defaultPcrs, type EvidenceChanges, evidence, payloadOf, pcr, policy } from '../support/nitro-evidence.ts';
import { hintsFor, type NitroFacts, type NitroWorld, nitroWorld } from './support/nitro.ts';

let world: NitroWorld;
beforeAll(async () => {
  world = await nitroWorld(ROOT, NOW);
});
afterAll(() => world.chain.stop());

/** What the contract asks, and nothing that it leaves to others. */
const asked = policy({
  images: 'any',
  pcrs: { '3': 'any', '4': 'any', '8': 'any' },
  maxAgeSeconds: 'any',
  regions: 'any',
});

async function inTypeScript(document: Uint8Array, now: number): Promise<string> {
  const options = { policy: asked, now, challenge: 'any', suite: nodeSuite, cache: 'none' } as const;
  const verdict = await verifyNitroDocument(document, options);
  return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
}

/** `accepted` or the code, which has to be the verifier's own. */
async function judge(document: Uint8Array, now: number = NOW): Promise<string> {
  const answer = await world.ask(document, { now });
  const code = typeof answer === 'string' ? answer : 'accepted';
  expect(code).toBe(await inTypeScript(document, now));
  return code;
}

const certificates = chain();
const sound: EvidenceChanges = { certificates };
const good = evidence(sound);
const fields = (changed: { readonly [field: string]: CborValue | undefined }): EvidenceChanges => ({
  ...sound,
  fields: changed,
});
const pcrs = (...entries: readonly (readonly [number | string, CborValue])[]): EvidenceChanges =>
  fields({ pcrs: new Map([...defaultPcrs(), ...entries]) });
const measured = (first: number, second: number, third: number): EvidenceChanges =>
  pcrs([0, pcr(first)], [1, pcr(second)], [2, pcr(third)]);
const without = (...indices: readonly number[]): EvidenceChanges =>
  fields({ pcrs: new Map([...defaultPcrs()].filter(([index]) => !indices.includes(index))) });
const payload = (change: (made: Uint8Array) => Uint8Array): EvidenceChanges => ({ ...sound, payload: change });
/** Another field at the end of the payload, written by hand. */
const appended = (hex: string): EvidenceChanges =>
  payload((made) => concatBytes(Uint8Array.of((made[0] as number) + 1), made.subarray(1), fromHex(hex)));
const filled = (size: number): Uint8Array => new Uint8Array(size).fill(7);
const nestedField = (depth: number): EvidenceChanges => {
  let value: CborValue = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return fields({ more: value });
};

const ORDER = fromHex(`${'ff'.repeat(24)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`);
const scalar = (at: 0 | 48, value: Uint8Array): EvidenceChanges => ({
  ...sound,
  signature: (made) => concatBytes(made.subarray(0, at), value, made.subarray(at + 48)),
});

const bundle = (...list: readonly Uint8Array[]): EvidenceChanges => ({
  certificates: [...list, certificates[4] as Uint8Array],
});
const [root, ca1, ca2, ca3] = certificates as readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

const cases: Readonly<Record<string, readonly [code: string, changes: EvidenceChanges]>> = {
  'a good document': ['accepted', sound],
  'a payload of indefinite length': ['accepted', { ...sound, form: 'indefinite' }],
  'another protected header': ['cose_protected_header', { ...sound, header: fromHex('a10126') }],
  'an empty protected header': ['cose_protected_header', { ...sound, header: new Uint8Array(0) }],
  'an unprotected header': ['cose_unprotected_header', { ...sound, unprotected: new Map([[1, -35]]) }],
  'an unprotected header that is no map': ['cose_unprotected_header', { ...sound, unprotected: [] }],
  'a signature of 95 bytes': ['cose_signature_length', { ...sound, signature: (made) => made.subarray(1) }],
  'a signature of 97 bytes': [
    'cose_signature_length',
    { ...sound, signature: (made) => concatBytes(made, made.subarray(0, 1)) },
  ],
  'r = 0': ['document_signature', scalar(0, new Uint8Array(48))],
  's = 0': ['document_signature', scalar(48, new Uint8Array(48))],
  'r = n': ['document_signature', scalar(0, ORDER)],
  's = n': ['document_signature', scalar(48, ORDER)],
  'a changed signature': [
    'document_signature',
    { ...sound, signature: (made) => made.map((octet, i) => (i === 60 ? octet ^ 1 : octet)) },
  ],
  'a payload that is no map': ['document_field_invalid', payload(() => encodeCbor([1]))],
  'a payload with a byte behind it': ['cbor_invalid', payload((made) => concatBytes(made, Uint8Array.of(0)))],
  'a field name that is a number': ['document_field_invalid', appended('0101')],
  'a field twice': ['cbor_invalid', appended(`65${Buffer.from('nonce').toString('hex')}f6`)],
  'a field that nobody knows': ['field_unknown', fields({ more: 1 })],
  'a field called __proto__': ['field_unknown', appended(`69${Buffer.from('__proto__').toString('hex')}01`)],
  'a field with a long head': ['cbor_invalid', appended('6161 1801'.replace(' ', ''))],
  'a field with a tag': ['cbor_invalid', appended('6161c100')],
  'a field with a float': ['cbor_invalid', appended('6161f90000')],
  'a field with indefinite bytes': ['cbor_invalid', appended('61615f4101ff')],
  'a field that claims 2^32 items': ['cbor_invalid', appended('61619b0000000100000000')],
  'a field nested 15 deep': ['field_unknown', nestedField(15)],
  'a field nested 16 deep': ['cbor_invalid', nestedField(16)],
  'no digest': ['document_field_missing', fields({ digest: undefined })],
  'a digest of null': ['document_field_missing', fields({ digest: null })],
  'another digest': ['digest_unsupported', fields({ digest: 'SHA256' })],
  'a digest of bytes': ['digest_unsupported', fields({ digest: utf8('SHA384') })],
  'no module id': ['document_field_missing', fields({ module_id: undefined })],
  'an empty module id': ['document_field_invalid', fields({ module_id: '' })],
  'a module id with a space': ['document_field_invalid', fields({ module_id: 'i 1' })],
  'a module id of 129 characters': ['document_field_invalid', fields({ module_id: 'i'.repeat(129) })],
  'a module id of bytes': ['document_field_invalid', fields({ module_id: utf8(MODULE_ID) })],
  'another module id': ['module_id_mismatch', fields({ module_id: `${MODULE_ID}0` })],
  'no timestamp': ['document_field_missing', fields({ timestamp: undefined })],
  'a timestamp of 0': ['timestamp_invalid', fields({ timestamp: 0 })],
  'a negative timestamp': ['timestamp_invalid', fields({ timestamp: -1 })],
  'a timestamp of 2^53 - 1': ['document_from_future', fields({ timestamp: 2 ** 53 - 1 })],
  'a timestamp of 2^53': ['timestamp_invalid', fields({ timestamp: 2n ** 53n })],
  'a timestamp of text': ['timestamp_invalid', fields({ timestamp: '1' })],
  'a timestamp 300 seconds ahead': ['accepted', fields({ timestamp: NOW + 300_000 })],
  'a timestamp a millisecond further': ['document_from_future', fields({ timestamp: NOW + 300_001 })],
  'a timestamp at the first second of the leaf': ['accepted', fields({ timestamp: NOW - 3_600_000 })],
  'a timestamp before the leaf': ['timestamp_outside_leaf', fields({ timestamp: NOW - 3_600_001 })],
  'no PCRs': ['document_field_missing', fields({ pcrs: undefined })],
  'an empty map of PCRs': ['pcrs_invalid', fields({ pcrs: new Map() })],
  'PCRs that are a list': ['pcrs_invalid', fields({ pcrs: [pcr(1)] })],
  'all 32 PCRs': ['accepted', pcrs(...Array.from({ length: 32 }, (_, index) => [index, pcr(index + 1)] as const))],
  PCR32: ['pcrs_invalid', pcrs([32, pcr(1)])],
  'PCR-1': ['pcrs_invalid', pcrs([-1, pcr(1)])],
  'a PCR by name': ['pcrs_invalid', pcrs(['0', pcr(1)])],
  'a PCR of 32 bytes': ['pcrs_invalid', pcrs([7, filled(32)])],
  'a PCR of 64 bytes': ['pcrs_invalid', pcrs([7, filled(64)])],
  'an empty PCR': ['pcrs_invalid', pcrs([7, filled(0)])],
  'a PCR of text': ['pcrs_invalid', pcrs([7, 'a'.repeat(48)])],
  'debug mode': ['debug_mode', measured(0, 0, 0)],
  'PCR0 zero': ['measurement_zero', measured(0, 2, 3)],
  'PCR1 zero': ['measurement_zero', measured(1, 0, 3)],
  'PCR2 zero': ['measurement_zero', measured(1, 2, 0)],
  'PCR0 absent': ['measurement_zero', without(0)],
  'PCR2 absent': ['measurement_zero', without(2)],
  'PCR0, PCR1 and PCR2 absent': ['measurement_zero', without(0, 1, 2)],
  'no leaf': ['document_field_missing', fields({ certificate: undefined })],
  'an empty leaf': ['certificates_invalid', fields({ certificate: filled(0) })],
  'a leaf of 1,025 bytes': ['certificates_invalid', fields({ certificate: filled(1025) })],
  'a leaf that is no DER': ['der_invalid', fields({ certificate: filled(1024) })],
  'no bundle': ['document_field_missing', fields({ cabundle: undefined })],
  'an empty bundle': ['certificates_invalid', fields({ cabundle: [] })],
  'a bundle of nine': ['certificates_invalid', fields({ cabundle: Array.from({ length: 9 }, () => root) })],
  'a bundle that is bytes': ['certificates_invalid', fields({ cabundle: root })],
  'a bundle with a number in it': ['certificates_invalid', fields({ cabundle: [root, 1] })],
  'CAs in the wrong order': ['issuer_mismatch', bundle(root, ca2, ca1, ca3)],
  'a CA twice': ['issuer_mismatch', bundle(root, ca1, ca1, ca2, ca3)],
  'no root': ['root_not_trusted', bundle(ca1, ca2, ca3)],
  'another root of the same name': ['root_not_trusted', bundle(certificate(specAt(0)), ca1, ca2, ca3)],
  'a public key': ['accepted', fields({ public_key: filled(1024) })],
  'an empty public key': ['document_field_invalid', fields({ public_key: filled(0) })],
  'a public key of 1,025 bytes': ['document_field_invalid', fields({ public_key: filled(1025) })],
  'a public key of text': ['document_field_invalid', fields({ public_key: 'key' })],
  'user data and nonce left out': ['accepted', fields({ user_data: undefined, nonce: undefined })],
  'user data and nonce of null': ['accepted', fields({ user_data: null, nonce: null })],
  'empty user data and nonce': ['accepted', fields({ user_data: filled(0), nonce: filled(0) })],
  'user data of 512 bytes': ['accepted', fields({ user_data: filled(512), nonce: filled(512) })],
  'user data of 513 bytes': ['binding_too_long', fields({ user_data: filled(513) })],
  'a nonce of 513 bytes': ['binding_too_long', fields({ nonce: filled(513) })],
  'user data of 1,025 bytes': ['document_field_invalid', fields({ user_data: filled(1025) })],
  'a payload of 16,385 bytes': ['cose_payload', fields({ more: filled(16_385 - payloadOf(sound).length - 8) })],
};

describe('NitroVerifier says what the verifier says', { timeout: 60_000 }, () => {
  it.each(Object.entries(cases))('%s', async (_name, [code, changes]) => {
    expect(await judge(evidence(changes))).toBe(code);
  });

  const array = (...items: readonly CborValue[]): Uint8Array => encodeCbor([...items]);
  const header = fromHex('a1013822');
  const framed: Readonly<Record<string, readonly [code: string, document: Uint8Array]>> = {
    nothing: ['document_too_large', new Uint8Array(0)],
    'one byte': ['cbor_invalid', Uint8Array.of(0x84)],
    '18,433 bytes': ['document_too_large', filled(18_433)],
    '18,432 bytes': ['cbor_invalid', filled(18_432)],
    'tag 18': ['accepted', concatBytes(Uint8Array.of(0xd2), good)],
    'tag 18 twice': ['cbor_invalid', concatBytes(Uint8Array.of(0xd2, 0xd2), good)],
    'tag 18 in a longer form': ['cose_tag', concatBytes(Uint8Array.of(0xd8, 18), good)],
    'tag 17': ['cose_tag', concatBytes(Uint8Array.of(0xd1), good)],
    'a byte behind it': ['cbor_invalid', concatBytes(good, Uint8Array.of(0))],
    'an array of three': ['cose_structure', array(header, new Map(), filled(9))],
    'an array of five': ['cose_structure', array(header, new Map(), filled(9), filled(96), 0)],
    'a map': ['cose_structure', encodeCbor(new Map([[1, 2]]))],
    'no payload': ['cose_payload', array(header, new Map(), null, filled(96))],
    'an empty payload': ['cose_payload', array(header, new Map(), filled(0), filled(96))],
    'a header that is a map': ['cose_protected_header', array(new Map([[1, -35]]), new Map(), filled(9), filled(96))],
  };

  it.each(Object.entries(framed))('%s', async (_name, [code, document]) => {
    expect(await judge(document)).toBe(code);
  });

  it('cut off anywhere', async () => {
    const steps = Array.from({ length: 40 }, (_, i) => Math.floor((i * good.length) / 40));
    for (const length of [...steps, 1, 2, 7, 8, 9, 10, 11, good.length - 97, good.length - 1]) {
      if (length > 0) expect(await judge(good.subarray(0, length))).toBe('cbor_invalid');
    }
  });

  it('the other signature of the same document, and its own id', async () => {
    const other = evidence({ ...sound, signature: negated });
    const [one, two] = [await world.ask(good), await world.ask(other)];
    expect((two as NitroFacts).documentId).toBe((one as NitroFacts).documentId);
    expect(await judge(other)).toBe('accepted');
  });

  const changed: Readonly<Record<string, readonly [code: string, at: number, change: Partial<CertificateSpec>]>> = {
    'a CA signed by another key': ['certificate_signature', 2, { signer: testKey().privateKey }],
    'a leaf signed by the CA above its issuer': ['certificate_signature', 4, { signer: keyAt(2).privateKey }],
    'a CA without cA': ['issuer_not_ca', 3, { extensions: [basicConstraints('leaf')] }],
    'a leaf that lives for three hours and a minute': ['accepted', 4, { validity: validity(NOW, NOW + 10_860_000) }],
    'a leaf that lives longer': ['leaf_lifetime', 4, { validity: validity(NOW, NOW + 10_861_000) }],
    'a leaf of another module': ['module_id_mismatch', 4, { subject: name('i-1-enc2.zz-test-1.aws') }],
    'a leaf without a region': ['module_id_mismatch', 4, { subject: name(MODULE_ID) }],
    'a leaf of another region': ['module_id_mismatch', 4, { subject: name(`${MODULE_ID}.zz-test-2.aws`) }],
    'a leaf with a dot too many': ['module_id_mismatch', 4, { subject: name(`${MODULE_ID}.zz-test-1.`) }],
    'a leaf with another ending': ['module_id_mismatch', 4, { subject: name(`${MODULE_ID}.zz-test-1.awz`) }],
    'a leaf without ".aws"': ['accepted', 4, { subject: name(`${MODULE_ID}.zz-test-1`) }],
    'a region with a capital letter': ['module_id_mismatch', 4, { subject: name(`${MODULE_ID}.Zz-test-1.aws`) }],
    'a leaf with a serial of zero': ['certificate_serial', 4, { serial: unsigned(0) }],
  };

  it.each(Object.entries(changed))('%s', async (_name, [code, at, change]) => {
    const list = certificates.map((bytes, index) => (index === at ? certificate({ ...specAt(at), ...change }) : bytes));
    // What hangs below a changed CA keeps its own signature, by the key that both have.
    expect(await judge(evidence({ certificates: list }))).toBe(code);
  });

  it('a key that is no point of the curve', async () => {
    const spki = keyAt(3).spki.slice();
    spki[spki.length - 1] = (spki.at(-1) as number) ^ 1;
    let signed = new Uint8Array(0);
    const signature = (made: Uint8Array): Uint8Array => {
      signed = new Uint8Array(made);
      return made;
    };
    const bad = certificate({ ...specAt(3), spki, signature });
    const document = evidence({ certificates: [root, ca1, ca2, bad, certificates[4] as Uint8Array] });
    expect(await inTypeScript(document, NOW)).toBe('certificate_key');
    // The prover reads such a certificate as little as the verifier does; its own signature is a good one.
    const tbs = bad.subarray(4, 8 + (((bad[6] as number) << 8) | (bad[7] as number)));
    const fixed = parseEcdsaP384Signature(signed);
    const statement = {
      hash: new Uint8Array(createHash('sha384').update(tbs).digest()),
      r: fixed.subarray(0, 48),
      s: fixed.subarray(48),
      publicKey: keyAt(2).point,
    };
    const above = (await nitroStatements(good)).slice(0, 2).map((known) => proveP384(known));
    const none = new Uint8Array(0);
    const hints = encodeNitroHints([...above, proveP384(statement), none, none]);
    expect(await world.ask(document, { hints })).toBe('certificate_key');
  });

  it('at every edge of time', async () => {
    const [begin, end] = [NOW - 3_600_000, NOW + 7_200_000];
    const at = async (timestamp: number, now: number): Promise<string> => judge(evidence(fields({ timestamp })), now);
    expect(await at(begin, begin)).toBe('accepted');
    expect(await at(begin, begin - 1000)).toBe('certificate_not_yet_valid');
    expect(await at(end, end)).toBe('accepted');
    expect(await at(end, end + 1000)).toBe('certificate_expired');
  });
});

function negated(made: Uint8Array): Uint8Array {
  const toInteger = (bytes: Uint8Array): bigint => BigInt(toHex(bytes));
  const s = (toInteger(ORDER) - toInteger(made.subarray(48))).toString(16).padStart(96, '0');
  return concatBytes(made.subarray(0, 48), fromHex(s));
}

describe('NitroVerifier answers', { timeout: 60_000 }, () => {
  const key = filled(65);
  const full = evidence({ ...sound, fields: { user_data: filled(32), public_key: key } });

  const call = async (document: Uint8Array): Promise<unknown> => {
    const data = world.callData('verify', document, await hintsFor(document));
    const answer = await world.chain.call({ to: world.address, data });
    return decodeFunctionResult({ abi: world.verifier.abi, functionName: 'verify', data: answer });
  };
  const word = (text: string): Uint8Array => concatBytes(utf8(text), new Uint8Array(32 - text.length));

  it('with the facts that registries take', async () => {
    const { proven } = (await verifyNitroDocument(full, {
      policy: asked,
      now: NOW,
      challenge: 'any',
      suite: nodeSuite,
      cache: 'none',
    })) as { readonly proven: { readonly certificates: readonly { readonly tbsSha256: Uint8Array }[] } };
    const measurements = concatBytes(word('proofmark image v1'), word('aws-nitro'), pcr(1), pcr(2), pcr(3));
    expect(await call(full)).toMatchObject({
      tee: toHex(word('aws-nitro')),
      simulated: true,
      image: toHex(sha256(measurements)),
      identity: toHex(filled(32)),
      challenge: toHex(new Uint8Array(32).fill(0x5a)),
      publicKey: keccak256(key),
      configRegister: `0x${'00'.repeat(32)}`,
      issuedAt: BigInt(NOW / 1000),
      notBefore: BigInt(NOW / 1000 - 3_600),
      notAfter: BigInt(NOW / 1000 + 7_200),
      platformId: toHex(sha256(utf8(MODULE_ID))),
      certificates: proven.certificates.map(({ tbsSha256 }) => toHex(tbsSha256)),
    });
    const configured = { user_data: filled(32), pcrs: new Map([...defaultPcrs(), [16, pcr(9)] as const]) };
    expect(await call(evidence({ ...sound, fields: configured }))).toMatchObject({
      publicKey: `0x${'00'.repeat(32)}`,
      configRegister: keccak256(pcr(9)),
    });
  });

  const short: Readonly<Record<string, readonly [error: string, field: string, value: CborValue | undefined]>> = {
    'user data of 31 bytes': ['UserDataNotIdentity()', 'user_data', filled(31)],
    'user data of 33 bytes': ['UserDataNotIdentity()', 'user_data', filled(33)],
    'no user data': ['UserDataNotIdentity()', 'user_data', null],
    'a nonce of 31 bytes': ['NonceNotChallenge()', 'nonce', filled(31)],
    'an empty nonce': ['NonceNotChallenge()', 'nonce', filled(0)],
    'no nonce': ['NonceNotChallenge()', 'nonce', undefined],
  };

  it.each(Object.entries(short))('and refuses %s there', async (_name, [error, field, value]) => {
    const document = evidence({ ...sound, fields: { user_data: filled(32), [field]: value } });
    const refusal = await call(document).catch((reason: unknown) => reason as ChainError);
    expect(refusal).toBeInstanceOf(ChainError);
    expect((refusal as ChainError).data).toBe(toFunctionSelector(error));
  });
});

describe('Hints', { timeout: 60_000 }, () => {
  const HINTS_INVALID = `no code for ${toFunctionSelector('HintsInvalid()')}`;

  /** Where each entry begins, and where all end. */
  function starts(hints: Uint8Array): readonly number[] {
    const places = [0];
    for (let at = 0; at < hints.length; ) {
      at += 2 + (((hints[at] as number) << 8) | (hints[at + 1] as number));
      places.push(at);
    }
    return places;
  }

  it('have an entry for each certificate below the root and one for the document', async () => {
    expect(starts(await proveNitroDocument(good))).toHaveLength(6);
  });

  it('that are missing, cut, longer or shuffled only revert', async () => {
    const hints = await hintsFor(good);
    const ask = async (given: Uint8Array): Promise<string> => {
      const answer = await world.ask(good, { hints: given });
      return typeof answer === 'string' ? answer : 'accepted';
    };
    const [, first, second, , last] = starts(hints) as readonly [number, number, number, number, number];
    expect(await ask(hints)).toBe('accepted');
    expect(await ask(new Uint8Array(0))).toBe(HINTS_INVALID);
    expect(await ask(hints.subarray(0, 1))).toBe(HINTS_INVALID);
    expect(await ask(hints.subarray(0, hints.length - 1))).toBe(HINTS_INVALID);
    expect(await ask(hints.subarray(0, last))).toBe(HINTS_INVALID);
    expect(await ask(concatBytes(hints, Uint8Array.of(0)))).toBe(HINTS_INVALID);
    expect(await ask(concatBytes(hints, Uint8Array.of(0, 0)))).toBe(HINTS_INVALID);
    expect(await ask(concatBytes(hints.subarray(0, last), Uint8Array.of(0, 0)))).toBe('document_signature');
    expect(await ask(concatBytes(Uint8Array.of(0, 0), hints.subarray(first)))).toBe('certificate_signature');
    const shuffled = [hints.subarray(first, second), hints.subarray(0, first), hints.subarray(second)];
    expect(await ask(concatBytes(...shuffled))).toBe('certificate_signature');
    expect(await ask(await hintsFor(evidence(sound)))).toBe('document_signature');
  });

  it('with any byte changed only revert', async () => {
    const hints = await hintsFor(good);
    for (const place of [2, 60, 5_000, 20_000, 40_000, hints.length - 40]) {
      const wrong = hints.map((octet, index) => (index === place ? octet ^ 4 : octet));
      expect(typeof (await world.ask(good, { hints: wrong }))).toBe('string');
    }
  });

  it('are not made for what the contract refuses', async () => {
    const codeOf = (made: Promise<unknown>): Promise<unknown> =>
      made.catch((error: NitroProofError) => [error.name, error.code, error.certificate]);
    const unsigned_ = evidence({ ...sound, signature: (made) => made.map((octet) => octet ^ 1) });
    const foreign = chain({ 2: { signer: testKey().privateKey } });
    expect(await codeOf(proveNitroDocument(unsigned_))).toEqual(['NitroProofError', 'document_signature', undefined]);
    expect(await codeOf(proveNitroDocument(evidence({ certificates: foreign })))).toEqual([
      'NitroProofError',
      'certificate_signature',
      2,
    ]);
    expect(await codeOf(proveNitroDocument(filled(9)))).toEqual(['NitroProofError', 'document_malformed', undefined]);
    for (const known of [-1, 5, 0.5]) {
      expect(await codeOf(proveNitroDocument(good, { known }))).toEqual([
        'NitroProofError',
        'known_out_of_range',
        undefined,
      ]);
    }
  });
});

describe('NitroVerifier', { timeout: 60_000 }, () => {
  it('fits EIP-170', () => {
    expect(world.verifier.runtimeBytes).toBeLessThanOrEqual(24_576);
  });

  it('says that it is a simulation, since its root is not the vendor’s', async () => {
    const read = async (functionName: string): Promise<string> =>
      world.chain.call({
        to: world.address,
        data: encodeFunctionData({ abi: world.verifier.abi, functionName }),
      });
    expect(BigInt(await read('SIMULATED'))).toBe(1n);
    expect(await read('ROOT')).toBe(toHex(sha256(ROOT)));
  });

  it('is not created over another engine, verifier or a root that is none', async () => {
    const { chain: evm, verifier, engine, p384 } = world;
    const refused = async (...args: readonly unknown[]): Promise<boolean> =>
      evm.deploy(verifier, args).then(
        () => false,
        () => true,
      );
    expect(await refused(engine, p384, toHex(ROOT))).toBe(false);
    expect(await refused(p384, p384, toHex(ROOT))).toBe(true);
    expect(await refused(engine, engine, toHex(ROOT))).toBe(true);
    expect(await refused(engine, p384, toHex(certificates[4] as Uint8Array))).toBe(true);
    expect(await refused(engine, p384, toHex(concatBytes(ROOT, Uint8Array.of(0))))).toBe(true);
    const others = [{ spki: testKey('P-256').spki }, { extensions: [basicConstraints('ca')] }, { extensions: null }];
    for (const change of others)
      expect(await refused(engine, p384, toHex(certificate({ ...specAt(0), ...change })))).toBe(true);
  });
});
