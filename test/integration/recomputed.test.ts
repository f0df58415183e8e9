import { describe, expect, it } from 'vitest';
import { exitCode } from '../../cli/exit-codes.ts';
import { command } from '../support/command.ts';

describe('proofmark demo --level recomputed', () => {
  it('settles an answer without a worker, refuses another one, and pays once', { timeout: 240_000 }, async () => {
    const { code, out, err } = await command('demo', '--level', 'recomputed');
    expect([code, err]).toEqual([exitCode.accepted, '']);
    expect(out).toMatch(/model {15}demo\/volatility-1h-int8 1\.0\.0, 776 multiplications/);
    expect(out).toMatch(/another answer {6}\d+: refused/);
    expect(out).toMatch(/paid {16}1000, once; a second answer is refused/);
    const gas = /fulfil, recomputed +([\d,]+) gas/.exec(out)?.[1]?.replaceAll(',', '');
    expect(Number(gas)).toBeGreaterThan(21_000);
    expect(Number(gas)).toBeLessThan(120_000);
    // No worker was started, and none registered.
    expect(out).not.toMatch(/register +[\d,]+ gas/);
  });

  it('has no other level than those that are there', async () => {
    for (const level of ['replayed', 'proved', '', 'constructor']) {
      const { code, err } = await command('demo', '--level', level);
      expect([code, err]).toEqual([exitCode.usage, expect.stringContaining(`--level ${level} is not`)]);
    }
  });

  it('has no worker that an option could be about', async () => {
    for (const option of [['--json'], ['--tier', 'vm'], ['--tee', 'amd-sev-snp']]) {
      const { code, out, err } = await command('demo', '--level', 'recomputed', ...option);
      expect([code, out + err]).toEqual([exitCode.usage, expect.stringContaining(`takes no ${option[0]}`)]);
    }
  });

  it('needs a chain, and says so', async () => {
    const { code, out, err } = await command('demo', '--level', 'recomputed', '--chain', 'none');
    expect(code).toBe(exitCode.failed);
    expect(out).toContain('NOT RUN: --chain none');
    expect(err).toContain('settled by a chain');
  });
});
