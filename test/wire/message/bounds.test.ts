import { describe, expect, it } from 'vitest';
import { limits } from '../../../wire/limits.ts';
import { type Configuration, encodeConfiguration, unitPriceOf } from '../../../wire/message/configuration.ts';
import { decodeExecution, type Execution, encodeExecution } from '../../../wire/message/execution.ts';
import { encodeManifest, type Manifest, type ManifestTensor } from '../../../wire/message/manifest.ts';
import { refusalOf } from '../codec/support.ts';

const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);
const filled = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));

/** A field, its smallest and its largest value. */
type Range = readonly [field: string, min: number, max: number];

describe('the bounds of a configuration', () => {
  const configuration: Configuration = {
    version: 1,
    publishers: [bytes(64)],
    models: 'any',
    prices: [{ model: 'any', operation: 0, unitPrice: 1n }],
    limits: {
      bodyBytes: 1,
      responseBytes: 1,
      releaseBytes: 1,
      models: 1,
      modelMemoryBytes: 67_108_864,
      runMilliseconds: 1,
      pending: 1,
      sessions: 1,
      unacknowledgedLeaves: 1,
      channels: 0,
    },
    operator: bytes(20),
    chainId: 1n,
    registry: bytes(20),
    settlement: bytes(20),
    telemetry: 'none',
  };
  const verdict = (changes: Partial<Configuration>): unknown =>
    refusalOf(() => encodeConfiguration({ ...configuration, ...changes }));

  it.each<Range>([
    ['bodyBytes', 1, limits.bodyBytes],
    ['responseBytes', 1, limits.bodyBytes],
    ['releaseBytes', 1, limits.modelFileBytes],
    ['models', 1, limits.configurationModels],
    ['modelMemoryBytes', 67_108_864, 2 ** 40],
    ['runMilliseconds', 1, 3_600_000],
    ['pending', 1, limits.unacknowledgedLeaves],
    ['sessions', 1, limits.sessions],
    ['unacknowledgedLeaves', 1, limits.unacknowledgedLeaves],
    ['channels', 0, limits.channels],
  ])('%s lies between %i and %i', (field, min, max) => {
    const at = (value: number): unknown => verdict({ limits: { ...configuration.limits, [field]: value } });
    const refused = { code: 'field_invalid', place: { field: `configuration.limits.${field}` } };
    expect([at(min), at(max)]).toEqual(['accepted', 'accepted']);
    expect([at(min - 1), at(max + 1)]).toEqual([refused, refused]);
  });

  it('prices are unique and of 128 bits', () => {
    const price = (index: number, unitPrice = 1n): Configuration['prices'][number] => {
      const model = bytes(32, 0);
      new DataView(model.buffer).setUint32(0, Math.floor(index / 3));
      return { model: index < 3 ? 'any' : model, operation: index % 3, unitPrice };
    };
    expect(verdict({ prices: [] })).toMatchObject({ code: 'field_invalid' });
    expect(verdict({ prices: [price(0), price(0)] })).toEqual({ code: 'field_invalid', place: { field: 'prices' } });
    expect(verdict({ prices: [price(3), price(4), price(6)] })).toBe('accepted');
    expect(verdict({ prices: [price(0, 2n ** 128n - 1n)] })).toBe('accepted');
    expect(verdict({ prices: [{ ...price(0), operation: 3 }] })).toMatchObject({
      place: { field: 'configuration.prices[0].operation' },
    });
  });

  it('a price belongs to the model whose every byte it names', () => {
    const model = bytes(32, 1);
    const priced = { ...configuration, prices: [{ model, operation: 0, unitPrice: 9n }] };
    expect(unitPriceOf(priced, model, 0n)).toBe(9n);
    for (const index of [0, 31]) expect(unitPriceOf(priced, model.with(index, 2), 0n)).toBeUndefined();
  });
});

