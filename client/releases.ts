import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import { type ReleaseFacts, verifyRelease } from '../verifier/release/verify.ts';
import type { Check, NotProven, Verified } from '../verifier/result.ts';
import { equalBytes, fromHex, toHex } from '../wire/bytes.ts';
import { array, base64urlBytes, hexBytes, object, type Reader, text } from '../wire/codec/fields.ts';
import { parseJson } from '../wire/codec/json.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { limits } from '../wire/limits.ts';
import type { SignedRelease } from '../wire/message/manifest.ts';
import { compareVersions, isVersion } from '../wire/message/versions.ts';
import { ClientError } from './errors.ts';
import type { Statuses } from './statuses.ts';
import type { HostTransport } from './transport.ts';
import { violation } from './violation.ts';

/** What a caller means by a name: one release, or whatever its publisher has signed under a name since a version. */
export type ModelChoice =
  | Uint8Array
  | { readonly publisher: Uint8Array; readonly name: string; readonly minVersion: string };

export interface KnownRelease {
  readonly signed: SignedRelease;
  readonly facts: Verified<ReleaseFacts>;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

export interface Releases {
  /** The signed manifest of a model, from a host and proven. */
  known(host: HostTransport, modelId: Uint8Array): Promise<KnownRelease>;
  /** What the caller's own list means by a name; a model id in hex means itself. A host is asked for manifests, never for meaning. */
  resolve(model: string, host: () => Promise<HostTransport>): Promise<Uint8Array>;
  /** Every name of the caller's list, with what it means. */
  all(host: () => Promise<HostTransport>): Promise<readonly NamedModel[]>;
}

export interface NamedModel {
  readonly name: string;
  readonly modelId: Uint8Array;
}

export interface ReleasesOptions {
  readonly policy: WorkerPolicy;
  readonly models: Readonly<Record<string, ModelChoice>>;
  readonly suite: Suite;
  readonly statuses: Statuses;
}

const releaseReader: Reader<SignedRelease> = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

interface Listed {
  readonly modelId: Uint8Array;
  readonly name: string;
  readonly version: string;
}

const listReader: Reader<readonly Listed[]> = array(
  object<Listed>({
    modelId: hexBytes(32),
    name: text({ min: 1, max: limits.modelNameBytes }),
    version: text({ min: 1, max: limits.modelNameBytes }),
  }),
  { min: 0, max: limits.configurationModels },
);

export function createReleases({ policy, models, suite, statuses }: ReleasesOptions): Releases {
  const proven = new Map<string, KnownRelease>();
  const chosen = new Map<string, Uint8Array>();

  async function known(host: HostTransport, modelId: Uint8Array): Promise<KnownRelease> {
    const release = await prove(host, modelId);
    try {
      const { checks, notProven } = await statuses.check(host, release.facts);
      return {
        ...release,
        checks: [...release.checks, ...checks],
        notProven: [...release.notProven, ...notProven],
      };
    } catch (error) {
      // Another release may be meant by the name from now on.
      if (isWithdrawn(error)) forget(modelId);
      throw error;
    }
  }

  function forget(modelId: Uint8Array): void {
    for (const [name, meant] of chosen) if (equalBytes(meant, modelId)) chosen.delete(name);
  }

  async function prove(host: HostTransport, modelId: Uint8Array): Promise<KnownRelease> {
    const key = toHex(modelId);
    const before = proven.get(key);
    if (before !== undefined) return before;
    const answer = await host.get(`/v1/releases/${key}`, 2 * limits.manifestBytes);
    const signed = violation(() => releaseReader(parseJson(answer, 2 * limits.manifestBytes), 'release'));
    const verdict = await verifyRelease(signed, { modelId, publishers: policy.publishers, suite });
    if (verdict.verdict !== 'accepted') {
      throw new ClientError('release_refused', verdict.code, { reason: verdict.code, verdict });
    }
    const { proven: facts, checks, notProven } = verdict;
    const release = { signed, facts, checks, notProven };
    // A caller asks for a handful of models; whoever asks for thousands proves some of them again.
    if (proven.size >= limits.configurationModels) proven.clear();
    proven.set(key, release);
    return release;
  }

  /** The host lists what it has: a claim, by which manifests are fetched that prove themselves. */
  async function newest(host: HostTransport, choice: Exclude<ModelChoice, Uint8Array>): Promise<Uint8Array> {
    const answer = await host.get('/v1/releases', limits.hintBytes);
    const listed = violation(() => listReader(parseJson(answer, limits.hintBytes), 'releases'));
    const fitting = listed
      .filter(({ name, version }) => name === choice.name && isVersion(version))
      .filter(({ version }) => compareVersions(version, choice.minVersion) >= 0)
      .sort((a, b) => compareVersions(b.version, a.version));
    let withdrawn: ClientError | undefined;
    for (const { modelId } of fitting) {
      const { facts } = await prove(host, modelId);
      const { manifest } = facts;
      const meant =
        equalBytes(manifest.owner, choice.publisher) &&
        manifest.name === choice.name &&
        compareVersions(manifest.version, choice.minVersion) >= 0;
      if (!meant) continue;
      try {
        await statuses.check(host, facts);
        return modelId;
      } catch (error) {
        if (!isWithdrawn(error)) throw error;
        withdrawn ??= error;
      }
    }
    if (withdrawn !== undefined) throw withdrawn;
    throw new ClientError('model_unknown', `no release of ${choice.name} since ${choice.minVersion} is shown here`);
  }

  async function resolve(model: string, host: () => Promise<HostTransport>): Promise<Uint8Array> {
    const choice = Object.hasOwn(models, model) ? models[model] : undefined;
    if (choice === undefined) {
      if (/^[0-9a-f]{64}$/.test(model)) return fromHex(model, 32);
      throw new ClientError('model_unknown', 'the name is not in `models`, and no model id in hex');
    }
    if (choice instanceof Uint8Array) return Uint8Array.from(choice);
    const before = chosen.get(model);
    if (before !== undefined) return before;
    const found = await newest(await host(), choice);
    chosen.set(model, found);
    return found;
  }

  return {
    known,
    resolve,
    all: (host) => Promise.all(Object.keys(models).map(async (name) => ({ name, modelId: await resolve(name, host) }))),
  };
}

function isWithdrawn(error: unknown): error is ClientError {
  return error instanceof ClientError && error.code === 'release_withdrawn';
}

/** Said before anything is sent. */
export function checkModels(models: Readonly<Record<string, ModelChoice>>): void {
  for (const [name, choice] of Object.entries(models)) {
    const right =
      choice instanceof Uint8Array
        ? choice.length === 32
        : choice.publisher instanceof Uint8Array && choice.publisher.length === 64 && isVersion(choice.minVersion);
    if (!right) throw new ClientError('argument_invalid', `models.${name} names no release`);
  }
}
