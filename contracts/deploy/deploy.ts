import type { Address, Hex } from 'viem';
import { type Artifact, artifact } from '../tools/artifacts.ts';

/** Whoever creates contracts: a chain of the tests, or an account with a node. */
export interface Deployer {
  deploy(contract: Artifact, args?: readonly unknown[]): Promise<Address>;
}

/**
 * The certificates, in DER, that evidence is traced to: Nitro's one, and AMD's for each product line that is to be proven.
 * A deployment without one vendor gives the registry the other's verifier in its place, whose answers it then refuses as
 * evidence of other hardware.
 */
export type Roots =
  | { readonly nitro: Uint8Array; readonly snp: readonly Uint8Array[] }
  | { readonly nitro: Uint8Array; readonly snp: 'none' }
  | { readonly nitro: 'none'; readonly snp: readonly Uint8Array[] };

export interface DeploymentOptions {
  readonly roots: Roots;
  /** The one token that is paid in. */
  readonly token: Address;
  readonly registry: RegistryParameters;
  /** Seconds from a payer's wish to close a channel until it is closed. */
  readonly closeDelay: bigint;
}

export interface RegistryParameters {
  readonly lifetime: bigint;
  readonly challengeBlocks: bigint;
  readonly maxAge: bigint;
  readonly maxSkew: bigint;
}

/** DESIGN section 8's defaults, for chains whose BLOCKHASH is that of the block which `block.number` counts. */
export const registryDefaults: RegistryParameters = {
  lifetime: 86_400n,
  challengeBlocks: 256n,
  maxAge: 600n,
  maxSkew: 300n,
};

export interface Deployment {
  readonly nitro: Address;
  readonly snp: Address;
  readonly registry: Address;
  readonly models: Address;
  readonly settlement: Address;
  readonly attestedResult: Address;
}

/**
 * Everything that has no owner, in the order in which one names the other. What a deployment trusts is its arguments: two
 * deployments with the same ones are the same.
 */
export async function deployAll(deployer: Deployer, options: DeploymentOptions): Promise<Deployment> {
  const create = async (name: string, args: readonly unknown[] = [], file?: string): Promise<Address> =>
    deployer.deploy(await artifact(name, file ?? name), args);

  const engine = await create('Sha384Engine');
  const [low, high] = [await create('P384TableLow'), await create('P384TableHigh')];
  const p384 = await create('P384Verifier', [low, high]);

  const verifierOfNitro = async (root: Uint8Array): Promise<Address> =>
    create('NitroVerifier', [engine, p384, hex(root)]);
  const verifierOfSnp = async (roots: readonly Uint8Array[]): Promise<Address> => {
    const pairEngine = await create('Sha384PairEngine');
    const reader = await create('SnpCertificateReader');
    return create('SevSnpVerifier', [engine, pairEngine, p384, reader, roots.map(hex)]);
  };

  const { roots } = options;
  const nitro = roots.nitro === 'none' ? await verifierOfSnp(roots.snp) : await verifierOfNitro(roots.nitro);
  const snp = roots.snp === 'none' || roots.nitro === 'none' ? nitro : await verifierOfSnp(roots.snp);
  const registry = await create('WorkerRegistry', [{ nitro, snp, sha384: engine, ...options.registry }]);
  const models = await create('ModelRegistry');
  const settlement = await create('Settlement', [options.token, registry, options.closeDelay]);
  const attestedResult = await create('AttestedResult');
  return { nitro, snp, registry, models, settlement, attestedResult };
}

function hex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
