import { describe, expect, it } from 'vitest';
import { concatBytes, toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import {
  kmsPreimage,
  registerMessage,
  releaseMessage,
  releaseStatusMessage,
  seedPreimage,
  sessionMessage,
} from '../../../wire/message/authorisations.ts';
import { decodeIdentity, encodeIdentity, imagePreimage } from '../../../wire/message/identity.ts';
import * as link from '../../../wire/message/link.ts';
import {
  decodeReceipt,
  decodeTreeHead,
  encodeReceipt,
  encodeTreeHead,
  leafPreimage,
  receiptLayout,
} from '../../../wire/message/receipt.ts';
import {
  issuedChallengePreimage,
  listingMessage,
  releaseVersion,
  revokeMessage,
} from '../../../wire/message/registrations.ts';
import {
  checkJsonLength,
  decodeRequest,
  decodeRequestHeader,
  encodeRequestHeader,
  feeFor,
  format,
  type RequestHeader,
  requestHeaderLayout,
} from '../../../wire/message/request.ts';
import { decodeFinalRecord, encodeFinalRecord, encodeSealedRequest } from '../../../wire/message/session.ts';
import { addressWord, encodeWords, tagWord, uintWord } from '../../../wire/words.ts';
import { refusalOf } from '../codec/support.ts';

const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);
const invalid = (field: string): object => ({ code: 'field_invalid', place: { field } });

describe('what someone signs', () => {
  it('is its tag and its words', () => {
    expect(sessionMessage(bytes(32))).toEqual(concatBytes(tagWord('proofmark session v1'), bytes(32)));
    expect(registerMessage(bytes(32), bytes(32, 8))).toEqual(
      concatBytes(tagWord('proofmark register v1'), bytes(32), bytes(32, 8)),
    );
    expect(releaseMessage(bytes(32))).toEqual(concatBytes(tagWord('proofmark release v1'), bytes(32)));
    expect(kmsPreimage(bytes(32), bytes(32, 8))).toEqual(
      concatBytes(tagWord('proofmark kms v1'), bytes(32), bytes(32, 8)),
    );
  });

  it('about a release knows three states', () => {
    for (const value of [0n, 1n, 2n]) {
      expect(releaseStatusMessage(bytes(32), value, 5n)).toEqual(
        concatBytes(tagWord('proofmark status v1'), bytes(32), uintWord(value), uintWord(5n)),
      );
    }
    expect(refusalOf(() => releaseStatusMessage(bytes(32), 3n, 5n))).toEqual(invalid('status'));
  });

  it('about a log on chain names chain, registry and log', () => {
    expect(revokeMessage({ chainId: 5n, registry: bytes(20), log: bytes(32, 8) })).toEqual(
      concatBytes(tagWord('proofmark revoke v1'), uintWord(5n), addressWord(bytes(20)), bytes(32, 8)),
    );
  });

  it('in place of a block, for one operator of one registry, is drawn from three numbers', () => {
    const place = { chainId: 5n, registry: bytes(20), operator: bytes(20, 8) };
    const drawn = { nonce: 6n, previousBlockHash: bytes(32, 9), prevrandao: 7n };
    expect(issuedChallengePreimage({ ...place, ...drawn })).toEqual(
      concatBytes(
        ...[tagWord('proofmark issued v1'), uintWord(5n), addressWord(bytes(20)), addressWord(bytes(20, 8))],
        ...[uintWord(6n), bytes(32, 9), uintWord(7n)],
      ),
    );
  });

  it('to list a release names the registry, the manifest, its name and its version', () => {
    const place = { chainId: 5n, registry: bytes(20), modelId: bytes(32, 8), nameHash: bytes(32, 9) };
    const version = { major: 1, minor: 0, patch: 999_999_999 };
    expect(listingMessage({ ...place, version })).toEqual(
      concatBytes(
        ...[tagWord('proofmark listing v1'), uintWord(5n), addressWord(bytes(20)), bytes(32, 8), bytes(32, 9)],
        ...[uintWord(1n), uintWord(0n), uintWord(999_999_999n)],
      ),
    );
    const wide = { ...place, version: { ...version, minor: 2 ** 32 } };
    expect(refusalOf(() => listingMessage(wide))).toEqual({ code: 'integer_out_of_range', place: {} });
  });

  it('is a version of three numbers, and no pre-release', () => {
    expect(releaseVersion('10.0.999999999')).toEqual({ major: 10, minor: 0, patch: 999_999_999 });
    for (const version of ['1.2.3-rc.1', '1.2', '1.2.3.4', '01.2.3', '1.2.3 ', 'v1.2.3', '1.2.1000000000', '']) {
      expect(refusalOf(() => releaseVersion(version))).toEqual(invalid('version'));
    }
  });

  it('of a seed is the tag and its decimal digits', () => {
    // printf 'proofmark seed v1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\00042' | sha256sum
    const hash = '78984322cd3cab87864f46aac8cf15eb95b5bd96530791cf82c7421005027adb';
    expect(toHex(sha256(seedPreimage(42)))).toBe(hash);
    for (const seed of [0, 42, Number.MAX_SAFE_INTEGER]) {
      expect(seedPreimage(seed)).toEqual(concatBytes(tagWord('proofmark seed v1'), utf8(String(seed))));
    }
    for (const seed of [-1, -0, 1.5, 2 ** 53, Number.NaN]) {
      expect(refusalOf(() => seedPreimage(seed))).toEqual({ code: 'integer_out_of_range', place: { field: 'seed' } });
    }
  });
});

