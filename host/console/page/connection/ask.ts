import { ClientError } from '../../../../client/errors.ts';
import { fetchTransport, type HostTransport } from '../../../../client/transport.ts';
import { type JsonValue, parseJson } from '../../../../wire/codec/json.ts';
import { limits } from '../../../../wire/limits.ts';
import { type ConsoleSettings, parseSettings, SETTINGS_BYTES } from './settings.ts';

/** Long enough for a worker that attests slowly; a page that waits shows that it does. */
const TIMEOUT_MS = 60_000;

/** Where this page lies, without its file name and without what stands behind `#`. */
function ownFolder(): string {
  return new URL('.', document.baseURI).href.replace(/\/+$/, '');
}

function beside(): HostTransport {
  return fetchTransport({ url: ownFolder(), timeoutMs: TIMEOUT_MS });
}

export async function askSettings(): Promise<ConsoleSettings> {
  return parseSettings(parseJson(await beside().get('/console.json', SETTINGS_BYTES), SETTINGS_BYTES));
}

/** The text of the policy that the user named when starting the console. */
export async function askPolicy(): Promise<string> {
  const bytes = await beside().get('/policy.json', limits.policyBytes);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

export function hostTransport({ base }: ConsoleSettings): HostTransport {
  return fetchTransport({ url: `${location.origin}${base}`, timeoutMs: TIMEOUT_MS });
}

export function hubTransport(): HostTransport {
  return fetchTransport({ url: `${location.origin}/hub`, timeoutMs: TIMEOUT_MS });
}

/** One question to the chain, through the server of the page. */
export async function askChain(body: Uint8Array, maxBytes: number): Promise<JsonValue> {
  const transport = fetchTransport({ url: ownFolder(), timeoutMs: TIMEOUT_MS });
  const answer = await transport.post('/chain', body, maxBytes);
  return parseJson(answer, maxBytes);
}

/** A JSON document of the host, unproven: whoever reads it says what it should look like. */
export async function askHostJson(transport: HostTransport, path: string, maxBytes: number): Promise<JsonValue> {
  return parseJson(await transport.get(path, maxBytes), maxBytes);
}

export function isAbsent(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'host_error';
}
