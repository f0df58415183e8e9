import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Asset, ConsoleAssets } from './assets.ts';

/** What `console.json` says, see page/connection/settings.ts. */
export interface ServedSettings {
  readonly servedBy: 'host' | 'package';
  readonly base: '' | '/host';
  readonly chain: boolean;
  /** Whether a hub is reached under `/hub`; not, where nothing is said. */
  readonly hub?: boolean;
  /** The host that is looked at, as the user named it; empty where it serves this page itself. */
  readonly target: string;
}

export interface ConsoleServing {
  readonly assets: ConsoleAssets;
  readonly settings: ServedSettings;
  /** The bytes of the policy that the user named. */
  readonly policy: Uint8Array | undefined;
}

/**
 * Scripts and styles of this origin, connections to it, and nothing else: no inline code, no frame, no form, no other
 * server. Under Trusted Types no text can become markup, not even by a mistake of ours.
 */
const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** What a page could ask a person for; this one asks for nothing but to write what was copied. */
const PERMISSIONS = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'usb',
  'xr-spatial-tracking',
]
  .map((name) => `${name}=()`)
  .concat('clipboard-write=(self)')
  .join(', ');

export const consoleHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': CONTENT_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': PERMISSIONS,
};

/** Answers for one file of the console; false for a name that is none of it. `name` is the path behind the prefix. */
export type ServeConsole = (name: string, request: IncomingMessage, response: ServerResponse) => boolean;

export function createConsole({ assets, settings, policy }: ConsoleServing): ServeConsole {
  const about = JSON.stringify({
    ...settings,
    policy: policy !== undefined,
    version: assets.version,
    digest: assets.digest,
  });
  const documents = new Map<string, Uint8Array>([
    ['console.json', new TextEncoder().encode(about)],
    ...(policy === undefined ? [] : [['policy.json', policy] as const]),
  ]);
  return (name, request, response) => {
    const asset = assets.files.get(name === '' ? 'index.html' : name);
    const document = documents.get(name);
    if (asset === undefined && document === undefined) return false;
    for (const [header, value] of Object.entries(consoleHeaders)) response.setHeader(header, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
      return true;
    }
    if (asset !== undefined) sendAsset(request, response, { asset, digest: assets.digest });
    else if (document !== undefined) {
      response.writeHead(200, {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        'Content-Length': document.length,
      });
      response.end(request.method === 'HEAD' ? undefined : document);
    }
    return true;
  };
}

interface Sent {
  readonly asset: Asset;
  readonly digest: string;
}

/** The digest of all is the tag of each: a browser asks every time, and loads again only what has changed. */
function sendAsset(request: IncomingMessage, response: ServerResponse, { asset, digest }: Sent): void {
  const tag = `"${digest}"`;
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', tag);
  response.setHeader('Vary', 'Accept-Encoding');
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304).end();
    return;
  }
  const zipped = acceptsGzip(request.headers['accept-encoding']);
  const body = zipped ? asset.gzip : asset.bytes;
  response.writeHead(200, {
    'Content-Type': asset.type,
    'Content-Length': body.length,
    ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return /(^|,)\s*gzip\s*(,|$|;(?!\s*q=0(\.0*)?\s*(,|$)))/.test(String(header ?? ''));
}
