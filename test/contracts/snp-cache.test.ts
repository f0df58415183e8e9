import { decodeEventLog, encodeFunctionData, type Hex, keccak256 } from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SnpProof } from '../../contracts/prover/snp/index.ts';
import type { Receipt } from '../../contracts/tools/anvil.ts';
import { artifact } from '../../contracts/tools/artifacts.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { NOW, validity } from '../support/certificates.ts';
import { name, unsigned } from '../support/der-writer.ts';
import { type SnpChainOptions, snpRoot } from '../support/snp-certificates.ts';
import { type SnpChanges, snpCertificates, snpReport } from '../support/snp-evidence.ts';
import { foreignHints } from './support/p384.ts';
import { hex, rawSnpProof, rulingOf, type SnpWorld, snpWorld } from './support/snp.ts';

const DAY = 86_400_000;
const seconds = NOW / 1000;
/** Ends before the intermediate of the same name does. */
const shortRoot = snpCertificates({
  chain: { root: { validity: validity(NOW - 100 * DAY, NOW + 2 * DAY) } },
})[0] as Uint8Array;
const report = snpReport();
const [, intermediate, leaf] = snpCertificates() as readonly [Uint8Array, Uint8Array, Uint8Array];

let world: SnpWorld;
let clean: Hex;

beforeAll(async () => {
  world = await snpWorld([snpRoot('Genoa'), shortRoot], seconds);
  clean = await world.chain.rpc<Hex>('evm_snapshot');
}, 120_000);

beforeEach(async () => {
  await world.chain.rpc('evm_revert', [clean]);
  clean = await world.chain.rpc<Hex>('evm_snapshot');
});

afterAll(() => world.chain.stop());

function proofUnder(root: Uint8Array, authority = intermediate, endorsement = leaf): SnpProof {
  return rawSnpProof({ report, endorsement, intermediate: authority }, root, foreignHints());
}

/** The endorsement certificate lasts longer than what is above it, so that nothing else decides. */
function longLeaf(chain: Partial<SnpChainOptions> = {}): readonly Uint8Array[] {
  const leafOptions = { validity: validity(NOW - 10 * DAY, NOW + 5_000 * DAY) };
  return snpCertificates({ chain: { ...chain, leaf: leafOptions } } satisfies SnpChanges);
}

function learned({ logs }: Receipt): readonly Readonly<Record<string, unknown>>[] {
  return logs.map(({ topics, data }) => {
    const event = decodeEventLog({ abi: world.verifier.abi, topics: topics as [Hex], data });
    expect(event.eventName).toBe('AuthorityLearned');
    return event.args as unknown as Readonly<Record<string, unknown>>;
  });
}

async function ruling(proof: SnpProof, now = NOW): Promise<string> {
  return rulingOf(await world.ask(proof, { time: now / 1000 }));
}

const tbsOf = (certificate: Uint8Array): Hex => hex(nodeSuite.sha256(parseCertificate(certificate, amdProfile).tbs));

