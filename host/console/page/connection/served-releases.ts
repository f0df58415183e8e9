import { ClientError } from '../../../../client/errors.ts';
import type { HostTransport } from '../../../../client/transport.ts';
import { toHex } from '../../../../wire/bytes.ts';
import { array, base64urlBytes, hexBytes, object, type Reader, text } from '../../../../wire/codec/fields.ts';
import { parseJson } from '../../../../wire/codec/json.ts';
import { WireError } from '../../../../wire/errors.ts';
import { limits } from '../../../../wire/limits.ts';
import type { SignedRelease } from '../../../../wire/message/manifest.ts';

/** One line of a host's list: a claim, by which a release is fetched that proves itself. */
export interface ListedRelease {
  readonly modelId: Uint8Array;
  readonly name: string;
  readonly version: string;
}

const listReader: Reader<readonly ListedRelease[]> = array(
  object<ListedRelease>({
    modelId: hexBytes(32),
    name: text({ min: 1, max: limits.modelNameBytes }),
    version: text({ min: 1, max: limits.modelNameBytes }),
  }),
  { min: 0, max: limits.configurationModels },
);

const signedReader: Reader<SignedRelease> = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

export async function listReleases(host: HostTransport): Promise<readonly ListedRelease[]> {
  const answer = await host.get('/v1/releases', limits.hintBytes);
  return readAnswer(() => listReader(parseJson(answer, limits.hintBytes), 'releases'));
}

/** As the host hands it out: nothing of it is proven. */
export async function askRelease(host: HostTransport, modelId: Uint8Array): Promise<SignedRelease> {
  const answer = await host.get(`/v1/releases/${toHex(modelId)}`, 2 * limits.manifestBytes);
  return readAnswer(() => signedReader(parseJson(answer, 2 * limits.manifestBytes), 'release'));
}

/** What does not have the form of an answer is the host's fault, and is told as that. */
export function readAnswer<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}
