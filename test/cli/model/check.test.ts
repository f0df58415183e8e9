import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { demoModel } from '../../../cli/demo-model/mlp.ts';
import { type OnnxNode, onnxType } from '../../../cli/demo-model/onnx-writer.ts';
import { checkModel } from '../../../cli/model/check.ts';
import { gather } from '../../../cli/model/findings.ts';
import { inspectOnnx } from '../../../cli/model/inspect.ts';
import { runTensors } from '../../../cli/model/run.ts';
import { openSubject } from '../../../cli/model/subject.ts';
import { ModelError } from '../../../enclave/worker/model/errors.ts';
import { OnnxError } from '../../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../../enclave/worker/model/onnx-scan.ts';
import type { TensorModel } from '../../../enclave/worker/model/tensor-model.ts';
import { runtime } from '../../../enclave/worker/runtime.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { type Harness, startHarness } from '../../enclave/worker/model/harness.ts';
import { loopModel, model } from '../../enclave/worker/model/models.ts';
import { testDecoder } from '../../models/decoder.ts';
import { command } from '../../support/command.ts';
import { trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { type DraftFolder, draftFolder } from './draft-folder.ts';

const node = (operator: string, changes: Partial<OnnxNode> = {}): OnnxNode => ({
  operator,
  inputs: ['x'],
  outputs: ['y'],
  ...changes,
});
const value = (name: string, dimensions: readonly (number | string)[], type: number = onnxType.float32) => ({
  name,
  type: type as typeof onnxType.float32,
  dimensions,
});
/** A field of protobuf in bytes, for what a proper writer would not write. */
const block = (number: number, ...content: Uint8Array[]): Uint8Array => {
  const all = concatBytes(...content);
  const length: number[] = [];
  for (let rest = all.length; ; rest = Math.floor(rest / 128)) {
    length.push((rest % 128) + (rest > 127 ? 128 : 0));
    if (rest <= 127) break;
  }
  return concatBytes(
    Uint8Array.of(((number * 8 + 2) % 128) | (number > 15 ? 128 : 0)),
    ...(number > 15 ? [Uint8Array.of(number >> 4)] : []),
    Uint8Array.from(length),
    all,
  );
};
const text = (number: number, content: string): Uint8Array => block(number, utf8(content));
const raw = (...graph: Uint8Array[]): Uint8Array =>
  concatBytes(Uint8Array.of(0x08, 8), block(7, ...graph), block(8, Uint8Array.of(0x10, 17)));
const RELU = block(1, text(1, 'x'), text(2, 'y'), text(4, 'Relu'));

/** Nodes without anything in them. */
function flood(count: number): Uint8Array {
  const bytes = new Uint8Array(2 * count);
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x0a;
  return bytes;
}

function nested(depth: number): Uint8Array {
  let graph = RELU;
  for (let level = 0; level < depth; level++) {
    graph = block(1, text(4, 'If'), block(5, text(1, 'then_branch'), block(6, graph)));
  }
  return raw(graph);
}

const scanned: readonly (readonly [string, Uint8Array])[] = [
  ['the demo model', demoModel().onnx],
  ['one Relu', model({})],
  ['a Loop', loopModel()],
  ['chance', model({ nodes: [node('RandomNormalLike')] })],
  ['an operator that nobody knows', model({ nodes: [node('Evil\nname')] })],
  ['another domain', model({ nodes: [node('Gelu', { domain: 'com.microsoft' })] })],
  ['training', model({ nodes: [node('Dropout', { inputs: ['x', 'r', 't'] })] })],
  ['an old operator set', model({}, { '': 6 })],
  ['an unknown domain', model({}, { '': 17, 'evil.example': 1 })],
  ['no operator set', model({}, {})],
  ['two operator sets', model({}, { '': 17, 'ai.onnx': 18 })],
  ['data outside the file', raw(RELU, block(5, text(8, 'w'), block(13, text(1, 'location'), text(2, '../secret'))))],
  ['training information', concatBytes(raw(RELU), block(20))],
  ['functions', concatBytes(raw(RELU), block(25))],
  ['sparse weights', raw(RELU, block(15))],
  ['the mark of another format', concatBytes(Uint8Array.of(0x08, 8), text(2, 'ORTM'), block(7, RELU))],
  ['two graphs', concatBytes(model({}), block(7, RELU))],
  ['an unknown field', concatBytes(model({}), Uint8Array.of(0x98, 6, 1))],
  ['a graph a thousand deep', nested(1_000)],
  ['a flood of nodes', raw(flood(limits.onnxNodes + 1))],
  ['nothing', new Uint8Array(0)],
];

function scanCode(bytes: Uint8Array): string {
  try {
    scanOnnx(bytes);
    return 'accepted';
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
}

const refusedBy = (bytes: Uint8Array): readonly string[] =>
  inspectOnnx(bytes, 'tensor')
    .remarks.filter(({ severity }) => severity === 'refused')
    .map(({ code }) => code);

describe('an inspection', () => {
  it.each(scanned)('of %s says what the worker’s scan says, and perhaps more', (_, bytes) => {
    const code = scanCode(bytes);
    const codes = refusedBy(bytes).filter((found) => found.startsWith('onnx_'));
    if (code === 'accepted') expect(codes).toEqual([]);
    else expect(codes).toContain(code);
  });

  it('tells everything that is wrong, each with its place and what to do', () => {
    const bytes = model(
      {
        nodes: [
          node('RandomNormal'),
          node('Relu'),
          node('Gelu', { domain: 'com.microsoft' }),
          ...Array.from({ length: 9 }, () => node('NoSuch')),
        ],
        inputs: [value('x', ['batch size', 3]), value('s', [1], 8)],
      },
      { '': 30 },
    );
    const findings = gather(inspectOnnx(bytes, 'tensor').remarks).filter(({ severity }) => severity === 'refused');
    expect(findings.map(({ code, where, count }) => [code, where[0], count])).toEqual([
      ['onnx_version', 'operator sets', 1],
      ['onnx_operator', 'node 1 (RandomNormal)', 1],
      ['onnx_domain', 'node 3 (com.microsoft.Gelu)', 1],
      ['onnx_operator', 'node 4 (NoSuch)', 9],
      ['signature_refused', 'input "x"', 1],
      ['model_refused', 'input "s"', 1],
    ]);
    for (const { advice, where } of findings) {
      expect(advice).not.toBe('');
      expect(where.length).toBeLessThanOrEqual(5);
    }
  });

  it('finds what is in a branch of a language model, and says in which', () => {
    const inner = { name: 'b', nodes: [node('Relu'), node('Multinomial')], initializers: [], inputs: [], outputs: [] };
    const branches = { then_branch: { graph: inner }, else_branch: { graph: inner } };
    const bytes = model({ nodes: [node('If', { attributes: branches })] });
    const { remarks } = inspectOnnx(bytes, 'text-generation');
    expect(remarks.map(({ where }) => where)).toEqual([
      'node 1 (If) › node 2 (Multinomial)',
      'node 1 (If) › node 2 (Multinomial)',
    ]);
  });

  it('describes a model: operators, parameters, inputs', () => {
    const { facts } = inspectOnnx(demoModel().onnx, 'tensor');
    expect(facts).toMatchObject({
      producer: 'proofmark',
      irVersion: 8,
      operatorSets: { 'ai.onnx': 17 },
      nodes: 5,
      operators: { Gemm: 3, Relu: 2 },
      parameters: { float32: 128 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10 },
      inputs: [{ name: 'input', datatype: 'FP32', shape: ['batch', 128] }],
    });
  });

  it('of any bytes ends, and refuses what the scan refuses', () => {
    const small = model({});
    const judged = (bytes: Uint8Array): void => {
      expect(refusedBy(bytes).some((code) => code.startsWith('onnx_'))).toBe(scanCode(bytes) !== 'accepted');
    };
    for (let length = 0; length < small.length; length++) judged(small.subarray(0, length));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), judged));
    const changed = fc.tuple(fc.nat(small.length - 1), fc.nat(255)).map(([at, byte]) => small.with(at, byte));
    fc.assert(fc.property(changed, judged), { numRuns: 500 });
  });
});

