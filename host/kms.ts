import type { KMSClient } from '@aws-sdk/client-kms';
import { type EncryptedRelease, encryptionContext } from '../wire/message/encrypted-release.ts';

/**
 * The host calls KMS for its worker (DESIGN section 7): it has the network and the credentials, and what comes back is
 * sealed to a key that it does not have. It can withhold an answer or hand on another one; neither opens a model.
 */
export interface KeyService {
  /** The data key of a release, sealed by KMS to the key in a worker's document. */
  sealedKey(encryption: EncryptedRelease, document: Uint8Array): Promise<Uint8Array>;
}

export type KeyErrorCode =
  /** No answer, or one that says to come back: worth another attempt. */
  | 'kms_unavailable'
  /** The key's policy does not let this host, or not this enclave, have it. */
  | 'kms_denied'
  /** KMS will not do it whoever asks: a wrapped key of another context, a key that is disabled or unknown. */
  | 'kms_refused'
  /** An answer without a sealed key, or with one in the clear. */
  | 'kms_protocol'
  /** No region or no credentials. */
  | 'kms_not_configured'
  | 'kms_package_missing';

export class KeyError extends Error {
  readonly code: KeyErrorCode;

  constructor(code: KeyErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'KeyError';
    this.code = code;
  }
}

export interface AwsKmsOptions {
  /** Without it: the region in the key's ARN, then what the environment says. */
  readonly region?: string;
  readonly endpoint?: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 15_000;

/** AWS KMS through its SDK, which finds credentials where AWS's tools do. Loaded when the first encrypted release needs it. */
export function createAwsKms(options: AwsKmsOptions = {}): KeyService {
  const clients = new Map<string, Promise<KMSClient>>();

  function clientFor(keyId: string): Promise<KMSClient> {
    const region = options.region ?? /^arn:[a-z-]+:kms:([a-z0-9-]+):/.exec(keyId)?.[1] ?? '';
    const found = clients.get(region);
    if (found !== undefined) return found;
    const made = openClient(region, options.endpoint);
    clients.set(region, made);
    return made;
  }

  return {
    async sealedKey(encryption, document) {
      const { DecryptCommand } = await loadSdk();
      const client = await clientFor(encryption.kmsKeyId);
      const command = new DecryptCommand({
        // Named, although the blob names it too: KMS then refuses a blob that somebody else's key wrapped.
        KeyId: encryption.kmsKeyId,
        CiphertextBlob: encryption.ciphertextBlob,
        EncryptionContext: { ...encryptionContext(encryption.modelId) },
        Recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: document },
      });
      const answer = await client
        .send(command, { abortSignal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS) })
        .catch((error: unknown) => {
          throw explain(error);
        });
      const { CiphertextForRecipient: sealed, Plaintext: plaintext } = answer;
      if (plaintext !== undefined && plaintext.length > 0) {
        plaintext.fill(0);
        throw new KeyError('kms_protocol', 'the key came in the clear: this service ignores documents');
      }
      if (sealed === undefined || sealed.length === 0) throw new KeyError('kms_protocol', 'no key in the answer');
      return Uint8Array.from(sealed);
    },
  };
}

async function openClient(region: string, endpoint: string | undefined): Promise<KMSClient> {
  const sdk = await loadSdk();
  return new sdk.KMSClient({
    ...(region === '' ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
}

async function loadSdk(): Promise<typeof import('@aws-sdk/client-kms')> {
  try {
    return await import('@aws-sdk/client-kms');
  } catch (cause) {
    throw new KeyError('kms_package_missing', 'npm install @aws-sdk/client-kms', { cause });
  }
}

const NOT_CONFIGURED = /credential|region is missing/i;
/** Faults of the client's side by HTTP status that pass by themselves. */
const PASSING: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'LimitExceededException',
  'KeyUnavailableException',
]);

function explain(cause: unknown): KeyError {
  const { name, message, $fault } = cause as {
    readonly name: string;
    readonly message: string;
    readonly $fault?: string;
  };
  const said = (code: KeyErrorCode): KeyError => new KeyError(code, name, { cause });
  if (name === 'AccessDeniedException') return said('kms_denied');
  if ($fault === 'client' && !PASSING.has(name)) return said('kms_refused');
  if ($fault === undefined && NOT_CONFIGURED.test(`${name} ${message}`)) return said('kms_not_configured');
  return said('kms_unavailable');
}
