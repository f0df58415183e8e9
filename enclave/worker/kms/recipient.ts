import { constants, createDecipheriv, privateDecrypt } from 'node:crypto';
import { sha256 } from '../../../wire/crypto/node.ts';
import { DATA_KEY_BYTES, kmsPreimage } from '../../../wire/message/encrypted-release.ts';
import type { Attester } from '../attester.ts';
import { Refusal } from '../refusal.ts';
import { EnvelopeError } from './ber.ts';
import { type EnvelopedKey, parseEnvelopedKey } from './enveloped-data.ts';
import { makeRsaKey, type RecipientKey } from './rsa-key.ts';

/** Somebody for whom KMS seals one data key: a fresh RSA key, and the device's document that carries it. */
export interface Recipient {
  readonly document: Uint8Array;
  /** Opens the one answer. Whatever comes of it, a second call is refused. */
  open(sealed: Uint8Array): Uint8Array;
}

export interface RecipientOptions {
  readonly attester: Attester;
  /** SHA-256 of the identity words. */
  readonly log: Uint8Array;
  /** Fresh secret bytes. */
  readonly draw: (length: number) => Uint8Array;
}

export type MakeRecipient = (modelId: Uint8Array) => Promise<Recipient>;

const PADDING = 16;

/**
 * DESIGN section 3: a document for KMS names its model and this worker in `user_data`, under a tag that no identity has,
 * and carries no nonce, so that neither passes for the other. The key answers once: what is recorded now opens nothing
 * later, and nobody can ask twice what a changed message does.
 */
export function createRecipients({ attester, log, draw }: RecipientOptions): MakeRecipient {
  return async (modelId) => {
    if (attester.tee !== 'aws-nitro') throw new Refusal('kms_unsupported_tee', `KMS knows no ${attester.tee}`);
    const key = await makeRsaKey(draw);
    const userData = sha256(kmsPreimage(log, modelId));
    const { document } = await attester.attest({ userData, nonce: null, publicKey: key.spki });
    let left: RecipientKey | undefined = key;
    return {
      document,
      open(sealed) {
        if (left === undefined) throw new Refusal('data_key_unexpected', 'this key has had its answer');
        const { privateKey } = left;
        left = undefined;
        try {
          return openKey(parseEnvelopedKey(sealed), privateKey);
        } catch (error) {
          if (!(error instanceof EnvelopeError)) throw error;
          throw new Refusal('data_key_refused', error.message);
        }
      },
    };
  };
}

/**
 * One error for everything after the form was right. AES-CBC authenticates nothing: a changed message can open to another
 * key, which then opens no file.
 */
export function openKey(
  { encryptedKey, iv, ciphertext }: EnvelopedKey,
  privateKey: RecipientKey['privateKey'],
): Uint8Array {
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const contentKey = privateDecrypt({ key: privateKey, padding, oaepHash: 'sha256' }, encryptedKey);
    const decipher = createDecipheriv('aes-256-cbc', contentKey, iv);
    contentKey.fill(0);
    decipher.setAutoPadding(false);
    const plaintext = decipher.update(ciphertext);
    decipher.final();
    const dataKey = Uint8Array.from(plaintext.subarray(0, DATA_KEY_BYTES));
    const padded = plaintext.length === DATA_KEY_BYTES + PADDING && isPadding(plaintext.subarray(DATA_KEY_BYTES));
    plaintext.fill(0);
    if (padded) return dataKey;
    dataKey.fill(0);
  } catch {
    // As below: which step it was is nobody's business.
  }
  throw new EnvelopeError('envelope_undecryptable', 'it does not open');
}

function isPadding(block: Uint8Array): boolean {
  let difference = 0;
  for (const byte of block) difference |= byte ^ PADDING;
  return difference === 0;
}
