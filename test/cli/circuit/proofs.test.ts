import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { circomProgram, missing } from '../../../cli/circuit/packages.ts';
import { exitCode } from '../../../cli/exit-codes.ts';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { commitmentOf } from '../../../wire/commitment/release.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { integersToTensor } from '../../../wire/message/integers.ts';
import { encodeInferRequest, encodeInferResponse } from '../../../wire/message/tensor.ts';
import { committedRelease, pathIn, readIn } from '../../models/drafts.ts';
import { type AnswerChanges, answer } from '../../support/answer.ts';
import { command, type Outcome, temporaryFolder } from '../../support/command.ts';
import { forgedProofFile, trapdoorKeyBytes } from '../../support/trapdoor.ts';

const NAME = 'volatility-1h-int8';
const CIRCUIT = pathIn(NAME, 'circuit');
const KEY = join(CIRCUIT, 'circuit.key');
const folder = temporaryFolder();
afterAll(() => folder.remove());

const { manifest, entry } = await committedRelease(NAME);
const values = Array.from({ length: 16 }, (_, index) => BigInt(index * 11));
const outputs = evaluate(readProgram(entry), values);
const salt = new Uint8Array(32).fill(0x22);

/** A receipted answer of the released model, as a worker commits to it. */
function archived(output: readonly bigint[] = outputs, changes: AnswerChanges = {}): Uint8Array {
  const [given] = manifest.inputs;
  const [answered] = manifest.outputs;
  if (given === undefined || answered === undefined) throw new TypeError('the model has no tensors');
  const input = integersToTensor(given, { decimals: 0, shape: [1, 16], values });
  const result = integersToTensor(answered, { decimals: 0, shape: [1, 1], values: output });
  const { inputs, outputs: declared, circuit } = manifest;
  const response = encodeInferResponse({ modelName: NAME, modelVersion: '1.0.0', id: null, outputs: [result] }, 'json');
  const made = answer({
    ...changes,
    manifest: { name: NAME, inputs, outputs: declared, circuit, ...changes.manifest },
    requestBody: encodeInferRequest({ id: null, inputs: [input], outputs: 'all' }, 'json').body,
    response: { body: response.body },
    receipt: { commitment: commitmentOf(manifest, { salt, inputs: [input], outputs: [result] }), ...changes.receipt },
  });
  return encodeArchive({ ...made.archive, ...changes.archive });
}

const asked = folder.file('answer.proofmark', archived());
const proof = folder.path('answer.proof');
let proved: Outcome;

beforeAll(async () => {
  proved = await command('prove', asked, '--circuit', CIRCUIT, '--out', proof, '--json');
}, 60_000);

const codeOf = ({ code, out }: Outcome): readonly [number, string] => [
  code,
  (JSON.parse(out) as { error: { code: string } }).error.code,
];

describe('proofmark prove FILE.proofmark', () => {
  it('proves a saved answer, which verify-proof holds against its receipt', async () => {
    expect([proved.code, proved.err]).toEqual([exitCode.accepted, '']);
    const facts = { verdict: 'proved', form: 'private', setup: { kind: 'dev', phase1: 1, phase2: 1 } };
    expect(JSON.parse(proved.out)).toMatchObject({ ...facts, answer: { model: NAME }, file: proof });
    const alone = await command('verify-proof', proof, '--key', KEY);
    expect([alone.code, alone.err]).toEqual([exitCode.accepted, '']);
    expect(alone.out).toContain('DEV, 1 and 1 contributions: a single party could prove anything');
    expect(alone.out).toContain('only somebody with its receipt can see');
    const bound = await command('verify-proof', proof, '--key', KEY, '--archive', asked);
    expect(bound.out).toContain(`of ${NAME} 1.0.0, and the model's`);
    expect(bound.out).toContain('Who signed the receipt is not judged here');
    const json = await command('verify-proof', proof, '--key', KEY, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ ...facts, answer: null, circuit: toHex(sha256(readFileSync(KEY))) });
  });

  const prove = async (archive: Uint8Array, circuit = CIRCUIT): Promise<readonly [number, string]> => {
    const file = folder.file('judged.proofmark', archive);
    return codeOf(await command('prove', file, '--circuit', circuit, '--out', folder.path('no.proof'), '--json'));
  };

  it('answer_not_the_models: the worker committed to another output', { timeout: 60_000 }, async () => {
    expect(await prove(archived([1n]))).toEqual([exitCode.untrusted, 'answer_not_the_models']);
  });

  it('commitment_mismatch: the receipt commits to something else', async () => {
    const other = archived(outputs, { receipt: { commitment: sha256(utf8('other')) } });
    expect(await prove(other)).toEqual([exitCode.untrusted, 'commitment_mismatch']);
  });

  it('circuit_mismatch: the release names another circuit, or none', async () => {
    for (const circuit of [null, sha256(trapdoorKeyBytes)]) {
      expect(await prove(archived(outputs, { manifest: { circuit } }))).toEqual([
        exitCode.untrusted,
        'circuit_mismatch',
      ]);
    }
  });

  it('payload_missing: request or answer were deleted', async () => {
    for (const archive of [{ request: null }, { response: null }]) {
      expect(await prove(archived(outputs, { archive }))).toEqual([exitCode.undetermined, 'payload_missing']);
    }
  });

  it('manifest_mismatch: the receipt is about another release', async () => {
    const receipt = { modelId: sha256(utf8('another')) };
    expect(await prove(archived(outputs, { receipt }))).toEqual([exitCode.untrusted, 'manifest_mismatch']);
  });

  it('says by code what is no archive', async () => {
    expect(await prove(utf8('{}'))).toEqual([exitCode.malformed, 'field_missing']);
  });

  it('proving_key_mismatch: the proving key is not the one that the key names', async () => {
    const path = folder.path('mixed');
    mkdirSync(path);
    for (const name of ['circuit.key', 'circuit.wasm']) copyFileSync(join(CIRCUIT, name), join(path, name));
    writeFileSync(join(path, 'circuit.zkey'), readIn(NAME, 'circuit/circuit.wasm'));
    expect(await prove(archived(), path)).toEqual([exitCode.untrusted, 'proving_key_mismatch']);
  });

  it.each([
    [['prove', 'a'], 'prove takes one .proofmark file'],
    [['prove', 'a', 'b', '--circuit', 'c', '--out', 'd'], 'prove takes one .proofmark file'],
    [['prove', '--evm', 'a', '--circuit', 'c', '--out', 'd'], 'prove takes --evm'],
    [['verify-proof', 'a'], 'verify-proof takes one .proof file'],
    [['verify-proof', '--key', 'a'], 'verify-proof takes one .proof file'],
  ])('%j is a wrong command line', async (args, said) => {
    const { code, err } = await command(...args);
    expect([code, err]).toEqual([exitCode.usage, expect.stringContaining(said)]);
  });
});

