import { describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../verifier/codec/x509.ts';
import { type Check, requireAccepted, verifyNitroDocument } from '../../../verifier/index.ts';
import { certifiedNames } from '../../../verifier/nitro/names.ts';
import { parseNitroEvidence } from '../../../verifier/nitro/parse.ts';

import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { SignatureRun, Suite } from '../../../wire/crypto/suite.ts';
import { limits } from '../../../wire/limits.ts';
import { chain, MODULE_ID, NOW, testKey, validity } from '../../support/certificates.ts';
import { name } from '../../support/der-writer.ts';
import { CHALLENGE, evidence, policy, rulingOn, verify } from '../../support/nitro-evidence.ts';

/** What verdicts on Nitro documents say beside their codes, and what their facts hold. */
const good = evidence();

async function failureOf(document: Uint8Array, options: Parameters<typeof verify>[1] = {}): Promise<Partial<Check>> {
  const { checks } = await verify(document, options);
  const { id, detail, place } = checks.find(({ outcome }) => outcome === 'failed') as Check;
  return { id, detail, ...(place === undefined ? {} : { place }) };
}

describe('facts', () => {
  it('identify every certificate by its bytes and by what was signed, and say until when and from when all hold', async () => {
    const certificates = chain({ 2: { validity: validity(NOW - 5_000, NOW + 9_000) } });
    const facts = requireAccepted(await verify(evidence({ certificates })));
    const parsed = certificates.map((bytes) => parseCertificate(bytes));
    expect(facts.certificates).toEqual(
      parsed.map(({ subject, serial, notBefore, notAfter, tbs, bytes }) => ({
        commonName: subject.commonName,
        serial,
        notBefore,
        notAfter,
        sha256: sha256(bytes),
        tbsSha256: sha256(tbs),
      })),
    );
    expect(facts.validity).toEqual({ notBefore: NOW - 5_000, notAfter: NOW + 9_000 });
    expect(facts.root).toEqual({
      name: 'simulated',
      partition: 'simulated',
      sha256: sha256(certificates[0] as Uint8Array),
    });
    expect(facts.policy).toEqual({ name: 'tests', version: 1 });
    expect(facts.verifiedAt).toBe(NOW);
  });
});

describe('signatures', () => {
  it('of the document is begun with those of the chain, on another thread', async () => {
    const runs: (SignatureRun | undefined)[] = [];
    const suite: Suite = { ...nodeSuite, verifyP384: (_point, _message, _signature, run) => runs.push(run) > 0 };
    const verdict = await verify(good, { suite });
    expect(runs).toEqual(['beside', 'beside', 'beside', 'here', 'here']);
    expect(verdict.checks.find(({ id }) => id === 'N7')?.detail).toBe('ES384');
  });

  it('of the document is the last to be judged', async () => {
    const forged = evidence({ signature: (made) => made.with(95, (made[95] as number) ^ 1) });
    expect(await failureOf(forged)).toEqual({ id: 'N7', detail: 'ES384' });
  });
});

describe('checks of form', () => {
  it.each([
    ['nothing', new Uint8Array(0), 'empty'],
    [
      'a byte too many',
      new Uint8Array(limits.attestationDocumentBytes + 1),
      `more than ${limits.attestationDocumentBytes} bytes`,
    ],
  ])('say that %s is no document', async (_, document, detail) => {
    expect(await failureOf(document)).toEqual({ id: 'X1', detail });
  });

  it('look into a document of just the size allowed', async () => {
    expect(await rulingOn(new Uint8Array(limits.attestationDocumentBytes))).toBe('malformed cbor_invalid');
  });

  it('say which certificate is damaged, and how far they came', async () => {
    const certificates = [...chain()];
    certificates[2] = Uint8Array.from(certificates[2] as Uint8Array, (byte, at) => (at === 4 ? byte ^ 1 : byte));
    const { checks } = await verify(evidence({ certificates }));
    const byId = new Map(checks.map((check) => [check.id, check]));
    expect(byId.get('C1')).toMatchObject({ outcome: 'failed', place: { certificate: 2 } });
    expect(byId.get('N16')).toMatchObject({ outcome: 'passed', detail: 'parsed' });
    for (const id of ['C2', 'C15', 'C16', 'N7', 'P.expiry']) {
      expect(byId.get(id)).toMatchObject({ outcome: 'not-reached', detail: 'parsing failed' });
    }
  });

  it('that pass say so', async () => {
    const report = parseNitroEvidence(good, []);
    expect(new Set(report.checks.map(({ outcome, detail }) => `${outcome} ${detail}`))).toEqual(
      new Set(['passed parsed']),
    );
  });
});

describe('rules', () => {
  it('quote no more than four strange fields, and none at length', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(90));
    const fields = Object.fromEntries(names.map((field) => [field, 1]));
    const quoted = JSON.stringify(names.slice(0, 4).map((field) => field.slice(0, 64)));
    expect(await failureOf(evidence({ fields }))).toEqual({ id: 'N10', detail: quoted });
  });

  it('let a document be made in the first and the last moment of its leaf', async () => {
    for (const timestamp of [NOW - 3_600_000, NOW + 7_200_000]) {
      const options = { policy: policy({ maxAgeSeconds: 'any', futureSkewSeconds: 10_000 }) };
      expect(await rulingOn(evidence({ fields: { timestamp } }), options)).toBe('accepted');
    }
  });

  it('let a leaf live just as long as allowed', async () => {
    expect(await rulingOn(good, { policy: policy({ leafLifetimeSeconds: 10_800 }) })).toBe('accepted');
    expect(await rulingOn(good, { policy: policy({ leafLifetimeSeconds: 10_799 }) })).toBe('refused leaf_lifetime');
  });

  it('say which certificate is denied', async () => {
    const certificates = chain();
    const { tbs } = parseCertificate(certificates[3] as Uint8Array);
    const denied = { certificates: [Buffer.from(sha256(tbs)).toString('hex')], modules: [], images: [] };
    expect(await failureOf(evidence({ certificates }), { policy: policy({ denied }) })).toEqual({
      id: 'X14.certificate',
      detail: 'certificate 3 (the root is 0)',
      place: { certificate: 3 },
    });
  });
});

