import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAwsKms, KeyError } from '../../host/kms.ts';
import { readOptions } from '../../host/options/read.ts';
import { CHUNK_BYTES, type EncryptedRelease } from '../../wire/message/encrypted-release.ts';
import { hostRole, useCredentials } from '../support/kms-world.ts';

/** The host’s side of KMS against a service that says what a test wants. */
const encryption: EncryptedRelease = {
  schema: 'proofmark encrypted release v1',
  modelId: new Uint8Array(32).fill(0xab),
  kmsKeyId: 'arn:aws:kms:zz-simulated-1:000000000000:key/1',
  ciphertextBlob: Uint8Array.of(1, 2, 3),
  chunkBytes: CHUNK_BYTES,
};

interface Answer {
  readonly status: number;
  readonly body: object;
}

let server: Server;
let answer: Answer;
const asked: { readonly body: unknown; readonly authorization: string }[] = [];

beforeEach(async () => {
  asked.length = 0;
  useCredentials(hostRole);
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      asked.push({ body: JSON.parse(text), authorization: String(request.headers.authorization) });
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const endpoint = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof KeyError) return error.code;
      throw error;
    },
  );
}

describe('the host’s call', () => {
  it('names key, context and document, in the key’s own region', async () => {
    answer = { status: 200, body: { CiphertextForRecipient: 'BQY=' } };
    const sealed = await createAwsKms({ endpoint: endpoint() }).sealedKey(encryption, Uint8Array.of(9));
    expect(sealed).toEqual(Uint8Array.of(5, 6));
    expect(asked[0]?.body).toEqual({
      KeyId: encryption.kmsKeyId,
      CiphertextBlob: 'AQID',
      EncryptionContext: { 'proofmark:modelId': 'ab'.repeat(32) },
      Recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: 'CQ==' },
    });
    expect(asked[0]?.authorization).toContain('/zz-simulated-1/kms/aws4_request');
  });

  it('goes to the region that the operator names', async () => {
    answer = { status: 200, body: { CiphertextForRecipient: 'BQY=' } };
    await createAwsKms({ endpoint: endpoint(), region: 'yy-other-2' }).sealedKey(encryption, Uint8Array.of(9));
    expect(asked[0]?.authorization).toContain('/yy-other-2/kms/aws4_request');
  });

  it.each<[string, Answer]>([
    ['kms_denied', { status: 400, body: { __type: 'AccessDeniedException', message: 'no' } }],
    ['kms_refused', { status: 400, body: { __type: 'InvalidCiphertextException' } }],
    ['kms_refused', { status: 400, body: { __type: 'DisabledException', message: 'no' } }],
    ['kms_unavailable', { status: 400, body: { __type: 'ThrottlingException', message: 'later' } }],
    ['kms_unavailable', { status: 500, body: { __type: 'KMSInternalException', message: '' } }],
    ['kms_protocol', { status: 200, body: {} }],
    ['kms_protocol', { status: 200, body: { Plaintext: 'BQY=' } }],
    ['kms_protocol', { status: 200, body: { Plaintext: 'BQY=', CiphertextForRecipient: 'BQY=' } }],
  ])(
    '%s',
    async (code, given) => {
      answer = given;
      expect(await codeOf(createAwsKms({ endpoint: endpoint() }).sealedKey(encryption, Uint8Array.of(9)))).toBe(code);
    },
    15_000,
  );

  it('kms_unavailable: nobody listens, or nobody answers', async () => {
    const gone = createAwsKms({ endpoint: 'http://127.0.0.1:1' });
    expect(await codeOf(gone.sealedKey(encryption, Uint8Array.of(9)))).toBe('kms_unavailable');
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as AddressInfo;
    const waiting = createAwsKms({ endpoint: `http://127.0.0.1:${port}`, timeoutMs: 200 });
    expect(await codeOf(waiting.sealedKey(encryption, Uint8Array.of(9)))).toBe('kms_unavailable');
    silent.closeAllConnections();
    silent.close();
  }, 15_000);

  it('kms_not_configured: no credentials, no region', async () => {
    const kept = { ...process.env };
    try {
      for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_'))) delete process.env[name];
      process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
      process.env['AWS_CONFIG_FILE'] = '/nonexistent';
      process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/nonexistent';
      const service = createAwsKms({ endpoint: endpoint() });
      expect(await codeOf(service.sealedKey(encryption, Uint8Array.of(9)))).toBe('kms_not_configured');
      useCredentials(hostRole);
      const unnamed = createAwsKms({ endpoint: endpoint() });
      const elsewhere = { ...encryption, kmsKeyId: 'alias/release' };
      expect(await codeOf(unnamed.sealedKey(elsewhere, Uint8Array.of(9)))).toBe('kms_not_configured');
    } finally {
      for (const name of Object.keys(process.env)) delete process.env[name];
      Object.assign(process.env, kept);
    }
  }, 15_000);
});

describe('the command line', () => {
  it('takes an address of KMS that is one', () => {
    expect(() =>
      readOptions([
        '--link',
        'a',
        '--state',
        'b',
        '--listen',
        '127.0.0.1:0',
        '--configuration',
        'c',
        '--kms-endpoint',
        'here',
      ]),
    ).toThrow();
    const wrong = (): unknown => readOptions(['--kms-endpoint']);
    expect(wrong).toThrow('arguments_invalid');
  });
});
