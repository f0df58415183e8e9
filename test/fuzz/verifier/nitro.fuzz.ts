import { deepStrictEqual } from 'node:assert/strict';
import { parseCoseSign1 } from '../../../verifier/codec/cose.ts';
import { parseNitroDocument } from '../../../verifier/codec/nitro-document.ts';
import { parseUnverifiedNitroDocument } from '../../../verifier/nitro/verify.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../../../wire/codec/cbor.ts';
import { type Check, forCheck, oneOfMany, unlessMalformed } from '../refused.ts';
import { nitroCertificate } from './certificate-seeds.ts';

const HEADER = Uint8Array.of(0xa1, 0x01, 0x38, 0x22);

/** The envelope has one spelling but for its tag, and what is signed is made of its very bytes. */
const envelope: Check = (data) => {
  const cose = unlessMalformed(() => parseCoseSign1(data));
  if (cose === undefined) return;
  const untagged = encodeCbor([HEADER, new Map(), cose.payload, cose.signature]);
  deepStrictEqual(data[0] === 0xd2 ? concatBytes(Uint8Array.of(0xd2), untagged) : untagged, Uint8Array.from(data));
  const signed = decodeCbor(cose.signed, strictCbor(cose.signed.length));
  deepStrictEqual(signed, ['Signature1', HEADER, new Uint8Array(), cose.payload]);
};

/** What the payload says can be written anew and reads as the same. */
const payload: Check = (data) => {
  const document = unlessMalformed(() => parseNitroDocument(data));
  if (document === undefined) return;
  const again = encodeCbor(
    new Map<string, CborValue>([
      ['module_id', document.moduleId],
      ['digest', 'SHA384'],
      ['timestamp', document.timestamp],
      ['pcrs', document.pcrs],
      ['certificate', document.certificate],
      ['cabundle', document.caBundle],
      ['public_key', document.publicKey],
      ['user_data', document.userData],
      ['nonce', document.nonce],
    ]),
  );
  deepStrictEqual(parseNitroDocument(again), { ...document, unknownFields: [] });
};

const whole: Check = (data) => {
  unlessMalformed(() => parseUnverifiedNitroDocument(data));
};

export const fuzz: Check = oneOfMany([envelope, payload, whole]);

const fields: readonly (readonly [name: string, value: CborValue])[] = [
  ['module_id', 'i-0-enc0'],
  ['digest', 'SHA384'],
  ['timestamp', 1_700_000_000_000],
  ['pcrs', new Map([[0, new Uint8Array(48)]])],
  ['certificate', nitroCertificate],
  ['cabundle', [nitroCertificate]],
  ['public_key', null],
  ['user_data', Uint8Array.of(1)],
  ['nonce', new Uint8Array()],
];

function payloadSeed(form: 'definite' | 'indefinite', certificate: Uint8Array): Uint8Array {
  const entries = fields.flatMap(([name, value]) => {
    const given = name === 'certificate' ? certificate : name === 'cabundle' ? [certificate] : value;
    return [encodeCbor(name), encodeCbor(given)];
  });
  return form === 'definite'
    ? concatBytes(Uint8Array.of(0xa0 + fields.length), ...entries)
    : concatBytes(Uint8Array.of(0xbf), ...entries, encodeCbor('more'), encodeCbor(null), Uint8Array.of(0xff));
}

function envelopeSeed(contents: Uint8Array): Uint8Array {
  return encodeCbor([HEADER, new Map(), contents, new Uint8Array(96).fill(2)]);
}

// One byte stands for a certificate where none is parsed: the less there is to damage in vain, the further mutation gets.
const byte = Uint8Array.of(0x30);

export const seeds: readonly Uint8Array[] = [
  forCheck(0, envelopeSeed(byte)),
  forCheck(0, concatBytes(Uint8Array.of(0xd2), envelopeSeed(byte))),
  forCheck(1, payloadSeed('definite', byte)),
  forCheck(1, payloadSeed('indefinite', byte)),
  forCheck(2, envelopeSeed(payloadSeed('indefinite', nitroCertificate))),
];
