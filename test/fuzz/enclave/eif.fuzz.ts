import { deepStrictEqual } from 'node:assert/strict';
import { describeEif } from '../../../enclave/image/formats/eif-describe.ts';
import { type Eif, readEif } from '../../../enclave/image/formats/eif-read.ts';
import { readEifSignature } from '../../../enclave/image/formats/eif-signature.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { commandLine, kernel, ramdisk, rawEif, withChecksum } from '../../enclave/image/formats/support/eif.ts';
import signed from '../../enclave/image/formats/support/signed-eif.json' with { type: 'json' };
import { type Check, forCheck, oneOfMany } from '../refused.ts';
import { refuses, unlessImageRefused } from './image-refused.ts';

/** The sections of an accepted image are all of it: nothing lies between them, and nothing is read twice. */
const covers: Check = (data) => {
  const eif = unlessImageRefused(() => readEif(data));
  if (eif === undefined) return;
  const parts = [eif.kernel, eif.commandLine, ...eif.ramdisks, eif.signature, eif.metadata].filter(
    (part) => part !== null,
  );
  const content = parts.reduce((sum, { length }) => sum + length, 0);
  deepStrictEqual(content + 548 + 12 * eif.sections.length, data.length);
  deepStrictEqual(inOrder(eif, data).length, content);
};

function inOrder({ sections }: Eif, data: Uint8Array): Uint8Array {
  return concatBytes(...sections.map(({ offset, size }) => data.subarray(offset, offset + size)));
}

/** Damage gets past the checksum in the second, so that what lies behind it is reached. */
export const fuzz: Check = oneOfMany([
  covers,
  (data) => {
    if (data.length >= 548) covers(withChecksum(data));
  },
  refuses((data) => {
    if (data.length >= 548) describeEif(withChecksum(data));
  }),
  refuses(readEifSignature),
]);

const independent = new Uint8Array(Buffer.from(signed.eif, 'base64'));
const small = rawEif({ sections: [kernel, commandLine, ramdisk, [5, utf8('{}')]] });

export const seeds: readonly Uint8Array[] = [
  forCheck(0, small),
  forCheck(1, rawEif({ version: 2, sections: [kernel, commandLine, ramdisk] })),
  forCheck(1, small),
  forCheck(2, independent),
  forCheck(3, readEif(independent).signature as Uint8Array),
];