describe('an identity', () => {
  const identity = {
    version: 1n,
    signerX: bytes(32),
    signerY: bytes(32),
    sealKey: bytes(32),
    operator: bytes(20),
    chainId: 1n,
    registry: bytes(20),
    settlement: bytes(20),
    config: bytes(32),
    runtime: bytes(32),
  };

  it('of another version is refused by that field', () => {
    expect(decodeIdentity(encodeIdentity(identity))).toEqual(identity);
    for (const version of [0n, 2n]) {
      expect(refusalOf(() => decodeIdentity(encodeIdentity({ ...identity, version })))).toEqual(invalid('version'));
    }
  });

  it('of an image takes no measurement of another length among right ones', () => {
    const [right, short] = [bytes(48), bytes(47)];
    for (const three of [
      [short, right, right],
      [right, right, short],
      [right, right],
    ]) {
      expect(refusalOf(() => imagePreimage('aws-nitro', three))).toEqual(invalid('measurements'));
    }
  });
});

describe('a receipt', () => {
  const receipt = {
    requestId: bytes(32),
    channel: bytes(32),
    modelId: bytes(32),
    requestHash: bytes(32),
    responseHash: bytes(32),
    commitment: bytes(32),
    execution: bytes(32),
    flags: 0n,
    status: 0n,
    fee: 0n,
    cumulativeFee: 0n,
    deadline: 0n,
    index: 0n,
  };

  it('says which field means nothing', () => {
    for (const [field, value] of [
      ['status', 5n],
      ['flags', 8n],
    ] as const) {
      const wrong = { ...receipt, [field]: value };
      expect(refusalOf(() => encodeReceipt(wrong))).toEqual(invalid(field));
      expect(refusalOf(() => decodeReceipt(encodeWords(receiptLayout, wrong)))).toEqual(invalid(field));
    }
  });

  it('becomes a leaf as a whole or not at all', () => {
    const encoded = encodeReceipt(receipt);
    expect(leafPreimage(encoded)).toEqual(concatBytes(Uint8Array.of(0), encoded));
    for (const other of [encoded.subarray(1), concatBytes(encoded, Uint8Array.of(0))]) {
      expect(refusalOf(() => leafPreimage(other))).toMatchObject({ code: 'word_invalid' });
    }
  });
});

