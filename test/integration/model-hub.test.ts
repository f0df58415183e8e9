import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from 'viem';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { demoModel, demoRelease } from '../../cli/demo-model/mlp.ts';
import { openReleaseKey, type ReleaseKey } from '../../cli/stack/keys.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { artifact } from '../../contracts/tools/artifacts.ts';
import { loadEngine } from '../../enclave/worker/model/engine.ts';
import { toHex } from '../../wire/bytes.ts';
import { encodeInferRequest, encodeInferResponse, floatTensor } from '../../wire/message/tensor.ts';
import { openWorld, type World } from '../host/hub/support/world.ts';
import { command, type Folder, type Outcome, temporaryFolder } from '../support/command.ts';

/** Evidence, a chain, a hub and a worker start for this on a machine that does other things as well. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const VERSION = '1.0.0';
const REPOSITORY = 'globex/demo-mlp';
/** How far the second sample's expected answer is from what the model says. */
const OFF = 1e-3;
let folder: Folder;
let key: ReleaseKey;
let world: World;
let chain: Chain;
let registry: Address;
let stack: Stack | undefined;

beforeAll(async () => {
  folder = temporaryFolder();
  mkdirSync(folder.path('state'));
  key = await openReleaseKey(folder.path('state/publisher.pem'));
  world = await openWorld({ others: [{ namespace: 'globex', key: key.privateKey, owner: key.owner }] });
  chain = await startChain({ hardfork: 'osaka' });
  registry = await chain.deploy(await artifact('ModelRegistry'));
  await writeDraft(folder.path('draft'));
});

afterAll(async () => {
  await stack?.supervisor.stop();
  await chain?.stop();
  await world?.stop();
  folder.remove();
});

/** The demo's model as a publisher has it, with two samples: one that is right, and one that is a little off. */
async function writeDraft(directory: string): Promise<void> {
  const { manifest, files } = demoRelease(key.owner);
  const onnx = files.get('model.onnx') ?? new Uint8Array(0);
  const engine = await loadEngine(onnx, { optimisation: manifest.execution.optimisation, threads: 1 });
  mkdirSync(join(directory, 'samples'), { recursive: true });
  writeFileSync(join(directory, 'model.onnx'), onnx);
  writeFileSync(join(directory, 'README.md'), '# A perceptron\n\nIt has learned nothing.\n\u001b[2J');
  for (const [name, off] of [
    ['right', 0],
    ['off', OFF],
  ] as const) {
    const inputs = [
      floatTensor(
        'input',
        [1, 128],
        Float32Array.from({ length: 128 }, (_, at) => (at - 64) / 64),
      ),
    ];
    const [output] = await engine.run(inputs, 'all');
    const said = new Float32Array(Uint8Array.from(output?.data ?? []).buffer).map((value, at) =>
      at === 3 ? value + off : value,
    );
    const outputs = [floatTensor('logits', [1, 10], said)];
    const response = { modelName: 'demo-mlp', modelVersion: VERSION, id: null, outputs };
    const request = encodeInferRequest({ id: null, inputs, outputs: 'all' }, 'json').body;
    writeFileSync(join(directory, `samples/${name}.request.json`), request);
    writeFileSync(join(directory, `samples/${name}.response.json`), encodeInferResponse(response, 'json').body);
  }
  const samples = ['right', 'off'].map((name) => ({
    request: `samples/${name}.request.json`,
    response: `samples/${name}.response.json`,
  }));
  const draft = {
    schema: 'proofmark release draft v1',
    name: 'demo-mlp',
    version: VERSION,
    kind: 'tensor',
    description: 'A perceptron that goes all the way.',
    licence: 'Apache-2.0',
    task: 'demonstration',
    tags: ['demo'],
    entry: 'model.onnx',
    files: ['model.onnx', 'README.md', ...samples.flatMap(({ request, response }) => [request, response])],
    execution: manifest.execution,
    limits: manifest.limits,
    samples,
    circuit: null,
  };
  writeFileSync(join(directory, 'release.json'), JSON.stringify(draft, null, 2));
}

