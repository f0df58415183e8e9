import { deepStrictEqual } from 'node:assert/strict';
import { concatBytes, u32 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { WireError } from '../../../wire/errors.ts';
import { openRecord, sealRecord } from '../../../wire/noise/record.ts';

const TAG = 16;

/** A cipher that hides nothing and admits everything, so that the fuzzer reaches what lies behind the seal. */
const gullible: Suite = {
  ...nodeSuite,
  sealAesGcm: (_key, _nonce, _associated, plaintext) => concatBytes(plaintext, new Uint8Array(TAG)),
  openAesGcm: (_key, _nonce, _associated, sealed) => sealed.slice(0, -TAG),
};
const key = new Uint8Array(32);
const hash = new Uint8Array(32);

/** What is opened is one of the two paddings of its data, with nothing hidden in it. */
export async function fuzz(data: Uint8Array): Promise<void> {
  const record = concatBytes(data, new Uint8Array(TAG));
  try {
    const opened = await openRecord(gullible, key, hash, 'to-worker', record);
    const again = await Promise.all(
      (['body', 'stream'] as const).map((padding) =>
        sealRecord(gullible, key, hash, opened.place, opened.data, padding),
      ),
    );
    deepStrictEqual(
      again.find(({ length }) => length === record.length),
      record,
    );
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

function seed(plaintextBytes: number, dataBytes: number): Uint8Array {
  const plaintext = new Uint8Array(plaintextBytes);
  plaintext.set(u32(dataBytes));
  plaintext.fill(7, 4, 4 + dataBytes);
  return concatBytes(u32(3), u32(1), Uint8Array.of(1), plaintext);
}

export const seeds: readonly Uint8Array[] = [seed(256, 5), seed(512, 300), seed(768, 600), seed(1_024, 600)];