describe('a check and a worker’s pool', () => {
  let harness: Harness;
  let folder: DraftFolder;
  beforeAll(async () => {
    harness = await startHarness();
    folder = draftFolder();
  });
  afterAll(() => {
    harness.close();
    folder.remove();
  });

  it.each<readonly [string, Uint8Array]>([
    ['a model of the demo', demoModel().onnx],
    ['a Loop', loopModel()],
    ['an operator whose input nobody makes', model({ nodes: [node('Relu', { inputs: ['z'] })] })],
    ['an output that nobody makes', model({ nodes: [] })],
    ['texts', model({ nodes: [node('Identity')], inputs: [value('x', [1], 8)], outputs: [value('y', [1], 8)] })],
    ['types that do not fit', model({ outputs: [value('y', ['n', 'n'], onnxType.int64)] })],
    [
      'shapes that do not fit',
      model({ nodes: [node('MatMul', { inputs: ['x', 'x'] })], inputs: [value('x', [2, 3])] }),
    ],
    ['half a file', demoModel().onnx.subarray(0, 700_000)],
  ])('agree about %s', { timeout: 120_000 }, async (_, bytes) => {
    folder.write('one.onnx', bytes);
    const report = await checkModel(await openSubject(join(folder.directory, 'one.onnx'), undefined), 'load');
    const loads = await harness.pool.load({ modelId: new Uint8Array(32), bytes, batchRows: 1 }).then(
      (loaded) => {
        loaded.close();
        return 'loads';
      },
      (error: unknown) => {
        if (error instanceof ModelError) return 'refused';
        throw error;
      },
    );
    expect(report.verdict).toBe(loads);
    expect(report.findings.some(({ severity }) => severity === 'refused')).toBe(loads === 'refused');
  });

  it.each(['optimum', 'merged', 'pair', 'split'] as const)(
    'agree about a decoder as %s, and about one without its tokenizer',
    { timeout: 120_000 },
    async (layout) => {
      const here = draftFolder();
      for (const [path, bytes] of testDecoder({ layout })) here.write(path, bytes);
      const subject = await openSubject(here.directory, undefined);
      const whole = await checkModel(subject, 'load');
      const { 'tokenizer.json': _, ...rest } = Object.fromEntries(subject.files);
      const files = new Map(Object.entries(rest));
      const part = await checkModel({ ...subject, files }, 'load');
      here.remove();
      expect([whole.verdict, part.verdict]).toEqual(['loads', 'refused']);
      expect(whole.language?.controlTokens.length).toBeGreaterThan(0);
      const modelId = new Uint8Array(32);
      (await harness.pool.loadLanguage({ modelId, entry: subject.entry, files: subject.files })).close();
      await expect(harness.pool.loadLanguage({ modelId, entry: subject.entry, files })).rejects.toThrow(ModelError);
    },
  );
});

