import { readFileSync } from 'node:fs';
import { FIELD_PRIME, GROUP_ORDER, MODULI, SCALE } from '../../prover/p384/field.ts';
import {
  HALF_BITS,
  HIGHEST_POSITION,
  HINT_HEADER_BYTES,
  KINDS,
  MOST_DIGITS,
  STATEMENT_BYTES,
} from '../../prover/p384/format.ts';
import { anyStatementInteger, boundsOfRuns, RUN_LIMITS } from './bounds.ts';
import { assign, renderCode, type Statement } from './code.ts';
import { CHANNELS, integer } from './integers.ts';
import { BoundError, union } from './interval.ts';
import { ENTRIES, ENTRY_BYTES, LAYOUT, wordAt } from './layout.ts';
import {
  curveEquation,
  factorArguments,
  rescaling,
  STATEMENT_RESIDUES,
  scalarEquations,
  spreadInteger,
} from './points.ts';
import { addition, closing, doubling, doublingAndAddition, TABLE_MULTIPLES } from './steps.ts';
import { keep, kept } from './stores.ts';
import { entryNegativeY, entryX, entryY } from './table-entry.ts';
import { dataHash } from './tables.ts';
import { literal, residueDifference, sumModulo, type Word } from './words.ts';

const template = new URL('./verifier.sol.txt', import.meta.url);

/** The source of P384Verifier. Throws a BoundError, and writes nothing, where any sum could leave its range. */
export function p384Verifier(): string {
  const values: Readonly<Record<string, string | undefined>> = { ...numbers(), ...sections() };
  const used = new Set<string>();
  const text = readFileSync(template, 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new RangeError(`the template names ${name}, which nothing writes`);
    used.add(name);
    return value;
  });
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0) throw new RangeError(`nothing in the template takes ${unused.join(', ')}`);
  return text;
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** A 384-bit bound as its upper 128 and its lower 256 bits. */
const halves = (name: string, value: bigint): Record<string, string> => ({
  [`${name}High`]: hex(value >> 256n),
  [`${name}Low`]: hex(BigInt.asUintN(256, value)),
});

function numbers(): Record<string, string> {
  return {
    ...halves('prime', FIELD_PRIME),
    ...halves('order', GROUP_ORDER),
    // r + n < p exactly where r is below this.
    ...halves('room', FIELD_PRIME - GROUP_ORDER),
    halfBits: String(HALF_BITS),
    hashLow: dataHash('low'),
    hashHigh: dataHash('high'),
    statementBytes: String(STATEMENT_BYTES),
    headerBytes: String(HINT_HEADER_BYTES),
    mostDigits: String(MOST_DIGITS),
    highestPosition: String(HIGHEST_POSITION),
    firstDigit: String(KINDS.firstOrRest),
    toScaled: factorArguments((SCALE * SCALE) % FIELD_PRIME),
    toSame: factorArguments(SCALE),
    entryBytes: hex(ENTRY_BYTES),
    tableBytes: hex(ENTRIES * ENTRY_BYTES),
    ...addresses(),
  };
}

function addresses(): Record<string, string> {
  return {
    x: hex(LAYOUT.x),
    x1: hex(wordAt(LAYOUT.x, 1)),
    x2: hex(wordAt(LAYOUT.x, 2)),
    x3: hex(wordAt(LAYOUT.x, 3)),
    y: hex(LAYOUT.y),
    tableX: hex(LAYOUT.tableX),
    entry: hex(LAYOUT.entry),
    scalars: hex(LAYOUT.scalars),
    scalarV: hex(wordAt(LAYOUT.scalars, 3)),
    dataContracts: hex(LAYOUT.dataContracts),
    dataContractHigh: hex(LAYOUT.dataContracts + 32),
    statement: hex(LAYOUT.statement),
    hintsEnd: hex(LAYOUT.hintsEnd),
    digitsStart: hex(LAYOUT.digitsStart),
    digitsEnd: hex(LAYOUT.digitsEnd),
    closed: hex(LAYOUT.closed),
    refusedScalars: hex(LAYOUT.refusedScalars),
    refusedKey: hex(LAYOUT.refusedKey),
    scratch: hex(LAYOUT.scratch),
    tableOfQ: hex(LAYOUT.tableOfQ),
    tableOfR: hex(LAYOUT.tableOfR),
    hashResidues: hex(STATEMENT_RESIDUES.hash),
    sResidues: hex(STATEMENT_RESIDUES.s),
  };
}

function sections(): Record<string, string> {
  const { loaded, table, running, scalar } = boundsOfRuns(RUN_LIMITS);
  if (scalar.max >= GROUP_ORDER) throw new BoundError('v could be a multiple of n and not be zero');
  const code = (...statements: readonly Statement[]): string => renderCode(statements, '');
  return {
    spread: code(...spreadInteger(LAYOUT.x, GROUP_ORDER)),
    rescale: code(...rescaling(union(anyStatementInteger, running.x))),
    curveEquation: code(...curveEquation(loaded)),
    // The running point of a table is one of its entries.
    doubleInMemory: code(...doubling('memory', table).code),
    addInMemory: code(...addition('memory', table, table).code),
    negateInto: negateInto(),
    double: code(...doubling('stack', running).code),
    add: code(...addition('stack', running, table).code),
    doubleAndAdd: code(...doublingAndAddition(running, table).code),
    close: code(...closing(running, table)),
    entryX: code(entryX()),
    entryY: code(entryY()),
    entryNegativeY: code(entryNegativeY()),
    start: code(...start()),
    scalarEquations: code(...scalarEquations(scalar)),
  };
}

/** The last four words of an entry, at a place that only the call knows. */
function negateInto(): string {
  const y = kept(LAYOUT.y, { min: 0n, max: 0n }, 1n);
  return CHANNELS.map((channel) => {
    const zero = literal(0n);
    const at = `add(to, ${hex(0x180 + 32 * channel)})`;
    const word = channel === 0 ? undefined : residueDifference(zero, y.words[channel], MODULI[channel]);
    return `mstore(${at}, ${word === undefined ? `sub(0, mload(${hex(LAYOUT.y)}))` : renderWord(word)})`;
  }).join('\n');
}

const renderWord = (word: Word): string => renderCode([assign('_', word)], '').replace('_ := ', '');

/** The first point becomes the running one, whose residues are below their moduli. */
function start(): readonly Statement[] {
  const any = { min: 0n, max: 0n };
  const settle = (base: number): readonly Word[] =>
    kept(base, any, TABLE_MULTIPLES).words.map((word, channel) =>
      channel === 0 ? word : sumModulo(word, literal(0n), MODULI[channel] ?? 1n),
    );
  const y = settle(LAYOUT.tableY);
  return [
    ...settle(LAYOUT.tableX).map((word, channel) => assign(`x${channel}`, word)),
    ...keep(
      LAYOUT.y,
      integer(any, (channel) => y[channel] ?? literal(0n)),
      1n,
    ),
  ];
}
