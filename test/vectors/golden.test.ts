import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { checkSignatureFormat, verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { webSuite } from '../../wire/crypto/web.ts';
import { decodeCosignedChallenge, decodeCosignedHead } from '../../wire/message/anchor.ts';
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
import { anchorVectors } from './golden/anchors.ts';
import {
  authorisationVectors,
  identityVectors,
  type Json,
  receiptVectors,
  requestVectors,
  statementVectors,
} from './golden/messages.ts';

const folder = join(import.meta.dirname, '..', '..', 'attestations', 'vectors', 'wire');

/** Reads a vector by the names of its members, as a second implementation would. */
function at(vector: Json, ...path: readonly (string | number)[]): Json {
  return path.reduce<Json>((value, name) => (value as { readonly [name: string]: Json })[name] as Json, vector);
}

const text = (vector: Json, ...path: readonly (string | number)[]): string => at(vector, ...path) as string;
const bytes = (vector: Json, ...path: readonly (string | number)[]): Uint8Array => fromHex(text(vector, ...path));
const list = (vector: Json, ...path: readonly (string | number)[]): readonly Json[] =>
  at(vector, ...path) as readonly Json[];

describe('golden vectors', async () => {
  for (const [name, text] of await goldenFiles()) {
    it(`regenerates ${name} byte for byte`, () => {
      expect(existsSync(join(folder, name)), 'run make vectors').toBe(true);
      expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
    });
  }

  it('reads back what cosigners say, under signatures that verify', async () => {
    const anchors = anchorVectors();
    const head = decodeCosignedHead(bytes(anchors, 'head', 'cosigned'));
    const challenge = decodeCosignedChallenge(bytes(anchors, 'challenge', 'cosigned'));
    expect(head.statement.time).toBe(1_900_000_000n);
    expect(challenge.statement.time).toBe(1_899_999_940n);
    expect(bytes(anchors, 'challenge', 'value')).toEqual(sha256(bytes(anchors, 'challenge', 'cosigned')));
    for (const { message, cosigner, signature } of [head, challenge]) {
      const point = Uint8Array.of(4, ...cosigner);
      expect(toHex(point)).toBe(text(anchors, 'cosigner', 'publicKey'));
      expect(await verifyLowS(nodeSuite, point, message, signature)).toBe(true);
      expect(await verifyLowS(webSuite, point, message, signature)).toBe(true);
    }
  });

  it('reads back every message that it holds', () => {
    expect(decodeIdentity(bytes(identityVectors(), 'words')).config).toHaveLength(32);
    const statements = statementVectors();
    expect(decodeConfiguration(bytes(statements, 'configuration', 'cbor')).chainId).toBe(31_337n);
    expect(decodeRuntime(bytes(statements, 'runtime', 'cbor'))).toEqual(at(statements, 'runtime', 'value'));
    for (const line of list(statements, 'executions')) {
      expect(decodeExecution(bytes(line, 'cbor'))).toEqual(at(line, 'value'));
    }
    expect(decodeManifest(utf8(text(statements, 'manifest', 'utf8'))).name).toBe('golden-adder');
    const request = requestVectors();
    expect(decodeRequestHeader(bytes(request, 'header', 'words')).maxFee).toBe(5_000n);
    const { rest } = decodeRecordKind(bytes(request, 'sealedRequest'));
    expect(decodeRequest(rest).body).toEqual(bytes(request, 'body', 'hex'));
    const receipts = receiptVectors();
    expect(decodeFinalRecord(bytes(receipts, 'finalRecord')).bundle).toEqual(bytes(receipts, 'bundle', 'cbor'));
    const bundle = decodeBundle(bytes(receipts, 'bundle', 'cbor'));
    expect(decodeReceipt(bundle.receipt).index).toBe(2n);
    expect(decodeTreeHead(bundle.head).size).toBe(5);
  });

  for (const [name, suite] of [
    ['OpenSSL', nodeSuite],
    ['WebCrypto', webSuite],
  ] as const) {
    it(`proves every leaf and signature with ${name}`, async () => {
      const vectors = receiptVectors();
      const size = at(vectors, 'head', 'size') as number;
      const root = bytes(vectors, 'head', 'root');
      for (const [index, line] of list(vectors, 'receipts').entries()) {
        const leafHash = bytes(line, 'leafHash');
        expect(sha256(leafPreimage(bytes(line, 'words')))).toEqual(leafHash);
        const proof = list(line, 'inclusionProof').map((hash) => fromHex(hash as string));
        expect(await verifyInclusion(suite, { leafHash, index, size, proof, root })).toBe(true);
      }
      const signed = authorisationVectors();
      const messages: readonly (readonly [Json, Uint8Array, Uint8Array])[] = [
        [at(vectors, 'key'), bytes(vectors, 'head', 'words'), bytes(vectors, 'signature')],
        ...(['voucher', 'session'] as const).map((name) => line(at(signed, 'keys', 'session'), at(signed, name))),
        ...['register', 'revoke'].map((name) => line(at(signed, 'keys', 'signer'), at(signed, name))),
        ...['release', 'listing'].map((name) => line(at(signed, 'keys', 'owner'), at(signed, name))),
        ...list(signed, 'status').map((value) => line(at(signed, 'keys', 'owner'), value)),
      ];
      expect(messages).toHaveLength(10);
      for (const [key, message, signature] of messages) {
        checkSignatureFormat(signature);
        expect(await verifyLowS(suite, bytes(key, 'publicKey'), message, signature)).toBe(true);
      }
    });
  }
});

function line(key: Json, value: Json): readonly [Json, Uint8Array, Uint8Array] {
  return [key, bytes(value, 'message'), bytes(value, 'signature')];
}