describe('proofmark model check', () => {
  let folder: DraftFolder;
  beforeEach(() => {
    folder = draftFolder();
    folder.write('model.onnx', demoModel().onnx);
    folder.write('README.md', '# Demo\n');
  });
  afterEach(() => folder.remove());
  const check = (...args: string[]) => command('model', 'check', ...args);

  it('exits 0 for what a worker would load, and says what the engine made of it', { timeout: 60_000 }, async () => {
    const { code, out } = await check(join(folder.directory, 'model.onnx'));
    expect(code).toBe(0);
    expect(out).toMatch(/inputs +input FP32\[batch, 128\]\n/);
    expect(out).toContain('✓ a worker would load it\n');
  });

  it('exits 1 for what it would refuse, in words and for programs', async () => {
    folder.write('loop.onnx', loopModel());
    const { code, out } = await check(join(folder.directory, 'loop.onnx'));
    expect(code).toBe(1);
    expect(out).toContain('✗ Loop is refused: it runs a subgraph');
    expect(out).toContain('at node 1 (Loop)');
    expect(out).toContain('→ Export without control flow');
    expect(out).toContain('✗ a worker would refuse it, for one reason');
    const json = await check(join(folder.directory, 'loop.onnx'), '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      verdict: 'refused',
      findings: [{ code: 'onnx_operator', count: 1 }, { code: 'rows_alone' }, { code: 'engine_not_asked' }],
    });
  });

  it('lets no name of a file write to the terminal', async () => {
    folder.write('evil.onnx', model({ nodes: [node('Evil\u001b[2J')] }));
    const { out } = await check(join(folder.directory, 'evil.onnx'));
    expect(out).toContain('Evil�[2J');
    expect(out).not.toContain('\u001b');
    expect((await check(join(folder.directory, 'evil.onnx'), '--json')).out).not.toContain('\u001b');
  });

  it('reads a draft as publishing it would', { timeout: 60_000 }, async () => {
    folder.draft({
      execution: { engine: 'onnxruntime', optimisation: 'basic', threads: 4, batchRows: 1 },
      files: ['model.onnx'],
    });
    const { code, out } = await check(folder.directory);
    expect(code).toBe(1);
    expect(out).toContain(`workers of this version attest ${runtime.optimisation} with ${runtime.threads}`);
    expect(out).toContain('README.md is not published');
    folder.draft({ files: ['model.onnx', 'gone'] });
    const gone = await check(folder.directory);
    expect([gone.code, gone.out.includes('✗ there is no gone')]).toEqual([1, true]);
    folder.write('model.onnx', loopModel());
    folder.draft({ licence: '' });
    const { out: both } = await check(folder.directory, '--read-only');
    expect(both).toContain('✗ release.json names no licence');
    expect(both).toContain('✗ Loop is refused');
    folder.write('release.json', '{');
    expect((await check(folder.directory, '--read-only')).out).toContain('json_malformed');
  });

  it('refuses a circuit of tensors that no receipt could commit to', { timeout: 60_000 }, async () => {
    folder.write('circuit.key', trapdoorKeyBytes);
    folder.draft({ files: ['model.onnx', 'README.md', 'circuit.key'], circuit: 'circuit.key' });
    const { code, out } = await check(folder.directory, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'refused',
      findings: expect.arrayContaining([expect.objectContaining({ code: 'circuit_refused', severity: 'refused' })]),
    });
    expect((await check(folder.directory)).out).toContain('input is FP32, which is no integer');
  });

  it('runs what it is asked to run, and tells time, memory and whether bits repeat', { timeout: 60_000 }, async () => {
    folder.draft({ execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 32 } });
    const { code, out } = await check(folder.directory, '--run', '--json');
    const { run } = JSON.parse(out) as { run: { peakBytes: number } };
    expect(code).toBe(0);
    expect(run).toMatchObject({ inputs: 'made up', calls: 1, repeats: 'same bits', rows: 'same bits' });
    expect(run.peakBytes).toBeGreaterThan(10_000_000);
  });

  it('says where the promise of batchRows is broken', { timeout: 60_000 }, async () => {
    const mean = node('ReduceMean', { outputs: ['m'], attributes: { axes: { ints: [0] } } });
    folder.write(
      'model.onnx',
      model({
        nodes: [mean, node('Sub', { inputs: ['x', 'm'] })],
        inputs: [value('x', ['rows', 2])],
        outputs: [value('y', ['rows', 2])],
      }),
    );
    folder.draft({ execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 8 } });
    const { code, out } = await check(folder.directory, '--run');
    expect(code).toBe(1);
    expect(out).toContain('rows that are computed together have other results than alone');
  });

  it('runs samples where there are any, and says which is none', { timeout: 60_000 }, async () => {
    const sample = (name: string): string =>
      JSON.stringify({ inputs: [{ name, datatype: 'FP32', shape: [1, 128], data: Array(128).fill(1) }] });
    folder.write('good.json', sample('input'));
    folder.write('bad.json', sample('inputs'));
    const files = ['model.onnx', 'README.md', 'good.json', 'bad.json'];
    folder.draft({ files, samples: ['good.json', 'bad.json'].map((request) => ({ request, response: 'good.json' })) });
    const { code, out } = await check(folder.directory, '--run');
    expect(code).toBe(1);
    expect(out).toContain('it is no request for this model: the model has no input "inputs"');
    expect(out).toContain('it is not what the model answers: ');
    expect(out).toContain('✗ a worker would load it, and it is not what its release says');
    expect(out).toMatch(/inputs +samples, 1 call\(s\)/);
  });

  it('asks for one thing that is there', async () => {
    expect((await check()).code).toBe(2);
    expect((await check(folder.directory, '--kind', 'image')).code).toBe(2);
    expect((await check(folder.directory, '--run', '--read-only')).code).toBe(2);
    expect((await check(folder.path('gone'))).err).toContain('cannot read');
    const empty = draftFolder();
    expect((await check(empty.directory)).err).toContain('has no .onnx file');
    empty.remove();
  });
});

describe('a model that answers differently each time', () => {
  it('is refused: nobody could check its answers', async () => {
    let count = 0;
    const fake: TensorModel = {
      modelId: new Uint8Array(32),
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1] }],
      engine: runtime,
      remembered: {},
      run: async () => ({
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1], data: Uint8Array.of(count++, 0, 0, 0) }],
        together: 1,
      }),
      retire: () => undefined,
      close: () => undefined,
    };
    const folder = draftFolder();
    writeFileSync(join(folder.directory, 'a.onnx'), model({}));
    const subject = await openSubject(join(folder.directory, 'a.onnx'), undefined);
    expect(readFileSync(join(folder.directory, 'a.onnx'))).toHaveLength(subject.files.get('a.onnx')?.length ?? 0);
    const { report, remarks } = await runTensors(subject, fake, { deadlineMs: 1_000, peakBytes: () => undefined });
    folder.remove();
    expect(report?.repeats).toBe('other bits');
    expect(remarks.map(({ code }) => code)).toEqual(['not_deterministic']);
  });
});
