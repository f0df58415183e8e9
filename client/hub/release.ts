import { type SeenStatus, verifyStatus } from '../../verifier/release/status.ts';
import { type ReleaseFacts, verifyRelease } from '../../verifier/release/verify.ts';
import type { Check, Verified } from '../../verifier/result.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { ENVELOPE_FILE, encryptedSize } from '../../wire/message/encrypted-release.ts';
import { type HubRelease, type SignedStatus, type StoredFile, storedPaths } from '../../wire/message/hub.ts';
import type { Manifest, SignedRelease } from '../../wire/message/manifest.ts';
import { HubError } from './errors.ts';

/** A release as its owner made it, whatever the hub says around it. */
export interface ProvenRelease {
  /** The operator's word for the owner, and no proof of anything. */
  readonly namespace: string;
  readonly signed: SignedRelease;
  readonly facts: Verified<ReleaseFacts>;
  readonly form: 'plain' | 'encrypted';
  /** Of a plain release the manifest's own files. Of an encrypted one sealed bytes, which only a worker can judge. */
  readonly contents: readonly StoredFile[];
  /** Null is the hub's word: whoever has seen a status before knows better. */
  readonly status: SignedStatus | null;
}

export type Publishers = 'any' | readonly Uint8Array[];

export interface ProveOptions {
  readonly modelId: Uint8Array;
  readonly publishers: Publishers;
  readonly suite: Suite;
}

export async function proveRelease(
  { namespace, release, contents, status }: HubRelease,
  { modelId, publishers, suite }: ProveOptions,
): Promise<ProvenRelease> {
  const verdict = await verifyRelease(release, { modelId, publishers, suite });
  if (verdict.verdict === 'refused') {
    throw new HubError('publisher_refused', toHex(release.owner), { reason: verdict.code, verdict });
  }
  if (verdict.verdict !== 'accepted') {
    throw new HubError('release_untrusted', verdict.code, { reason: verdict.code, verdict });
  }
  const { manifest } = verdict.proven;
  const form = formOf(contents, manifest);
  checkContents(contents, manifest, form);
  if (status !== null) await proveStatus(status, { modelId, owner: manifest.owner, suite, seen: 'nothing' });
  return { namespace, signed: release, facts: verdict.proven, form, contents, status };
}

/** The envelope's name says it, unless a plain release has a file of that name, and then its files say it. */
function formOf(contents: readonly StoredFile[], { files }: Manifest): 'plain' | 'encrypted' {
  const stored = new Set(contents.map(({ path }) => path));
  return stored.has(ENVELOPE_FILE) && files.some(({ path }) => !stored.has(path)) ? 'encrypted' : 'plain';
}

function checkContents(contents: readonly StoredFile[], { files }: Manifest, form: 'plain' | 'encrypted'): void {
  const byPath = new Map(contents.map((file) => [file.path, file]));
  const paths = storedPaths(
    files.map(({ path }) => path),
    form,
  );
  if (byPath.size !== paths.length) throw mismatch(`${byPath.size} files instead of ${paths.length}`);
  for (const [index, path] of paths.entries()) {
    const stored = byPath.get(path);
    if (stored === undefined) throw mismatch(`${path} is not among them`);
    const file = files[index];
    // The envelope, which comes last and is in no manifest.
    if (file === undefined) continue;
    const size = form === 'plain' ? file.size : encryptedSize(file.size);
    if (stored.size !== size) throw mismatch(`${path} has ${size} bytes, and not ${stored.size}`);
    if (form === 'plain' && !equalBytes(stored.sha256, file.sha256)) throw mismatch(`${path} is another file`);
  }
}

function mismatch(detail: string): HubError {
  return new HubError('contents_mismatch', detail);
}

interface StatusOptions {
  readonly modelId: Uint8Array;
  readonly owner: Uint8Array;
  readonly suite: Suite;
  readonly seen: SeenStatus | 'nothing';
}

export async function proveStatus(status: SignedStatus, options: StatusOptions): Promise<void> {
  const verdict = await verifyStatus(status, { ...options, refuse: 'nothing' });
  if (verdict.verdict === 'accepted') return;
  const { code } = verdict;
  const refused = code === 'status_replayed' || code === 'status_equivocation';
  throw new HubError(refused ? code : 'status_untrusted', detailOf(verdict.checks), { reason: code, verdict });
}

function detailOf(checks: readonly Check[]): string {
  return checks.find(({ outcome }) => outcome === 'failed')?.detail ?? '';
}
