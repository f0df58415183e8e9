import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { sealToRecipient } from '../../../../enclave/simulator/kms/envelope.ts';
import { EnvelopeError, readBer } from '../../../../enclave/worker/kms/ber.ts';
import { parseEnvelopedKey } from '../../../../enclave/worker/kms/enveloped-data.ts';
import { openKey } from '../../../../enclave/worker/kms/recipient.ts';
import { concatBytes, fromHex, toHex } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import {
  algorithm,
  context,
  contextBytes,
  encryptContent,
  encryptKey,
  envelope,
  IV,
  integer,
  nothing,
  oaep,
  octets,
  oid,
  oids,
  readWithForge,
  sequence,
  testKey,
} from './envelopes.ts';

const key = testKey();
const privateKey = createPrivateKey({ key: key.pkcs8, format: 'der', type: 'pkcs8' });
const secret = new Uint8Array(32).map((_, index) => index * 7);
const folder = mkdtempSync(join(tmpdir(), 'pm-cms-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(bytes: Uint8Array): Uint8Array {
  return openKey(parseEnvelopedKey(bytes), privateKey);
}

function codeOf(bytes: Uint8Array): string {
  try {
    open(bytes);
    return 'opened';
  } catch (error) {
    if (error instanceof EnvelopeError) return error.code;
    throw error;
  }
}

const hasOpenssl = runs('openssl', ['version']);

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** openssl makes a certificate for our key, and seals the secret to it as its manual says. */
function opensslEnvelope(...options: readonly string[]): Uint8Array {
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('key.der'), key.pkcs8);
  writeFileSync(path('secret'), secret);
  const run = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  run('pkey', '-inform', 'DER', '-in', path('key.der'), '-out', path('key.pem'));
  run(
    'req',
    '-x509',
    '-new',
    '-key',
    path('key.pem'),
    '-subj',
    '/O=Test/CN=recipient',
    '-days',
    '2',
    '-out',
    path('cert.pem'),
  );
  const oaepOptions = [
    '-keyopt',
    'rsa_padding_mode:oaep',
    '-keyopt',
    'rsa_oaep_md:sha256',
    '-keyopt',
    'rsa_mgf1_md:sha256',
  ];
  const recipient = ['-recip', path('cert.pem'), ...oaepOptions];
  const files = ['-in', path('secret'), '-out', path('cms'), '-outform', 'DER'];
  run('cms', '-encrypt', '-binary', '-aes256', ...options, ...files, ...recipient);
  return Uint8Array.from(readFileSync(path('cms')));
}

describe('a sealed key', () => {
  it('opens in the form that KMS sends', () => {
    expect(open(sealToRecipient(secret, key.publicKey))).toEqual(secret);
  });

  it('has the skeleton of a message of KMS, byte for byte, around what is random', () => {
    const bytes = sealToRecipient(secret, key.publicKey);
    // As published at github.com/RustCrypto/formats/issues/779: tags, lengths and algorithms; only the content is longer here.
    const before = fromHex('308006092a864886f70d010703a080308002010231' + '82016b3082016702010280' + '20');
    const algorithms = fromHex(
      '303c06092a864886f70d010107302fa00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500' +
        '04820100',
    );
    const content = fromHex('308006092a864886f70d010701301d060960864801650304012a0410');
    const end = fromHex('00000000000000000000');
    let at = 0;
    for (const [part, random] of [
      [before, 32],
      [algorithms, 256],
      [content, 16],
      [fromHex('a0800430'), 48],
      [end, 0],
    ] as const) {
      expect(toHex(bytes.subarray(at, at + part.length))).toBe(toHex(part));
      at += part.length + random;
    }
    expect(at).toBe(bytes.length);
  });

  it('opens in DER, made by node-forge', () => {
    expect(open(envelope(key, secret))).toEqual(secret);
  });

  it.skipIf(!hasOpenssl)('opens in DER, made by openssl (skipped without openssl)', () => {
    expect(open(opensslEnvelope('-keyid'))).toEqual(secret);
    expect(open(opensslEnvelope())).toEqual(secret);
  });

  it.skipIf(!hasOpenssl)('opens in indefinite lengths, made by openssl (skipped without openssl)', () => {
    const bytes = opensslEnvelope('-stream');
    expect(toHex(bytes.subarray(0, 2))).toBe('3080');
    expect(open(bytes)).toEqual(secret);
  });

  it('opens with its content in pieces, also in pieces of pieces', () => {
    const sealed = encryptContent(secret);
    const [first, second, third] = [sealed.subarray(0, 5), sealed.subarray(5, 32), sealed.subarray(32)];
    const flat = context(0, octets(first), octets(second), octets(third));
    expect(open(envelope(key, secret, { content: flat }))).toEqual(secret);
    const nested = definite(0x24, definite(0x04, first), indefinite(0x24, definite(0x04, second)));
    const bytes = replaceContent(indefinite(0xa0, nested, definite(0x04, third)));
    expect(open(bytes)).toEqual(secret);
    expect(codeOf(replaceContent(indefinite(0xa0, definite(0x02, first), definite(0x04, second))))).toBe(
      'envelope_unsupported',
    );
    const tooMany = Array.from({ length: limits.kmsRecipientPieces + 1 }, () => definite(0x04, new Uint8Array(0)));
    expect(codeOf(replaceContent(indefinite(0xa0, ...tooMany, definite(0x04, sealed))))).toBe('envelope_unsupported');
  });

  it('reads as node-forge reads it', () => {
    for (const bytes of [sealToRecipient(secret, key.publicKey), envelope(key, secret)]) {
      const { encryptedKey, iv, ciphertext } = parseEnvelopedKey(bytes);
      const theirs = readWithForge(bytes);
      expect(toHex(encryptedKey)).toBe(theirs.key.toString('hex'));
      expect(toHex(iv)).toBe(theirs.iv.toString('hex'));
      expect(toHex(ciphertext)).toBe(theirs.content.toString('hex'));
    }
  });
});

