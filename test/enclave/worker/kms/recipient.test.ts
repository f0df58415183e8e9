import { createPublicKey, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sealToRecipient } from '../../../../enclave/simulator/kms/envelope.ts';
import { createSecretSource } from '../../../../enclave/worker/keys.ts';
import { createRecipients, type Recipient } from '../../../../enclave/worker/kms/recipient.ts';
import { makeRsaKey } from '../../../../enclave/worker/kms/rsa-key.ts';
import { startWorker } from '../../../../enclave/worker/worker.ts';
import { parsePolicy, parseUnverifiedNitroDocument, verifyWorker } from '../../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { kmsPreimage } from '../../../../wire/message/encrypted-release.ts';
import type { Evidence } from '../../../../wire/message/evidence.ts';
import { logPreimage } from '../../../../wire/message/identity.ts';
import { decodeAttested, decodeReadyInfo, encodeRelease, linkKind } from '../../../../wire/message/link.ts';
import { attesterOf, image, nsmFor, root } from '../../../support/kms-world.ts';
import { policyJson } from '../../../support/nitro-evidence.ts';
import { codeOf, configurationBytes, createFakeAttester, createFakePool, release } from '../core/harness.ts';
import { closeLinks, openLink } from '../core/link.ts';

const log = sha256(Uint8Array.of(1));
const modelId = sha256(Uint8Array.of(2));
const draw = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

function publicKeyOf({ publicKey }: { readonly publicKey: Uint8Array | null }): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.from(publicKey as Uint8Array), format: 'der', type: 'spki' });
}

describe('a recipient', () => {
  async function open(): Promise<{ readonly recipient: Recipient; readonly seal: (secret: Uint8Array) => Uint8Array }> {
    const attester = createFakeAttester();
    const recipient = await createRecipients({ attester, log, draw })(modelId);
    const [asked] = attester.asked;
    expect(asked?.nonce).toBeNull();
    expect(asked?.userData).toEqual(sha256(kmsPreimage(log, modelId)));
    const key = publicKeyOf(asked as { readonly publicKey: Uint8Array });
    return { recipient, seal: (secret) => sealToRecipient(secret, key) };
  }

  it('opens one answer, of one key', async () => {
    const { recipient, seal } = await open();
    const secret = draw(32);
    expect(recipient.open(seal(secret))).toEqual(secret);
    await expect(codeOf(async () => recipient.open(seal(secret)))).resolves.toBe('data_key_unexpected');
  });

  it('opens none after one that was refused', async () => {
    const { recipient, seal } = await open();
    await expect(codeOf(async () => recipient.open(new Uint8Array(9)))).resolves.toBe('data_key_refused');
    await expect(codeOf(async () => recipient.open(seal(draw(32))))).resolves.toBe('data_key_unexpected');
  });

  it('has a key of its own each time', async () => {
    const attester = createFakeAttester();
    const make = createRecipients({ attester, log, draw });
    await make(modelId);
    await make(modelId);
    const [first, second] = attester.asked.map(({ publicKey }) => toHex(publicKey));
    expect(first).not.toBe(second);
  });
});

describe('an RSA key', () => {
  it('is of 2,048 bits with the usual exponent, and whole', async () => {
    const { spki, privateKey } = await makeRsaKey(createSecretSource(draw(32)).primes);
    const key = publicKeyOf({ publicKey: spki });
    expect(key.asymmetricKeyType).toBe('rsa');
    expect(key.asymmetricKeyDetails).toEqual({ modulusLength: 2_048, publicExponent: 65_537n });
    const parts = privateKey.export({ format: 'jwk' });
    const number = (name: 'n' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi'): bigint =>
      BigInt(`0x${Buffer.from(parts[name] as string, 'base64url').toString('hex')}`);
    const [p, q, d] = [number('p'), number('q'), number('d')];
    expect(p * q).toBe(number('n'));
    expect(p > q && q >> 1022n === 3n && p >> 1022n === 3n).toBe(true);
    expect([(65_537n * d) % (p - 1n), (65_537n * d) % (q - 1n)]).toEqual([1n, 1n]);
    expect([number('dp'), number('dq'), (number('qi') * q) % p]).toEqual([d % (p - 1n), d % (q - 1n), 1n]);
    expect(d > 1n << 1024n).toBe(true);
  }, 30_000);

  it('follows from what is drawn, and from nothing else', async () => {
    const stream = (): ((length: number) => Uint8Array) => {
      let count = 0;
      return (length) => {
        const block = count++;
        const parts = Array.from({ length: length / 32 }, (_, i) => sha256(Uint8Array.of(block & 255, block >> 8, i)));
        return concatBytes(...parts);
      };
    };
    const [first, again] = [await makeRsaKey(stream()), await makeRsaKey(stream())];
    expect(first.spki).toEqual(again.spki);
  }, 30_000);
});

describe('a document for KMS', () => {
  it('is no evidence of the worker, and evidence is no document for KMS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pm-recipient-'));
    const path = join(folder, 'link.sock');
    await startWorker({
      attester: attesterOf(nsmFor(image)),
      linkPath: path,
      createPool: createFakePool,
      onFatal: (error) => {
        throw error;
      },
    });
    const link = await openLink({ path });
    const { identity, configuration, runtime } = decodeReadyInfo(
      await link.ask(linkKind.configure, configurationBytes()),
    );
    const one = release();
    await link.ask(linkKind.release, encodeRelease(one.signed));
    const forKms = await link.ask(linkKind.recipient, one.modelId);
    const challenge = draw(32);
    const { document } = decodeAttested(await link.ask(linkKind.attest, challenge));
    closeLinks();
    rmSync(folder, { recursive: true });

    const policy = parsePolicy(
      policyJson({
        level: 'simulated',
        roots: [toHex(sha256(root.certificate))],
        images: [{ pcr0: toHex(image.pcr0), pcr1: toHex(image.pcr1), pcr2: toHex(image.pcr2) }],
        pcrs: { '3': 'any', '4': 'any', '8': 'any' },
        regions: 'any',
      }),
    );
    const judge = async (evidence: Uint8Array, answering: Uint8Array | 'any'): Promise<string> => {
      const shown: Evidence = {
        version: 1,
        tee: 'aws-nitro',
        document: evidence,
        certificates: [],
        revocationLists: [],
        identity,
        configuration,
        runtime,
      };
      const options = {
        policy,
        now: Date.now(),
        challenge: answering,
        suite: nodeSuite,
        cache: 'none',
        challengedAt: 'unknown',
      } as const;
      const verdict = await verifyWorker(shown, options);
      return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
    };
    expect(await judge(document, challenge)).toBe('accepted');
    expect(await judge(forKms, challenge)).toBe('challenge_missing');
    // A careless verifier that asks for no challenge is still told: the document binds no identity.
    expect(await judge(forKms, 'any')).toBe('identity_mismatch');

    const [theirs, ours] = [forKms, document].map((each) => parseUnverifiedNitroDocument(each).unverified);
    expect(publicKeyOf(theirs as { readonly publicKey: Uint8Array }).asymmetricKeyType).toBe('rsa');
    expect(theirs?.userData).toEqual(sha256(kmsPreimage(sha256(logPreimage(identity)), one.modelId)));
    expect(ours?.publicKey?.length).toBe(65);
    expect(() => publicKeyOf(ours as { readonly publicKey: Uint8Array })).toThrow();
  }, 30_000);
});
