import { describe, expect, it } from 'vitest';
import { dateChecks } from '../../verifier/archive/dates.ts';
import { orderChecks } from '../../verifier/archive/order.ts';
import { nitroChecks } from '../../verifier/nitro/verify.ts';
import { receiptChecks } from '../../verifier/receipt/verify.ts';
import { releaseChecks } from '../../verifier/release/verify.ts';
import type { CheckName } from '../../verifier/rules.ts';
import { snpChecks } from '../../verifier/snp/verify.ts';
import { evidence, verify } from '../support/nitro-evidence.ts';
import { snpEvidence, verifySnp } from '../support/snp-evidence.ts';

/** A letter and a number, as in the list of checks, or a letter and a word; a part of it after a dot. */
const ID = /^[A-Z]{1,2}(\d+|\d*\.[a-z][A-Za-z0-9]*)$/;

describe.each<[string, readonly CheckName[]]>([
  ['a Nitro document', nitroChecks],
  ['an SEV-SNP report', snpChecks],
  ['a receipt', receiptChecks],
  ['a release', releaseChecks],
  ['the dates of an archive', dateChecks],
  ['the order of an archive', orderChecks],
])('the checks of %s', (_, checks) => {
  it('have ids by which they can be told apart, and words', () => {
    expect(checks.length).toBeGreaterThan(0);
    for (const { id, title } of checks) {
      expect(id).toMatch(ID);
      expect(title).toMatch(/\S+ \S+/);
    }
    expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
    expect(new Set(checks.map(({ title }) => title)).size).toBe(checks.length);
  });
});

describe('what a verdict leaves unproven', () => {
  it.each<[string, () => Promise<{ readonly notProven: readonly { id: string; reason: string }[] }>]>([
    ['a Nitro document', () => verify(evidence())],
    ['a broken Nitro document', () => verify(Uint8Array.of(1))],
    ['an SEV-SNP report', () => verifySnp(snpEvidence())],
    ['a broken SEV-SNP report', () => verifySnp({ ...snpEvidence(), report: Uint8Array.of(1) })],
  ])('of %s has ids and reasons', async (_, judged) => {
    const { notProven } = await judged();
    expect(notProven.length).toBeGreaterThan(3);
    for (const { id, reason } of notProven) {
      expect(id).toMatch(ID);
      expect(reason).toMatch(/\S+ \S+/);
    }
    expect(new Set(notProven.map(({ id }) => id)).size).toBe(notProven.length);
  });
});
