import fc from 'fast-check';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, toFunctionSelector } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, ChainError, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { amdProfile, type ParsedCertificate, parseCertificate } from '../../verifier/codec/x509.ts';
import { VerifierError } from '../../verifier/errors.ts';
import { concatBytes, fromHex, toHex } from '../../wire/bytes.ts';
import {
  basicConstraints,
  CA_USAGE,
  type CertificateSpec,
  certificate,
  ECDSA_SHA256,
  extension,
  specAt,
  subjectKeyId,
  testKey,
  validity,
} from '../support/certificates.ts';
import { bits, der, NULL, octets, oid, sequence, set, text, unsigned } from '../support/der-writer.ts';
import { runs } from '../support/runs.ts';
import { ia5, snpChain } from '../support/snp-certificates.ts';

let chain: Chain;
let harness: Artifact;
let at: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  harness = await artifact('X509Harness');
  at = await chain.deploy(harness);
});

afterAll(() => chain.stop());

/** The errors of the Solidity reader are named as the codes of the TypeScript reader. */
const CODES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'der_invalid',
    'certificate_too_large',
    'certificate_version',
    'certificate_serial',
    'certificate_algorithm_mismatch',
    'certificate_name',
    'certificate_time',
    'certificate_key',
    'certificate_extension',
    'certificate_extension_duplicate',
    'certificate_signature_format',
  ].map((code) => {
    const name = code.replaceAll(/(^|_)([a-z])/g, (_all, _bar, letter: string) => letter.toUpperCase());
    return [toFunctionSelector(`${name}()`), code];
  }),
);

const hex = (bytes: Uint8Array | null): Hex => (bytes === null ? '0x' : `0x${toHex(bytes)}`);

type Reading = Readonly<Record<string, unknown>> | { readonly refused: string };

async function onChain(input: Uint8Array, amd: boolean): Promise<Reading> {
  try {
    const data = await chain.call({
      to: at,
      data: encodeFunctionData({ abi: harness.abi, functionName: 'parse', args: [hex(input), amd] }),
    });
    return decodeFunctionResult({ abi: harness.abi, functionName: 'parse', data }) as Reading;
  } catch (error) {
    if (!(error instanceof ChainError) || error.data === undefined) throw error;
    return { refused: CODES[error.data] ?? `no code for ${error.data}` };
  }
}

function inTypeScript(input: Uint8Array, amd: boolean): Reading {
  try {
    return facts(amd ? parseCertificate(input, amdProfile) : parseCertificate(input));
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    return { refused: error.code };
  }
}

function facts(read: ParsedCertificate): Reading {
  const { basicConstraints: constraints, keyUsage: usage, ...extensions } = read.extensions;
  return {
    tbs: hex(read.tbs),
    serial: hex(read.serial),
    issuer: hex(read.issuer.raw),
    subject: hex(read.subject.raw),
    notBefore: BigInt(read.notBefore / 1000),
    notAfter: BigInt(read.notAfter / 1000),
    keyKind: { other: 0, 'P-384': 1, 'RSA-4096': 2 }[read.key.kind],
    key: read.key.kind === 'P-384' ? hex(read.key.point.subarray(1)) : keyBytes(read),
    algorithm: { other: 0, 'ecdsa-with-SHA384': 1, 'RSASSA-PSS': 2 }[read.signature.kind],
    subjectKeyIdentifier: hex(extensions.subjectKeyIdentifier),
    authorityKeyIdentifier: hex(extensions.authorityKeyIdentifier),
    flags: [
      constraints !== null,
      constraints?.critical === true,
      constraints?.ca === true,
      typeof constraints?.pathLength === 'number',
      usage !== null,
      usage?.digitalSignature === true,
      usage?.keyCertSign === true,
      extensions.unknownCritical.length > 0,
    ],
    pathLength: BigInt(constraints?.pathLength ?? 0),
  };
}

function keyBytes({ key }: ParsedCertificate): Hex | undefined {
  return key.kind === 'RSA-4096' ? hex(key.modulus) : undefined;
}

