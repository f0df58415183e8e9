import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../wire/bytes.ts';
import { checkSignatureFormat, verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { webSuite } from '../../wire/crypto/web.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { decodeExecution, decodeRuntime } from '../../wire/message/execution.ts';
import { decodeIdentity } from '../../wire/message/identity.ts';
import { decodeManifest } from '../../wire/message/manifest.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { decodeRequest, decodeRequestHeader } from '../../wire/message/request.ts';
import { decodeFinalRecord, decodeRecordKind } from '../../wire/message/session.ts';
import { verifyInclusion } from '../../wire/tree/index.ts';
import { goldenFiles } from './golden/all.ts';
import {
  authorisationVectors,
  identityVectors,
  receiptVectors,
  requestVectors,
  statementVectors,
} from './golden/messages.ts';

const folder = join(import.meta.dirname, '..', '..', 'attestations', 'vectors', 'wire');

// biome-ignore lint/suspicious/noExplicitAny: vectors are read by name, as a second implementation would
type Loose = any;

describe('golden vectors', async () => {
  for (const [name, text] of await goldenFiles()) {
    it(`regenerates ${name} byte for byte`, () => {
      expect(existsSync(join(folder, name)), 'run make vectors').toBe(true);
      expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
    });
  }

  it('reads back every message that it holds', () => {
    const identity = identityVectors() as Loose;
    expect(decodeIdentity(fromHex(identity.words)).config).toHaveLength(32);
    const statements = statementVectors() as Loose;
    expect(decodeConfiguration(fromHex(statements.configuration.cbor)).chainId).toBe(31_337n);
    expect(decodeRuntime(fromHex(statements.runtime.cbor))).toEqual(statements.runtime.value);
    for (const { cbor, value } of statements.executions) expect(decodeExecution(fromHex(cbor))).toEqual(value);
    expect(decodeManifest(new TextEncoder().encode(statements.manifest.utf8)).name).toBe('golden-adder');
    const request = requestVectors() as Loose;
    expect(decodeRequestHeader(fromHex(request.header.words)).maxFee).toBe(5_000n);
    const { rest } = decodeRecordKind(fromHex(request.sealedRequest));
    expect(decodeRequest(rest).body).toEqual(fromHex(request.body.hex));
    const receipts = receiptVectors() as Loose;
    expect(decodeFinalRecord(fromHex(receipts.finalRecord)).bundle).toEqual(fromHex(receipts.bundle.cbor));
    const bundle = decodeBundle(fromHex(receipts.bundle.cbor));
    expect(decodeReceipt(bundle.receipt).index).toBe(2n);
    expect(decodeTreeHead(bundle.head).size).toBe(5);
  });

  for (const [name, suite] of [
    ['OpenSSL', nodeSuite],
    ['WebCrypto', webSuite],
  ] as const) {
    it(`proves every leaf and signature with ${name}`, async () => {
      const { receipts, head, key, signature } = receiptVectors() as Loose;
      for (const [index, { words, inclusionProof, leafHash }] of receipts.entries()) {
        expect(sha256(leafPreimage(fromHex(words)))).toEqual(fromHex(leafHash));
        const claim = {
          leafHash: fromHex(leafHash),
          index,
          size: head.size,
          proof: inclusionProof.map((hash: string) => fromHex(hash)),
          root: fromHex(head.root),
        };
        expect(await verifyInclusion(suite, claim)).toBe(true);
      }
      expect(await verifyLowS(suite, fromHex(key.publicKey), fromHex(head.words), fromHex(signature))).toBe(true);
      const { keys, voucher, session, register, release, status } = authorisationVectors() as Loose;
      const signed = [
        [keys.session, voucher],
        [keys.session, session],
        [keys.signer, register],
        [keys.owner, release],
        ...status.map((line: Loose) => [keys.owner, line]),
      ];
      for (const [by, line] of signed) {
        checkSignatureFormat(fromHex(line.signature));
        const point = fromHex(by.publicKey);
        expect(await verifyLowS(suite, point, fromHex(line.message), fromHex(line.signature))).toBe(true);
      }
    });
  }
});
