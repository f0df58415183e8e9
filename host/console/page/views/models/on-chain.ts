import { ClientError } from '../../../../../client/errors.ts';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { concatBytes, equalBytes, fromHex, toHex, utf8 } from '../../../../../wire/bytes.ts';
import type { Suite } from '../../../../../wire/crypto/suite.ts';
import { releaseStatus } from '../../../../../wire/message/authorisations.ts';
import type { ReleaseStatusName } from '../../../../../wire/message/hub.ts';
import type { ChainReader } from '../../connection/chain.ts';

/** `releaseOf(bytes32,bytes32)` of ModelRegistry; a test holds it against the contract's own interface. */
export const RELEASE_OF: Uint8Array = fromHex('fb9006bf', 4);

/** What the registry has of a release; a status may stand before a listing. */
export interface OnChainRelease {
  /** Seconds since 1970; zero where it is not listed. */
  readonly listedAt: number;
  readonly version: string;
  /** Whether name and version are those of the manifest: an owner can list its release under others, and that shows here. */
  readonly agrees: boolean;
  readonly status: ReleaseStatusName;
  readonly sequence: bigint;
}

const WORD = 32;
const WORDS = 8;

/** As good as the node that was asked: nothing here is proven by a signature. */
export async function readOnChain(
  chain: Pick<ChainReader, 'call'>,
  registry: Uint8Array,
  { release: { modelId, manifest }, suite }: { readonly release: Verified<ReleaseFacts>; readonly suite: Suite },
): Promise<OnChainRelease> {
  const answer = await chain.call(registry, concatBytes(RELEASE_OF, await suite.sha256(manifest.owner), modelId));
  if (answer.length !== WORDS * WORD) throw unreadable(`${answer.length} bytes: no ModelRegistry stands there`);
  const word = (at: number): bigint => BigInt(`0x${toHex(answer.subarray(at * WORD, (at + 1) * WORD))}`);
  const status = statusNames[Number(word(6))];
  if (status === undefined) throw unreadable(`status ${word(6)}`);
  const shown = answer.subarray(0, WORD);
  if (word(5) !== 0n && toHex(shown) !== toHex(modelId)) throw unreadable('another release');
  const version = [word(2), word(3), word(4)].join('.');
  const nameHash = answer.subarray(WORD, 2 * WORD);
  return {
    listedAt: Number(word(5)),
    version,
    agrees: version === manifest.version && equalBytes(nameHash, await suite.sha256(utf8(manifest.name))),
    status,
    sequence: word(7),
  };
}

const statusNames = Object.keys(releaseStatus) as readonly ReleaseStatusName[];

function unreadable(detail: string): ClientError {
  return new ClientError('host_error', `what the chain answered is no release: ${detail}`, { reason: 'chain_error' });
}

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** Undefined where a text is no address. */
export function addressOf(text: string): Uint8Array | undefined {
  return ADDRESS.test(text.trim()) ? fromHex(text.trim().slice(2).toLowerCase(), 20) : undefined;
}
