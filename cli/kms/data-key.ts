import { encryptionContext } from '../../wire/message/encrypted-release.ts';
import { CommandError } from '../exit-codes.ts';

/** A key for one release: once for the publisher's use, once wrapped for whoever may open it later. */
export interface DataKey {
  readonly plaintext: Uint8Array;
  readonly ciphertextBlob: Uint8Array;
  /** The ARN of the key that wraps it. */
  readonly kmsKeyId: string;
}

export interface KmsPlace {
  readonly keyId: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
}

/** KMS `GenerateDataKey` under the release's context. Credentials come from where AWS's own tools find them. */
export async function generateDataKey(modelId: Uint8Array, place: KmsPlace): Promise<DataKey> {
  const { GenerateDataKeyCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const region = place.region ?? /^arn:[a-z-]+:kms:([a-z0-9-]+):/.exec(place.keyId)?.[1];
  const client = new KMSClient({
    ...(region === undefined ? {} : { region }),
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }),
  });
  try {
    const answer = await client.send(
      new GenerateDataKeyCommand({
        KeyId: place.keyId,
        KeySpec: 'AES_256',
        EncryptionContext: { ...encryptionContext(modelId) },
      }),
    );
    const { Plaintext, CiphertextBlob, KeyId } = answer;
    if (Plaintext?.length !== 32 || CiphertextBlob === undefined || KeyId === undefined) {
      throw new CommandError('KMS gave no data key');
    }
    const plaintext = Uint8Array.from(Plaintext);
    Plaintext.fill(0);
    return { plaintext, ciphertextBlob: Uint8Array.from(CiphertextBlob), kmsKeyId: KeyId };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { name, message } = error as Error;
    throw new CommandError(`KMS: ${name}${message === '' ? '' : `: ${message}`}`);
  } finally {
    client.destroy();
  }
}
