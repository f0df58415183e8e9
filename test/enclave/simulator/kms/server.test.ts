import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListKeysCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openKeyStore } from '../../../../enclave/simulator/kms/key-store.ts';
import { parseKeyPolicy } from '../../../../enclave/simulator/kms/policy.ts';
import { type KmsStandIn, startKmsStandIn } from '../../../../enclave/simulator/kms/server.ts';
import { limits } from '../../../../wire/limits.ts';
import { hostRole, image, keyPolicy, kmsClient, nsmFor, publisherRole, root } from '../../../support/kms-world.ts';
import { testKey } from '../../worker/kms/envelopes.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-stand-in-'));
const POLICY = JSON.stringify(keyPolicy());
let standIn: KmsStandIn;
let publisher: KMSClient;
let host: KMSClient;
let now: () => number = Date.now;

async function start(): Promise<void> {
  standIn = await startKmsStandIn({
    port: 0,
    folder: join(folder, 'keys'),
    callers: [publisherRole, hostRole],
    roots: [root.certificate],
    debug: 'refuse',
    now: () => now(),
  });
  publisher = kmsClient(standIn, publisherRole);
  host = kmsClient(standIn, hostRole);
}

async function stop(): Promise<void> {
  publisher.destroy();
  host.destroy();
  await standIn.close();
}

beforeAll(start);
afterEach(() => {
  now = Date.now;
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function nameOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: Error) => error.name,
  );
}

async function newKey(policy = POLICY): Promise<string> {
  const { KeyMetadata } = await publisher.send(new CreateKeyCommand({ Policy: policy }));
  return KeyMetadata?.Arn as string;
}

function documentFor(publicKey: Uint8Array | null): Uint8Array {
  const response = nsmFor(image)({ kind: 'Attestation', userData: null, nonce: null, publicKey });
  if (response.kind !== 'Attestation') throw new TypeError(response.kind);
  return response.document;
}

describe('the stand-in, asked by AWS’s SDK', () => {
  it('makes keys, says what they are, and keeps their policies', async () => {
    const KeyId = await newKey();
    expect(await publisher.send(new DescribeKeyCommand({ KeyId }))).toMatchObject({
      KeyMetadata: { Arn: KeyId, Enabled: true, KeySpec: 'SYMMETRIC_DEFAULT' },
    });
    expect((await publisher.send(new GetKeyPolicyCommand({ KeyId }))).Policy).toBe(POLICY);
    const changed = JSON.stringify(keyPolicy(new Uint8Array(48).fill(1)));
    await publisher.send(new PutKeyPolicyCommand({ KeyId, Policy: changed }));
    expect((await publisher.send(new GetKeyPolicyCommand({ KeyId }))).Policy).toBe(changed);
    expect(await nameOf(host.send(new PutKeyPolicyCommand({ KeyId, Policy: POLICY })))).toBe('AccessDeniedException');
  });

  it('opens after a restart what it wrapped before', async () => {
    const open = JSON.parse(POLICY) as { Statement: { Condition?: unknown }[] };
    for (const statement of open.Statement) delete statement.Condition;
    const KeyId = await newKey(JSON.stringify(open));
    const EncryptionContext = { b: '2', a: '1' };
    const { CiphertextBlob } = await publisher.send(
      new EncryptCommand({ KeyId, Plaintext: Uint8Array.of(1, 2, 3), EncryptionContext }),
    );
    await stop();
    await start();
    const again = await host.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { a: '1', b: '2' } }));
    expect(Uint8Array.from(again.Plaintext as Uint8Array)).toEqual(Uint8Array.of(1, 2, 3));
    expect(again.KeyId).toBe(KeyId);
    expect(statSync(join(folder, 'keys', `${KeyId.split('/')[1]}.json`)).mode & 0o077).toBe(0);

    const decrypt = (changes: object): Promise<string> =>
      nameOf(host.send(new DecryptCommand({ CiphertextBlob, EncryptionContext, ...changes })));
    expect(await decrypt({ EncryptionContext: { a: '1' } })).toBe('InvalidCiphertextException');
    expect(await decrypt({ EncryptionContext: undefined })).toBe('InvalidCiphertextException');
    expect(await decrypt({ CiphertextBlob: Uint8Array.of(1, 2) })).toBe('InvalidCiphertextException');
    const bent = Uint8Array.from(CiphertextBlob as Uint8Array);
    bent[bent.length - 1] = (bent[bent.length - 1] as number) ^ 1;
    expect(await decrypt({ CiphertextBlob: bent })).toBe('InvalidCiphertextException');
    expect(await decrypt({ KeyId: await newKey() })).toBe('IncorrectKeyException');
    expect(await decrypt({ KeyId: 'arn:aws:kms:eu-central-1:1:key/x' })).toBe('NotFoundException');
  });

  it('gives a data key once in the clear and once wrapped', async () => {
    const KeyId = await newKey();
    const { Plaintext, CiphertextBlob } = await publisher.send(
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }),
    );
    expect(Plaintext).toHaveLength(32);
    expect(CiphertextBlob?.length).toBeGreaterThan(32);
    expect(await nameOf(publisher.send(new GenerateDataKeyCommand({ KeyId })))).toBe('ValidationException');
  });

  it('refuses policies that it cannot enforce, and those that lock their author out', async () => {
    const locked = JSON.stringify({
      Version: '2012-10-17',
      Statement: (JSON.parse(POLICY) as { Statement: unknown[] }).Statement.slice(1),
    });
    expect(await nameOf(newKey(locked))).toBe('MalformedPolicyDocumentException');
    expect(await nameOf(newKey(POLICY.replace('StringEqualsIgnoreCase', 'ArnLike')))).toBe(
      'MalformedPolicyDocumentException',
    );
  });

  it('refuses what it does not do', async () => {
    expect(await nameOf(publisher.send(new ListKeysCommand({})))).toBe('UnknownOperationException');
    const KeyId = await newKey();
    const dry = new EncryptCommand({ KeyId, Plaintext: Uint8Array.of(1), DryRun: true });
    expect(await nameOf(publisher.send(dry))).toBe('ValidationException');
  });

  it.each<[string, () => Uint8Array | null]>([
    ['none', () => null],
    ['65 bytes of a point', () => new Uint8Array(65).fill(4)],
    [
      'another kind of key',
      () => new Uint8Array(testKey().publicKey.export({ type: 'spki', format: 'der' })).subarray(1),
    ],
  ])('refuses a document whose public key is %s', async (_, make) => {
    const KeyId = await newKey();
    const { CiphertextBlob } = await publisher.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    const Recipient = {
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      AttestationDocument: documentFor(make()),
    } as const;
    expect(await nameOf(host.send(new DecryptCommand({ CiphertextBlob, Recipient })))).toBe('ValidationException');
  });

  it('seals to the document’s key, and then says nothing in the clear', async () => {
    const KeyId = await newKey();
    const { CiphertextBlob } = await publisher.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    const spki = new Uint8Array(testKey().publicKey.export({ type: 'spki', format: 'der' }));
    const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: documentFor(spki) } as const;
    const answer = await host.send(new DecryptCommand({ CiphertextBlob, Recipient }));
    expect(answer.Plaintext).toBeUndefined();
    expect(answer.CiphertextForRecipient?.length).toBeGreaterThan(400);
    now = () => Date.now() + 290_000;
    expect(await nameOf(host.send(new DecryptCommand({ CiphertextBlob, Recipient })))).toBe('done');
  });
});

