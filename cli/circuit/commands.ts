import { join } from 'node:path';
import { setupOf } from '../../client/proofs/key.ts';
import { systemFacts } from '../../contracts/circuit/r1cs.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { CommandError, exitCode, JudgedError, UsageError } from '../exit-codes.ts';
import { createSteps } from '../progress/steps.ts';
import { heading, jsonLine, rowLines } from '../report.ts';
import { compileCircuit } from './compile.ts';
import { circuitFiles, readCircuitFile, writeCircuitFiles } from './folder.ts';
import { type IntegerModel, openIntegerModel, readModel } from './integer-model.ts';
import { beginSetup, contribute, type VerifiedSetup, verifySetup } from './setup.ts';
import { type SiblingDistance, type SiblingOptions, siblingDistance } from './sibling.ts';

export async function makeCircuit(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    out: { type: 'string' },
    sibling: { type: 'string' },
    'input-scale': { type: 'string' },
    'output-scale': { type: 'string' },
    samples: { type: 'string' },
    json: { type: 'boolean' },
  });
  const asked = siblingOptions(parsed);
  const [directory, out] = [only(parsed, 'one folder of a model'), required(parsed, 'out', 'DIR')];
  const steps = createSteps(context, 2);
  steps.begin('reading the model');
  const model = await openIntegerModel(directory);
  steps.begin('compiling its circuit');
  const { r1cs, wasm } = await compileCircuit(model.circuit.source);
  const distance =
    asked === 'none' ? 'not measured' : await siblingDistance(model.program, await readModel(asked.directory), asked);
  steps.end();
  const facts = { ...circuitFacts(model, r1cs), distance };
  const files = await writeCircuitFiles(out, {
    [circuitFiles.source]: model.circuit.source,
    [circuitFiles.r1cs]: r1cs,
    [circuitFiles.wasm]: wasm,
    [circuitFiles.facts]: `${JSON.stringify(facts, null, 2)}\n`,
  });
  tell(context, parsed, {
    title: 'Circuit',
    facts: { ...facts, files },
    rows: [
      ['model', `${facts.model} ${facts.version}`],
      ['constraints', facts.constraints.toLocaleString('en-US')],
      ['powers of tau', `2^${facts.power} or more`],
      ['r1cs', facts.r1cs],
      ['distance', distanceWords(distance)],
      ['written', files.join(', ')],
    ],
  });
  return exitCode.accepted;
}

function siblingOptions(parsed: Parsed): (SiblingOptions & { readonly directory: string }) | 'none' {
  const directory = textOption(parsed, 'sibling');
  const names = ['input-scale', 'output-scale', 'samples'] as const;
  const [input, output, samples] = names.map((name) => Number(textOption(parsed, name) ?? Number.NaN)) as [
    number,
    number,
    number,
  ];
  if (directory === undefined) {
    const alone = names.find((name) => textOption(parsed, name) !== undefined);
    if (alone !== undefined) throw new UsageError(`--${alone} belongs to --sibling`);
    return 'none';
  }
  const isFit = input > 0 && output > 0 && Number.isInteger(samples) && samples >= 1 && samples <= MOST_SAMPLES;
  if (!isFit || !Number.isFinite(input * output)) {
    throw new UsageError(
      `--sibling goes with --input-scale and --output-scale above 0 and --samples of 1 to ${MOST_SAMPLES}`,
    );
  }
  return { directory, scale: { input, output }, samples };
}

/** Each is one run of both models, and all are one batch of the engine. */
const MOST_SAMPLES = 100_000;

function distanceWords(distance: SiblingDistance | 'not measured'): string {
  if (distance === 'not measured') return 'not measured: name the float --sibling';
  const { sibling, samples, median, percentile95, most, answersMedian } = distance;
  const [half, nearlyAll, farthest, usual] = [median, percentile95, most, answersMedian].map((value) =>
    value.toPrecision(3),
  );
  return `${half} in the median, ${nearlyAll} for 95 %, ${farthest} at most, where ${sibling} answers ${usual}; ${samples} random inputs`;
}

interface CircuitFacts {
  readonly model: string;
  readonly version: string;
  readonly r1cs: string;
  readonly constraints: number;
  /** Of tau: so many that their powers reach over all rows. */
  readonly power: number;
  readonly input: IntegerModel['form']['input'];
  readonly output: IntegerModel['form']['output'];
}

function circuitFacts({ name, version, form }: IntegerModel, r1cs: Uint8Array): CircuitFacts {
  const { constraints, publicInputs, publicOutputs } = systemFacts(r1cs);
  const power = Math.ceil(Math.log2(constraints + publicInputs + publicOutputs + 1));
  return { model: name, version, r1cs: toHex(sha256(r1cs)), constraints, power, ...form };
}

