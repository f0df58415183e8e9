import { verifyRelease } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { base64urlBytes, object, type Reader } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { encodeArchive } from '../../wire/message/archive.ts';
import type { SignedRelease } from '../../wire/message/manifest.ts';
import { ClientError } from '../errors.ts';
import { judgeCommitmentWord } from '../judgement.ts';
import type { HostTransport } from '../transport.ts';
import type { Lookup } from './lookup.ts';
import { type Asker, shown } from './prove-worker.ts';

const releaseReader: Reader<SignedRelease> = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

/** A `.proofmark` file like one whose payload was deleted: an audit goes as far with it as this lookup did. */
export async function archiveOfLookup(
  { host, policy, suite }: Asker,
  { facts, bundle, proven }: Extract<Lookup, { readonly verdict: 'origin-only' }>,
): Promise<Uint8Array> {
  const { modelId } = facts.receipt;
  const release = await signedRelease(host, modelId);
  const verdict = await verifyRelease(release, { modelId, publishers: policy.publishers, suite });
  if (verdict.verdict !== 'accepted') {
    throw new ClientError('release_refused', verdict.code, { reason: verdict.code, verdict });
  }
  await judgeCommitmentWord(bundle.receipt, verdict.proven.manifest, suite);
  return encodeArchive({
    format: 'proofmark archive v1',
    ...bundle,
    evidence: proven.evidence,
    challenge: { value: proven.challenge, preimage: null },
    release,
    request: null,
    response: null,
    anchors: [],
  });
}

async function signedRelease(host: HostTransport, modelId: Uint8Array): Promise<SignedRelease> {
  const served = await host.get(`/v1/releases/${toHex(modelId)}`, 2 * limits.manifestBytes);
  return shown(() => releaseReader(parseJson(served, 2 * limits.manifestBytes), 'release'));
}
