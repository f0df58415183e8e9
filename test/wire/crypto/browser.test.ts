import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { noiseGolden } from '../../vectors/noise-golden.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A worker with the golden keys and a client on the same suite, in a realm that has WebCrypto and TextEncoder only. */
const PROGRAM = `
  import { fromHex, toHex } from './wire/bytes.ts';
  import { verifyLowS } from './wire/crypto/ecdsa.ts';
  import { webSuite } from './wire/crypto/web.ts';
  import { acceptHandshake, openRecord, proofmarkPrologue, sealRecord, startHandshake } from './wire/noise/index.ts';
  globalThis.run = async (golden) => {
    const prologue = proofmarkPrologue(fromHex(golden.log));
    const key = (name) => webSuite.importX25519(fromHex(golden.keys[name].privateKey));
    const localStatic = await key('sealKey');
    const started = await startHandshake(webSuite, {
      prologue, remoteStatic: localStatic.publicKey, ephemeral: await key('clientEphemeral'),
    });
    const { message2, transport } = await acceptHandshake(webSuite, {
      prologue, localStatic, message1: started.message1, ephemeral: await key('workerEphemeral'),
    });
    const { sendKey, handshakeHash } = await started.finish(message2);
    const [{ data, padding, record, ...entry }] = golden.records;
    const sealed = await sealRecord(webSuite, sendKey, handshakeHash, entry, fromHex(data), padding);
    const opened = await openRecord(webSuite, transport.receiveKey, handshakeHash, entry.direction, sealed);
    const refused = await verifyLowS(webSuite, new Uint8Array(65), new Uint8Array(1), new Uint8Array(64).fill(1));
    return JSON.stringify({ h: toHex(handshakeHash), record: toHex(sealed), length: opened.data.length, refused });
  };
`;

it('a session runs in a realm without Node', async () => {
  const bundle = await build({
    stdin: { contents: PROGRAM, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    // For a browser esbuild fails on any import of `node:`.
    platform: 'browser',
    metafile: true,
  });
  const inputs = Object.keys(bundle.metafile.inputs).filter((name) => name !== '<stdin>');
  expect(inputs.length).toBeGreaterThan(5);
  expect(inputs.filter((name) => !/(^|\/)wire\//.test(name) || name.includes('node_modules'))).toEqual([]);

  const golden = await noiseGolden();
  const context = createContext({ crypto: globalThis.crypto, TextEncoder });
  runInContext((bundle.outputFiles[0] as { text: string }).text, context);
  const run = context['run'] as (vectors: object) => Promise<string>;
  expect(JSON.parse(await run(golden))).toEqual({
    h: golden.handshakeHash,
    record: golden.records[0]?.record,
    length: (golden.records[0]?.data.length ?? 0) / 2,
    refused: false,
  });
});
