import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demoModel } from '../../../cli/demo-model/mlp.ts';
import { onnxType } from '../../../cli/demo-model/onnx-writer.ts';
import { readDraft } from '../../../cli/model/draft.ts';
import { decodeInferRequest } from '../../../wire/message/tensor.ts';
import { model } from '../../enclave/worker/model/models.ts';
import { testDecoder } from '../../models/decoder.ts';
import { command } from '../../support/command.ts';
import { type DraftFolder, draftFolder } from './draft-folder.ts';

let folder: DraftFolder;
beforeEach(() => {
  folder = draftFolder();
});
afterEach(() => folder.remove());

const init = (...args: string[]) => command('model', 'init', ...args);
const read = (path: string): string => readFileSync(folder.path(path), 'utf8');

interface Written {
  licence: string;
  readonly name: string;
  readonly kind: string;
  readonly entry: string;
  readonly files: readonly string[];
  readonly limits: { readonly memoryBytes: number };
  readonly samples: readonly { readonly request: string }[];
}
const draft = (): Written => JSON.parse(read('release.json')) as Written;

/** What only a person can do. */
function chooseLicence(): void {
  writeFileSync(folder.path('release.json'), JSON.stringify({ ...draft(), licence: 'Apache-2.0' }));
}

describe('proofmark model init', () => {
  it('writes a draft that lacks what only a person knows', async () => {
    folder.write('fraud-detector.onnx', demoModel().onnx);
    const { code, out } = await init(folder.directory);
    expect(code).toBe(0);
    expect(out).toContain('licence in release.json: the draft is refused without one');
    expect(draft()).toMatchObject({
      name: expect.stringMatching(/^[a-z0-9-]+$/) as string,
      kind: 'tensor',
      entry: 'fraud-detector.onnx',
      licence: '',
    });
    await expect(readDraft(folder.directory)).rejects.toMatchObject({ code: 'draft_invalid', place: 'licence' });
    chooseLicence();
    const { files } = await readDraft(folder.directory);
    expect(files.map(({ path }) => path)).toEqual([
      'fraud-detector.onnx',
      'README.md',
      'samples/first.request.json',
      'samples/first.response.json',
    ]);
    expect(read('README.md')).toContain('| input | FP32 | \\[batch, 128\\] | ? |');
  });

  it('gives samples the shapes of the model, and a check takes the request', { timeout: 60_000 }, async () => {
    folder.write('model.onnx', demoModel().onnx);
    await init(folder.directory, '--name', 'demo');
    const body = Uint8Array.from(readFileSync(folder.path('samples/first.request.json')));
    const { inputs } = decodeInferRequest({ body, jsonLength: body.length }, 'json');
    expect(inputs).toMatchObject([{ name: 'input', datatype: 'FP32', shape: [1, 128] }]);
    chooseLicence();
    const { out } = await command('model', 'check', folder.directory, '--run', '--json');
    expect(JSON.parse(out)).toMatchObject({ run: { inputs: 'samples' } });
  });

  it('copies a file from elsewhere, and names the release after it', async () => {
    const other = draftFolder();
    other.write('Fraud Detector_v2.onnx', demoModel().onnx);
    const target = folder.path('new/release');
    expect((await init(target, '--from', other.path('Fraud Detector_v2.onnx'))).code).toBe(1);
    other.write('Fraud_Detector-v2.onnx', demoModel().onnx);
    const { code } = await init(target, '--from', other.path('Fraud_Detector-v2.onnx'));
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(target, 'release.json'), 'utf8'))).toMatchObject({ name: 'fraud-detector-v2' });
    expect(readFileSync(join(target, 'Fraud_Detector-v2.onnx'))).toEqual(
      readFileSync(other.path('Fraud_Detector-v2.onnx')),
    );
    other.remove();
  });

  it('takes a folder as model hubs hold it, and repeats what its card says of the licence without believing it', async () => {
    const other = draftFolder();
    for (const [path, bytes] of testDecoder({ layout: 'merged' })) other.write(path, bytes);
    other.write('README.md', '---\ntags:\n- tiny\nlicense: mit\n---\n# Tiny\n');
    other.write('LICENSE', 'MIT License');
    other.write('pytorch_model.bin', 'weights of another kind');
    const { code, out } = await init(folder.directory, '--from', other.directory, '--name', 'tiny');
    other.remove();
    expect(code).toBe(0);
    expect(out).toContain('the card names mit, if that is right');
    expect(draft()).toMatchObject({ kind: 'text-generation', entry: 'onnx/decoder_model_merged.onnx', licence: '' });
    expect(draft().files).toEqual(expect.arrayContaining(['tokenizer.json', 'config.json', 'README.md', 'LICENSE']));
    expect(draft().files).not.toContain('pytorch_model.bin');
    expect(existsSync(folder.path('pytorch_model.bin'))).toBe(false);
    expect(read('README.md')).toContain('# Tiny');
    chooseLicence();
    await readDraft(folder.directory);
  });

  it('never writes over anything, also not through a link', async () => {
    folder.write('model.onnx', demoModel().onnx);
    folder.write('README.md', 'mine');
    mkdirSync(folder.path('samples'));
    symlinkSync(folder.path('outside'), folder.path('samples/first.request.json'));
    const { out } = await init(folder.directory, '--name', 'demo');
    expect(out).toContain(`left ${folder.path('README.md')} as it is`);
    expect(read('README.md')).toBe('mine');
    expect(existsSync(folder.path('outside'))).toBe(false);
    const before = read('release.json');
    const again = await init(folder.directory, '--name', 'other');
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('release.json exists') as string });
    expect(read('release.json')).toBe(before);
  });

  it('leaves samples to a person where the file does not say the shapes', async () => {
    const unsaid = { name: 'x', type: onnxType.float32, dimensions: [1_000, 1_000] };
    folder.write('model.onnx', model({ inputs: [unsaid], outputs: [{ ...unsaid, name: 'y' }] }));
    await init(folder.directory, '--name', 'large');
    expect(draft().samples).toEqual([]);
  });

  it('writes a card in which no name of the file is markup', async () => {
    const evil = { name: 'x|<img src=x onerror=alert(1)>\n# Trust me', type: onnxType.float32, dimensions: [1] };
    folder.write('model.onnx', model({ inputs: [evil], outputs: [{ ...evil, name: 'y' }] }));
    await init(folder.directory, '--name', 'evil');
    expect(read('README.md')).not.toMatch(/<img|^# Trust me/m);
  });

  it('refuses names that no release can have, and folders without a model', async () => {
    expect((await init(folder.directory)).err).toContain('has no .onnx file');
    folder.write('model.onnx', demoModel().onnx);
    expect((await init(folder.directory, '--name', 'Not A Name')).code).toBe(2);
    expect((await init('a', 'b')).code).toBe(2);
  });
});
