import { EnvelopeError } from '../../../enclave/worker/kms/ber.ts';
import { parseEnvelopedKey } from '../../../enclave/worker/kms/enveloped-data.ts';
import { concatBytes, fromHex } from '../../../wire/bytes.ts';

/** What a host says KMS answered: three strings of known sizes, or a refusal. */
export function fuzz(data: Uint8Array): void {
  try {
    const { iv, ciphertext } = parseEnvelopedKey(data);
    if (iv.length !== 16 || ciphertext.length !== 48) throw new Error('a message that is no sealed key');
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
  }
}

function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const whole = concatBytes(...contents);
  const length = whole.length < 0x80 ? [whole.length] : [0x81, whole.length];
  return concatBytes(Uint8Array.of(tag, ...length), whole);
}

function open(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(tag, 0x80), ...contents, Uint8Array.of(0, 0));
}

const oaep = fromHex(
  '303c06092a864886f70d010107302fa00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500',
);
const [enveloped, data, aes] = [
  '06092a864886f70d010703',
  '06092a864886f70d010701',
  `301d060960864801650304012a0410${'22'.repeat(16)}`,
].map((hex) => fromHex(hex)) as [Uint8Array, Uint8Array, Uint8Array];
const [zero, two] = [fromHex('020100'), fromHex('020102')];
const key = tlv(0x04, new Uint8Array(8));
const content = new Uint8Array(48);

/** In the form of KMS, and in DER with an issuer's name; short where nobody looks at a length. */
export const seeds: readonly Uint8Array[] = [
  open(
    0x30,
    enveloped,
    open(
      0xa0,
      open(
        0x30,
        two,
        tlv(0x31, tlv(0x30, two, tlv(0x80, zero), oaep, key)),
        open(0x30, data, aes, open(0xa0, tlv(0x04, content))),
      ),
    ),
  ),
  tlv(
    0x30,
    enveloped,
    tlv(
      0xa0,
      tlv(
        0x30,
        zero,
        tlv(0x31, tlv(0x30, zero, tlv(0x30, tlv(0x30), two), oaep, key)),
        tlv(0x30, data, aes, tlv(0x80, content)),
      ),
    ),
  ),
];
