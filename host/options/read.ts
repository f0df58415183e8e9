import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../../wire/limits.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { type HostAuditors, readAuditors } from '../disclosed/auditors.ts';
import { OptionError, StartError } from '../errors.ts';
import type { HostOptions, Reloaded } from '../host.ts';
import type { ApiKey } from '../http/keys.ts';
import { readApiKeys } from '../http/keys.ts';
import type { AllowedOrigins } from '../http/origins.ts';
import type { Rate } from '../http/rate.ts';
import { createAwsKms } from '../kms.ts';
import { type LogLevel, logLevels } from '../log.ts';
import type { ListenAddress } from '../metrics/operator.ts';
import { readOffers } from '../price-list.ts';
import { openRelease, type Release } from '../releases.ts';
import type { RetentionOptions } from '../retention.ts';
import { readSettlement } from '../settlement/options.ts';
import type { Pin } from '../workers/pins.ts';
import { type Environment, type Given, gatherOptions } from './sources.ts';
import type { OptionName } from './table.ts';

export interface HostSettings extends Omit<HostOptions, 'onEvent' | 'onRequest'> {
  readonly logLevel: LogLevel;
}

/** Reads every option and the files that they name; an `OptionError` says which one is wrong, and where it stands. */
export function readOptions(args: readonly string[], environment: Environment = {}): HostSettings {
  const given = gatherOptions(args, environment);
  const links = readLinks(need(given, 'link'));
  const reload = (): Reloaded => readAgain(given);
  const certificates = given.get('certificates')?.values[0];
  const metrics = given.get('metrics');
  const settlement = given.get('settlement')?.values[0];
  const levels = given.get('levels')?.values[0];
  return {
    links,
    stateDirectory: textOf(need(given, 'state')),
    listen: readAddress('listen', need(given, 'listen')),
    ...(metrics === undefined ? {} : { metrics: readAddress('metrics', metrics) }),
    configuration: readConfiguration(textOf(need(given, 'configuration'))),
    ...(certificates === undefined ? {} : { certificates }),
    ...(settlement === undefined ? {} : { settlement: readSettlement(settlement) }),
    ...(levels === undefined ? {} : { offers: readOffers(levels) }),
    ...reload(),
    reload,
    pins: (given.get('pin')?.values ?? []).map((text) => readPin(text, given.get('pin') as Given, links.length)),
    retention: readRetention(given),
    disclosed: {
      keepMs: 86_400_000 * readCount(given, 'disclosed-days', 30, { min: 1, max: 36_500 }),
      maxBytes: GIGABYTE * readCount(given, 'disclosed-gigabytes', 1, { min: 1, max: 65_536 }),
    },
    keys: createAwsKms(readKms(given)),
    addressRate: readRate(given.get('address-rate')),
    evidencePerSecond: readCount(given, 'evidence-rate', 8, { min: 1, max: 10_000 }),
    trustedProxies: readCount(given, 'trusted-proxies', 0, { min: 0, max: 16 }),
    allowedOrigins: readOrigins(given.get('allow-origin')),
    console: readWord(given, 'console', ['on', 'off']),
    statistics: readWord(given, 'statistics', ['none', 'public']),
    pending: readCount(given, 'pending', limits.hostPendingInAll, { min: 1, max: limits.hostPendingInAll }),
    pendingPerWorker: readCount(given, 'pending-per-worker', limits.hostPending, { min: 1, max: limits.hostPending }),
    loadPatience: 1_000 * readCount(given, 'load-seconds', 60, { min: 1, max: 3_600 }),
    memberWaits: { attestationMs: 1_000 * readCount(given, 'attestation-seconds', 300, { min: 1, max: 86_400 }) },
    drainMs: 1_000 * readCount(given, 'drain-seconds', 10, { min: 0, max: 3_600 }),
    logLevel: readLevel(given.get('log-level')),
  };
}

const GIGABYTE = 2 ** 30;

type AllGiven = ReadonlyMap<OptionName, Given>;

function need(given: AllGiven, name: OptionName): Given {
  const found = given.get(name);
  if (found === undefined) throw new OptionError(name, 'the command line', 'it is required');
  return found;
}

function textOf({ values }: Given): string {
  return values[0] as string;
}

/** What is read again at SIGHUP. */
function readAgain(given: AllGiven): Reloaded {
  const named = given.get('release')?.values ?? [];
  const folder = given.get('releases');
  const keys = given.get('api-keys');
  const auditors = given.get('auditors');
  return {
    releases: [...named, ...(folder === undefined ? [] : foldersIn(folder))].map(readRelease),
    apiKeys: keys === undefined || textOf(keys) === 'none' ? 'none' : readKeys(keys),
    auditors: auditors === undefined || textOf(auditors) === 'none' ? 'none' : readNamed(auditors),
  };
}

/** In the order of their names, so that the same folder always means the same. Hidden ones are somebody else's. */
function foldersIn(given: Given): readonly string[] {
  const directory = textOf(given);
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .map((name) => join(directory, name))
      .filter((path) => statSync(path).isDirectory())
      .sort();
  } catch (cause) {
    throw new OptionError('releases', given.source, `${directory}: ${codeOf(cause)}`, { cause });
  }
}

function readRelease(directory: string): Release {
  try {
    return openRelease(directory);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('release_invalid', directory, { cause });
  }
}

function readKeys(given: Given): readonly ApiKey[] {
  try {
    return readApiKeys(textOf(given));
  } catch (cause) {
    throw new OptionError('api-keys', given.source, `${textOf(given)}: ${codeOf(cause)}`, { cause });
  }
}

