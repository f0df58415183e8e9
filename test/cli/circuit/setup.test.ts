import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCode } from '../../../cli/exit-codes.ts';
import { openCircuitKey } from '../../../client/proofs/key.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { decodeCircuitKey, encodeCircuitKey } from '../../../wire/message/circuit-key.ts';
import { encodeManifest } from '../../../wire/message/manifest.ts';
import { command, type Outcome, temporaryFolder } from '../../support/command.ts';
import { testManifest } from '../../support/fake-release.ts';
import { networkModel } from '../../support/integer-models.ts';
import { usualDraft } from '../model/draft-folder.ts';

/** For 512 rows, of two contributions made on one machine: enough to test with, and nothing to stand on. */
const POWERS = join(import.meta.dirname, 'powers-9.ptau');
const folder = temporaryFolder();
const circuit = folder.path('circuit');
const release = folder.path('release');
const model = networkModel(2, [1, 1]);
afterAll(() => folder.remove());

function modelFolder(path: string, onnx: Uint8Array): string {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'model.onnx'), onnx);
  writeFileSync(join(path, 'release.json'), JSON.stringify({ ...usualDraft, files: ['model.onnx'] }));
  return path;
}

const inCircuit = (name: string): string => join(circuit, name);
const verify = (...args: readonly string[]): Promise<Outcome> =>
  command('circuit', 'verify', release, '--circuit', circuit, '--ptau', POWERS, ...args);

function errorOf({ out }: Outcome): string {
  return (JSON.parse(out) as { error: { code: string } }).error.code;
}

beforeAll(async () => {
  modelFolder(release, model.onnx);
  const made = await command('circuit', 'make', release, '--out', circuit);
  expect([made.err.includes('compiling its circuit'), made.code]).toEqual([true, exitCode.accepted]);
  expect(made.out).toContain('adder 1.2.3');
  const begun = await command('circuit', 'setup', circuit, '--ptau', POWERS);
  expect(begun.out).toContain('2 contributions, each checked');
  copyFileSync(inCircuit('circuit.zkey'), folder.path('begun.zkey'));
  for (const name of ['Ada', 'Grace']) {
    const { code, out } = await command('circuit', 'contribute', circuit, '--name', name, '--json');
    expect(code).toBe(exitCode.accepted);
    expect(JSON.parse(out)).toMatchObject({ name, hash: expect.stringMatching(/^[0-9a-f]{128}$/) });
    copyFileSync(inCircuit('circuit.zkey'), folder.path(`${name}.zkey`));
  }
}, 180_000);

describe('proofmark circuit make', () => {
  it('writes what it made of the model, and what that is', () => {
    const facts = JSON.parse(readFileSync(inCircuit('circuit.json'), 'utf8')) as Record<string, unknown>;
    expect(facts).toMatchObject({
      model: 'adder',
      r1cs: toHex(sha256(readFileSync(inCircuit('circuit.r1cs')))),
      power: 9,
      input: { count: 1 },
      output: { bits: 32, signed: true, count: 1 },
    });
    expect(existsSync(inCircuit('circuit.circom')) && existsSync(inCircuit('circuit.wasm'))).toBe(true);
  });

  it('makes the same of a release as of its draft', { timeout: 60_000 }, async () => {
    const path = folder.path('published');
    mkdirSync(path);
    writeFileSync(join(path, 'manifest.json'), encodeManifest(testManifest([model.onnx], { name: 'tried-out' })));
    writeFileSync(join(path, 'file-0.bin'), model.onnx);
    const { code, out } = await command('circuit', 'make', path, '--out', folder.path('again'), '--json');
    expect(code).toBe(exitCode.accepted);
    expect(JSON.parse(out)).toMatchObject({
      model: 'tried-out',
      r1cs: toHex(sha256(readFileSync(inCircuit('circuit.r1cs')))),
    });
    writeFileSync(join(path, 'file-0.bin'), networkModel(3, [1, 1]).onnx);
    const other = await command('circuit', 'make', path, '--out', folder.path('again'));
    expect([other.code, other.err]).toEqual([exitCode.failed, expect.stringContaining('is not the file that')]);
  });

  it('refuses what is no integer program, and what is no model', async () => {
    const broken = modelFolder(folder.path('broken'), model.onnx.subarray(0, 40));
    const none = await command('circuit', 'make', folder.path('nowhere'), '--out', folder.path('x'));
    expect(none.code).toBe(exitCode.failed);
    const malformed = await command('circuit', 'make', broken, '--out', folder.path('x'), '--json');
    expect(malformed.code).toBe(exitCode.malformed);
    const wide = modelFolder(folder.path('wide'), networkModel(9, [600, 300]).onnx);
    const large = await command('circuit', 'make', wide, '--out', folder.path('x'), '--json');
    expect([large.code, errorOf(large)]).toEqual([exitCode.refused, 'circuit_too_large']);
    expect(existsSync(folder.path('x'))).toBe(false);
  });
});

