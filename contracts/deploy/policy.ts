import type { Address, Hex } from 'viem';
import { artifact } from '../tools/artifacts.ts';
import type { Deployer } from './deploy.ts';

/** An immutable policy for simulated workers of one image: the shape of a hardware policy, for evidence that is none. */
interface SimulatorPolicyOptions {
  readonly registry: Address;
  readonly image: Hex;
  /** SHA-256 of the statement that says what the image was built from. */
  readonly provenance: Hex;
  readonly config: Hex;
  readonly operator: Address;
  /** In unix seconds. */
  readonly expiresAt: number;
}

/** Every line and every signer of it (contracts/src/policy/PolicyTypes.sol). */
const ALL_LINES = 0x7f;
const REPORT_VERSIONS = (1 << 2) | (1 << 3) | (1 << 5);
const PRODUCTS = [1, 2, 3] as const;

export async function deploySimulatorPolicy(deployer: Deployer, options: SimulatorPolicyOptions): Promise<Address> {
  const anything = { any: true, ids: [] };
  const only = (id: Hex): { readonly any: boolean; readonly ids: readonly Hex[] } => ({ any: false, ids: [id] });
  // A simulated processor is of no age: its firmware is whatever the simulator says.
  const anyTcb = { any: true, anyMicrocode: false, minimum: 0n };
  return deployer.deploy(await artifact('ImageListPolicy'), [
    {
      registry: options.registry,
      simulated: true,
      images: [{ image: options.image, provenance: options.provenance }],
      configs: only(options.config),
      runtimes: anything,
      executions: anything,
      operators: only(`0x${options.operator.slice(2).padStart(64, '0')}`),
      platforms: anything,
      clouds: anything,
      deniedPlatforms: [],
      deniedCertificates: [],
      hardware: {
        lines: ALL_LINES,
        reportVersions: REPORT_VERSIONS,
        vmpls: 0xf,
        vlekMayHideChip: true,
        provisionalFirmware: true,
        minimumAbi: 0,
        minimumGuestSvn: 0,
        guestSet: 0,
        guestClear: 1 << 19,
        platformSet: 0,
        platformClear: 0,
        unknownPlatformBits: true,
        expiresAt: options.expiresAt,
      },
      floors: PRODUCTS.map((product) => ({
        product,
        floors: { reported: anyTcb, committed: anyTcb, launch: anyTcb },
      })),
      microcode: [],
    },
  ]);
}
