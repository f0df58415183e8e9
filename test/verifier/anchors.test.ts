import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Anchor, anchorPoint, anchors, checkAnchor, type NitroAnchor } from '../../verifier/anchors.ts';
import { parseCertificate } from '../../verifier/codec/x509.ts';

const folder = new URL('../../attestations/anchors/', import.meta.url);
const pem = new URL('../../../shared/vectors/roots/aws-nitro-enclaves-root-g1.pem', import.meta.url);
const aws = anchors.find(({ tee }) => tee === 'aws-nitro') as NitroAnchor;

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
});
