import { type Address, decodeEventLog, encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../contracts/tools/anvil.ts';
import { fromHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { blockChallengePreimage } from '../../wire/message/authorisations.ts';
import { encodeIdentity, imagePreimage, type TeeName } from '../../wire/message/identity.ts';
import { encodeTreeHead } from '../../wire/message/receipt.ts';
import { issuedChallengePreimage, revokeMessage } from '../../wire/message/registrations.ts';
import { completedNodes, type NodeReader, subtreeProof, treeRoot } from '../../wire/tree/index.ts';
import { CHAIN, MODULE_ID, NOW, pcrsWith } from '../vectors/corpus/base.ts';
import { tbsOf } from '../vectors/corpus/certificate.ts';
import { CHIP, MEASUREMENT, machine } from '../vectors/corpus/snp/base.ts';
import { filler, sign, type TestKey, testKey } from '../vectors/golden/keys.ts';
import { hex } from './support/hex.ts';
import { CHALLENGE_BLOCK, type RegistryWorld, registryWorld, SIGNER } from './support/registry-world.ts';

/** Real registrations: the verifiers of the product over evidence of the simulator, signatures by the code of `wire`. */
const TEES: readonly TeeName[] = ['aws-nitro', 'amd-sev-snp'];

let world: RegistryWorld;
let fresh: Hex;

beforeAll(async () => {
  world = await registryWorld();
}, 300_000);

afterAll(() => world.chain.stop());

/** Each test starts from a registry that nobody has registered with. */
async function restore(): Promise<void> {
  if (fresh !== undefined) await world.chain.rpc('evm_revert', [fresh]);
  fresh = await world.chain.rpc<Hex>('evm_snapshot');
}

interface OnChainWorker {
  readonly tee: Hex;
  readonly simulated: boolean;
  readonly image: Hex;
  readonly config: Hex;
  readonly runtime: Hex;
  readonly operator: Address;
  readonly platformId: Hex;
  readonly snp: Readonly<Record<string, number | bigint>>;
  readonly certificates: readonly Hex[];
  readonly registeredAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number;
}

const workerOf = (log: Uint8Array): Promise<OnChainWorker> => world.read<OnChainWorker>('workerOf', [hex(log)]);
const isLive = (log: Uint8Array): Promise<boolean> => world.read<boolean>('isLive', [hex(log)]);
const hashOfTbs = (certificate: Uint8Array): Hex => hex(sha256(tbsOf(certificate)));

async function timeOf({ blockNumber }: Receipt): Promise<number> {
  const block = await world.chain.rpc<{ timestamp: Hex }>('eth_getBlockByNumber', [
    `0x${blockNumber.toString(16)}`,
    false,
  ]);
  return Number(block.timestamp);
}

/** The last block that a call can name: calls are made in the newest one. */
async function newest(): Promise<bigint> {
  return BigInt(await world.chain.rpc<Hex>('eth_blockNumber')) - 1n;
}

const challengeIn = ({ logs }: Receipt): Hex => logs[0]?.topics[1] ?? '0x';

async function registered(tee: TeeName): Promise<Uint8Array> {
  const receipt = await world.register(await world.registration({ tee }));
  expect(receipt.status).toBe('success');
  return world.logOf(world.identity());
}

async function send(name: string, args: readonly unknown[], from?: Address): Promise<Receipt> {
  const data = encodeFunctionData({ abi: world.contract.abi, functionName: name, args });
  return world.chain.send({ to: world.registry, data, ...(from !== undefined && { from }) });
}

const words = (): readonly Hex[] => {
  const bytes = encodeIdentity(world.identity());
  return Array.from({ length: 10 }, (_, index) => hex(bytes.subarray(32 * index, 32 * (index + 1))));
};

describe('WorkerRegistry', () => {
  it('fits EIP-170', () => {
    expect(world.contract.runtimeBytes).toBeLessThanOrEqual(24_576);
  });

  it('registers a Nitro worker by a document of the simulator', { timeout: 120_000 }, async () => {
    await restore();
    const receipt = await world.register(await world.registration({ tee: 'aws-nitro' }));
    expect(receipt.status).toBe('success');
    const log = world.logOf(world.identity());
    const pcrs = pcrsWith({});
    const measurements = [0, 1, 2].map((index) => pcrs.get(index) as Uint8Array);
    const worker = await workerOf(log);
    expect(worker).toMatchObject({
      simulated: true,
      image: hex(sha256(imagePreimage('aws-nitro', measurements))),
      config: hex(filler('configuration')),
      runtime: hex(filler('runtime')),
      platformId: hex(sha256(utf8(MODULE_ID))),
      certificates: CHAIN.map(hashOfTbs),
      registeredAt: await timeOf(receipt),
      // From the document's own time, or from the block's where that is earlier.
      expiresAt: Math.min(NOW / 1_000, await timeOf(receipt)) + 86_400,
      revokedAt: 0,
    });
    expect(worker.operator.toLowerCase()).toBe(world.operator.toLowerCase());
    expect(await isLive(log)).toBe(true);
  });

  it('registers an SEV-SNP worker by a report of the simulator', { timeout: 120_000 }, async () => {
    await restore();
    const receipt = await world.register(await world.registration({ tee: 'amd-sev-snp' }));
    expect(receipt.status).toBe('success');
    const log = world.logOf(world.identity());
    const [leaf, intermediate, root] = machine().certificates;
    const worker = await workerOf(log);
    expect(worker).toMatchObject({
      simulated: true,
      image: hex(sha256(imagePreimage('amd-sev-snp', [MEASUREMENT]))),
      platformId: hex(sha256(CHIP)),
      certificates: [root, intermediate, leaf].map(hashOfTbs),
      expiresAt: (await timeOf(receipt)) + 86_400,
    });
    expect(worker.snp).toMatchObject({ reportVersion: 5, guestSvn: 5, guestPolicy: 0x3001fn });
    expect(await isLive(log)).toBe(true);
  });

  it('draws the challenges that wire computes', async () => {
    await restore();
    const { hash } = await world.chain.rpc<{ hash: Hex }>('eth_getBlockByNumber', ['0x1', false]);
    const place = { chainId: 31_337n, registry: fromHex(world.registry.slice(2)) };
    const operator = fromHex(world.operator.slice(2));
    const fields = { ...place, operator, blockNumber: CHALLENGE_BLOCK, blockHash: fromHex(hash.slice(2)) };
    expect(await world.blockChallenge(world.operator, CHALLENGE_BLOCK)).toEqual(sha256(blockChallengePreimage(fields)));

    const receipt = await send('issueChallenge', [], world.operator);
    const number = `0x${receipt.blockNumber.toString(16)}`;
    const block = await world.chain.rpc<{ parentHash: Hex; mixHash: Hex }>('eth_getBlockByNumber', [number, false]);
    const drawn = {
      nonce: 0n,
      previousBlockHash: fromHex(block.parentHash.slice(2)),
      prevrandao: BigInt(block.mixHash),
    };
    const challenge = sha256(issuedChallengePreimage({ ...place, operator, ...drawn }));
    expect(challengeIn(receipt)).toBe(hex(challenge));

    const made = await world.registration({ tee: 'amd-sev-snp', block: 0n, challenge });
    expect((await world.register(made)).status).toBe('success');
    expect(await world.refusal(made)).toBe('ChallengeNotIssued');
  });

  describe.each(TEES)('by %s', (tee) => {
    it('refuses what others copied, and what was made for another place', { timeout: 120_000 }, async () => {
      await restore();
      const stranger = world.chain.accounts[5] as Address;
      const honest = await world.registration({ tee });
      expect(await world.refusal(honest)).toBeNull();
      expect(await world.refusal(honest, stranger)).toBe('CallerNotTheOperator');

      // The stranger's own identity around the copied evidence, signature and all.
      const bytes = encodeIdentity(world.identity({ operator: fromHex(stranger.slice(2)) }));
      const identity = honest.identity.map((_, index) => hex(bytes.subarray(32 * index, 32 * (index + 1))));
      expect(await world.refusal({ ...honest, identity }, stranger)).toBe('EvidenceOfAnotherIdentity');

      const elsewhere = world.identity({ chainId: 1n });
      expect(await world.refusal(await world.registration({ tee, identity: elsewhere }))).toBe(
        'IdentityOfAnotherChain',
      );
      const other = world.identity({ registry: filler('another registry', 20) });
      expect(await world.refusal(await world.registration({ tee, identity: other }))).toBe('IdentityOfAnotherRegistry');

      const old = await world.registration({ tee, challenge: filler('an old challenge') });
      expect(await world.refusal(old)).toBe('EvidenceOfAnotherChallenge');
    });

    it('refuses an image that names another worker’s signer', { timeout: 120_000 }, async () => {
      await restore();
      const thief = world.chain.accounts[5] as Address;
      const identity = world.identity({ operator: fromHex(thief.slice(2)) });
      const made = await world.registration({ tee, identity, key: testKey('a hostile image’s own') });
      expect(await world.refusal(made, thief)).toBe('PossessionNotProven');
    });

    it('refuses evidence with one bit changed', { timeout: 120_000 }, async () => {
      await restore();
      const honest = await world.registration({ tee });
      const bytes = fromHex(honest.evidence.slice(2));
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
      expect(await world.refusal({ ...honest, evidence: hex(bytes) })).not.toBeNull();
    });

    it('does not register a revoked log again, whoever proves what', { timeout: 120_000 }, async () => {
      await restore();
      const log = await registered(tee);
      const fields = { chainId: 31_337n, registry: fromHex(world.registry.slice(2)), log };
      const signature = sign(SIGNER, revokeMessage(fields));
      const halves = [hex(signature.subarray(0, 32)), hex(signature.subarray(32))];
      expect((await send('revokeBySigner', [words(), ...halves])).status).toBe('success');
      expect(await isLive(log)).toBe(false);
      expect(await world.refusal(await world.registration({ tee, block: await newest() }))).toBe('LogRevoked');
    });
  });

  it('takes a Nitro document only with signer, configuration and time in their places', {
    timeout: 120_000,
  }, async () => {
    await restore();
    await expectBinding({ signerOf: testKey('a key that the device does not know') }, 'PublicKeyNotTheSigner');
    await expectBinding({ measured: filler('another configuration') }, 'ConfigurationNotMeasured');
    await expectBinding({}, null);
    const stale = await world.registration({ tee: 'aws-nitro', at: NOW - 400_000 });
    expect(await world.refusal(stale)).toBe('EvidenceTooOld');
    const early = await world.registration({ tee: 'aws-nitro', at: NOW + 120_000 });
    expect(await world.refusal(early)).toBe('EvidenceFromTheFuture');
  });

  it('renews with a later challenge, and forgets nothing in a reorganisation', { timeout: 120_000 }, async () => {
    await restore();
    const before = await world.chain.rpc<Hex>('evm_snapshot');
    const first = await world.registration({ tee: 'aws-nitro' });
    const log = await registered('aws-nitro');
    const { expiresAt } = await workerOf(log);
    expect(await world.refusal(first)).toBe('ChallengeUsedBefore');
    await world.chain.rpc('evm_mine');
    // The registration's own block, which will be another one on the other branch.
    const again = await world.registration({ tee: 'aws-nitro', block: await newest(), at: NOW + 20_000 });
    expect((await world.register(again)).status).toBe('success');
    expect((await workerOf(log)).expiresAt).toBeGreaterThan(expiresAt);

    // The branch with both is dropped: the first transaction stands on its own, the second names a block that is gone.
    await world.chain.rpc('evm_revert', [before]);
    fresh = await world.chain.rpc<Hex>('evm_snapshot');
    expect((await workerOf(log)).registeredAt).toBe(0);
    await send('issueChallenge', [], world.chain.accounts[7]);
    await send('issueChallenge', [], world.chain.accounts[7]);
    expect(await world.refusal(again)).toBe('EvidenceOfAnotherChallenge');
    expect((await world.register(first)).status).toBe('success');
    expect(await isLive(log)).toBe(true);
  });

  it('says in its events everything that its views know', { timeout: 120_000 }, async () => {
    await restore();
    const unused = await send('issueChallenge', [], world.operator);
    const issued = await send('issueChallenge', [], world.operator);
    const challenge = fromHex(challengeIn(issued).slice(2));
    const first = await world.register(await world.registration({ tee: 'aws-nitro', block: 0n, challenge }));
    await world.chain.rpc('evm_mine');
    const renewal = await world.registration({ tee: 'aws-nitro', block: await newest(), at: NOW + 20_000 });
    const second = await world.register(renewal);
    const revoked = await send('revokeByOperator', [words()], world.operator);
    const events = [unused, issued, first, second, revoked].flatMap(({ status, logs }) => {
      expect(status).toBe('success');
      return logs.filter(({ address }) => address.toLowerCase() === world.registry.toLowerCase());
    });

    const told = rebuilt(events);
    const log = world.logOf(world.identity());
    expect([...told.workers.keys()]).toEqual([hex(log)]);
    const { worker, identity } = told.workers.get(hex(log)) as Told;
    expect(worker).toEqual(await workerOf(log));
    expect(await world.read('headKeyOf', [hex(log)])).toMatchObject({
      signerX: identity[1],
      signerY: identity[2],
      expiresAt: worker.expiresAt,
      revokedAt: worker.revokedAt,
    });
    expect(told.challenges).toEqual([challengeIn(unused)]);
    for (const open of told.challenges) {
      const { operator } = await world.read<{ operator: Address }>('issuedChallenge', [open]);
      expect(operator.toLowerCase()).toBe(world.operator.toLowerCase());
    }
  });

  it('dies of two histories that the host’s own tree code proves', { timeout: 120_000 }, async () => {
    await restore();
    const log = await registered('amd-sev-snp');
    const readers = [37, 41].map((size, branch) => treeOf(size, branch));
    const [one, other] = [readers[0] as NodeReader, readers[1] as NodeReader];
    const place = { level: 3, index: 2 };
    const heads = [headOf(log, one, 37), headOf(log, other, 41)];
    const proofs = [one, other].map((reader, index) => ({
      hash: hex(reader(place.level, place.index)),
      path: subtreeProof(reader, place.level, place.index, [37, 41][index] as number).map(hex),
    }));
    const receipt = await send('revokeTwoHistories', [words(), heads, place.level, place.index, proofs]);
    expect(receipt.status).toBe('success');
    expect(await isLive(log)).toBe(false);
  });
});

interface Told {
  readonly identity: readonly Hex[];
  readonly worker: OnChainWorker;
}

/** State from events alone: workers by log, and challenges that nobody has used. */
function rebuilt(events: Receipt['logs']): {
  readonly workers: ReadonlyMap<Hex, Told>;
  readonly challenges: readonly Hex[];
} {
  const workers = new Map<Hex, Told>();
  const challenges = new Set<Hex>();
  for (const { topics, data } of events) {
    const { eventName, args } = decodeEventLog({ abi: world.contract.abi, topics: [...topics] as [Hex], data });
    const said = args as unknown as Told & { readonly log: Hex; readonly challenge: Hex; readonly revokedAt: number };
    const before = workers.get(said.log) as Told;
    if (eventName === 'ChallengeIssued') challenges.add(said.challenge);
    if (eventName === 'ChallengeUsed') challenges.delete(said.challenge);
    if (eventName === 'WorkerRegistered') workers.set(said.log, { identity: said.identity, worker: said.worker });
    if (eventName === 'WorkerRenewed') workers.set(said.log, { ...before, worker: said.worker });
    if (eventName === 'WorkerRevoked') {
      workers.set(said.log, { ...before, worker: { ...before.worker, revokedAt: said.revokedAt } });
    }
  }
  return { workers, challenges: [...challenges] };
}

/** A document that says the right identity beside another public key or another configuration. */
async function expectBinding(
  changes: { readonly signerOf?: TestKey; readonly measured?: Uint8Array },
  error: string | null,
): Promise<void> {
  expect(await world.refusal(await world.registration({ tee: 'aws-nitro', ...changes }))).toBe(error);
}

/** A log whose branches part at leaf 20. */
function treeOf(size: number, branch: number): NodeReader {
  const leaves = Array.from({ length: size }, (_, index) => filler(`leaf ${index} ${index < 20 ? 0 : branch}`));
  const nodes = new Map(
    completedNodes(0, leaves, () => new Uint8Array(32)).map(({ level, index, hash }) => [`${level} ${index}`, hash]),
  );
  return (level, index) => nodes.get(`${level} ${index}`) as Uint8Array;
}

function headOf(log: Uint8Array, reader: NodeReader, size: number): Readonly<Record<string, Hex | bigint>> {
  const root = treeRoot(reader, size);
  const settlement = fromHex(world.settlement.slice(2));
  const signature = sign(SIGNER, encodeTreeHead({ chainId: 31_337n, settlement, log, size, root }));
  const [r, s] = [hex(signature.subarray(0, 32)), hex(signature.subarray(32))];
  return { log: hex(log), size: BigInt(size), root: hex(root), r, s };
}