describe('proofmark verify-proof', () => {
  const verify = async (...args: readonly string[]): Promise<readonly [number, string]> =>
    codeOf(await command('verify-proof', ...args, '--json'));

  it('commitment_mismatch: the proof is another answer’s', async () => {
    const other = folder.file('other.proofmark', archived(outputs, { receipt: { commitment: sha256(utf8('x')) } }));
    expect(await verify(proof, '--key', KEY, '--archive', other)).toEqual([exitCode.untrusted, 'commitment_mismatch']);
  });

  it('circuit_mismatch: the release of the answer names another key', async () => {
    const other = folder.file('none.proofmark', archived(outputs, { manifest: { circuit: null } }));
    expect(await verify(proof, '--key', KEY, '--archive', other)).toEqual([exitCode.untrusted, 'circuit_mismatch']);
  });

  it('circuit_mismatch: the proof is for another key', async () => {
    const key = folder.file('trapdoor.key', trapdoorKeyBytes);
    expect(await verify(proof, '--key', key)).toEqual([exitCode.untrusted, 'circuit_mismatch']);
    const forged = folder.file('forged.proof', forgedProofFile([1n, 0n, 0n]));
    expect((await command('verify-proof', forged, '--key', key)).code).toBe(exitCode.accepted);
    expect(await verify(forged, '--key', KEY)).toEqual([exitCode.untrusted, 'circuit_mismatch']);
  });

  it('proof_refused: one of its values was changed', async () => {
    const text = readFileSync(proof, 'utf8');
    const { commitment } = JSON.parse(text) as { commitment: string };
    const changed = folder.file('changed.proof', text.replace(commitment, '00'.repeat(32)));
    expect(await verify(changed, '--key', KEY)).toEqual([exitCode.untrusted, 'proof_refused']);
  });

  it('proof_malformed and key_malformed: bytes that are none', async () => {
    const none = folder.file('none', '{}');
    expect(await verify(none, '--key', KEY)).toEqual([exitCode.malformed, 'proof_malformed']);
    expect(await verify(proof, '--key', none)).toEqual([exitCode.malformed, 'key_malformed']);
    const gone = await command('verify-proof', proof, '--key', folder.path('gone'));
    expect([gone.code, gone.err]).toEqual([exitCode.failed, expect.stringContaining('cannot read')]);
  });
});

describe('the programs that make circuits and proofs', () => {
  it('package_missing: are named with what installs them where they are missing', () => {
    const gone = (): never => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => circomProgram(gone)).toThrow('npm install circom2@0.2.23');
    const cause = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    expect(missing('snarkjs', cause)).toMatchObject({ code: 'package_missing' });
    const other = new Error('something else');
    expect(missing('snarkjs', other)).toBe(other);
  });

  it('are named in the versions that this package takes', () => {
    const { peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      peerDependencies: Readonly<Record<string, string>>;
    };
    const cause = Object.assign(new Error(''), { code: 'MODULE_NOT_FOUND' });
    for (const name of ['circom2', 'snarkjs'] as const) {
      expect((missing(name, cause) as Error).message).toContain(`${name}@${peerDependencies[name]}`);
    }
  });
});