describe('a tree head', () => {
  const head = { chainId: 1n, settlement: bytes(20), log: bytes(32), size: 1, root: bytes(32) };

  it.each([0, 1, 2 ** 48 - 1])('of %i leaves comes back', (size) => {
    expect(decodeTreeHead(encodeTreeHead({ ...head, size }))).toEqual({ ...head, size });
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 48 + 1])('has no %d leaves', (size) => {
    expect(refusalOf(() => encodeTreeHead({ ...head, size }))).toEqual({
      code: 'integer_out_of_range',
      place: { field: 'size' },
    });
  });

  it('under another tag is refused by its tag', () => {
    const encoded = encodeTreeHead(head);
    for (const index of [0, 16]) {
      expect(refusalOf(() => decodeTreeHead(encoded.with(index, 1)))).toEqual({
        code: 'tag_mismatch',
        place: { field: 'tag' },
      });
    }
  });
});

describe('a request', () => {
  const header = Object.fromEntries(
    requestHeaderLayout.map(({ name, kind }) => [name, kind === 'uint' ? 0n : bytes(32)]),
  ) as unknown as RequestHeader;

  it.each([
    ['operation', 2n],
    ['format', 2n],
    ['flags', 7n],
  ] as const)('has no %s beyond %i', (field, last) => {
    const encode = (value: bigint): Uint8Array => encodeWords(requestHeaderLayout, { ...header, [field]: value });
    expect(refusalOf(() => decodeRequestHeader(encode(last)))).toBe('accepted');
    expect(refusalOf(() => decodeRequestHeader(encode(last + 1n)))).toEqual(invalid(field));
  });

  it('may have a body of the largest size', () => {
    const integers = encodeRequestHeader({ ...header, format: format.integers });
    expect(decodeRequest(concatBytes(integers, bytes(limits.bodyBytes))).body).toHaveLength(limits.bodyBytes);
    expect(refusalOf(() => decodeRequest(integers.subarray(0, 100)))).toEqual({
      code: 'truncated',
      place: { offset: 100 },
    });
  });

  it('whose body is JSON throughout may still be binary', () => {
    expect(refusalOf(() => checkJsonLength(format.binary, 4n, 4))).toBe('accepted');
    expect(refusalOf(() => checkJsonLength(format.binary, 1n, 4))).toBe('accepted');
    expect(refusalOf(() => checkJsonLength(format.json, 5n, 4))).toEqual(invalid('jsonLength'));
  });

  it('costs exactly what was allowed where that is what it owes', () => {
    const priced = { ...header, unitPrice: 5n, maxFee: 10n };
    expect([0n, 1n, 2n, 3n].map((units) => feeFor(priced, units))).toEqual([0n, 5n, 10n, 10n]);
  });
});

describe('records of a session', () => {
  it('carry a request behind its kind', () => {
    expect(encodeSealedRequest(Uint8Array.of(1, 2), Uint8Array.of(3))).toEqual(Uint8Array.of(0, 1, 2, 3));
  });

  it('end with a bundle of up to its limit and a body of any length, also none', () => {
    const last = { bundle: bytes(limits.bundleBytes), format: 2, jsonLength: 0, body: bytes(0) };
    const encoded = encodeFinalRecord(last);
    expect(decodeFinalRecord(encoded)).toEqual(last);
    expect(refusalOf(() => decodeFinalRecord(encoded.subarray(0, -1)))).toEqual({
      code: 'truncated',
      place: { offset: encoded.length - 1 },
    });
    expect(refusalOf(() => decodeFinalRecord(encodeFinalRecord({ ...last, bundle: bytes(0), format: 3 })))).toEqual(
      invalid('format'),
    );
  });
});

