import { describe, expect, it } from 'vitest';
import { requireAccepted, verifyRelease, verifyStatus } from '../../verifier/index.ts';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { canonicalJson, parseJson } from '../../wire/codec/json.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { webSuite } from '../../wire/crypto/web.ts';
import { limits } from '../../wire/limits.ts';
import { contentsPreimage, decodeSignedStatus, decodeUpload, uploadMessage } from '../../wire/message/hub.ts';
import { hubVectors } from './golden/hub.ts';
import { statementVectors } from './golden/messages.ts';

interface Vectors {
  readonly owner: { readonly publicKey: string };
  readonly modelId: string;
  readonly statuses: readonly Readonly<Record<'status' | 'sequence' | 'message' | 'signature' | 'utf8', string>>[];
  readonly uploads: readonly {
    readonly hub: string;
    readonly fields: { readonly hub: string };
    readonly contents: string;
    readonly message: string;
    readonly authorisation: string;
    readonly utf8: string;
  }[];
}

const vectors = hubVectors() as unknown as Vectors;
const statements = statementVectors() as unknown as {
  readonly manifest: { readonly utf8: string; readonly modelId: string; readonly signature: string };
};
const owner = fromHex(vectors.owner.publicKey).slice(1);
const modelId = fromHex(vectors.modelId);

describe.each([
  ['OpenSSL', nodeSuite],
  ['WebCrypto', webSuite],
] as const)('what owners say to hubs, judged with %s,', (_, suite) => {
  it('is of the golden manifest, which its owner signed', async () => {
    const { manifest } = statements;
    const signed = { manifest: utf8(manifest.utf8), owner, signature: fromHex(manifest.signature) };
    expect(vectors.modelId).toBe(manifest.modelId);
    requireAccepted(await verifyRelease(signed, { modelId, publishers: [owner], suite }));
  });

  it('holds three statuses that follow one another', async () => {
    let seen: Parameters<typeof verifyStatus>[1]['seen'] = 'nothing';
    for (const { status, sequence, signature, utf8: text } of vectors.statuses) {
      const given = decodeSignedStatus(utf8(text));
      expect([given.status, `${given.sequence}`, toHex(given.signature)]).toEqual([status, sequence, signature]);
      seen = requireAccepted(await verifyStatus(given, { modelId, owner, seen, refuse: 'nothing', suite }));
    }
    expect(seen).toMatchObject({ status: 'yanked' });
  });

  it('holds uploads that are authorised for one hub, nonce, visibility and these contents', async () => {
    for (const { hub, fields, contents, message, authorisation, utf8: text } of vectors.uploads) {
      const { release, visibility, contents: files, nonce, authorisation: given } = decodeUpload(utf8(text));
      expect(sha256(utf8(hub))).toEqual(fromHex(fields.hub));
      expect(contentsPreimage(files)).toEqual(utf8(contents));
      const rebuilt = uploadMessage({
        hub: sha256(utf8(hub)),
        nonce,
        modelId: sha256(release.manifest),
        visibility,
        contents: sha256(utf8(contents)),
      });
      expect(toHex(rebuilt)).toBe(message);
      expect(toHex(given)).toBe(authorisation);
      expect(await verifyLowS(suite, fromHex(vectors.owner.publicKey), rebuilt, given)).toBe(true);
    }
    expect(new Set(vectors.uploads.map(({ message }) => message)).size).toBe(2);
  });
});

describe('every text of them', () => {
  const texts = [statements.manifest, ...vectors.statuses, ...vectors.uploads].map(({ utf8: text }) => utf8(text));

  it('is its own RFC 8785 form', () => {
    for (const text of texts) expect(canonicalJson(parseJson(text, limits.hubReleaseBytes))).toEqual(text);
  });
});
