import { describe, expect, it } from 'vitest';
import { parseCertificate } from '../../verifier/codec/x509.ts';
import { type Check, type Verdict, verifyWorker } from '../../verifier/index.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { strict } from '../support/accept-answer.ts';
import { ANSWERED, ASKED, answer } from '../support/answer.ts';
import { chain, extension, NOW, specAt, testKey, validity } from '../support/certificates.ts';
import { evidence, policy, sha256Hex, verify } from '../support/nitro-evidence.ts';

/** Bad input gets the id of the check and where it is, as data: nobody has to read words for it. */
function failure(verdict: Verdict<unknown>): Check {
  const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed');
  expect(failed).toHaveLength(1);
  return failed[0] as Check;
}

const SECOND = 1_000;
const stranger = testKey();
const good = evidence();

describe('where a check failed', () => {
  it.each<readonly [string, Uint8Array, string, Check['place']]>([
    ['a root of another', evidence({ chain: { 0: { serial: Uint8Array.of(2, 1, 7) } } }), 'C16', { certificate: 0 }],
    [
      'an expired CA',
      evidence({ chain: { 2: { validity: validity(NOW - 2 * SECOND, NOW - SECOND) } } }),
      'C8',
      { certificate: 2 },
    ],
    ['a leaf by a stranger', evidence({ chain: { 4: { signer: stranger.privateKey } } }), 'C18', { certificate: 4 }],
    ['a byte after the message', concatBytes(good, Uint8Array.of(0)), 'X3', { offset: good.length }],
    ['a missing field', evidence({ fields: { timestamp: undefined } }), 'N9', { field: 'timestamp' }],
    [
      'a certificate of one byte',
      evidence({ fields: { cabundle: [Uint8Array.of(0x30)] } }),
      'C1',
      { certificate: 0, offset: 0 },
    ],
  ])('%s', async (_, document, id, place) => {
    const check = failure(await verify(document));
    expect({ id: check.id, place: check.place }).toEqual({ id, place });
  });

  it('a critical extension that nobody knows is in a certificate', async () => {
    const unknown = extension('1.2.3.4', Uint8Array.of(5, 0), 'critical');
    const extensions = [...(specAt(3).extensions ?? []), unknown];
    const check = failure(await verify(evidence({ chain: { 3: { extensions } } })));
    expect(check).toMatchObject({ id: 'C13', place: { certificate: 3 } });
  });

  it('a denied certificate is named by its number', async () => {
    const certificates = chain();
    const { tbs } = parseCertificate(certificates[2] as Uint8Array);
    const denying = policy({ denied: { certificates: [sha256Hex(tbs)], modules: [], images: [] } });
    const check = failure(await verify(evidence({ certificates }), { policy: denying }));
    expect(check).toMatchObject({ id: 'X14.certificate', place: { certificate: 2 } });
  });

  it('a statement of a worker has a byte or a field', async () => {
    const asked = {
      policy: strict,
      now: ANSWERED,
      challenge: ASKED,
      challengedAt: ANSWERED,
      suite: nodeSuite,
      cache: 'none',
    } as const;
    const { evidence: shown } = answer({ evidence: { configuration: Uint8Array.of(0xff) } });
    expect(failure(await verifyWorker(shown, asked))).toMatchObject({ id: 'W0', place: { offset: 0 } });
    const { evidence: later } = answer({ identity: { version: 2n } });
    expect(failure(await verifyWorker(later, asked))).toMatchObject({ id: 'W0', place: { field: 'version' } });
  });

  it('is said in words once, and the code is not repeated', async () => {
    const { code, checks } = (await verify(concatBytes(good, Uint8Array.of(0)))) as Verdict<never> & { code: string };
    const { detail } = checks.find(({ outcome }) => outcome === 'failed') as Check;
    expect(detail).toBe(`more follows the document at byte ${good.length}`);
    expect(detail).not.toContain(code);
  });

  it('is left out of checks that passed, or that have no place', async () => {
    const verdict = await verify(good);
    expect(verdict.checks.filter((check) => 'place' in check)).toEqual([]);
    const forged = await verify(
      evidence({ signature: (made) => Uint8Array.from(made, (byte, at) => (at === 60 ? byte ^ 1 : byte)) }),
    );
    expect('place' in failure(forged)).toBe(false);
  });
});
