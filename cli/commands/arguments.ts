import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../exit-codes.ts';
import { didYouMean } from '../nearest.ts';
import type { TierName } from '../stack/tiers.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Of options that may be given several times. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly positionals: readonly string[];
}

/** Unknown options and missing values are usage errors, told in one line. */
export function parseArguments(args: readonly string[], options: Options): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
    const entries = Object.entries(values);
    const lists = entries.filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
    const single = entries.filter(([, value]) => !Array.isArray(value));
    return {
      values: Object.fromEntries(single) as Parsed['values'],
      lists: Object.fromEntries(lists),
      positionals,
    };
  } catch (error) {
    throw new UsageError(optionFault(error as Error, Object.keys(options)));
  }
}

export function isUnknownOption(error: unknown): error is Error {
  return error instanceof Error && UNKNOWN.test(error.message);
}

const UNKNOWN = /^Unknown option '(--?[^' ]*)'/;

/** Of programs that speak JSON anyway. */
export function withoutJson(args: readonly string[]): readonly string[] {
  return args.filter((word) => word !== '--json');
}

/** What is wrong with an option, with the one that was meant where a slip of the finger explains it. */
export function optionFault({ message }: Error, known: readonly string[]): string {
  const unknown = UNKNOWN.exec(message)?.[1];
  if (unknown === undefined) return message;
  return `there is no option ${unknown}${didYouMean(unknown.replace(/^-+/, ''), known, (name) => `--${name}`)}`;
}

export function textOption(parsed: Parsed, name: string): string | undefined {
  const value = parsed.values[name];
  return typeof value === 'string' ? value : undefined;
}

export function portOption(parsed: Parsed, fallback: number): number {
  const text = textOption(parsed, 'port');
  if (text === undefined) return fallback;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new UsageError(`--port ${text} is not a port`);
  return port;
}

const TIERS: Readonly<Record<string, TierName>> = {
  process: 'sim-process',
  'sim-process': 'sim-process',
  vm: 'sim-vm',
  'sim-vm': 'sim-vm',
};

export function tierOption(parsed: Parsed): TierName {
  const text = textOption(parsed, 'tier') ?? 'sim-process';
  const tier = Object.hasOwn(TIERS, text) ? TIERS[text] : undefined;
  if (tier === undefined) throw new UsageError(`--tier ${text} is not process or vm`);
  return tier;
}