describe('another message', () => {
  const issuer = sequence(sequence(), integer(5));
  const noParameters = algorithm(
    oids.rsaesOaep,
    sequence(context(0, algorithm(oids.sha256)), context(1, algorithm(oids.mgf1, algorithm(oids.sha256)))),
  );
  const hashWith = (parameters: ReturnType<typeof nothing>) =>
    algorithm(
      oids.rsaesOaep,
      sequence(
        context(0, algorithm(oids.sha256, parameters)),
        context(1, algorithm(oids.mgf1, algorithm(oids.sha256))),
      ),
    );
  const label = context(2, algorithm(oids.pSpecified, octets(new Uint8Array(0))));

  it.each([
    [
      'naming its recipient by issuer and serial number',
      { rid: issuer, version: integer(0), recipientVersion: integer(0) },
    ],
    ['whose hashes have no parameters', { keyAlgorithm: noParameters }],
  ])('%s opens', (_, changes) => {
    expect(open(envelope(key, secret, changes))).toEqual(secret);
  });

  it.each([
    ['of another type', { type: oid(oids.data) }],
    ['of another version', { version: integer(0) }],
    ['whose recipient has another version', { recipientVersion: integer(0) }],
    ['by issuer with the versions of a key id', { rid: issuer }],
    ['without recipients', { recipients: [] }],
    ['whose recipient is a key agreement', { recipients: [context(1, integer(3))] }],
    ['whose recipient has no name', { rid: octets(new Uint8Array(20)) }],
    ['under RSA of PKCS #1 v1.5', { keyAlgorithm: algorithm(oids.rsaEncryption, nothing()) }],
    ['under OAEP with its defaults, which are SHA-1', { keyAlgorithm: algorithm(oids.rsaesOaep, sequence()) }],
    ['under OAEP with SHA-1', { keyAlgorithm: oaep(oids.sha1) }],
    ['under OAEP with SHA-1 in its mask', { keyAlgorithm: oaep(oids.sha256, oids.sha1) }],
    ['under OAEP with a label', { keyAlgorithm: oaep(oids.sha256, oids.sha256, label) }],
    ['under a hash with parameters', { keyAlgorithm: hashWith(integer(1)) }],
    ['of signed data', { contentType: oid(oids.envelopedData) }],
    ['under AES-128', { cipher: algorithm(oids.aes128Cbc, octets(IV)) }],
    ['with a short vector', { cipher: algorithm(oids.aes256Cbc, octets(IV.subarray(1))) }],
    ['without a vector', { cipher: algorithm(oids.aes256Cbc) }],
    ['without content', { content: context(0) }],
    ['with a longer secret', { content: contextBytes(0, encryptContent(new Uint8Array(48))) }],
    ['with a shorter secret', { content: contextBytes(0, encryptContent(new Uint8Array(31))) }],
    ['with attributes', { more: [context(1, sequence())] }],
  ])('%s is refused', (_, changes) => {
    expect(codeOf(envelope(key, secret, changes))).toBe('envelope_unsupported');
  });

  it.each([
    ['whose key was sealed to somebody else', { encryptedKey: octets(encryptKey(testKey())) }],
    ['whose key was sealed with SHA-1', { encryptedKey: octets(encryptKey(key, undefined, 'sha1')) }],
    ['whose content key is short', { encryptedKey: octets(encryptKey(key, new Uint8Array(16))) }],
    ['whose key is no block of RSA', { encryptedKey: octets(new Uint8Array(255)) }],
    ['whose padding is none', { content: contextBytes(0, encryptContent(new Uint8Array(48), 'none')) }],
  ])('%s does not open', (_, changes) => {
    expect(codeOf(envelope(key, secret, changes))).toBe('envelope_undecryptable');
  });

  it('with two recipients is refused, since who should open it is the sender’s to know', () => {
    const recipient = sequence(integer(2), contextBytes(0, IV), oaep(), octets(encryptKey(key)));
    expect(codeOf(envelope(key, secret, { recipients: [recipient, recipient] }))).toBe('envelope_unsupported');
  });
});

