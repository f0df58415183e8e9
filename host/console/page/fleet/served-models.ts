import type { HostTransport } from '../../../../client/transport.ts';
import { verifyRelease, type WorkerPolicy } from '../../../../verifier/index.ts';
import { fromHex, toHex } from '../../../../wire/bytes.ts';
import { array, base64urlBytes, hexBytes, object, type Reader, text } from '../../../../wire/codec/fields.ts';
import { parseJson } from '../../../../wire/codec/json.ts';
import { webSuite } from '../../../../wire/crypto/web.ts';
import { limits } from '../../../../wire/limits.ts';
import type { SignedRelease } from '../../../../wire/message/manifest.ts';

export interface ServedModel {
  readonly modelId: string;
  readonly name: string;
  readonly version: string;
  /** A name is the host's word until its manifest hashes to the id and a publisher of the policy has signed that. */
  readonly standing: { readonly kind: 'claimed' | 'signed' } | { readonly kind: 'refused'; readonly code: string };
}

interface Listed {
  readonly modelId: Uint8Array;
  readonly name: string;
  readonly version: string;
}

const list: Reader<readonly Listed[]> = array(
  object<Listed>({
    modelId: hexBytes(32),
    name: text({ min: 1, max: limits.modelNameBytes }),
    version: text({ min: 1, max: limits.modelNameBytes }),
  }),
  { min: 0, max: limits.configurationModels },
);

const release: Reader<SignedRelease> = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

/** Manifests are fetched for so many models of one host; the view of a model proves any. */
const PROVEN = 16;

export async function askServedModels(
  transport: HostTransport,
  policy: WorkerPolicy | undefined,
): Promise<readonly ServedModel[]> {
  const answer = await transport.get('/v1/releases', limits.hintBytes);
  const listed = list(parseJson(answer, limits.hintBytes), 'releases');
  return Promise.all(
    listed.map(({ modelId, name, version }, place) => {
      const claimed = { modelId: toHex(modelId), name, version, standing: { kind: 'claimed' } } as const;
      return policy === undefined || place >= PROVEN ? claimed : proven(transport, claimed, policy);
    }),
  );
}

async function proven(transport: HostTransport, claimed: ServedModel, policy: WorkerPolicy): Promise<ServedModel> {
  const bytes = await transport.get(`/v1/releases/${claimed.modelId}`, 2 * limits.manifestBytes);
  const signed = release(parseJson(bytes, 2 * limits.manifestBytes), 'release');
  const verdict = await verifyRelease(signed, {
    modelId: fromHex(claimed.modelId, 32),
    publishers: policy.publishers,
    suite: webSuite,
  });
  if (verdict.verdict !== 'accepted') return { ...claimed, standing: { kind: 'refused', code: verdict.code } };
  const { name, version } = verdict.proven.manifest;
  return { ...claimed, name, version, standing: { kind: 'signed' } };
}
