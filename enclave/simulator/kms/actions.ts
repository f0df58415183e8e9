import { randomBytes } from 'node:crypto';
import { integer, literal, object, oneOf, optional, type Reader, record, text } from '../../../wire/codec/fields.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import type { JudgeDocument } from './document.ts';
import { sealToRecipient } from './envelope.ts';
import { KmsFault } from './fault.ts';
import type { EncryptionContext, KeyStore, KmsKey } from './key-store.ts';
import { evaluate, type KeyPolicy, PolicyError, parseKeyPolicy } from './policy.ts';
import type { Caller } from './signature.ts';

export interface ActionContext {
  readonly caller: Caller;
  readonly store: KeyStore;
  readonly judge: JudgeDocument;
}

export type Action = (context: ActionContext, input: JsonValue) => Promise<JsonValue>;

interface Recipient {
  readonly KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256';
  readonly AttestationDocument: Uint8Array;
}

const SYMMETRIC = 'SYMMETRIC_DEFAULT';
const keyId: Reader<string> = text({ min: 1, max: limits.kmsKeyIdBytes });
const context: Reader<ReadonlyMap<string, string> | null> = optional(
  record(/[\s\S]{1,256}/, text({ min: 0, max: 1_024 }), { min: 0, max: limits.kmsContextPairs }),
);
const algorithm: Reader<typeof SYMMETRIC | null> = optional(literal(SYMMETRIC));
const recipient: Reader<Recipient | null> = optional(
  object<Recipient>({
    KeyEncryptionAlgorithm: literal('RSAES_OAEP_SHA_256'),
    AttestationDocument: blob(limits.attestationDocumentBytes),
  }),
);

