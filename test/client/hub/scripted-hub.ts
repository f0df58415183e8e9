import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { canonicalJson, type JsonValue } from '../../../wire/codec/json.ts';
import { encodeHubVersions, encodeSignedStatus } from '../../../wire/message/hub.ts';
import { listening } from '../http-host.ts';
import type { TestRelease } from './releases.ts';

/** A hub that serves what a test gives it, and lies where the test says so. Uploads go to the real one. */
export interface ScriptedHub {
  readonly url: string;
  releases: readonly TestRelease[];
  /** Gets each request first; true where it has answered. */
  intercept: (asked: IncomingMessage, response: ServerResponse) => boolean;
  readonly asked: { readonly method: string; readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  close(): Promise<void>;
}

export async function startScriptedHub(...releases: readonly TestRelease[]): Promise<ScriptedHub> {
  const server = createServer((asked, response) => {
    response.on('error', () => {});
    hub.asked.push({ method: asked.method ?? '', path: asked.url ?? '', headers: asked.headers });
    if (!hub.intercept(asked, response)) serve(hub, asked, response);
  });
  const hub: ScriptedHub = {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    releases,
    intercept: () => false,
    asked: [],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  await listening(server);
  return hub;
}

function serve({ releases }: ScriptedHub, asked: IncomingMessage, response: ServerResponse): void {
  const path = asked.url ?? '';
  const [, namespace, name] = /^\/v1\/hub\/models\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (namespace !== undefined && name !== undefined) {
    const fitting = releases.filter((one) => one.shown.namespace === namespace && one.manifest.name === name);
    if (fitting.length === 0) {
      refuse(response, 404, 'model_unknown');
      return;
    }
    const versions = fitting.map(({ manifest, modelId, shown }) => ({
      version: manifest.version,
      modelId,
      visibility: shown.visibility,
      status: shown.status?.status ?? 'active',
    }));
    send(response, encodeHubVersions({ namespace, name, versions }));
    return;
  }
  const [, id, file] = /^\/v1\/hub\/releases\/([0-9a-f]{64})(?:\/files\/(.+))?$/.exec(path) ?? [];
  const release = releases.find((one) => one.id === id);
  if (release === undefined) {
    refuse(response, 404, 'release_unknown');
    return;
  }
  if (file === undefined) {
    send(response, shownJson(release));
    return;
  }
  const bytes = release.files.get(file);
  if (bytes === undefined) {
    refuse(response, 404, 'file_unknown');
    return;
  }
  sendRange(asked, response, bytes);
}

/** As `encodeHubRelease`, which would refuse what a liar says. */
export function shownJson({ shown }: TestRelease): Uint8Array {
  const { release, contents, status, namespace, visibility } = shown;
  const decoded =
    status === null ? null : (JSON.parse(new TextDecoder().decode(encodeSignedStatus(status))) as JsonValue);
  return canonicalJson({
    namespace,
    visibility,
    release: {
      manifest: toBase64url(release.manifest),
      owner: toBase64url(release.owner),
      signature: toBase64url(release.signature),
    },
    contents: contents.map(({ path, size, sha256 }) => ({ path, size, sha256: toHex(sha256) })),
    status: decoded,
  });
}

export function sendRange(asked: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const from = Number(/^bytes=(\d+)-$/.exec(asked.headers.range ?? '')?.[1] ?? 0);
  if (from === 0) {
    send(response, bytes);
    return;
  }
  response.writeHead(206, {
    'content-length': bytes.length - from,
    'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
  });
  response.end(bytes.subarray(from));
}

export function send(response: ServerResponse, bytes: Uint8Array): void {
  response.writeHead(200, { 'content-length': bytes.length });
  response.end(bytes);
}

export function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(utf8(JSON.stringify({ error: { code, message: 'a test says so' } })));
}

export const isFile = (asked: IncomingMessage, path: string): boolean => (asked.url ?? '').endsWith(`/files/${path}`);