async function compare(input: Uint8Array, amd: boolean): Promise<Reading> {
  const [theirs, ours] = [await onChain(input, amd), inTypeScript(input, amd)];
  // A point that is not on the curve is for the curve's verifier to refuse there.
  if ('refused' in ours && ours.refused === 'certificate_key' && !('refused' in theirs)) {
    expect(theirs['keyKind']).toBe(1);
    return ours;
  }
  // The bytes of a key of no use are nobody's business.
  const known = 'refused' in ours || ours['key'] !== undefined ? ours : { ...ours, key: (theirs as never)['key'] };
  expect(theirs).toEqual(known);
  return ours;
}

describe('X509 agrees with verifier/codec/x509.ts', () => {
  const nitro = [0, 2, 4].map((index) => certificate(specAt(index)));
  const amd = snpChain({
    product: 'Milan',
    kind: 'VCEK',
    endorsement: {
      structVersion: unsigned(1),
      productName: ia5('Milan-B0'),
      levels: { bootloader: 3, tee: 0, snp: 8, spl4: 0, spl5: 0, spl6: 0, spl7: 0, microcode: 115 },
      hardwareId: new Uint8Array(64).fill(7),
      cspId: null,
      more: [],
    },
  });

  it('on whole chains of both vendors', async () => {
    for (const bytes of nitro) expect(await compare(bytes, false)).toHaveProperty('tbs');
    for (const bytes of amd) expect(await compare(bytes, true)).toHaveProperty('tbs');
    for (const bytes of amd) await compare(bytes, false);
  });

  const one = specAt(1);
  const list = one.extensions ?? [];
  const attribute = (type: string, value: Uint8Array): Uint8Array => set(sequence(oid(type), value));
  const cases: Readonly<Record<string, Partial<CertificateSpec>>> = {
    'version 1': { version: new Uint8Array(0) },
    'version 2': { version: der(0xa0, unsigned(1)) },
    'serial 0': { serial: unsigned(0) },
    'a negative serial': { serial: fromHex('020180') },
    'a serial of 20 bytes with a sign byte': { serial: unsigned(new Uint8Array(20).fill(0xff)) },
    'a serial of 21 bytes': { serial: unsigned(new Uint8Array(21).fill(0x7f)) },
    'a serial that is not minimal': { serial: fromHex('02020001') },
    'two algorithms': { outerAlgorithm: ECDSA_SHA256 },
    'another algorithm': { outerAlgorithm: ECDSA_SHA256, innerAlgorithm: ECDSA_SHA256 },
    'an empty name': { issuer: sequence() },
    'two attributes in a part': {
      subject: sequence(set(sequence(oid('2.5.4.3'), text('a')), sequence(oid('2.5.4.10'), text('b')))),
    },
    'two common names': { subject: sequence(attribute('2.5.4.3', text('a')), attribute('2.5.4.3', text('b'))) },
    'a common name of 65 characters': { subject: sequence(attribute('2.5.4.3', text('a'.repeat(65)))) },
    'a common name with a line break': { subject: sequence(attribute('2.5.4.3', text('a\n'))) },
    'a common name as IA5String': { subject: sequence(attribute('2.5.4.3', der(0x16, Uint8Array.of(0x61)))) },
    'an attribute that is a sequence': { subject: sequence(attribute('2.5.4.10', sequence())) },
    '16 attributes': { subject: sequence(...Array.from({ length: 16 }, () => attribute('2.5.4.10', text('a')))) },
    '17 attributes': { subject: sequence(...Array.from({ length: 17 }, () => attribute('2.5.4.10', text('a')))) },
    'a third date': { validity: sequence(validity(0, 1000).subarray(2), der(0x17)) },
    'a key on another curve': { spki: testKey('P-256').spki },
    'no extensions': { extensions: null },
    'an empty list of extensions': { extensions: [] },
    'one extension twice': { extensions: [...list, CA_USAGE] },
    'an unknown critical extension': { extensions: [...list, extension('1.2.3.4', NULL, 'critical')] },
    'an unknown extension': { extensions: [...list, extension('1.2.3.4', NULL, 'plain')] },
    '32 extensions': { extensions: many(32) },
    '33 extensions': { extensions: many(33) },
    'critical spelt FALSE': { extensions: [sequence(oid('1.2.3'), fromHex('010100'), octets(NULL))] },
    'a path length without cA': { extensions: [extension('2.5.29.19', sequence(unsigned(1)), 'plain')] },
    'cA spelt FALSE': { extensions: [extension('2.5.29.19', sequence(fromHex('010100')), 'plain')] },
    'a path length of three bytes': {
      extensions: [extension('2.5.29.19', sequence(fromHex('0101ff'), unsigned(Uint8Array.of(1, 0, 0))), 'plain')],
    },
    'a CA without limit': { extensions: [basicConstraints('ca')] },
    'nine usages': { extensions: [extension('2.5.29.15', bits(Uint8Array.of(0xff, 0x80), 7), 'plain')] },
    'a tenth usage': { extensions: [extension('2.5.29.15', bits(Uint8Array.of(0xff, 0xc0), 6), 'plain')] },
    'a usage with trailing zeros': { extensions: [extension('2.5.29.15', bits(Uint8Array.of(0x04), 1), 'plain')] },
    'an empty key identifier': { extensions: [subjectKeyId(new Uint8Array(0))] },
    'an authority by issuer and serial': {
      extensions: [extension('2.5.29.35', sequence(der(0x82, Uint8Array.of(1))), 'plain')],
    },
    'something behind the signature': { extra: NULL },
    's = 0': { signature: () => sequence(unsigned(1), unsigned(0)) },
    'r of 49 bytes': { signature: () => sequence(unsigned(new Uint8Array(49).fill(1)), unsigned(1)) },
    's = n': { signature: () => sequence(unsigned(1), unsigned(order(0x73))) },
    's = n - 1': { signature: () => sequence(unsigned(1), unsigned(order(0x72))) },
    's = n + 1': { signature: () => sequence(unsigned(1), unsigned(order(0x74))) },
    'a third number in the signature': { signature: () => sequence(unsigned(1), unsigned(1), unsigned(1)) },
    'a signature that is no sequence': { signature: () => unsigned(1) },
  };

  it.each(Object.keys(cases))('on %s', async (name) => {
    const bytes = certificate({ ...one, ...cases[name] });
    await compare(bytes, false);
    await compare(bytes, true);
  });

  it('on 4,096 bytes and one more, and on none', async () => {
    const filled = (size: number): Uint8Array =>
      certificate({
        ...one,
        extensions: [extension('1.2.3.4', octets(new Uint8Array(size)), 'plain')],
        signature: () => sequence(unsigned(1), unsigned(1)),
      });
    const rest = 4096 - filled(3500).length;
    expect(filled(3500 + rest)).toHaveLength(4096);
    expect(await compare(filled(3500 + rest), false)).toHaveProperty('tbs');
    expect(await compare(filled(3501 + rest), false)).toEqual({ refused: 'certificate_too_large' });
    expect(await compare(new Uint8Array(0), false)).toEqual({ refused: 'certificate_too_large' });
  });

  it('on certificates with a byte changed, left out or put in', { timeout: 300_000 }, async () => {
    const all = [...nitro.map((bytes) => ({ bytes, amd: false })), ...amd.map((bytes) => ({ bytes, amd: true }))];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...all),
        fc.nat(0xffff),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('change', 'change', 'change', 'leave out', 'put in'),
        async (base, seed, mask, how) => {
          const place = seed % base.bytes.length;
          await compare(mutated(base.bytes, place, mask, how), base.amd);
        },
      ),
      { numRuns: runs(600) },
    );
  });
});

function mutated(bytes: Uint8Array, place: number, mask: number, how: string): Uint8Array {
  const before = bytes.subarray(0, place);
  if (how === 'leave out') return concatBytes(before, bytes.subarray(place + 1));
  if (how === 'put in') return concatBytes(before, Uint8Array.of(mask), bytes.subarray(place));
  return concatBytes(before, Uint8Array.of((bytes[place] as number) ^ mask), bytes.subarray(place + 1));
}

function many(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => extension(`1.2.3.${i}`, NULL, 'plain'));
}

/** The order of P-384, with another last byte. */
function order(last: number): Uint8Array {
  const n = fromHex(`${'ff'.repeat(24)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`);
  n[47] = last;
  return n;
}
