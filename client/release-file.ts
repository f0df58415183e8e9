import type { ReleaseFacts } from '../verifier/release/verify.ts';
import type { Verified } from '../verifier/result.ts';
import { equalBytes, toHex } from '../wire/bytes.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { shownFiles } from '../wire/message/shown-files.ts';
import { ClientError } from './errors.ts';
import type { HostTransport } from './transport.ts';

/** Codes of a host that shows no such file, or none at all: hosts before this route, and of encrypted releases. */
const NONE: ReadonlySet<string> = new Set(['file_unknown', 'model_unknown', 'not_found']);

export interface ReleaseFileOptions {
  readonly path: string;
  readonly suite: Suite;
  /** Where releases are asked for: a host's own path, or a hub's. */
  readonly under?: '/v1/releases' | '/v1/hub/releases';
}

/**
 * A card or a sample of a proven release, from a host that is not believed: what it shows has the digest that the owner
 * signed, or is refused. Null where the host shows none.
 */
export async function releaseFile(
  host: HostTransport,
  { modelId, manifest }: Verified<ReleaseFacts>,
  { path, suite, under = '/v1/releases' }: ReleaseFileOptions,
): Promise<Uint8Array | null> {
  const file = shownFiles(manifest).find((each) => each.path === path);
  if (file === undefined) return null;
  let bytes: Uint8Array;
  try {
    bytes = await host.get(`${under}/${toHex(modelId)}/files/${path}`, file.size);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'host_error' && NONE.has(error.reason)) return null;
    throw error;
  }
  if (bytes.length === file.size && equalBytes(await suite.sha256(bytes), file.sha256)) return bytes;
  throw new ClientError('release_refused', `${path} is not the file that the owner of the release signed`, {
    reason: 'file_mismatch',
  });
}
