import { readFile } from 'node:fs/promises';
import type { Address, Hex } from 'viem';
import { replaceFile } from '../../client/node/replace-file.ts';
import { utf8 } from '../../wire/bytes.ts';
import {
  array,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  type Reader,
  record,
  text,
} from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { ChainError } from './errors.ts';

/** What was deployed, and how far: attestations/schemas/proofmark-deployment.schema.json. It has no secret in it. */
export interface Deployment {
  readonly format: 'proofmark deployment v1';
  readonly chainId: string;
  readonly deployer: Address;
  readonly parameters: DeploymentParameters;
  /** In the order in which they are created. */
  readonly contracts: ReadonlyMap<string, CreatedContract>;
}

export interface DeploymentParameters {
  readonly level: 'vendors' | 'simulated';
  readonly token: Address;
  /** SHA-256 of the one certificate; null without Nitro. */
  readonly nitroRoot: string | null;
  readonly snpRoots: readonly string[];
  /** Seconds, as those below. */
  readonly lifetime: string;
  readonly challengeBlocks: string;
  readonly maxAge: string;
  readonly maxSkew: string;
  readonly closeDelay: string;
}

export interface CreatedContract {
  readonly address: Address;
  readonly nonce: number;
  /** SHA-256 of what it was created from, without arguments. */
  readonly code: string;
  /** Null until it is mined, and where that was found out by looking at the chain. */
  readonly transaction: Hex | null;
  readonly state: 'sent' | 'created';
}

/** Ten lists of a few roots, and fourteen contracts. */
const FILE_BYTES = 65_536;

const amount = text({ min: 1, max: 39, pattern: /^(0|[1-9][0-9]*)$/ });
const word = text({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ });
const address = text({ min: 42, max: 42, pattern: /^0x[0-9a-fA-F]{40}$/ }) as Reader<Address>;
const hash = text({ min: 66, max: 66, pattern: /^0x[0-9a-f]{64}$/ }) as Reader<Hex>;

const reader: Reader<Deployment> = object<Deployment>({
  format: literal('proofmark deployment v1'),
  chainId: amount,
  deployer: address,
  parameters: object<DeploymentParameters>({
    level: oneOf(['vendors', 'simulated']),
    token: address,
    nitroRoot: nullable(word),
    snpRoots: array(word, { min: 0, max: 8 }),
    lifetime: amount,
    challengeBlocks: amount,
    maxAge: amount,
    maxSkew: amount,
    closeDelay: amount,
  }),
  contracts: record(
    /^[A-Za-z0-9]{1,64}$/,
    object<CreatedContract>({
      address,
      nonce: integer({ min: 0, max: 2 ** 40 }),
      code: word,
      transaction: nullable(hash),
      state: oneOf(['sent', 'created']),
    }),
    { min: 0, max: 64 },
  ),
});

/** Undefined where there is no such file yet. */
export async function readDeployment(path: string): Promise<Deployment | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ChainError('deployment_invalid', `cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    return reader(parseJson(bytes, FILE_BYTES), 'deployment');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ChainError('deployment_invalid', `${path}: ${error.message}`, { cause: error });
  }
}

/** As a whole, and on the disk before it resolves: a step that is sent must not be forgotten. */
export async function writeDeployment(path: string, deployment: Deployment): Promise<void> {
  const { contracts, ...rest } = deployment;
  const file = { ...rest, contracts: Object.fromEntries(contracts) };
  await replaceFile(path, utf8(`${JSON.stringify(file, null, 2)}\n`));
}

/** A finished contract of it. */
export function contractOf(path: string, { contracts }: Deployment, name: string): Address {
  const found = contracts.get(name);
  if (found?.state === 'created') return found.address;
  throw new ChainError('deployment_invalid', `${path} has no ${name}: its deployment is not finished`);
}