describe('a caller', () => {
  it.each<[string, Partial<typeof hostRole>, string]>([
    ['with another secret', { secretAccessKey: 'other' }, 'InvalidSignatureException'],
    ['that nobody knows', { accessKeyId: 'AKIDNOBODY' }, 'UnrecognizedClientException'],
  ])('%s is refused', async (_, changes, expected) => {
    const client = kmsClient(standIn, { ...hostRole, ...changes });
    expect(await nameOf(client.send(new DescribeKeyCommand({ KeyId: 'x' })))).toBe(expected);
    client.destroy();
  });

  it('of an hour ago is refused', async () => {
    now = () => Date.now() + 3_600_000;
    expect(await nameOf(host.send(new DescribeKeyCommand({ KeyId: 'x' })))).toBe('InvalidSignatureException');
  });

  const post = async (headers: Readonly<Record<string, string>>, body = '{}'): Promise<string> => {
    const response = await fetch(standIn.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.DescribeKey', ...headers },
      body,
    });
    return ((await response.json()) as { readonly __type: string }).__type;
  };

  it('without a signature is refused', async () => {
    expect(await post({})).toBe('MissingAuthenticationTokenException');
    expect(await post({ authorization: 'Basic eA==' })).toBe('IncompleteSignature');
    expect(await post({ 'x-amz-target': 'DynamoDB.GetItem' })).toBe('UnknownOperationException');
    expect(await post({}, 'x'.repeat(limits.kmsRequestBytes + 1))).toBe('ValidationException');
  });
});

describe('kept keys', () => {
  it('that are damaged stop the stand-in: nothing is made anew in silence', () => {
    const damaged = join(folder, 'damaged');
    openKeyStore(damaged, Date.now).create(parseKeyPolicy(POLICY));
    mkdirSync(damaged, { recursive: true });
    writeFileSync(join(damaged, 'x.json'), '{"version":1}');
    expect(() => openKeyStore(damaged, Date.now)).toThrow('kms_state_invalid');
  });
});