const hub = (): readonly string[] => ['--hub', world.hub.url, '--memory', folder.path('memory.json')];
const keyed = (): readonly string[] => ['--key', folder.path('state/publisher.pem')];
const onChain = (): readonly string[] => ['--chain', chain.url, '--registry', registry];
const payer = (): readonly string[] => ['--account', chain.accounts[2] as string];
const publisher = (): readonly string[] => ['--publisher', toHex(key.owner)];
const model = (name: string, ...args: readonly string[]): Promise<Outcome> => command('model', name, ...args);

interface Facts {
  readonly repository?: string;
  readonly modelId?: string;
  readonly sequence?: string;
  readonly status?: { readonly status: string; readonly sequence: string } | string | null;
  readonly onChain?: { readonly listedAt: string | null; readonly status: string } | string | null;
  readonly transaction?: string | null;
  readonly sentFiles?: number;
  readonly card?: string | null;
  readonly verdict?: string;
  readonly receipt?: { readonly log: string; readonly leaf: string };
}

const facts = ({ out }: Outcome): readonly Facts[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Facts);

function policyFor(modelId: string): string {
  const rules = JSON.parse(readFileSync(stack?.policyFile ?? '', 'utf8')) as object;
  return folder.file('policy.json', JSON.stringify({ ...rules, models: [modelId] }));
}