describe('arguments', () => {
  const options = { policy: policy(), now: NOW, challenge: CHALLENGE, suite: nodeSuite, cache: 'none' } as const;

  it.each([
    ['options', null],
    ['suite', { ...options, suite: undefined }],
    ['suite', { ...options, suite: null }],
    ['suite', { ...options, suite: { ...nodeSuite, sha256: undefined } }],
    ['suite', { ...options, suite: { ...nodeSuite, verifyP384: undefined } }],
  ])('without a usable %s are refused', async (field, bad) => {
    await expect(verifyNitroDocument(good, bad as never)).rejects.toMatchObject({
      code: 'argument_invalid',
      place: { field },
    });
  });

  it('may name the first and the last moment of the calendar', async () => {
    for (const now of [0, 8_640_000_000_000_000]) {
      expect((await verify(good, { now })).verdict).toBe('untrusted');
    }
  });
});

describe('the names that AWS writes into certificates', () => {
  const namesOf = (leaf: string, issuer: string): ReturnType<typeof certifiedNames> => {
    const certificates = chain({ 3: { subject: name(issuer) }, 4: { issuer: name(issuer), subject: name(leaf) } });
    return certifiedNames(certificates.map((bytes) => parseCertificate(bytes)));
  };
  const instance = 'i-0123456789abcdef0';
  const expected = { moduleId: MODULE_ID, instanceId: instance, region: 'zz-test-1' };

  it('are read with AWS’s ending and, as the simulator writes them, without', () => {
    expect(namesOf(`${MODULE_ID}.zz-test-1.aws`, `${instance}.zz-test-1.aws.nitro-enclaves`)).toEqual(expected);
    expect(namesOf(`${MODULE_ID}.zz-test-1`, `${instance}.zz-test-1.nitro-enclaves`)).toEqual(expected);
  });

  it.each([
    ['a part before the leaf’s', `x.${MODULE_ID}.zz-test-1.aws`, `${instance}.zz-test-1.aws.nitro-enclaves`],
    ['a part behind the leaf’s', `${MODULE_ID}.zz-test-1.aws.x`, `${instance}.zz-test-1.aws.nitro-enclaves`],
    ['a part before the issuer’s', `${MODULE_ID}.zz-test-1.aws`, `x.${instance}.zz-test-1.aws.nitro-enclaves`],
    ['a part behind the issuer’s', `${MODULE_ID}.zz-test-1.aws`, `${instance}.zz-test-1.aws.nitro-enclaves.x`],
    ['another issuer', `${MODULE_ID}.zz-test-1.aws`, 'someone'],
    ['another leaf', 'someone', `${instance}.zz-test-1.aws.nitro-enclaves`],
    ['another instance', `${MODULE_ID}.zz-test-1.aws`, 'i-1.zz-test-1.aws.nitro-enclaves'],
    [
      'an instance that only begins the same',
      `${instance}f-enc1.zz-test-1.aws`,
      `${instance}.zz-test-1.aws.nitro-enclaves`,
    ],
    ['another region', `${MODULE_ID}.zz-test-2.aws`, `${instance}.zz-test-1.aws.nitro-enclaves`],
  ])('are none with %s', (_, leaf, issuer) => {
    expect(namesOf(leaf, issuer)).toBeUndefined();
  });

  it('are none without a common name or an issuer', () => {
    const [leaf] = chain({ 0: { spki: testKey().spki } })
      .slice(-1)
      .map((bytes) => parseCertificate(bytes));
    expect(certifiedNames(leaf === undefined ? [] : [leaf])).toBeUndefined();
    expect(certifiedNames([])).toBeUndefined();
  });
});
