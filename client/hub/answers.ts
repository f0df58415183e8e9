import { concatBytes } from '../../wire/bytes.ts';
import {
  array,
  base64urlBytes,
  hexBytes,
  integer,
  nullable,
  object,
  type Reader,
  text,
} from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { HubError, type HubErrorCode } from './errors.ts';
import type { HubResponse } from './platform.ts';

/** What a hub answers, read once and strictly; what does not fit is no answer of a hub. */

export interface Challenge {
  readonly nonce: Uint8Array;
  readonly seconds: number;
}

export interface Missing {
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly received: number;
}

export interface Opened {
  /** Null where the very same release stands there already. */
  readonly token: string | null;
  readonly missing: readonly Missing[];
}

export const challengeReader: Reader<Challenge> = object<Challenge>({
  nonce: base64urlBytes(32),
  seconds: integer({ min: 1, max: 86_400 }),
});

export const openedReader: Reader<Opened> = object<Opened>({
  token: nullable(text({ min: 1, max: 512, pattern: /^[\x21-\x7e]+$/ })),
  missing: array(
    object<Missing>({
      sha256: hexBytes(32),
      size: integer({ min: 0, max: limits.storedFileBytes }),
      received: integer({ min: 0, max: limits.storedFileBytes }),
    }),
    { min: 0, max: limits.manifestFiles + 1 },
  ),
});

export interface Committed {
  readonly repository: string;
  readonly version: string;
  readonly modelId: Uint8Array;
}

export const committedReader: Reader<Committed> = object<Committed>({
  repository: text({ min: 3, max: 129 }),
  version: text({ min: 5, max: 128 }),
  modelId: hexBytes(32),
});

export async function readAnswer<T>(response: HubResponse, read: Reader<T>, maxBytes: number): Promise<T> {
  const bytes = await readWhole(response, maxBytes);
  return answered(() => read(parseJson(bytes, maxBytes), 'answer'));
}

export function answered<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new HubError('answer_invalid', error.message, { reason: error.code, cause: error });
  }
}

export async function readWhole({ chunks }: HubResponse, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) throw new HubError('answer_invalid', `more than ${maxBytes} bytes`);
    parts.push(chunk);
  }
  return concatBytes(...parts);
}

/** Nothing of it is of interest; but left unread it would hold its connection. */
export async function drain(response: HubResponse): Promise<void> {
  await readWhole(response, ERROR_BYTES);
}

/** An error's body is small; more of it is not read. A list of missing files has 70 bytes for each. */
const ERROR_BYTES = 262_144;
const UNKNOWN: Readonly<Record<string, HubErrorCode>> = {
  model_unknown: 'repository_unknown',
  upload_unknown: 'upload_refused',
};
/** Insufficient storage: no other moment mends that, but its operator. */
const FULL = 507;

/** For statuses that no call waits for: what the hub says of itself, and whether trying again may help. */
export async function refusalOf(response: HubResponse): Promise<HubError> {
  const { status } = response;
  if (status >= 300 && status < 400) return new HubError('hub_redirects', `status ${status}: no redirect is followed`);
  const { code, message } = await errorOf(response);
  const seconds = Number(/^\d{1,5}$/.exec(response.headers['retry-after'] ?? '')?.[0] ?? 0);
  const detail = { reason: code, retryAfterMs: 1_000 * seconds };
  const words = message === '' ? `status ${status}, ${code}` : `${code}: ${message}`;
  if (status === 408 || status === 425 || status === 429 || (status >= 500 && status !== FULL))
    return new HubError('hub_error', words, detail);
  if (status === 404) return new HubError(UNKNOWN[code] ?? 'version_unknown', words, detail);
  return new HubError('upload_refused', words, detail);
}

async function errorOf(response: HubResponse): Promise<{ readonly code: string; readonly message: string }> {
  const none = { code: `status_${response.status}`, message: '' };
  try {
    const json = parseJson(await readWhole(response, ERROR_BYTES), ERROR_BYTES);
    const error = fieldOf(json, 'error');
    const [code, message] = [fieldOf(error, 'code'), fieldOf(error, 'message')];
    if (typeof code !== 'string' || !/^[a-z0-9_]{1,64}$/.test(code)) return none;
    return { code, message: typeof message === 'string' ? message.slice(0, 512) : '' };
  } catch (error) {
    if (error instanceof WireError || error instanceof HubError) return none;
    throw error;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