/** AWS's JSON carries bytes as padded base64. */
function blob(max: number): Reader<Uint8Array> {
  const base64 = text({
    min: 4,
    max: 4 * Math.ceil(max / 3),
    pattern: /(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/,
  });
  return (value, path) => {
    const bytes = new Uint8Array(Buffer.from(base64(value, path), 'base64'));
    if (bytes.length > max) throw new WireError('field_invalid', `${bytes.length} bytes`, { field: path });
    return bytes;
  };
}

function action<T>(shape: Reader<T>, run: (context: ActionContext, input: T) => Promise<JsonValue>): Action {
  return async (given, input) => {
    let parsed: T;
    try {
      parsed = shape(input, 'request');
    } catch (error) {
      // Unknown members too: something that this stand-in does not do must not look done.
      if (error instanceof WireError) throw new KmsFault('ValidationException', error.message);
      throw error;
    }
    return run(given, parsed);
  };
}

interface Asked {
  readonly key: KmsKey;
  readonly action: string;
  readonly context: EncryptionContext;
  readonly attested: ReadonlyMap<string, string>;
}

function authorise({ caller }: ActionContext, asked: Asked): void {
  const pairs = Object.entries(asked.context).map(
    ([name, value]) => [`kms:encryptioncontext:${name.toLowerCase()}`, value] as const,
  );
  const attributes = new Map([...asked.attested, ...pairs, ['aws:principalarn', caller.arn] as const]);
  const ruling = evaluate(asked.key.policy, { principal: caller.arn, action: asked.action, attributes });
  if (ruling === 'allowed') return;
  const reason =
    ruling === 'denied'
      ? 'with an explicit deny in a resource-based policy'
      : 'because no resource-based policy allows the action';
  throw new KmsFault(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: ${asked.action} on this resource ${reason}`,
  );
}

const unattested: ReadonlyMap<string, string> = new Map();

const decrypt = action(
  object<{
    readonly CiphertextBlob: Uint8Array;
    readonly EncryptionContext: ReadonlyMap<string, string> | null;
    readonly KeyId: string | null;
    readonly EncryptionAlgorithm: typeof SYMMETRIC | null;
    readonly Recipient: Recipient | null;
  }>({
    CiphertextBlob: blob(limits.kmsCiphertextBytes),
    EncryptionContext: context,
    KeyId: optional(keyId),
    EncryptionAlgorithm: algorithm,
    Recipient: recipient,
  }),
  async (given, input) => {
    const { store, judge } = given;
    const named = input.KeyId === null ? null : store.find(input.KeyId);
    const key = store.keyOf(input.CiphertextBlob);
    if (named !== null && named.id !== key.id) {
      throw new KmsFault(
        'IncorrectKeyException',
        'The key ID in the request does not identify a CMK that can perform this operation.',
      );
    }
    const attested = input.Recipient === null ? null : await judge(input.Recipient.AttestationDocument);
    const pairs = Object.fromEntries(input.EncryptionContext ?? []);
    authorise(given, { key, action: 'kms:Decrypt', context: pairs, attested: attested?.attributes ?? unattested });
    const plaintext = store.unwrap(input.CiphertextBlob, pairs);
    const result = { KeyId: key.arn, EncryptionAlgorithm: SYMMETRIC };
    if (attested === null) return { ...result, Plaintext: base64(plaintext) };
    return { ...result, CiphertextForRecipient: base64(sealToRecipient(plaintext, attested.key)) };
  },
);

const generateDataKey = action(
  object<{
    readonly KeyId: string;
    readonly KeySpec: 'AES_256' | 'AES_128' | null;
    readonly NumberOfBytes: number | null;
    readonly EncryptionContext: ReadonlyMap<string, string> | null;
    readonly Recipient: Recipient | null;
  }>({
    KeyId: keyId,
    KeySpec: optional(oneOf(['AES_256', 'AES_128'])),
    NumberOfBytes: optional(integer({ min: 1, max: 1_024 })),
    EncryptionContext: context,
    Recipient: recipient,
  }),
  async (given, input) => {
    if ((input.KeySpec === null) === (input.NumberOfBytes === null)) {
      throw new KmsFault('ValidationException', 'Please specify either number of bytes or key spec.');
    }
    const { store, judge } = given;
    const key = store.find(input.KeyId);
    const attested = input.Recipient === null ? null : await judge(input.Recipient.AttestationDocument);
    const pairs = Object.fromEntries(input.EncryptionContext ?? []);
    authorise(given, {
      key,
      action: 'kms:GenerateDataKey',
      context: pairs,
      attested: attested?.attributes ?? unattested,
    });
    const plaintext = new Uint8Array(randomBytes(input.NumberOfBytes ?? (input.KeySpec === 'AES_128' ? 16 : 32)));
    const result = { KeyId: key.arn, CiphertextBlob: base64(store.wrap(key.id, plaintext, pairs)) };
    if (attested === null) return { ...result, Plaintext: base64(plaintext) };
    return { ...result, CiphertextForRecipient: base64(sealToRecipient(plaintext, attested.key)) };
  },
);

const encrypt = action(
  object<{
    readonly KeyId: string;
    readonly Plaintext: Uint8Array;
    readonly EncryptionContext: ReadonlyMap<string, string> | null;
    readonly EncryptionAlgorithm: typeof SYMMETRIC | null;
  }>({
    KeyId: keyId,
    Plaintext: blob(limits.kmsPlaintextBytes),
    EncryptionContext: context,
    EncryptionAlgorithm: algorithm,
  }),
  async (given, input) => {
    const key = given.store.find(input.KeyId);
    const pairs = Object.fromEntries(input.EncryptionContext ?? []);
    authorise(given, { key, action: 'kms:Encrypt', context: pairs, attested: unattested });
    const CiphertextBlob = base64(given.store.wrap(key.id, input.Plaintext, pairs));
    return { KeyId: key.arn, CiphertextBlob, EncryptionAlgorithm: SYMMETRIC };
  },
);

/** Whether a caller may create keys is for IAM policies to say, which are not simulated: every caller may. */
const createKey = action(
  object<{ readonly Policy: string; readonly Description: string | null }>({
    Policy: text({ min: 2, max: limits.kmsPolicyBytes }),
    Description: optional(text({ min: 0, max: 8_192 })),
  }),
  async ({ caller, store }, input) => metadata(store.create(newPolicy(input.Policy, caller))),
);

const describeKey = action(object<{ readonly KeyId: string }>({ KeyId: keyId }), async (given, input) => {
  const key = given.store.find(input.KeyId);
  authorise(given, { key, action: 'kms:DescribeKey', context: {}, attested: unattested });
  return metadata(key);
});

const policyName: Reader<'default' | null> = optional(literal('default'));

const getKeyPolicy = action(
  object<{ readonly KeyId: string; readonly PolicyName: 'default' | null }>({ KeyId: keyId, PolicyName: policyName }),
  async (given, input) => {
    const key = given.store.find(input.KeyId);
    authorise(given, { key, action: 'kms:GetKeyPolicy', context: {}, attested: unattested });
    return { Policy: key.policy.text, PolicyName: 'default' };
  },
);

const putKeyPolicy = action(
  object<{ readonly KeyId: string; readonly PolicyName: 'default' | null; readonly Policy: string }>({
    KeyId: keyId,
    PolicyName: policyName,
    Policy: text({ min: 2, max: limits.kmsPolicyBytes }),
  }),
  async (given, input) => {
    const key = given.store.find(input.KeyId);
    authorise(given, { key, action: 'kms:PutKeyPolicy', context: {}, attested: unattested });
    given.store.setPolicy(key.id, newPolicy(input.Policy, given.caller));
    return {};
  },
);

/** As KMS, which refuses a policy under which its author could not set another one. */
function newPolicy(source: string, caller: Caller): KeyPolicy {
  let policy: KeyPolicy;
  try {
    policy = parseKeyPolicy(source);
  } catch (error) {
    if (error instanceof PolicyError) throw new KmsFault('MalformedPolicyDocumentException', error.message);
    throw error;
  }
  const attributes = new Map([['aws:principalarn', caller.arn]]);
  if (evaluate(policy, { principal: caller.arn, action: 'kms:PutKeyPolicy', attributes }) !== 'allowed') {
    throw new KmsFault(
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
  }
  return policy;
}

function metadata({ id, arn, created }: KmsKey): JsonValue {
  return {
    KeyMetadata: {
      KeyId: id,
      Arn: arn,
      CreationDate: Math.floor(created / 1_000),
      Enabled: true,
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: SYMMETRIC,
      KeyManager: 'CUSTOMER',
      Origin: 'AWS_KMS',
      MultiRegion: false,
    },
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

export const actions: ReadonlyMap<string, Action> = new Map([
  ['CreateKey', createKey],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
  ['Encrypt', encrypt],
  ['GenerateDataKey', generateDataKey],
  ['GetKeyPolicy', getKeyPolicy],
  ['PutKeyPolicy', putKeyPolicy],
]);
