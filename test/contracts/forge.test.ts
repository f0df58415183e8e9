import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { forge } from '../../contracts/tools/forge.ts';
import { CONTRACTS } from '../../contracts/tools/foundry.ts';

const LONG = process.env['PROOFMARK_RUNS_FACTOR'] === undefined ? 'default' : 'long';

const projects: string[] = [];

afterAll(() => {
  for (const root of projects) rmSync(root, { recursive: true, force: true });
});

/** What a handler's function came to in a campaign: calls that revert or are discarded have done nothing. */
interface HandlerCalls {
  readonly calls: number;
  readonly reverts: number;
  readonly discards: number;
}

interface TestReport {
  readonly status: string;
  readonly reason: string | null;
  readonly kind: {
    readonly Invariant?: { readonly calls: number; readonly metrics: Readonly<Record<string, HandlerCalls>> };
  };
}

interface SuiteReport {
  readonly test_results: Readonly<Record<string, TestReport>>;
}

/** A campaign of this many calls is a long one, and each of its handlers has to do something as often as that. */
const LONG_CAMPAIGN = 100_000;
const HANDLED = 1_000;

describe('forge test', () => {
  it('passes every test of contracts/test', { timeout: 1_800_000 }, async () => {
    const { code, stdout, stderr } = await forge(['test', '--json'], { output: 'keep', profile: LONG });
    const suites = reported(stdout, stderr);
    const results = Object.entries(suites).flatMap(([suite, { test_results }]) =>
      Object.entries(test_results).map(([name, { status, reason }]) => ({
        name: `${suite} > ${name}`,
        status,
        reason,
      })),
    );
    const passed = results.filter(({ status }) => status === 'Success').length;
    console.log(`forge: ${passed} of ${results.length} tests in ${Object.keys(suites).length} contracts passed`);
    expect(results.filter(({ status }) => status !== 'Success')).toEqual([]);
    expect(results.length).toBeGreaterThan(0);
    expect(code).toBe(0);
    const idle = Object.values(suites)
      .flatMap(({ test_results }) => Object.values(test_results))
      .flatMap(idleHandlers);
    expect(idle).toEqual([]);
  });

  it('ends with 1 where a test fails, and where a warning is left', async () => {
    const failing = 'contract A { function test_a() external pure { revert(); } }';
    const failed = await forge(['test', '--root', project(failing)], { output: 'keep' });
    expect(failed.stdout).toContain('[FAIL');
    expect(failed.code).toBe(1);
    const warned = 'contract A { function test_a() external { uint256 unused; } }';
    const { code, stdout, stderr } = await forge(['build', '--root', project(warned)], { output: 'keep' });
    expect(stdout + stderr).toContain('Unused local variable');
    expect(code).toBe(1);
  });
});

/** Prints what each handler did, and gives those that did too little for a long campaign. */
function idleHandlers({ kind }: TestReport): readonly string[] {
  const { Invariant: campaign } = kind;
  if (campaign === undefined) return [];
  const done = Object.entries(campaign.metrics).map(([name, { calls, reverts, discards }]): [string, number] => [
    name.replace(/^.*:/, ''),
    calls - reverts - discards,
  ]);
  console.log(`${campaign.calls} calls: ${done.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  return campaign.calls < LONG_CAMPAIGN ? [] : done.filter(([, count]) => count < HANDLED).map(([name]) => name);
}

function reported(stdout: string, stderr: string): Readonly<Record<string, SuiteReport>> {
  try {
    return JSON.parse(stdout) as Readonly<Record<string, SuiteReport>>;
  } catch {
    throw new Error(`forge did not report: ${stdout.slice(0, 4000)}${stderr.slice(0, 4000)}`);
  }
}

/** A project of one test contract under our own settings. */
function project(contract: string): string {
  const root = mkdtempSync(join(tmpdir(), 'proofmark-forge-'));
  projects.push(root);
  const settings = readFileSync(join(CONTRACTS, 'foundry.toml'), 'utf8');
  writeFileSync(join(root, 'foundry.toml'), settings.replace("'./tools/", `'${join(CONTRACTS, 'tools')}/`));
  mkdirSync(join(root, 'test'));
  writeFileSync(join(root, 'test/A.t.sol'), `// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n${contract}\n`);
  return root;
}
