import type { Address } from 'viem';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { DeploymentParameters } from './deployment.ts';

/** The certificates, in DER, that evidence is traced to. */
export interface RootCertificates {
  readonly nitro: Uint8Array | null;
  readonly snp: readonly Uint8Array[];
}

/** One contract of a deployment; its arguments name those before it. */
export interface PlannedContract {
  readonly name: string;
  readonly args: (addressOf: (name: string) => Address) => readonly unknown[];
}

/** Everything that has no owner, in the order in which one names the other: the same contracts as contracts/deploy/ makes. */
export function planOf(parameters: DeploymentParameters, { nitro, snp }: RootCertificates): readonly PlannedContract[] {
  const withNitro = nitro !== null;
  const withSnp = snp.length > 0;
  const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;
  const { token, lifetime, challengeBlocks, maxAge, maxSkew, closeDelay } = parameters;
  // Without one vendor the other's verifier stands in its place, whose answers the registry refuses as of other hardware.
  const verifierOf = (tee: 'nitro' | 'snp'): string =>
    (tee === 'nitro' && withNitro) || !withSnp ? 'NitroVerifier' : 'SevSnpVerifier';
  return [
    { name: 'Sha384Engine', args: () => [] },
    { name: 'P384TableLow', args: () => [] },
    { name: 'P384TableHigh', args: () => [] },
    { name: 'P384Verifier', args: (at) => [at('P384TableLow'), at('P384TableHigh')] },
    ...(withNitro
      ? [
          {
            name: 'NitroVerifier',
            args: (at: (name: string) => Address) => [at('Sha384Engine'), at('P384Verifier'), hex(nitro)],
          },
        ]
      : []),
    ...(withSnp
      ? [
          { name: 'Sha384PairEngine', args: () => [] },
          { name: 'SnpCertificateReader', args: () => [] },
          {
            name: 'SevSnpVerifier',
            args: (at: (name: string) => Address) => [
              at('Sha384Engine'),
              at('Sha384PairEngine'),
              at('P384Verifier'),
              at('SnpCertificateReader'),
              snp.map(hex),
            ],
          },
        ]
      : []),
    {
      name: 'WorkerRegistry',
      args: (at) => [
        {
          ...{ nitro: at(verifierOf('nitro')), snp: at(verifierOf('snp')), sha384: at('Sha384Engine') },
          ...{ lifetime, challengeBlocks, maxAge, maxSkew },
        },
      ],
    },
    { name: 'ModelRegistry', args: () => [] },
    { name: 'Settlement', args: (at) => [token, at('WorkerRegistry'), closeDelay] },
    { name: 'AttestedResult', args: () => [] },
  ];
}

export function rootDigests({ nitro, snp }: RootCertificates): Pick<DeploymentParameters, 'nitroRoot' | 'snpRoots'> {
  const digest = (root: Uint8Array): string => toHex(sha256(root));
  return { nitroRoot: nitro === null ? null : digest(nitro), snpRoots: snp.map(digest) };
}
