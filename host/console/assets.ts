import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { digestOf } from './digest.ts';

export interface Asset {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** For browsers that open it, which is all of them. */
  readonly gzip: Uint8Array;
}

/** The console as it is served. */
export interface ConsoleAssets {
  readonly files: ReadonlyMap<string, Asset>;
  /** SHA-256 over all files, see digest.ts. */
  readonly digest: string;
  /** Of the package that it belongs to. */
  readonly version: string;
}

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'licences.txt': 'text/plain; charset=utf-8',
};

const HERE = dirname(fileURLToPath(import.meta.url));

let opened: Promise<ConsoleAssets> | undefined;

/** From a checkout they are built from its sources, once per process; in a package they lie beside the code. */
export function openAssets(): Promise<ConsoleAssets> {
  opened ??= open();
  return opened;
}

async function open(): Promise<ConsoleAssets> {
  const isCheckout = import.meta.url.endsWith('.ts');
  const files = await (isCheckout ? builtNow() : packaged(join(HERE, '..', '..', 'console')));
  const root = isCheckout ? join(HERE, '..', '..') : join(HERE, '..', '..', '..');
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  return assetsOf(files, version);
}

export function assetsOf(files: ReadonlyMap<string, Uint8Array>, version: string): ConsoleAssets {
  const assets = [...files].map(
    ([name, bytes]) =>
      [
        name,
        { type: TYPES[name] ?? 'application/octet-stream', bytes, gzip: Uint8Array.from(gzipSync(bytes)) },
      ] as const,
  );
  return { files: new Map(assets), digest: digestOf(files), version };
}

async function builtNow(): Promise<ReadonlyMap<string, Uint8Array>> {
  const { bundleConsole } = await import('./build/bundle.ts');
  return bundleConsole({ root: join(HERE, '..', '..') });
}

async function packaged(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = Object.keys(TYPES).map(
    async (name) => [name, Uint8Array.from(await readFile(join(folder, name)))] as const,
  );
  return new Map(await Promise.all(files));
}
