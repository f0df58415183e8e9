import type { HostTransport } from '../../../../client/transport.ts';
import { verifyRelease, type WorkerPolicy } from '../../../../verifier/index.ts';
import { fromHex, toHex } from '../../../../wire/bytes.ts';
import { webSuite } from '../../../../wire/crypto/web.ts';
import { askRelease, listReleases } from '../connection/served-releases.ts';

export interface ServedModel {
  readonly modelId: string;
  readonly name: string;
  readonly version: string;
  /** A name is the host's word until its manifest hashes to the id and a publisher of the policy has signed that. */
  readonly standing: { readonly kind: 'claimed' | 'signed' } | { readonly kind: 'refused'; readonly code: string };
}

/** Manifests are fetched for so many models of one host; the view of a model proves any. */
const PROVEN = 16;

export async function askServedModels(
  transport: HostTransport,
  policy: WorkerPolicy | undefined,
): Promise<readonly ServedModel[]> {
  const listed = await listReleases(transport);
  return Promise.all(
    listed.map(({ modelId, name, version }, place) => {
      const claimed = { modelId: toHex(modelId), name, version, standing: { kind: 'claimed' } } as const;
      return policy === undefined || place >= PROVEN ? claimed : proven(transport, claimed, policy);
    }),
  );
}

async function proven(transport: HostTransport, claimed: ServedModel, policy: WorkerPolicy): Promise<ServedModel> {
  const modelId = fromHex(claimed.modelId, 32);
  const verdict = await verifyRelease(await askRelease(transport, modelId), {
    modelId,
    publishers: policy.publishers,
    suite: webSuite,
  });
  if (verdict.verdict !== 'accepted') return { ...claimed, standing: { kind: 'refused', code: verdict.code } };
  const { name, version } = verdict.proven.manifest;
  return { ...claimed, name, version, standing: { kind: 'signed' } };
}
