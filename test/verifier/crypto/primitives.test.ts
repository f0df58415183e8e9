import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyP384 } from '../../../verifier/crypto/ecdsa.ts';
import { verifyRsaPss384 } from '../../../verifier/crypto/rsa.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { testKey } from '../../support/certificates.ts';

const key = testKey();
const message = utf8('what was signed');
const signature = new Uint8Array(sign('sha384', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }));
const [r, s] = [signature.subarray(0, 48), signature.subarray(48)];
const zero = new Uint8Array(48);

/** A suite that gives one answer to everything: what it is not asked, it cannot spoil. */
const answering = (answer: () => unknown): Suite =>
  ({ ...nodeSuite, verifyP384: answer, verifyRsaPss384: answer }) as unknown as Suite;
const yes = answering(() => true);

describe('a P-384 signature, whatever the suite', () => {
  it('is verified by it, at once or beside', async () => {
    const runs: unknown[] = [];
    const telling: Suite = {
      ...nodeSuite,
      verifyP384: (...asked) => {
        runs.push(asked[3]);
        return nodeSuite.verifyP384(...asked);
      },
    };
    expect(await verifyP384(telling, key.point, message, signature)).toBe(true);
    expect(await verifyP384(telling, key.point, message, signature, 'beside')).toBe(true);
    expect(await verifyP384(telling, key.point, utf8('another'), signature)).toBe(false);
    expect(runs).toEqual(['here', 'beside', 'here']);
  });

  it.each<[string, Uint8Array, Uint8Array]>([
    ['longer', key.point, concatBytes(signature, Uint8Array.of(1))],
    ['shorter', key.point, signature.subarray(0, 95)],
    ['of r zero', key.point, concatBytes(zero, s)],
    ['of s zero', key.point, concatBytes(r, zero)],
    ['of r beyond the order', key.point, concatBytes(new Uint8Array(48).fill(0xff), s)],
    ['of s beyond the order', key.point, concatBytes(r, new Uint8Array(48).fill(0xff))],
    ['under a point off the curve', key.point.with(96, (key.point[96] as number) ^ 1), signature],
    ['under a compressed point', key.point.subarray(0, 49).with(0, 2), signature],
  ])('is refused without asking when it is %s', async (_, point, fixed) => {
    expect(await verifyP384(yes, point, message, fixed)).toBe(false);
  });
});

describe.each<[string, (suite: Suite) => Promise<boolean>]>([
  ['P-384', (suite) => verifyP384(suite, key.point, message, signature)],
  ['RSA', (suite) => verifyRsaPss384(suite, { modulus: new Uint8Array(512), exponent: 65_537 }, message, signature)],
])('%s of a suite', (_, verify) => {
  it('that says yes is believed, as is one that says it later', async () => {
    expect(await verify(yes)).toBe(true);
    expect(await verify(answering(() => Promise.resolve(true)))).toBe(true);
  });

  it.each<[string, () => unknown]>([
    ['no', () => false],
    ['nothing', () => undefined],
    ['something that is only like a yes', () => 1],
    [
      'an error',
      () => {
        throw new Error('broken');
      },
    ],
    ['an error later', () => Promise.reject(new Error('broken'))],
  ])('that says %s has not said yes', async (_answer, answer) => {
    expect(await verify(answering(answer))).toBe(false);
  });
});
