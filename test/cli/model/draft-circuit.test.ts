import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildRelease, readDraft } from '../../../cli/model/draft.ts';
import { DraftError } from '../../../cli/model/draft-error.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeCircuitKey } from '../../../wire/message/circuit-key.ts';
import { model } from '../../enclave/worker/model/models.ts';
import { committedRelease } from '../../models/drafts.ts';
import { trapdoorKey, trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { type DraftFolder, draftFolder } from './draft-folder.ts';

const { entry } = await committedRelease('volatility-1h-int8');
const KEY = 'circuit/circuit.key';
let folder: DraftFolder;

beforeEach(() => {
  folder = draftFolder();
  folder.write('model.onnx', entry);
  folder.write(KEY, trapdoorKeyBytes);
  folder.draft({ files: ['model.onnx', KEY], circuit: KEY });
});

afterEach(() => folder.remove());

async function outcome(): Promise<string> {
  try {
    await buildRelease(folder.directory, await readDraft(folder.directory), new Uint8Array(64));
    return 'built';
  } catch (error) {
    if (error instanceof DraftError) return error.code;
    throw error;
  }
}

describe('a draft that names a circuit', () => {
  it('becomes a manifest with the digest of its key', async () => {
    const { manifest } = await buildRelease(folder.directory, await readDraft(folder.directory), new Uint8Array(64));
    expect(manifest.circuit).toEqual(sha256(trapdoorKeyBytes));
    expect(manifest.files.find(({ path }) => path === KEY)?.sha256).toEqual(manifest.circuit);
  });

  it('draft_invalid: names a key that is not among its files', async () => {
    folder.draft({ files: ['model.onnx'], circuit: KEY });
    expect(await outcome()).toBe('draft_invalid');
  });

  it('file_missing: names a key that is not there', async () => {
    folder.draft({ files: ['model.onnx', 'other.key'], circuit: 'other.key' });
    expect(await outcome()).toBe('file_missing');
  });

  it('circuit_refused: names what is no key', async () => {
    folder.write(KEY, trapdoorKeyBytes.subarray(1));
    expect(await outcome()).toBe('circuit_refused');
  });

  it.each([
    ['of other inputs', { input: { ...trapdoorKey.input, count: 17 } }],
    ['of signed inputs', { input: { ...trapdoorKey.input, signed: true } }],
    ['of other outputs', { output: { ...trapdoorKey.output, bits: 64 } }],
  ])('circuit_refused: names a key %s', async (_, change) => {
    folder.write(KEY, encodeCircuitKey({ ...trapdoorKey, ...change }));
    expect(await outcome()).toBe('circuit_refused');
  });

  it('circuit_refused: has a model of floats', async () => {
    folder.write('model.onnx', model({}));
    expect(await outcome()).toBe('circuit_refused');
  });
});