describe('the cache of authorities (C17)', () => {
  it('learns once, tells what it learned, and then saves a signature', async () => {
    const proof = proofUnder(snpRoot('Genoa'));
    const cold = await world.send(proof);
    const [event, ...more] = learned(cold);
    expect(more).toEqual([]);
    expect(event).toEqual({
      root: hex(nodeSuite.sha256(snpRoot('Genoa'))),
      tbs: tbsOf(intermediate),
      notBefore: BigInt(seconds - (1_000 * DAY) / 1000),
      notAfter: BigInt(seconds + (1_000 * DAY) / 1000),
      certificate: hex(intermediate),
    });
    const warm = await world.send(proof);
    expect([cold.status, warm.status, warm.logs]).toEqual(['success', 'success', []]);
    expect(cold.gasUsed - warm.gasUsed).toBeGreaterThan(500_000n);
    const before = await world.ask(proof, { time: seconds });
    await world.chain.rpc('evm_revert', [clean]);
    clean = await world.chain.rpc<Hex>('evm_snapshot');
    expect(await world.ask(proof, { time: seconds })).toEqual(before);
  });

  it('learns nothing from evidence that fails later', async () => {
    const { evidence } = proofUnder(snpRoot('Genoa'));
    expect((await world.send({ evidence, hints: foreignHints() })).status).toBe('reverted');
    expect(await isKnown(snpRoot('Genoa'))).toBe(false);
    await world.send(proofUnder(snpRoot('Genoa')));
    expect(await isKnown(snpRoot('Genoa'))).toBe(true);
  });

  it('asks the end of the intermediate on every hit', async () => {
    const [, authority, endorsement] = longLeaf() as readonly [Uint8Array, Uint8Array, Uint8Array];
    const proof = proofUnder(snpRoot('Genoa'), authority, endorsement);
    expect((await world.send(proof)).logs).toHaveLength(1);
    expect(await ruling(proof, NOW + 1_000 * DAY)).toBe('accepted');
    expect(await ruling(proof, NOW + 1_000 * DAY + 1000)).toBe('certificate_expired');
  });

  it('asks the end of the root above it on every hit', async () => {
    const proof = proofUnder(shortRoot);
    const [event] = learned(await world.send(proof));
    expect(event).toMatchObject({ notAfter: BigInt(seconds + (2 * DAY) / 1000) });
    expect(await ruling(proof, NOW + 2 * DAY)).toBe('accepted');
    expect(await ruling(proof, NOW + 2 * DAY + 1000)).toBe('certificate_expired');
  });

  it('does not take what one root signed for signed by another', async () => {
    await world.send(proofUnder(snpRoot('Genoa')));
    expect(await isKnown(shortRoot)).toBe(false);
    expect(learned(await world.send(proofUnder(shortRoot)))).toHaveLength(1);
  });

  it('gives the verdict that it would give without: a known certificate with a forged signature is refused', async () => {
    await world.send(proofUnder(snpRoot('Genoa')));
    const forged = Uint8Array.from(intermediate);
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
    expect(tbsOf(forged)).toBe(tbsOf(intermediate));
    expect(await ruling(proofUnder(snpRoot('Genoa'), forged))).toBe('certificate_signature');
  });

  it('accepts another genuine signature over a known certificate, and keeps the first', async () => {
    const first = proofUnder(snpRoot('Genoa'));
    await world.send(first);
    // PSS draws a salt: the same specification signed again is the same signed part under another signature.
    const [, again] = snpCertificates() as readonly [Uint8Array, Uint8Array];
    expect(tbsOf(again)).toBe(tbsOf(intermediate));
    expect(again).not.toEqual(intermediate);
    const second = await world.send(proofUnder(snpRoot('Genoa'), again));
    expect([second.status, second.logs]).toEqual(['success', []]);
    expect((await world.send(first)).gasUsed).toBeLessThan(second.gasUsed - 500_000n);
  });

  it('judges the leaf anew: names, and another authority of the same key', async () => {
    await world.send(proofUnder(snpRoot('Genoa')));
    const chain = { leaf: { issuer: name('SEV-Milan') } };
    const [, , other] = snpCertificates({ chain }) as readonly [Uint8Array, Uint8Array, Uint8Array];
    expect(await ruling(proofUnder(snpRoot('Genoa'), intermediate, other))).toBe('issuer_mismatch');
  });

  async function isKnown(root: Uint8Array): Promise<boolean> {
    const args = [hex(nodeSuite.sha256(root)), tbsOf(intermediate)];
    const data = encodeFunctionData({ abi: world.verifier.abi, functionName: 'isKnown', args });
    return BigInt(await world.chain.call({ to: world.address, data })) === 1n;
  }
});

describe('a deployment', () => {
  it('fits EIP-170, and knows its reader and engines by their code', async () => {
    expect(world.verifier.runtimeBytes).toBeLessThanOrEqual(24_576);
    const places = world.parts.entries();
    for (const [index] of places) {
      const parts = world.parts.map((at, place) => (place === index ? world.address : at));
      await expect(world.chain.deploy(world.verifier, [...parts, [hex(snpRoot('Genoa'))]])).rejects.toThrow(
        /not created/,
      );
    }
    expect((await artifact('Sha384PairEngine')).runtimeBytes).toBeLessThanOrEqual(24_576);
    const code = await world.chain.rpc<Hex>('eth_getCode', [world.parts[3], 'latest']);
    expect(keccak256(code)).toBe(await readerCode());
  });

  it('is a simulation with roots of one’s own', async () => {
    const data = encodeFunctionData({ abi: world.verifier.abi, functionName: 'SIMULATED' });
    expect(BigInt(await world.chain.call({ to: world.address, data }))).toBe(1n);
  });

  it('has anchors, each once, of AMD’s names and readable', async () => {
    const root = snpRoot('Genoa');
    const misnamed = snpCertificates({ chain: { root: { subject: name('ARK-Rome') } } })[0] as Uint8Array;
    const numbered = snpCertificates({ chain: { root: { serial: unsigned(0) } } })[0] as Uint8Array;
    for (const roots of [[], [root, root], [misnamed], [numbered], [leaf], [root.subarray(1)]]) {
      await expect(world.deploy(roots)).rejects.toThrow(/not created/);
    }
  });

  it('tells its anchors, whose certificates anybody can read', async () => {
    const args = [hex(nodeSuite.sha256(shortRoot))];
    const data = encodeFunctionData({ abi: world.verifier.abi, functionName: 'anchorOf', args });
    const answer = await world.chain.call({ to: world.address, data });
    const at = `0x${answer.slice(2 + 64 + 24, 2 + 128)}`;
    expect(await world.chain.rpc('eth_getCode', [at, 'latest'])).toBe(hex(shortRoot));
    await expect(world.chain.call({ to: at as Hex })).rejects.toThrow(/eth_call/);
  });
});

/** As it stands in the source. */
async function readerCode(): Promise<string | undefined> {
  const { readFileSync } = await import('node:fs');
  const source = readFileSync(new URL('../../contracts/src/snp/SnpAnchors.sol', import.meta.url), 'utf8');
  return /READER_CODE = (0x[0-9a-f]{64});/.exec(source)?.[1];
}
