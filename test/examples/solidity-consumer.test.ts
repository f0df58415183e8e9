import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_PRICE } from '../../cli/stack/demo-files.ts';
import { type DemoRelease, openDemoRelease } from '../../cli/stack/demo-release.ts';
import { hex, type OnChain, openOnChain, writeServed } from '../../cli/stack/on-chain.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { connect } from '../../client/index.ts';
import { deploySimulatorPolicy, startLocalChain } from '../../contracts/deploy/index.ts';
import { forge } from '../../contracts/tools/forge.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { program } from './program.ts';

const PROJECT = fileURLToPath(new URL('../../examples/solidity-consumer', import.meta.url));

interface Suites {
  readonly [suite: string]: { readonly test_results: Readonly<Record<string, { readonly status: string }>> };
}

describe('the example of a consuming contract', () => {
  it('is built without a warning, and passes its tests and attacks', async () => {
    const { code, stdout, stderr } = await forge(['test', '--json', '--root', PROJECT], { output: 'keep' });
    expect(code, stdout.slice(0, 2_000) + stderr.slice(0, 2_000)).toBe(0);
    const results = Object.values(JSON.parse(stdout) as Suites).flatMap(({ test_results }) =>
      Object.entries(test_results),
    );
    expect(results.filter(([, { status }]) => status !== 'Success')).toEqual([]);
    const names = results.map(([name]) => name.replace(/\(.*$/, '')).sort();
    expect(names).toEqual([
      'testFuzz_staysWithinItsBoundsWhateverTheModelSays',
      'test_aCallbackThatFailedIsTriedAgainByAnybody',
      'test_aForecastIsAsOldAsItsRequest',
      'test_aPolicyThatDeniesLaterEndsWhatIsUnderWay',
      'test_asksOnlyAboutWhatItsReporterSaw',
      'test_followsAnAnswerAboutItsOwnPrices',
      'test_reenteringFindsNothingToAnswerAndNothingToGiveBack',
      'test_refusesAnotherModelAndEverybodyButItsSettlement',
      'test_refusesNumbersOfAnotherMeaning',
      'test_refusesTheAnswerOfAnotherRequest',
      'test_refusesWhatComesTooLateAndAsksAgain',
      'test_takesItsMoneyBackWhereNobodyAnswers',
    ]);
  }, 1_200_000);
});

describe('the example of a consuming contract on a chain', () => {
  let state: string;
  let onChain: OnChain;
  let release: DemoRelease;
  let stack: Stack;
  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'pm-consumer-'));
    const platform = { tee: 'aws-nitro', role: null } as const;
    onChain = await openOnChain(state, platform, (roots) => startLocalChain({ roots }));
    release = await openDemoRelease(state);
    const where = { stateDirectory: state, port: 0, tier: 'sim-process', platform } as const;
    stack = await startStack({ ...where, release, onChain, onEvent: () => {} });
  }, 1_200_000);
  afterAll(async () => {
    await stack?.supervisor.stop();
    await release?.hub.close();
    await onChain?.local.stop();
    await rm(state, { recursive: true, force: true });
  }, 60_000);

  it('asks about its own prices, and is answered by a proven worker', async () => {
    const { local } = onChain;
    const worker = await connect(stack.url, { policy: stack.policy }).worker();
    const policy = await deploySimulatorPolicy(local, {
      registry: local.deployment.registry,
      image: hex(worker.imageId),
      provenance: hex(sha256(worker.imageId)),
      config: hex(worker.identity.config),
      operator: local.operator,
      expiresAt: Math.floor(Date.now() / 1_000) + 86_400,
    });
    await writeServed(onChain, [policy]);
    await local.fund(local.requester, DEMO_PRICE);
    const { settlement, attestedResult } = local.deployment;
    const args = [
      local.url,
      settlement,
      attestedResult,
      policy,
      hex(release.modelId),
      String(DEMO_PRICE),
      local.requester,
    ];
    const { code, out, err } = await program('examples/solidity-consumer/run.ts', ...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('asks about its own prices; its margin is 1000');
    const margin = Number(/answered in 0x[0-9a-f]{64}; its margin is (\d+)/.exec(out)?.[1]);
    // Not the default, and not a bound: the model said something about these prices.
    expect(margin).toBeGreaterThan(200);
    expect(margin).toBeLessThan(5_000);
    expect(margin).not.toBe(1_000);
    expect(await local.call('Settlement', settlement, 'creditOf', [local.operator])).toBe(DEMO_PRICE);
  }, 300_000);
});