describe('frames between host and worker', () => {
  it('cut an explanation where its limit ends', () => {
    const decoded = link.decodeRefusal(link.encodeRefusal({ code: 'busy', detail: 'x'.repeat(2_000) }));
    expect(decoded.detail).toBe('x'.repeat(1_024));
  });

  it('carry pieces of a file, from none of it to the largest', () => {
    for (const length of [0, limits.fileChunkBytes]) {
      const decoded = link.decodeFilePiece(link.encodeFilePiece({ modelId: bytes(32), file: 1, bytes: bytes(length) }));
      expect({ ...decoded, bytes: decoded.bytes.length }).toEqual({ modelId: bytes(32), file: 1, bytes: length });
    }
  });

  it('carry a model id to ask for its key, and the sealed key back', () => {
    expect(link.decodeModelId(bytes(32))).toEqual(bytes(32));
    for (const length of [0, 31, 33]) {
      expect(refusalOf(() => link.decodeModelId(bytes(length)))).toMatchObject({ code: 'frame_invalid' });
    }
    for (const length of [1, limits.kmsRecipientBytes]) {
      const key = { modelId: bytes(32), sealed: bytes(length, 8) };
      expect(link.decodeSealedDataKey(link.encodeSealedDataKey(key))).toEqual(key);
    }
    expect(refusalOf(() => link.decodeSealedDataKey(bytes(32)))).toMatchObject({ code: 'truncated' });
    expect(refusalOf(() => link.decodeSealedDataKey(bytes(33 + limits.kmsRecipientBytes)))).toMatchObject({
      code: 'too_large',
    });
  });

  it('carry a session id and nothing else', () => {
    const { sessionId, rest } = link.decodeForSession(bytes(16));
    expect([sessionId, rest.length]).toEqual([bytes(16), 0]);
  });

  it('acknowledge a full log', () => {
    expect(link.decodeAcknowledge(link.encodeAcknowledge(limits.treeSize))).toBe(limits.treeSize);
  });

  it('carry the largest answer and the largest release', () => {
    const answer = {
      status: 4,
      bundle: bytes(limits.bundleBytes),
      format: 2,
      jsonLength: limits.bodyBytes,
      body: bytes(limits.bodyBytes),
    };
    expect(link.decodePlainAnswer(link.encodePlainAnswer(answer)).body).toHaveLength(limits.bodyBytes);
    const release = { manifest: bytes(limits.manifestBytes), owner: bytes(64), signature: bytes(64) };
    expect(link.decodeRelease(link.encodeRelease(release)).manifest).toHaveLength(limits.manifestBytes);
  });

  it('say which field of which frame is out of bounds', () => {
    const ready = { identity: bytes(320), configuration: bytes(0), runtime: bytes(4) };
    expect(refusalOf(() => link.decodeReadyInfo(link.encodeReadyInfo(ready)))).toEqual(invalid('ready.configuration'));
    const runtime = { ...ready, configuration: bytes(4), runtime: bytes(limits.executionBytes + 1) };
    expect(refusalOf(() => link.decodeReadyInfo(link.encodeReadyInfo(runtime)))).toEqual(invalid('ready.runtime'));
    const state = { version: 1, ready: null, size: limits.treeSize + 1, acknowledged: 0, models: [] } as const;
    expect(refusalOf(() => link.decodeState(link.encodeState(state)))).toEqual(invalid('state.size'));
    const answer = { status: 5, bundle: bytes(0), format: 0, jsonLength: 0, body: bytes(0) };
    expect(refusalOf(() => link.decodePlainAnswer(link.encodePlainAnswer(answer)))).toEqual(invalid('answer.status'));
    expect(refusalOf(() => link.decodePlainAnswer(bytes(0)))).toEqual(invalid('answer.status'));
    const release = { manifest: bytes(1), owner: bytes(64), signature: bytes(64) };
    expect(refusalOf(() => link.decodeRelease(link.encodeRelease(release)))).toEqual(invalid('release.manifest'));
  });
});
