import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Anchor,
  anchorDigests,
  anchorOf,
  anchorPoint,
  anchors,
  checkAnchor,
  isVendorRoot,
  type NitroAnchor,
} from '../../verifier/anchors.ts';
import type { SnpAnchor } from '../../verifier/anchors-amd.ts';
import { parsePem } from '../../verifier/codec/pem.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { fromHex } from '../../wire/bytes.ts';

const folder = new URL('../../attestations/anchors/', import.meta.url);
const pem = new URL('../../../shared/vectors/roots/aws-nitro-enclaves-root-g1.pem', import.meta.url);
const aws = anchors.find(({ tee }) => tee === 'aws-nitro') as NitroAnchor;
const amd = anchors.filter((anchor): anchor is SnpAnchor => anchor.tee === 'amd-sev-snp');
const genoa = amd.find(({ product }) => product === 'Genoa') as SnpAnchor;

describe('trust anchors', () => {
  it('say the same as the files in attestations/anchors', () => {
    const files = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Anchor);
    expect(anchors).toEqual(files);
  });

  it.each([
    ['a digit of x', { x: `0${aws.x.slice(1)}` }],
    ['a digit of y', { y: `${aws.y.slice(0, -1)}5` }],
    ['a short x', { x: aws.x.slice(2) }],
    ['a short digest', { sha256: aws.sha256.slice(2) }],
    ['an upper-case digest', { sha256: aws.sha256.toUpperCase() }],
    ['a date', { notAfter: '2019-01-01T00:00:00Z' }],
  ])('are tested when they are loaded: %s damaged', (_, change) => {
    expect(() => checkAnchor(aws)).not.toThrow();
    expect(() => checkAnchor({ ...aws, ...change })).toThrow(/damaged/);
  });

  it.skipIf(!existsSync(pem))(
    'state the facts of the real certificate (skipped where ../shared/vectors is absent)',
    () => {
      const der = new Uint8Array(new X509Certificate(readFileSync(pem)).raw);
      const root = parseCertificate(der);
      expect(createHash('sha256').update(der).digest('hex')).toBe(aws.sha256);
      expect(root.key).toEqual({ kind: 'P-384', point: anchorPoint(aws) });
      expect(new Date(root.notBefore).toISOString()).toBe(aws.notBefore.replace('Z', '.000Z'));
      expect(new Date(root.notAfter).toISOString()).toBe(aws.notAfter.replace('Z', '.000Z'));
      expect(new X509Certificate(der).subject.replaceAll('\n', ', ')).toBe(aws.subject);
    },
  );

  it.each([
    ['a digit of the modulus', { modulus: `0${genoa.modulus.slice(1)}` }],
    ['an even modulus', { modulus: `${genoa.modulus.slice(0, -1)}0` }],
    ['a short modulus', { modulus: genoa.modulus.slice(2) }],
    ['another exponent', { exponent: 3 as 65_537 }],
    ['a short digest', { sha256: genoa.sha256.slice(2) }],
  ])('of AMD are tested when they are loaded: %s damaged', (_, change) => {
    expect(() => checkAnchor(genoa)).not.toThrow();
    expect(() => checkAnchor({ ...genoa, ...change })).toThrow(/damaged/);
  });

  it('are told apart by the hardware they vouch for', () => {
    const digest = (anchor: Anchor): Uint8Array => fromHex(anchor.sha256);
    expect(anchorOf('amd-sev-snp', digest(genoa))).toBe(genoa);
    expect(anchorOf('aws-nitro', digest(genoa))).toBeUndefined();
    expect(anchorOf('amd-sev-snp', digest(aws))).toBeUndefined();
    expect(isVendorRoot(digest(genoa)) && isVendorRoot(digest(aws))).toBe(true);
    expect(isVendorRoot(new Uint8Array(32))).toBe(false);
    expect(anchorDigests('amd-sev-snp')).toHaveLength(3);
  });

  it.skipIf(!existsSync(pem)).each(amd)(
    'state the facts of the real certificate: $name (skipped where ../shared/vectors is absent)',
    (anchor) => {
      const files = { Milan: 'amd_ask_ark_milan', Genoa: 'amd_ask_ark_genoa', Turin: 'amd_ask_ark_turin_vcek' };
      const vcek = parsePem(new Uint8Array(readFileSync(new URL(`${files[anchor.product]}.pem`, pem))));
      const [, der] = vcek.certificates as readonly [Uint8Array, Uint8Array];
      const root = parseCertificate(der, amdProfile);
      expect(createHash('sha256').update(der).digest('hex')).toBe(anchor.sha256);
      expect(root.key).toEqual({ kind: 'RSA-4096', modulus: fromHex(anchor.modulus), exponent: anchor.exponent });
      expect(new Date(root.notBefore).toISOString()).toBe(anchor.notBefore.replace('Z', '.000Z'));
      expect(new Date(root.notAfter).toISOString()).toBe(anchor.notAfter.replace('Z', '.000Z'));
      expect(new X509Certificate(der).subject.replaceAll('\n', ', ')).toBe(anchor.subject);
      // VLEKs have the same root.
      const line = files[anchor.product].replace('_vcek', '');
      const vlek = parsePem(new Uint8Array(readFileSync(new URL(`${line}_vlek.pem`, pem))));
      expect(vlek.certificates[1]).toEqual(der);
    },
  );
});
