import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { exitCode } from '../../cli/exit-codes.ts';
import { command, type Outcome } from '../support/command.ts';

const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-demo-level.schema.json', 'utf8')) as object;
const validate = new Ajv2020({ strict: true }).compile(schema);

/** What all levels say alike, and what is refused by which name. */
function refusals({ out }: Outcome): Readonly<Record<string, string>> {
  const part = /\nRefused\n((?: {2}✗ .*\n)+)/.exec(out)?.[1] ?? '';
  const lines = [...part.matchAll(/✗ (.*?) {2,}(\w+)\n/g)];
  return Object.fromEntries(lines.map(([, what, code]) => [what, code]));
}

function gasOf({ out }: Outcome): number {
  return Number(/\n {2}gas +([\d,]+)\n/.exec(out)?.[1]?.replaceAll(',', ''));
}

async function settled(level: string): Promise<Outcome> {
  const outcome = await command('demo', '--level', level);
  expect(outcome.code, outcome.err).toBe(exitCode.accepted);
  // Its steps, and no warning.
  expect(outcome.err).toMatch(/^(?:… .*\n)+$/);
  expect(outcome.out).toMatch(/\n {2}model {15}demo\/volatility-1h-int8 1\.0\.0\n/);
  // The engine of a worker, of this machine and the contract: one answer to one question at every level.
  expect(outcome.out).toMatch(/\n {2}answer {14}1802, by /);
  expect(outcome.out).toMatch(/\n {2}paid {16}1000, once\n/);
  return outcome;
}

describe('proofmark demo --level', () => {
  it('attested: a worker answers a contract, its host settles with the receipt, and no other answer is taken', {
    timeout: 240_000,
  }, async () => {
    const outcome = await settled('attested');
    expect(refusals(outcome)).toEqual({
      'another output': 'ReceiptOfOtherOutput',
      'for a request with another input': 'ReceiptOfOtherRequest',
      'for a request of other weights': 'ReceiptOfOtherRequest',
      'under a head that the worker did not sign': 'HeadNotSigned',
      'a second time': 'EscrowNotOpen',
    });
    expect(outcome.out).toContain('whoever owns the machine can forge it');
    expect(gasOf(outcome)).toBeGreaterThan(120_000);
    expect(gasOf(outcome)).toBeLessThan(260_000);
  });

  it('replayed: two of three auditors compute it again, and a lie of the third counts for nothing', {
    timeout: 240_000,
  }, async () => {
    const outcome = await settled('replayed');
    expect(refusals(outcome)).toEqual({
      'an auditor’s word on what it did not compute': 'approval_mismatch',
      'another output': 'ReceiptOfOtherOutput',
      'for a request with another input': 'ReceiptOfOtherRequest',
      'for a request of other weights': 'ReceiptOfOtherRequest',
      'with one approval': 'ResultNotVerified',
      'with one approval twice': 'ResultNotVerified',
      'with one approval and a lie': 'ResultNotVerified',
      'with approvals for another request': 'ResultNotVerified',
      'a second time': 'EscrowNotOpen',
    });
    expect(outcome.out).toMatch(/ReplayedResult 0x[0-9a-f]{40}, 2 of 3 auditors\n/);
    expect(gasOf(outcome)).toBeGreaterThan(120_000);
    expect(gasOf(outcome)).toBeLessThan(290_000);
  });

  it('recomputed: a contract computes the model, without a worker', { timeout: 240_000 }, async () => {
    const outcome = await settled('recomputed');
    expect(refusals(outcome)).toEqual({
      'another output': 'ResultNotVerified',
      'for a request with another input': 'ResultNotVerified',
      'with another input than the request’s': 'ResultNotVerified',
      'for a request of other weights': 'ResultNotVerified',
      'a second time': 'EscrowNotOpen',
    });
    expect(gasOf(outcome)).toBeGreaterThan(21_000);
    expect(gasOf(outcome)).toBeLessThan(120_000);
    expect(outcome.out).not.toContain('image');
  });

  it('tells the same in JSON, as its schema says', { timeout: 240_000 }, async () => {
    const { code, out, err } = await command('demo', '--level', 'recomputed', '--json');
    expect([code, err]).toEqual([exitCode.accepted, '']);
    const told = JSON.parse(out) as Record<string, unknown>;
    expect(validate(told), JSON.stringify(validate.errors)).toBe(true);
    expect(told).toMatchObject({ level: 'recomputed', answer: '1802', paid: '1000', cost: { effort: 'none' } });
    expect(told['refused']).toContainEqual({ what: 'another output', code: 'ResultNotVerified' });
    expect(told['transactions']).toContainEqual(expect.objectContaining({ what: 'fulfil, recomputed' }));
  });

  it('proved: a contract checks a proof, and says that its setup is one party’s', { timeout: 240_000 }, async () => {
    const outcome = await settled('proved');
    expect(refusals(outcome)).toEqual({
      'a dev setup where production is meant': 'DevSetup',
      'a proof of another output': 'answer_not_the_models',
      'another output': 'ResultNotVerified',
      'for a request with another input': 'ResultNotVerified',
      'for a request of other weights': 'ResultNotVerified',
      'with the proof of another request': 'ResultNotVerified',
      'for another payee': 'ResultNotVerified',
      'with a changed proof': 'ResultNotVerified',
      'a second time': 'EscrowNotOpen',
      'a second time, with a malleated proof': 'EscrowNotOpen',
    });
    expect(outcome.out).toMatch(
      /\n {2}setup {15}dev setup: one party in phase 1, one party in phase 2; for tests only\n/,
    );
    expect(outcome.out).toContain('a dev setup proves whatever that one likes');
    expect(outcome.err).toContain('… proves it');
    expect(gasOf(outcome)).toBeGreaterThan(200_000);
    expect(gasOf(outcome)).toBeLessThan(330_000);
    expect(outcome.out).not.toContain('image');
  });

  it('has no other level than those that are there', async () => {
    for (const level of ['simulated', '', 'constructor']) {
      const { code, err } = await command('demo', '--level', level);
      expect([code, err]).toEqual([exitCode.usage, expect.stringContaining(`--level ${level} is not`)]);
    }
  });

  it('is always of the same machine, and says that an option cannot change it', async () => {
    for (const option of [
      ['--product', 'milan'],
      ['--tier', 'vm'],
      ['--tee', 'amd-sev-snp'],
    ]) {
      const { code, out, err } = await command('demo', '--level', 'recomputed', ...option);
      expect([code, out + err]).toEqual([exitCode.usage, expect.stringContaining(`takes no ${option[0]}`)]);
    }
  });

  it('needs a chain, and says so', async () => {
    const { code, out, err } = await command('demo', '--level', 'recomputed', '--chain', 'none');
    expect(code).toBe(exitCode.failed);
    expect(out).toContain('NOT RUN: --chain none');
    expect(err).toContain('settled on a chain');
  });
});
