import { parseArgs } from 'node:util';
import type { ListenAddress } from '../metrics/operator.ts';
import type { HubOptions } from './hub.ts';
import { type HubLogLevel, hubLogLevels } from './log.ts';

/**
 * Options of a hub: flags, or PROOFMARK_HUB_ and the flag's name in the environment. Flags win. An unknown flag, an unknown
 * variable of that prefix and a value that means nothing are refused by name.
 */
export interface HubSettings extends Omit<HubOptions, 'onEvent' | 'now' | 'disk'> {
  readonly logLevel: HubLogLevel;
}

export class HubOptionError extends Error {
  constructor(name: string, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`--${name}: ${detail}`, options);
    this.name = 'HubOptionError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'PROOFMARK_HUB_';

const names = [
  'store',
  'listen',
  'origin',
  'publishers',
  'store-gigabytes',
  'metrics',
  'trusted-proxies',
  'address-rate',
  'drain-seconds',
  'log-level',
] as const;

type Name = (typeof names)[number];

export const hubOptionNames: readonly string[] = names;

export const hubUsage = `proofmark hub --store DIR --listen HOST:PORT --publishers FILE [--origin https://hub.example]
              [--store-gigabytes N] [--metrics HOST:PORT] [--trusted-proxies N] [--address-rate default|any]
              [--drain-seconds N] [--log-level error|warn|info]
  Keeps releases of the publishers that FILE lists, and hands them out: to proofmark, and to whatever reads from the
  Hugging Face Hub. Nobody needs to trust it. --origin is what clients write before a path; publishers sign for it.
  Each option is also PROOFMARK_HUB_STORE and so on. SIGHUP reads FILE again. Events go to the error stream.`;

export function readHubOptions(args: readonly string[], environment: Environment): HubSettings {
  const given = gather(args, environment);
  const metrics = given.get('metrics');
  const rate = wordOf(given, 'address-rate', ['default', 'any'], 'default');
  return {
    store: need(given, 'store'),
    listen: addressOf('listen', need(given, 'listen')),
    origin: originOf(given.get('origin')),
    publishers: need(given, 'publishers'),
    storeBytes: gigabytesOf(given.get('store-gigabytes')),
    ...(metrics === undefined ? {} : { metrics: addressOf('metrics', metrics) }),
    ...(rate === 'any' ? { rates: 'any' } : {}),
    trustedProxies: countOf(given, 'trusted-proxies', 0, 16),
    drainMs: 1_000 * countOf(given, 'drain-seconds', 10, 3_600),
    logLevel: wordOf(given, 'log-level', hubLogLevels, 'info'),
  };
}

function gather(args: readonly string[], environment: Environment): ReadonlyMap<Name, string> {
  const given = new Map<Name, string>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue;
    const name = variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-');
    if (!isName(name)) throw new HubOptionError(name, `${variable} is no option`);
    given.set(name, value);
  }
  for (const [name, value] of Object.entries(flagsOf(args))) if (isName(name)) given.set(name, value);
  return given;
}

function flagsOf(args: readonly string[]): Readonly<Record<string, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' } as const]));
  try {
    return parseArgs({ args: [...args], options }).values as Record<string, string>;
  } catch (error) {
    throw new HubOptionError('hub', (error as Error).message, { cause: error });
  }
}

function isName(name: string): name is Name {
  return (names as readonly string[]).includes(name);
}

function need(given: ReadonlyMap<Name, string>, name: Name): string {
  const value = given.get(name);
  if (value === undefined || value === '') throw new HubOptionError(name, 'required');
  return value;
}

function addressOf(name: Name, text: string): ListenAddress {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) throw new HubOptionError(name, `${text} is not HOST:PORT`);
  return { host, port: Number(digits) };
}

/** Exactly an origin: a path or a slash at its end would make signatures for another one. */
function originOf(text: string | undefined): HubOptions['origin'] {
  if (text === undefined) return 'own-address';
  if (!/^https?:\/\//.test(text) || !URL.canParse(text) || new URL(text).origin !== text) {
    throw new HubOptionError('origin', `${text} is not an origin, as https://hub.example`);
  }
  return text;
}

const GIGABYTE = 2 ** 30;

function gigabytesOf(text: string | undefined): number | 'any' {
  if (text === undefined || text === 'any') return 'any';
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new HubOptionError('store-gigabytes', `${text} is not a number of gigabytes`);
  return Number(text) * GIGABYTE;
}

function countOf(given: ReadonlyMap<Name, string>, name: Name, otherwise: number, max: number): number {
  const text = given.get(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,6}$/.test(text) || Number(text) > max) throw new HubOptionError(name, `${text} is not in 0..${max}`);
  return Number(text);
}

function wordOf<T extends string>(
  given: ReadonlyMap<Name, string>,
  name: Name,
  words: readonly T[],
  otherwise: NoInfer<T>,
): T {
  const text = given.get(name);
  if (text === undefined) return otherwise;
  const found = words.find((word) => word === text);
  if (found === undefined) throw new HubOptionError(name, `${text} is not ${words.join(' or ')}`);
  return found;
}
