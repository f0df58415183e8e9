import { describe, expect, it } from 'vitest';
import { P384ProofError } from '../../contracts/prover/p384/index.ts';
import { encodeSnpParts, proveSnp, SnpProofError, type SnpProofErrorCode } from '../../contracts/prover/snp/index.ts';
import type { SnpEvidence } from '../../verifier/index.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { testKey } from '../support/certificates.ts';
import { snpEvidence } from '../support/snp-evidence.ts';

const prove = (evidence: SnpEvidence): Promise<unknown> => proveSnp(evidence, { suite: nodeSuite });

async function codeOfError(evidence: SnpEvidence): Promise<SnpProofErrorCode | undefined> {
  const error = await prove(evidence).catch((caught: unknown) => caught);
  return error instanceof SnpProofError ? error.code : undefined;
}

describe('proveSnp', () => {
  const good = snpEvidence();
  const [root, intermediate, leaf] = good.certificates as readonly [Uint8Array, Uint8Array, Uint8Array];

  it('sorts certificates in any order and drops repetitions and other kinds', async () => {
    const { evidence } = await proveSnp(good, { suite: nodeSuite });
    const parts = { report: good.report, endorsement: leaf, intermediate, root: nodeSuite.sha256(root) };
    expect(evidence).toEqual(encodeSnpParts(parts));
    const vlek = snpEvidence({ kind: 'VLEK' });
    const others = [leaf, ...vlek.certificates.slice(1), intermediate, root, root, leaf];
    const sorted = await proveSnp({ ...good, certificates: others }, { suite: nodeSuite });
    expect(sorted.evidence).toEqual(evidence);
  });

  it('says what is missing or cannot be read', async () => {
    expect(await codeOfError({ ...good, certificates: [root, leaf] })).toBe('chain_incomplete');
    expect(await codeOfError({ ...good, certificates: [] })).toBe('chain_incomplete');
    expect(await codeOfError({ ...good, report: good.report.subarray(1) })).toBe('evidence_malformed');
    expect(await codeOfError({ ...good, certificates: [root, intermediate, leaf.subarray(1)] })).toBe(
      'evidence_malformed',
    );
  });

  it('finds no hints for signatures that are none', async () => {
    const report = Uint8Array.from(good.report);
    report[80] = (report[80] as number) ^ 1;
    await expect(prove({ ...good, report })).rejects.toThrow(P384ProofError);
    const p256 = snpEvidence({ chain: { leaf: { spki: testKey('P-256').spki } } });
    await expect(prove(p256)).rejects.toMatchObject({ code: 'key_format' });
  });

  it('has no encoding for parts above 65,535 bytes', () => {
    const parts = { report: good.report, endorsement: leaf, intermediate, root: new Uint8Array(32) };
    const long = concatBytes(new Uint8Array(0x1_0000));
    expect(() => encodeSnpParts({ ...parts, endorsement: long })).toThrow(SnpProofError);
    expect(encodeSnpParts({ ...parts, endorsement: long.subarray(1) }).subarray(2, 4)).toEqual(
      Uint8Array.of(0xff, 0xff),
    );
  });
});