export async function setUpCircuit(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { ptau: { type: 'string' }, json: { type: 'boolean' } });
  const [directory, ptau] = [only(parsed, 'one folder of a circuit'), required(parsed, 'ptau', 'FILE')];
  const steps = createSteps(context, 1);
  steps.begin('checking the powers of tau, and beginning with them');
  const r1cs = join(directory, circuitFiles.r1cs);
  const zkey = join(directory, circuitFiles.zkey);
  const { phase1 } = await reading(ptau, () => beginSetup(r1cs, ptau, zkey));
  steps.end();
  tell(context, parsed, {
    title: 'Setup begun',
    facts: { phase1: phase1.parties, beacons: phase1.beacons, zkey },
    rows: [
      ['powers of tau', `${phase1.parties} contributions, each checked`],
      ['written', `${zkey}: nobody has contributed to it yet`],
    ],
  });
  return exitCode.accepted;
}

export async function contributeToCircuit(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { name: { type: 'string' }, json: { type: 'boolean' } });
  const [directory, name] = [only(parsed, 'one folder of a circuit'), required(parsed, 'name', 'NAME')];
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(name)) {
    throw new UsageError('--name has 1 to 64 letters, digits, spaces, dots and dashes');
  }
  const steps = createSteps(context, 1);
  steps.begin('drawing a contribution');
  const zkey = join(directory, circuitFiles.zkey);
  const hash = toHex(await reading(zkey, () => contribute(zkey, name)));
  steps.end();
  tell(context, parsed, {
    title: 'Contributed',
    facts: { name, hash, zkey },
    rows: [
      ['by', name],
      ['hash', hash],
    ],
  });
  return exitCode.accepted;
}

export async function verifyCircuit(context: CommandContext): Promise<number> {
  const options = { circuit: { type: 'string' }, ptau: { type: 'string' }, json: { type: 'boolean' } } as const;
  const parsed = parseArguments(context.args, options);
  const directory = only(parsed, 'one folder of a model');
  const [folder, ptau] = [required(parsed, 'circuit', 'DIR'), required(parsed, 'ptau', 'FILE')];
  const zkey = join(folder, circuitFiles.zkey);
  const steps = createSteps(context, 2);
  steps.begin('making the constraints again');
  const { circuit: made, form } = await openIntegerModel(directory);
  const { r1cs } = await compileCircuit(made.source);
  steps.begin('checking powers of tau and contributions');
  const verified = await reading(zkey, () => verifySetup({ r1cs, form, ptau, zkey }));
  steps.end();
  const path = join(folder, circuitFiles.key);
  const written = await keep(folder, path, verified);
  const { phase1, phase2, key } = verified;
  const { kind } = setupOf({ phase1: phase1.parties, phase2: phase2.parties });
  tell(context, parsed, {
    title: 'Setup verified',
    facts: {
      setup: kind,
      phase1: phase1.parties,
      phase2: phase2.parties,
      circuit: toHex(sha256(key)),
      key: path,
      written,
    },
    rows: [
      ['setup', kind === 'dev' ? 'dev: a single party could prove anything' : 'ceremony'],
      ['powers of tau', `${phase1.parties} contributions`],
      ['of this circuit', `${phase2.parties} contributions`],
      ['circuit', toHex(sha256(key))],
      [written ? 'written' : 'the same as', path],
    ],
  });
  return exitCode.accepted;
}

/** A key that is there already is what others hold against: it is compared, and never replaced. */
async function keep(folder: string, path: string, { key }: VerifiedSetup): Promise<boolean> {
  const found = await readCircuitFile(path).catch((error: unknown) => {
    if (error instanceof CommandError && error.message.endsWith('ENOENT')) return undefined;
    throw error;
  });
  if (found === undefined) {
    await writeCircuitFiles(folder, { [circuitFiles.key]: key });
    return true;
  }
  if (equalBytes(found, key)) return false;
  throw new JudgedError('key_differs', `${path} is not the key of these constraints and contributions`, {
    exit: exitCode.untrusted,
  });
}

async function reading<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const { code, path: at = path } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
      throw new CommandError(`cannot read ${at}: ${code}`);
    throw error;
  }
}

function only({ positionals }: Parsed, what: string): string {
  const [first, ...more] = positionals;
  if (first === undefined || more.length > 0) throw new UsageError(`name ${what}`);
  return first;
}

function required(parsed: Parsed, name: string, word: string): string {
  const value = textOption(parsed, name);
  if (value === undefined) throw new UsageError(`--${name} ${word} is missing`);
  return value;
}

interface Told {
  readonly title: string;
  readonly facts: object;
  readonly rows: readonly (readonly [string, string])[];
}

function tell(context: CommandContext, { values }: Parsed, { title, facts, rows }: Told): void {
  const text = heading(title, context.style) + rowLines(rows);
  context.write(values['json'] === true ? jsonLine(JSON.stringify(facts)) : text);
}