describe('the bounds of a manifest', () => {
  const file = (path: string, size = 1): Manifest['files'][number] => ({ path, size, sha256: bytes(32) });
  const tensor: ManifestTensor = { name: 'x', datatype: 'FP32', shape: [] };
  const manifest: Manifest = {
    schema: 'proofmark manifest v1',
    owner: bytes(64),
    name: 'model',
    version: '1.0.0',
    kind: 'tensor',
    description: '',
    licence: 'MIT',
    task: '',
    tags: [],
    files: [file('m')],
    entry: 'm',
    inputs: [],
    outputs: [],
    execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 1 },
    limits: { memoryBytes: 67_108_864, runMilliseconds: 1 },
    samples: [],
    circuit: null,
  };
  const verdict = (changes: object): unknown => refusalOf(() => encodeManifest({ ...manifest, ...changes }));
  const invalid = (field: string): object => ({ code: 'field_invalid', place: { field } });

  it.each<Range>([
    ['memoryBytes', 67_108_864, 2 ** 40],
    ['runMilliseconds', 1, 3_600_000],
  ])('%s lies between %i and %i', (field, min, max) => {
    const at = (value: number): unknown => verdict({ limits: { ...manifest.limits, [field]: value } });
    expect([at(min), at(max)]).toEqual(['accepted', 'accepted']);
    const refused = invalid(`manifest.limits.${field}`);
    expect([at(min - 1), at(max + 1)]).toEqual([refused, refused]);
  });

  it('threads, sizes, texts and lists end where they say', () => {
    const threads = (count: number): unknown => verdict({ execution: { ...manifest.execution, threads: count } });
    expect([1, 64].map(threads)).toEqual(['accepted', 'accepted']);
    for (const count of [0, 65]) expect(threads(count)).toEqual(invalid('manifest.execution.threads'));
    expect(verdict({ files: [file('m', limits.modelFileBytes)] })).toBe('accepted');
    expect(verdict({ files: [file('m', limits.modelFileBytes + 1)] })).toEqual(invalid('manifest.files[0].size'));
    expect(verdict({ tags: filled(64, () => 't'.repeat(64)), task: 't'.repeat(64) })).toBe('accepted');
    expect(verdict({ tags: filled(65, () => 't') })).toEqual(invalid('manifest.tags'));
    expect(verdict({ task: 't'.repeat(65) })).toEqual(invalid('manifest.task'));
    expect(verdict({ licence: '' })).toEqual(invalid('manifest.licence'));
    expect(verdict({ files: filled(limits.manifestFiles, (i) => file(i === 0 ? 'm' : `f${i}`)) })).toBe('accepted');
    expect(verdict({ files: filled(limits.manifestFiles + 1, (i) => file(i === 0 ? 'm' : `f${i}`)) })).toEqual(
      invalid('manifest.files'),
    );
  });

  it.each(['tensor', 'text-generation'])('knows the kind %s', (kind) => {
    expect(verdict({ kind })).toBe('accepted');
  });

  it.each(['disabled', 'basic', 'extended', 'all'])('knows the optimisation %s', (optimisation) => {
    expect(verdict({ execution: { ...manifest.execution, optimisation } })).toBe('accepted');
  });

  it.each([
    ...['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'],
    ...['FP16', 'BF16', 'FP32', 'FP64', 'BYTES'],
  ])('knows tensors of %s', (datatype) => {
    expect(verdict({ inputs: [{ ...tensor, datatype }], outputs: [{ ...tensor, datatype }] })).toBe('accepted');
  });

  it.each<[unknown, boolean]>([
    [[], true],
    [[0, 'n', 'Batch_2', '_', Number.MAX_SAFE_INTEGER], true],
    [filled(8, () => 1), true],
    [filled(9, () => 1), false],
    [['2d'], false],
    [['a-b'], false],
    [['a b'], false],
    [[''], false],
    [['n'.repeat(64)], true],
    [['n'.repeat(65)], false],
    [[-1], false],
  ])('takes the shape %j: %s', (shape, taken) => {
    const found = verdict({ inputs: [{ ...tensor, shape }] });
    if (taken) expect(found).toBe('accepted');
    else expect(found).toMatchObject({ code: 'field_invalid' });
  });

  it.each<[string, boolean]>([
    ['a', true],
    ['0', true],
    ['a-b', true],
    [`a${'-'.repeat(62)}b`, true],
    ['a'.repeat(64), true],
    ['a'.repeat(65), false],
    ['-a', false],
    ['a-', false],
    ['A', false],
    ['a_b', false],
    ['', false],
  ])('the name "%s": %s', (name, taken) => {
    expect(verdict({ name })).toEqual(taken ? 'accepted' : invalid('manifest.name'));
  });

  it.each<[string, boolean]>([
    ['0.0.0', true],
    ['10.20.30', true],
    ['999999999.999999999.999999999', true],
    ['1234567890.0.0', false],
    ['0.1234567890.0', false],
    ['0.0.1234567890', false],
    ['1.0.0-0', true],
    ['1.0.0-12', true],
    ['1.0.0-alpha', true],
    ['1.0.0-alpha.1', true],
    ['1.0.0-alpha.10.x-y', true],
    ['1.0.0-x-', true],
    ['1.0.0--', true],
    ['1.0.0-1a', true],
    ['1.0.0-01a', true],
    ['1.0.0-0.0', true],
    ['1.0.0-01', false],
    ['1.0.0-a.01', false],
    ['1.0.0-a.', false],
    ['1.0.0-a..b', false],
    ['1.0.0-.a', false],
    ['1.0.0-a_b', false],
    ['1.0.0-a.b_c', false],
    ['1.0.0.0', false],
    ['1.01.0', false],
    ['1.0.01', false],
    ['1.a.0', false],
    ['1.0.1x', false],
    ['1a.0.0', false],
    ['v1.0.0', false],
  ])('the version %s: %s', (version, taken) => {
    expect(verdict({ version })).toEqual(taken ? 'accepted' : invalid('manifest.version'));
  });

  it.each<[string, boolean]>([
    ['a/b/c/d/e/f/g/h', true],
    ['a/b/c/d/e/f/g/h/i', false],
    ['a..b', true],
    ['_a-1.B', true],
    ['-a', false],
    ['a/-b', false],
    ['..', false],
    [`${'a'.repeat(256)}`, true],
    [`${'a'.repeat(257)}`, false],
  ])('the path %s: %s', (path, taken) => {
    expect(verdict({ files: [file('m'), file(path)] })).toEqual(taken ? 'accepted' : invalid('manifest.files[1].path'));
  });

  it('says what is wrong with names of files and with another spelling', () => {
    expect(verdict({ files: [file('m'), file('m')] })).toEqual(invalid('manifest.files'));
    expect(verdict({ entry: 'n' })).toEqual(invalid('manifest'));
    expect(verdict({ samples: [{ request: 'm', response: 'n' }] })).toEqual(invalid('manifest'));
    expect(verdict({ samples: [{ request: 'm', response: 'm' }] })).toBe('accepted');
  });

  it('names a circuit by a hash or not at all', () => {
    expect(verdict({ circuit: bytes(32) })).toBe('accepted');
    expect(verdict({ circuit: bytes(31) })).toEqual(invalid('manifest.circuit'));
  });
});