describe('a model from its publisher to an attested worker', () => {
  let modelId = '';

  it('is published to the hub and listed on a chain', async () => {
    const asked = ['publish', folder.path('draft'), ...hub(), ...keyed(), ...onChain(), ...payer()] as const;
    const unsure = await model(...asked);
    expect(unsure).toMatchObject({ code: 2, out: '' });
    expect(unsure.err).toContain('--yes is required');
    const done = await model(...asked, '--yes', '--json');
    expect(done).toMatchObject({ code: 0 });
    const [told] = facts(done);
    expect(told).toMatchObject({ repository: REPOSITORY, onChain: 'listed' });
    expect(told?.transaction).toMatch(/^0x[0-9a-f]{64}$/);
    modelId = told?.modelId ?? '';
    const again = await model(...asked, '--yes', '--json');
    expect(facts(again)[0]).toMatchObject({ modelId, onChain: 'listed-before', transaction: null, sentFiles: 0 });
  });

  it('is not published where a worker would refuse it, and every fault is named', async () => {
    const { onnx } = demoModel();
    mkdirSync(folder.path('refused'));
    const draft = JSON.parse(readFileSync(folder.path('draft/release.json'), 'utf8')) as object;
    const changed = { ...draft, version: '2.0.0', files: ['model.onnx'], samples: [] };
    folder.file('refused/release.json', JSON.stringify(changed));
    // An operator that no worker runs, in the place of one that it does.
    const at = Buffer.from(onnx).indexOf('Relu');
    folder.file(
      'refused/model.onnx',
      onnx.map((byte, place) => (place === at ? 'B'.charCodeAt(0) : byte)),
    );
    const refused = await model('publish', folder.path('refused'), ...hub(), ...keyed(), '--yes');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('Belu');
    expect(refused.err).toContain('a worker would refuse it: nothing was published');
    expect((await model('versions', REPOSITORY, ...hub())).out).not.toContain('2.0.0');
  });

  it('is listed and shown with its signature verified, and its card without what a terminal would obey', async () => {
    const listed = await model('versions', REPOSITORY, ...hub());
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.out).toContain(`${VERSION}            ${modelId}  active`);
    const shown = await model('show', REPOSITORY, ...hub(), ...publisher(), ...onChain());
    expect(shown.code).toBe(0);
    for (const text of ['verified', 'FP32[batch,128]', 'A perceptron', 'listed 20']) expect(shown.out).toContain(text);
    expect(shown.out).not.toContain('\u001b[2J');
    const json = facts(await model('show', modelId, ...hub(), ...publisher(), ...onChain(), '--json'))[0];
    expect(json).toMatchObject({ repository: REPOSITORY, status: null, onChain: { status: 'active' } });
  });

  it('is pulled and served', async () => {
    const pulled = await model('pull', REPOSITORY, ...hub(), ...publisher(), '--out', folder.path('pulled'), '--json');
    expect(pulled).toMatchObject({ code: 0, err: '' });
    expect(facts(pulled)[0]).toMatchObject({ modelId, status: 'active' });
    const signed = ['publish', folder.path('pulled'), ...hub(), '--yes', '--json'] as const;
    expect(facts(await model(...signed, ...keyed()))[0]).toMatchObject({
      repository: REPOSITORY,
      modelId,
      sentFiles: 0,
    });
    await openReleaseKey(folder.path('another.pem'));
    const stolen = await model(...signed, '--key', folder.path('another.pem'));
    expect(stolen).toMatchObject({ code: 1, err: '' });
    expect(stolen.out).toContain(`belongs to ${toHex(key.owner)}, and the key is another`);
    stack = await startStack({
      stateDirectory: folder.path('state'),
      port: 0,
      tier: 'sim-process',
      platform: { tee: 'aws-nitro', role: null },
      instead: { release: folder.path('pulled'), hostArguments: [], hostEnvironment: {} },
      onEvent: () => {},
    });
  });

  it('answers its samples with receipts, and a wrong one is told', async () => {
    const asked = ['--policy', policyFor(modelId), '--host', stack?.url ?? ''];
    const exact = await model('test', folder.path('pulled'), ...asked, '--json');
    expect(exact.code).toBe(30);
    const [right, off] = facts(exact);
    expect(right).toMatchObject({ verdict: 'same' });
    expect(right?.receipt?.log).toMatch(/^[0-9a-f]{64}$/);
    expect(off).toMatchObject({ verdict: 'differs' });
    expect(Number(off?.receipt?.leaf)).toBe(Number(right?.receipt?.leaf) + 1);
    const near = await model('test', REPOSITORY, ...hub(), ...asked, '--tolerance', String(2 * OFF));
    expect(near).toMatchObject({ code: 0, err: '' });
    expect(near.out).toMatch(/✓ samples\/right\.request\.json {2}the same, bit for bit {2}leaf 2 of log/);
    expect(near.out).toMatch(/✓ samples\/off\.request\.json {2}within tolerance, 1\.0e-3 off {2}leaf 3 of log/);
    const nowhere = await model(
      'test',
      folder.path('pulled'),
      '--policy',
      policyFor('0'.repeat(64)),
      '--host',
      stack?.url ?? '',
    );
    expect(nowhere.code).not.toBe(0);
  });

  it('is taken back on the hub and on the chain, and pulled no more until it is restored', async () => {
    const exactly = `${REPOSITORY}@${VERSION}`;
    const yanked = await model('yank', exactly, ...hub(), ...keyed(), ...onChain(), ...payer(), '--json');
    expect(yanked).toMatchObject({ code: 0 });
    expect(facts(yanked)[0]).toMatchObject({ status: 'yanked', sequence: '1' });
    const json = facts(await model('show', exactly, ...hub(), ...publisher(), ...onChain(), '--json'))[0];
    expect(json).toMatchObject({ status: { status: 'yanked', sequence: '1' }, onChain: { status: 'yanked' } });
    const pull = (out: string, ...more: readonly string[]): Promise<Outcome> =>
      model('pull', exactly, ...hub(), ...publisher(), '--out', folder.path(out), ...more);
    expect(await pull('again')).toMatchObject({ code: 30, out: '' });
    expect((await pull('again')).err).toContain('release_yanked');
    expect((await model('pull', REPOSITORY, ...hub(), ...publisher(), '--out', folder.path('again'))).code).toBe(1);
    const forced = await pull('forced', '--allow-yanked');
    expect(forced).toMatchObject({ code: 0 });
    expect(forced.err).toContain('was taken back by its owner');
    const restored = await model('restore', exactly, ...hub(), ...keyed(), ...onChain(), ...payer(), '--json');
    expect(facts(restored)[0]).toMatchObject({ status: 'active', sequence: '2' });
    expect((await pull('again')).code).toBe(0);
    const warned = await model('deprecate', exactly, ...hub(), ...keyed(), '--json');
    expect(facts(warned)[0]).toMatchObject({ status: 'deprecated', sequence: '3' });
    expect((await pull('again')).err).toContain('is deprecated by its owner');
  });
});
