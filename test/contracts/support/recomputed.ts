import type { Hex } from 'viem';
import { contractOf } from '../../../cli/prove/evm.ts';
import type { IntegerRelease } from '../../../cli/prove/integer-release.ts';
import { readProgram } from '../../../cli/prove/read-program.ts';
import type { GeneratedContract } from '../../../contracts/integer/evm/contract.ts';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeManifest } from '../../../wire/message/manifest.ts';
import { committedRelease } from '../../models/drafts.ts';

/** The committed draft of volatility-1h-int8 as a release of an owner of zeros, and the contract of it. */
export interface Recomputed extends IntegerRelease {
  readonly entry: Uint8Array;
  readonly id: Hex;
  readonly contract: GeneratedContract;
}

export async function recomputedVolatility(): Promise<Recomputed> {
  const { manifest, entry } = await committedRelease('volatility-1h-int8');
  const modelId = toHex(sha256(encodeManifest(manifest)));
  const release: IntegerRelease = { manifest, modelId, program: readProgram(entry) };
  return { ...release, entry, id: `0x${modelId}`, contract: contractOf(release) };
}