function readNamed(given: Given): HostAuditors {
  try {
    return readAuditors(textOf(given));
  } catch (cause) {
    throw new OptionError('auditors', given.source, `${textOf(given)}: ${codeOf(cause)}`, { cause });
  }
}

/** Never the message: a reader's may quote what it read, and these files hold what nobody should see. */
function codeOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'it does not say what it should';
}

function readLinks(given: Given): readonly string[] {
  const { values, source } = given;
  if (values.length > limits.hostWorkers)
    throw new OptionError('link', source, `more than ${limits.hostWorkers} of them`);
  if (new Set(values).size < values.length) throw new OptionError('link', source, 'it names one worker twice');
  return values;
}

function readPin(text: string, { source }: Given, workers: number): Pin {
  const match = /^(.{1,256})=([0-9]{1,3}(?:,[0-9]{1,3})*)$/.exec(text);
  if (match === null) throw new OptionError('pin', source, 'not MODEL=N[,N...]');
  const [, model = '', list = ''] = match;
  const places = list.split(',').map(Number);
  if (places.some((place) => place >= workers)) throw new OptionError('pin', source, `there are ${workers} workers`);
  return { model, workers: places };
}

function readKms(given: AllGiven): Parameters<typeof createAwsKms>[0] {
  const region = given.get('kms-region')?.values[0];
  const endpoint = given.get('kms-endpoint');
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: readUrl('kms-endpoint', endpoint) }),
  };
}

function readAddress(name: OptionName, given: Given): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9A-Za-z.-]+)):([0-9]{1,5})$/.exec(textOf(given));
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) throw new OptionError(name, given.source, 'not HOST:PORT');
  return { host, port };
}

function readUrl(name: OptionName, given: Given): string {
  const text = textOf(given);
  if (!/^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : '')) {
    throw new OptionError(name, given.source, 'not a URL');
  }
  return text;
}

function readRate(given: Given | undefined): Rate | 'any' {
  if (given === undefined || textOf(given) === 'any') return 'any';
  const match = /^([1-9][0-9]{0,6})(?:\/([1-9][0-9]{0,6}))?$/.exec(textOf(given));
  if (match === null) throw new OptionError('address-rate', given.source, 'neither "any" nor N[/BURST]');
  const perSecond = Number(match[1]);
  return { perSecond, burst: match[2] === undefined ? perSecond : Number(match[2]) };
}

/** In the form in which browsers send it, so that comparing is all that is left to do. */
function readOrigins(given: Given | undefined): AllowedOrigins {
  if (given === undefined) return [];
  const { values, source } = given;
  if (values.length === 1 && values[0] === 'any') return 'any';
  if (values.length > limits.hostOrigins) {
    throw new OptionError('allow-origin', source, `more than ${limits.hostOrigins} of them`);
  }
  for (const text of values) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.origin !== text) {
      throw new OptionError('allow-origin', source, 'neither "any" alone nor an origin as browsers send it');
    }
  }
  return values;
}

function readRetention(given: AllGiven): RetentionOptions {
  const receiptsMs = readDays(given, 'keep-receipts');
  const logsMs = readDays(given, 'keep-logs');
  const bytes = readWordOr('any', given, 'keep-gigabytes', limits.journalBytes / GIGABYTE);
  if (logsMs !== 'never' && (receiptsMs === 'never' || logsMs < receiptsMs)) {
    throw new OptionError('keep-logs', given.get('keep-logs')?.source ?? '', 'a log outlives its receipts');
  }
  return {
    rules: { receiptsMs, logsMs, bytes: bytes === 'any' ? 'any' : GIGABYTE * bytes },
    everyMs: 60_000 * readCount(given, 'retention-minutes', 60, { min: 1, max: 1_440 }),
  };
}

function readDays(given: AllGiven, name: OptionName): number | 'never' {
  const days = readWordOr('for-ever', given, name, 36_500);
  return days === 'for-ever' ? 'never' : 86_400_000 * days;
}

function readWordOr<word extends string>(word: word, given: AllGiven, name: OptionName, max: number): number | word {
  const found = given.get(name);
  return found === undefined || textOf(found) === word ? word : readCount(given, name, 0, { min: 1, max });
}

function readCount(
  given: AllGiven,
  name: OptionName,
  standard: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const found = given.get(name);
  if (found === undefined) return standard;
  const text = textOf(found);
  const value = Number(text);
  if (!/^(0|[1-9][0-9]{0,8})$/.test(text) || value < min || value > max) {
    throw new OptionError(name, found.source, `not a whole number from ${min} to ${max}`);
  }
  return value;
}

/** The first word is what nothing means. */
function readWord<const T extends string>(given: AllGiven, name: OptionName, words: readonly [T, ...T[]]): T {
  const found = given.get(name);
  if (found === undefined) return words[0];
  const word = words.find((known) => known === textOf(found));
  if (word === undefined) throw new OptionError(name, found.source, `not one of ${words.join(', ')}`);
  return word;
}

function readLevel(given: Given | undefined): LogLevel {
  if (given === undefined) return 'info';
  const level = logLevels.find((known) => known === textOf(given));
  if (level === undefined) throw new OptionError('log-level', given.source, `not one of ${logLevels.join(', ')}`);
  return level;
}

function readConfiguration(path: string): Uint8Array {
  try {
    const bytes = Uint8Array.from(readFileSync(path));
    if (bytes.length > limits.configurationBytes) throw new StartError('configuration_invalid', 'too large');
    decodeConfiguration(bytes);
    return bytes;
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('configuration_invalid', path, { cause });
  }
}
