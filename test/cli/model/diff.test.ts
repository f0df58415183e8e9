import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onnxType } from '../../../cli/demo-model/onnx-writer.ts';
import { compareReleases, type Side, type Step } from '../../../cli/model/compare-releases.ts';
import { buildRelease, readDraft } from '../../../cli/model/draft.ts';
import { toHex } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { publicPoint } from '../../../wire/crypto/node-sign.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import { model } from '../../enclave/worker/model/models.ts';
import { command } from '../../support/command.ts';
import { type DraftFolder, draftFolder } from './draft-folder.ts';

const owner = publicPoint(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).slice(1);
let a: DraftFolder;
let b: DraftFolder;
beforeEach(() => {
  [a, b] = [draftFolder(), draftFolder()];
  for (const folder of [a, b]) {
    folder.write('model.onnx', model({}));
    folder.write('README.md', '# Adder\n');
    folder.draft({});
  }
});
afterEach(() => {
  a.remove();
  b.remove();
});

const diff = (...more: string[]) => command('model', 'diff', a.directory, b.directory, ...more);

const value = (name: string, dimensions: readonly (number | string)[]) => ({
  name,
  type: onnxType.float32,
  dimensions,
});

describe('proofmark model diff', () => {
  it('finds nothing between a draft and itself', async () => {
    const { code, out } = await diff();
    expect(code).toBe(0);
    expect(out).toContain('nothing changed; the version stays');
  });

  it('says what changed, in words, and which step that deserves', async () => {
    b.write('model.onnx', model({ nodes: [{ operator: 'Sigmoid', inputs: ['x'], outputs: ['y'] }] }));
    b.draft({ version: '1.3.0', licence: 'Apache-2.0', limits: { memoryBytes: 268_435_456, runMilliseconds: 3_000 } });
    const { code, out } = await diff();
    expect(code).toBe(0);
    expect(out).toContain('adder 1.2.3 (draft) → adder 1.3.0 (draft)');
    expect(out).toMatch(/minor {2}model\.onnx changed: \d+ bytes, now \d+/);
    expect(out).toContain('operators: -1 Relu, +1 Sigmoid');
    expect(out).toContain('patch  runMilliseconds was 2000 and is 3000');
    expect(out).toContain('✓ deserves a minor step');
  });

  it.each<readonly [string, Readonly<Record<string, JsonValue>>, string]>([
    ['a version that stays', {}, 'the version stays'],
    ['a version that is too near', { version: '1.2.4' }, 'the version takes a patch step'],
    ['a version that goes back', { version: '1.2.3-rc.1' }, 'the version goes backwards'],
  ])('exits 1 for %s', async (_, members, says) => {
    b.write('model.onnx', model({ nodes: [{ operator: 'Sigmoid', inputs: ['x'], outputs: ['y'] }] }));
    b.draft(members);
    const { code, out } = await diff();
    expect(code).toBe(1);
    expect(out).toContain(`✗ deserves a minor step`);
    expect(out).toContain(says);
  });

  it('finds what breaks callers by what the engine says, and tells programs', async () => {
    b.write('model.onnx', model({ inputs: [value('x', [2, 3])], outputs: [value('y', ['n', 'm'])] }));
    b.draft({ version: '2.0.0' });
    const { code, out } = await diff('--json');
    expect(code).toBe(0);
    const { changes, deserves } = JSON.parse(out) as { changes: { what: string; step: string }[]; deserves: string };
    expect(deserves).toBe('major');
    expect(changes).toContainEqual({
      subject: 'signature',
      what: 'the input x was FP32[n, n] and is FP32[2, 3]',
      step: 'major',
    });
    expect(changes).toContainEqual({
      subject: 'signature',
      what: 'the output y was FP32[n, n] and is FP32[2, 3]',
      step: 'minor',
    });
  });

  it('compares a draft with a release, and looks at no file that is not the release’s', async () => {
    const { encoded } = await buildRelease(a.directory, await readDraft(a.directory), owner);
    const release = draftFolder();
    release.write('manifest.json', encoded);
    release.write('owner.hex', toHex(owner));
    release.write('model.onnx', model({}));
    const same = await command('model', 'diff', release.directory, b.directory);
    expect([same.code, same.out.includes('nothing changed')]).toEqual([0, true]);
    release.write('model.onnx', model({ nodes: [] }));
    const other = await command('model', 'diff', release.directory, b.directory);
    release.remove();
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('is not what the manifest says') as string });
  });

  it('asks for two releases that can be found', async () => {
    expect((await command('model', 'diff', a.directory)).code).toBe(2);
    expect((await command('model', 'diff', a.directory, 'acme/adder')).err).toContain('say --hub');
  });
});