describe('proofmark circuit verify', () => {
  it('counts what it checked, and writes the key once', { timeout: 120_000 }, async () => {
    const first = await verify('--json');
    expect([first.err, first.code]).toEqual(['', exitCode.accepted]);
    const bytes = readFileSync(inCircuit('circuit.key'));
    const facts = { setup: 'ceremony', phase1: 2, phase2: 2, circuit: toHex(sha256(bytes)) };
    expect(JSON.parse(first.out)).toMatchObject({ ...facts, written: true });
    const { setup, key } = await openCircuitKey(nodeSuite, bytes);
    expect(setup.kind).toBe('ceremony');
    expect(key.r1cs).toEqual(sha256(readFileSync(inCircuit('circuit.r1cs'))));
    expect(key.provingKey).toEqual(sha256(readFileSync(inCircuit('circuit.zkey'))));
    const again = await verify();
    expect(again.out).toContain('the same as');
    expect(readFileSync(inCircuit('circuit.key'))).toEqual(bytes);
    // The numbers are part of the key: nobody claims more parties than there were.
    writeFileSync(inCircuit('circuit.key'), encodeCircuitKey({ ...decodeCircuitKey(bytes), phase2: 3 }));
    const claimed = await verify('--json');
    expect([claimed.code, errorOf(claimed)]).toEqual([exitCode.untrusted, 'key_differs']);
  });

  const judged = async (zkey: string | Uint8Array, ptau = POWERS, of = release): Promise<readonly [number, string]> => {
    const path = folder.path('judged');
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'circuit.zkey'), typeof zkey === 'string' ? readFileSync(zkey) : zkey);
    const outcome = await command('circuit', 'verify', of, '--circuit', path, '--ptau', ptau, '--json');
    expect(existsSync(join(path, 'circuit.key'))).toBe(false);
    return [outcome.code, errorOf(outcome)];
  };
  const invalid = [exitCode.untrusted, 'transcript_invalid'];

  it('transcript_invalid: nobody contributed', { timeout: 60_000 }, async () => {
    expect(await judged(folder.path('begun.zkey'))).toEqual(invalid);
  });

  it('transcript_invalid: a contribution was changed', { timeout: 60_000 }, async () => {
    const zkey = new Uint8Array(readFileSync(folder.path('Ada.zkey')));
    const changed = zkey.with(zkey.length - 200, (zkey.at(-200) as number) ^ 1);
    expect(await judged(changed)).toEqual(invalid);
  });

  it('transcript_invalid: it is the key of another model', { timeout: 60_000 }, async () => {
    const other = modelFolder(folder.path('other'), networkModel(7, [1, 1]).onnx);
    expect(await judged(folder.path('Ada.zkey'), POWERS, other)).toEqual(invalid);
  });

  it('powers_invalid: powers of tau do not follow from their contributions', { timeout: 60_000 }, async () => {
    const powers = new Uint8Array(readFileSync(POWERS));
    const path = folder.file('changed.ptau', powers.with(2_000, (powers[2_000] as number) ^ 1));
    expect(await judged(folder.path('Ada.zkey'), path)).toEqual([exitCode.untrusted, 'powers_invalid']);
  });

  it('setup_malformed: a file is none of a setup', async () => {
    expect(await judged(Uint8Array.of(1, 2, 3))).toEqual([exitCode.malformed, 'setup_malformed']);
    const path = folder.file('none.ptau', new Uint8Array(100));
    expect(await judged(folder.path('Ada.zkey'), path)).toEqual([exitCode.malformed, 'setup_malformed']);
  });
});

describe('proofmark circuit setup', () => {
  it('powers_too_few: more rows than powers', { timeout: 60_000 }, async () => {
    const large = folder.path('large');
    modelFolder(large, networkModel(4, [9, 33]).onnx);
    expect((await command('circuit', 'make', large, '--out', large)).code).toBe(exitCode.accepted);
    const { code, err } = await command('circuit', 'setup', large, '--ptau', POWERS);
    expect([code, err]).toEqual([exitCode.failed, expect.stringContaining('need powers of tau for more than 2^9')]);
  });
});

it.each([
  [['make'], 'one folder of a model'],
  [['make', 'a', 'b', '--out', 'c'], 'one folder of a model'],
  [['make', 'a'], '--out DIR is missing'],
  [['setup', 'a'], '--ptau FILE is missing'],
  [['contribute', 'a'], '--name NAME is missing'],
  [['contribute', 'a', '--name', '\u001b[31m'], '--name has'],
  [['verify', 'a', '--ptau', 'b'], '--circuit DIR is missing'],
])('circuit %j is a wrong command line', async (args, said) => {
  const { code, err } = await command('circuit', ...args);
  expect([code, err]).toEqual([exitCode.usage, expect.stringContaining(said)]);
});

it.each([
  ['setup', folder.path('nowhere'), '--ptau', POWERS],
  ['setup', folder.path('nowhere'), '--ptau', folder.path('no.ptau')],
  ['contribute', folder.path('nowhere'), '--name', 'Ada'],
])('circuit %s of what is not there says which file', async (...args) => {
  const { code, err } = await command('circuit', ...args);
  expect([code, err]).toEqual([exitCode.failed, expect.stringContaining('cannot read')]);
});
