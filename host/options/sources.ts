import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { OptionError } from '../errors.ts';
import { environmentName, isHostVariable, type OptionName, type OptionRow, optionTable } from './table.ts';

/** Where an option came from, as its errors say it. */
export interface Given {
  readonly values: readonly string[];
  readonly source: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Flags win over the environment, and the environment over the file: an option comes whole from one of them. */
export function gatherOptions(args: readonly string[], environment: Environment): ReadonlyMap<OptionName, Given> {
  const flags = fromFlags(args);
  const variables = fromEnvironment(environment);
  const config = flags.get('config') ?? variables.get('config');
  const file = config === undefined ? new Map<OptionName, Given>() : fromFile(config.values[0] as string);
  return new Map([...file, ...variables, ...flags]);
}

function fromFlags(args: readonly string[]): Map<OptionName, Given> {
  const given = new Map<OptionName, Given>();
  const flags = parsed(args);
  for (const { name, multiple } of optionTable) {
    const values = flags[name];
    if (values === undefined) continue;
    // The last one counts where only one can: whoever adds a flag to a long line means it.
    given.set(name, { values: multiple === 'many' ? values : values.slice(-1), source: 'the command line' });
  }
  return given;
}

function parsed(args: readonly string[]): Readonly<Record<string, readonly string[] | undefined>> {
  const options = Object.fromEntries(
    optionTable.map(({ name }) => [name, { type: 'string', multiple: true } as const]),
  );
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    const detail = (cause as { readonly message: string }).message;
    throw new OptionError(undefined, 'the command line', detail, { cause });
  }
}

function fromEnvironment(environment: Environment): Map<OptionName, Given> {
  const given = new Map<OptionName, Given>();
  const known = new Map(optionTable.map((row) => [environmentName(row.name), row]));
  for (const [variable, value] of Object.entries(environment)) {
    if (!isHostVariable(variable) || value === undefined) continue;
    const row = known.get(variable);
    if (row === undefined) throw new OptionError(undefined, variable, 'no such option');
    const values = row.multiple === 'many' ? value.split(',') : [value];
    given.set(row.name, { values, source: variable });
  }
  return given;
}

function fromFile(path: string): Map<OptionName, Given> {
  const given = new Map<OptionName, Given>();
  for (const [name, value] of Object.entries(readObject(path))) {
    const row = optionTable.find((candidate) => candidate.name === name);
    if (row === undefined || row.name === 'config') throw new OptionError(undefined, path, `${name} is no option`);
    const values = textsOf(value, row, path);
    given.set(row.name, {
      // "none" and "any" are words, and no files of that name.
      values: row.kind === 'path' ? values.map((one) => (one === 'none' ? one : resolve(dirname(path), one))) : values,
      source: path,
    });
  }
  return given;
}

function readObject(path: string): { readonly [name: string]: JsonValue } {
  let value: JsonValue;
  try {
    value = parseJson(Uint8Array.from(readFileSync(path)), limits.hostOptionsBytes);
  } catch (cause) {
    const why = cause instanceof WireError ? cause.code : String((cause as NodeJS.ErrnoException).code);
    throw new OptionError('config', path, why, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OptionError('config', path, 'not an object of options');
  }
  return value as { readonly [name: string]: JsonValue };
}

function textsOf(value: JsonValue, { name, multiple }: OptionRow, path: string): readonly string[] {
  const list = multiple === 'many' && Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  return list.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number') return String(item);
    throw new OptionError(name, path, multiple === 'many' ? 'not a list of texts' : 'not a text or number');
  });
}