describe('bytes', () => {
  const genuine = sealToRecipient(secret, key.publicKey);

  it('cut anywhere, or followed by anything, are refused', () => {
    for (let length = 0; length < genuine.length; length++) {
      expect(codeOf(genuine.subarray(0, length))).toBe('ber_invalid');
    }
    expect(codeOf(concatBytes(genuine, Uint8Array.of(0)))).toBe('ber_invalid');
  });

  it('changed in one place are refused, but where nothing could tell', () => {
    const offset = (part: Uint8Array): number => Buffer.from(genuine).indexOf(part);
    const { iv, ciphertext } = parseEnvelopedKey(genuine);
    const named = offset(fromHex('8020')) + 2;
    const inside = (at: number, from: number, length: number): boolean => at >= from && at < from + length;
    const opened: number[] = [];
    for (let at = 0; at < genuine.length; at++) {
      const changed = Uint8Array.from(genuine);
      changed[at] = (changed[at] as number) ^ 0x01;
      if (codeOf(changed) !== 'opened') continue;
      opened.push(at);
      const other = !inside(at, named, 32);
      // The recipient's name is not looked at. AES-CBC authenticates nothing: vector and first block give another key.
      expect(other).toBe(toHex(open(changed)) !== toHex(secret));
      expect(!other || inside(at, offset(iv), 16) || inside(at, offset(ciphertext), 16)).toBe(true);
    }
    expect(opened.length).toBe(32 + 16 + 16);
  });

  it.each([
    ['a length that is not minimal', '3081020500'],
    ['a longer length that is not minimal', '308200020500'],
    ['a length of four bytes', '30840000000205'],
    ['an indefinite primitive', '0480ff0000'],
    ['a tag of several bytes', '1f8101020500'],
    ['an end mark with contents', '308000010500'],
    ['an end mark outside', '0000'],
    ['an element beyond its container', '30030402aabb'],
    ['an indefinite length that its container ends', '3002308005000000'],
  ])('%s: refused', (_, hex) => {
    expect(() => readBer(fromHex(hex))).toThrow(EnvelopeError);
  });

  it('are read within bounds', () => {
    const deep = (levels: number): Uint8Array =>
      concatBytes(...Array.from({ length: levels }, () => fromHex('3080')), new Uint8Array(2 * levels));
    expect(() => readBer(deep(limits.nestingDepth))).not.toThrow();
    expect(() => readBer(deep(limits.nestingDepth + 1))).toThrow('nested too deep');
    const wide = (count: number): Uint8Array =>
      indefinite(0x30, ...Array.from({ length: count }, () => fromHex('0500')));
    expect(() => readBer(wide(limits.kmsRecipientElements - 1))).not.toThrow();
    expect(() => readBer(wide(limits.kmsRecipientElements))).toThrow('too many elements');
    expect(() => readBer(new Uint8Array(limits.kmsRecipientBytes + 1))).toThrow('too many bytes');
  });

  it('of any kind are refused or read, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['ber_invalid', 'envelope_unsupported']).toContain(codeOf(bytes));
      }),
    );
  });
});

function definite(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const whole = concatBytes(...contents);
  return concatBytes(Uint8Array.of(tag, whole.length), whole);
}

function indefinite(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(tag, 0x80), ...contents, new Uint8Array(2));
}

/** A message of KMS's form with other content in it. */
function replaceContent(content: Uint8Array): Uint8Array {
  const bytes = sealToRecipient(secret, key.publicKey);
  const kept = bytes.length - 10 - 48 - 4;
  const fixed = Uint8Array.from(bytes.subarray(0, kept));
  // The content is made with the test's own key and vector.
  fixed.set(encryptKey(key), Buffer.from(fixed).indexOf(fromHex('04820100')) + 4);
  fixed.set(IV, fixed.length - 16);
  return concatBytes(fixed, content, new Uint8Array(8));
}
