import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../exit-codes.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/** Unknown options and missing values are usage errors, told in one line. */
export function parseArguments(args: readonly string[], options: Options): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
    return { values: values as Parsed['values'], positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
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

/** `sim-process` is the tier that this version runs. */
export function requireTier(parsed: Parsed): void {
  const tier = textOption(parsed, 'tier') ?? 'sim-process';
  if (tier !== 'sim-process' && tier !== 'process') {
    throw new UsageError(`--tier ${tier} is not offered by this version: it runs sim-process`);
  }
}
