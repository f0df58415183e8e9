import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { CommandError } from '../exit-codes.ts';
import { readTime } from './options.ts';

/**
 * One piece of evidence in a list of many: where it is, and when to judge it. What a list says beside that (its notes,
 * its sources, the verdict that its author expects) is not read.
 */
export interface Case {
  readonly id: string;
  /** null for hardware that this version does not verify. */
  readonly tee: TeeName | null;
  readonly teeName: string;
  readonly file: string;
  /** What the list says the file hashes to. */
  readonly sha256: string | null;
  /** Milliseconds since 1970; null is one second after the leaf begins to be valid. */
  readonly at: number | null;
  /** Files of certificates: leaf first, then CAs. */
  readonly certificates: readonly string[];
  readonly encoding: string | null;
  /** The part of the decoded bytes that is the evidence: from, and up to. */
  readonly slice: readonly [from: number, to: number] | null;
  /** VMPLs that a survey admits. */
  readonly vmpl: readonly number[] | null;
}

const TEES: Readonly<Record<string, TeeName>> = {
  nitro: 'aws-nitro',
  'aws-nitro': 'aws-nitro',
  'sev-snp': 'amd-sev-snp',
  'amd-sev-snp': 'amd-sev-snp',
};

export function readCases(bytes: Uint8Array): readonly Case[] {
  const list = parsed(bytes);
  if (!Array.isArray(list) || list.length > limits.auditCases) {
    throw new CommandError(`a list of at most ${limits.auditCases} cases expected`);
  }
  return list.map((item, index) => readCase(item, `case ${index}`));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, limits.auditCasesBytes);
  } catch (error) {
    if (error instanceof WireError) throw new CommandError(`the list of cases: ${error.message}`);
    throw error;
  }
}

function readCase(item: unknown, place: string): Case {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new CommandError(`${place} is not an object`);
  const field = (name: string): unknown =>
    Object.hasOwn(item, name) ? (item as Readonly<Record<string, unknown>>)[name] : null;
  const optionalText = (name: string): string | null => {
    const value = field(name);
    if (value !== null && typeof value !== 'string') throw new CommandError(`${place}: ${name} is not text`);
    return value;
  };
  const text = (name: string): string => {
    const value = optionalText(name);
    if (value === null) throw new CommandError(`${place}: ${name} is missing`);
    return value;
  };
  const at = optionalText('at');
  const teeName = text('tee');
  return {
    id: text('id'),
    tee: Object.hasOwn(TEES, teeName) ? (TEES[teeName] ?? null) : null,
    teeName,
    file: text('file'),
    sha256: optionalText('sha256'),
    at: at === null ? null : readTime(at, `${place}: at`),
    certificates: [optionalText('leaf'), optionalText('ca')].filter((path) => path !== null),
    encoding: optionalText('encoding'),
    slice: readSlice(field('slice'), place),
    vmpl: readVmpl(field('vmpl'), place),
  };
}

function readSlice(value: unknown, place: string): Case['slice'] {
  if (value === null) return null;
  const [from, to] = numbers(value, `${place}: slice`);
  if (from === undefined || to === undefined || from > to) throw new CommandError(`${place}: slice is [from, to]`);
  return [from, to];
}

function readVmpl(value: unknown, place: string): Case['vmpl'] {
  if (value === null) return null;
  return numbers(typeof value === 'number' ? [value] : value, `${place}: vmpl`);
}

function numbers(value: unknown, what: string): readonly number[] {
  if (
    !Array.isArray(value) ||
    !value.every((item) => typeof item === 'number' && Number.isSafeInteger(item) && item >= 0)
  ) {
    throw new CommandError(`${what} is not a list of whole numbers`);
  }
  return value as readonly number[];
}