describe('the bounds of an execution', () => {
  const generation = { sampler: 's', temperature: '1', topP: '1', stop: [], maxTokens: 1 };
  const execution: Execution = {
    engine: 'e',
    version: 'v',
    provider: 'p',
    optimisation: 'all',
    threads: 1,
    cpuFamily: 'f',
    cpuIsa: 'i',
    layout: 'l',
    schedule: 's',
    generation,
  };
  const verdict = (changes: object): unknown =>
    refusalOf(() => decodeExecution(encodeExecution({ ...execution, ...changes })));
  const invalid = (field: string): object => ({ code: 'field_invalid', place: { field: `execution.${field}` } });

  it.each<[string, boolean]>([
    ['0', true],
    ['10', true],
    ['123', true],
    ['0.7', true],
    ['10.05', true],
    ['0.123', true],
    ['1.', false],
    ['1.0', false],
    ['1.x1', false],
    ['1x', false],
    ['01', false],
  ])('the fraction %s: %s', (fraction, taken) => {
    for (const field of ['temperature', 'topP']) {
      expect(verdict({ generation: { ...generation, [field]: fraction } })).toEqual(
        taken ? 'accepted' : invalid(`generation.${field}`),
      );
    }
  });

  it('counts end where they say', () => {
    expect(verdict({ threads: 1_024, generation: { ...generation, maxTokens: 2 ** 31 } })).toBe('accepted');
    for (const threads of [0, 1_025]) expect(verdict({ threads })).toEqual(invalid('threads'));
    for (const maxTokens of [0, 2 ** 31 + 1]) {
      expect(verdict({ generation: { ...generation, maxTokens } })).toEqual(invalid('generation.maxTokens'));
    }
    const stop = (count: number): unknown => verdict({ generation: { ...generation, stop: filled(count, () => 'x') } });
    expect([stop(16), stop(17)]).toEqual(['accepted', invalid('generation.stop')]);
  });

  it.each(['disabled', 'basic', 'extended', 'all'])('knows the optimisation %s', (optimisation) => {
    expect(verdict({ optimisation })).toBe('accepted');
    expect(verdict({ optimisation: 'some' })).toEqual(invalid('optimisation'));
  });
});