describe('a step', () => {
  const tensor = (name: string, shape: ManifestTensor['shape'], datatype: ManifestTensor['datatype'] = 'FP32') => ({
    name,
    datatype,
    shape,
  });
  const x = tensor('x', ['n', 4]);
  const y = tensor('y', ['n']);

  async function side(changes: Partial<Side>): Promise<Side> {
    const { files: _, ...written } = await readDraft(a.directory);
    const terms = { ...written, circuit: null };
    return { label: '', terms, files: [], inputs: [x], outputs: [y], graph: null, ...changes };
  }

  it.each<readonly [string, Partial<Side>, Step]>([
    ['an input is gone', { inputs: [] }, 'major'],
    ['an input is new', { inputs: [x, tensor('z', [1])] }, 'major'],
    ['an input has another type', { inputs: [tensor('x', ['n', 4], 'FP16')] }, 'major'],
    ['an input has another rank', { inputs: [tensor('x', ['n'])] }, 'major'],
    ['an input has another size', { inputs: [tensor('x', ['n', 5])] }, 'major'],
    ['an input takes fewer sizes', { inputs: [tensor('x', [1, 4])] }, 'major'],
    ['an input takes more sizes', { inputs: [tensor('x', ['n', 'm'])] }, 'minor'],
    ['a free dimension has another name', { inputs: [tensor('x', ['rows', 4])] }, 'patch'],
    ['an output is gone', { outputs: [] }, 'major'],
    ['an output is new', { outputs: [y, tensor('z', [1])] }, 'minor'],
    ['an output promises more', { outputs: [tensor('y', [1])] }, 'minor'],
    ['an output has another type', { outputs: [tensor('y', ['n'], 'INT64')] }, 'major'],
  ])('where %s is %s', async (_, changes, step) => {
    expect(compareReleases(await side({}), await side(changes)).deserves).toBe(step);
  });

  it('is large where inputs that were free of each other are tied', async () => {
    const free = [tensor('x', ['n']), tensor('w', ['m'])];
    const tied = [tensor('x', ['n']), tensor('w', ['n'])];
    expect(compareReleases(await side({ inputs: free }), await side({ inputs: tied })).deserves).toBe('major');
    expect(compareReleases(await side({ inputs: free }), await side({ inputs: free })).deserves).toBe('none');
  });

  it.each<readonly [string, Readonly<Record<string, JsonValue>>, Step]>([
    ['the licence', { licence: 'MIT' }, 'major'],
    ['the name', { name: 'subtracter' }, 'major'],
    ['the description', { description: 'Adds numbers.' }, 'patch'],
    ['the tags', { tags: [] }, 'patch'],
    [
      'the options of the engine',
      { execution: { engine: 'onnxruntime', optimisation: 'basic', threads: 1, batchRows: 1 } },
      'minor',
    ],
    ['the time to run, upwards,', { limits: { memoryBytes: 268_435_456, runMilliseconds: 9_000 } }, 'patch'],
    ['the time to run, downwards,', { limits: { memoryBytes: 268_435_456, runMilliseconds: 1_000 } }, 'minor'],
    ['the samples', { samples: [{ request: 'README.md', response: 'README.md' }] }, 'patch'],
  ])('for %s is %s', async (_, members, step) => {
    b.draft(members);
    const { files: _files, ...written } = await readDraft(b.directory);
    const terms = { ...written, circuit: null };
    expect(compareReleases(await side({}), await side({ terms })).deserves).toBe(step);
  });

  it.each([
    ['1.2.3', '2.0.0', 'major'],
    ['1.2.3', '1.3.0', 'minor'],
    ['1.2.3', '1.2.4', 'patch'],
    ['1.2.3-rc.1', '1.2.3', 'patch'],
    ['0.1.0', '0.2.0', 'major'],
    ['0.1.0', '0.1.1', 'minor'],
    ['1.2.3', '1.2.3', 'none'],
    ['1.2.3', '1.2.2', 'backwards'],
  ])('from %s to %s is %s', async (from, to, taken) => {
    const at = async (version: string): Promise<Side> => {
      const one = await side({});
      return { ...one, terms: { ...one.terms, version } };
    };
    expect(compareReleases(await at(from), await at(to)).taken).toBe(taken);
  });
});
