import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../wire/bytes.ts';
import { answering } from '../client/http-host.ts';
import { createWorld } from '../client/world.ts';
import { chromium, runInChromium } from './chromium.ts';

const page = fileURLToPath(new URL('client-page.ts', import.meta.url));
const TIMEOUT = 90_000;

async function bundle(): Promise<{ readonly text: string; readonly files: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [page],
    bundle: true,
    format: 'esm',
    // Fails on any import of a module of Node.
    platform: 'browser',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return { text: (outputFiles[0] as { readonly text: string }).text, files: Object.keys(metafile.inputs) };
}

describe('the client in a browser', () => {
  it('is bundled without a module of Node, and with the packages that read CBOR and check proofs', async () => {
    const { files } = await bundle();
    expect(files.filter((file) => /(^|\/)node(-sign)?\.ts$|client\/node\//.test(file))).toEqual([]);
    const packages = files.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
    expect([...new Set(packages)].sort()).toEqual(['@noble/curves', '@noble/hashes', 'cbor-x']);
  });

  it.skipIf(chromium === undefined)(
    'connects, infers, streams and refuses as in Node (skipped where no browser is installed)',
    async () => {
      const world = await createWorld();
      const host = answering(world.host);
      const outcome = await runInChromium({
        browser: chromium as string,
        script: (await bundle()).text,
        cases: {
          rules: world.rules,
          now: world.now,
          demo: toHex(world.demo.modelId),
          chat: toHex(world.chat.modelId),
          calls: 3,
        },
        timeoutMs: TIMEOUT,
        also: (request, response) => {
          if (request.url?.startsWith('/v1/') !== true) return false;
          host(request, response);
          return true;
        },
      });
      expect(outcome).toEqual({
        values: [1, 2],
        log: toHex(world.log),
        pieces: ['An', ' enclave', ' says', ' "hello"', ' – ✓.', ''],
        status: 'ok',
        ended: true,
        refusal: 'evidence_refused/image_refused',
        elsewhere: 404,
      });
    },
    TIMEOUT,
  );
});
