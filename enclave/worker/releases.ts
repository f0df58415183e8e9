import { createHash, type Hash } from 'node:crypto';
import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { whyUncommittable } from '../../wire/commitment/release.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import { encodeRuntime, type Runtime } from '../../wire/message/execution.ts';
import type { FilePiece, SealedDataKey } from '../../wire/message/link.ts';
import {
  decodeManifest,
  type Manifest,
  type ManifestFile,
  type ManifestTensor,
  type SignedRelease,
} from '../../wire/message/manifest.ts';
import { createReleaseCipher, type ReleaseCipher } from './kms/encrypted-release.ts';
import type { MakeRecipient, Recipient } from './kms/recipient.ts';
import { ModelError } from './model/errors.ts';
import type { LanguageModel } from './model/language-model.ts';
import type { ModelPool } from './model/pool.ts';
import type { TensorModel } from './model/tensor-model.ts';
import { Refusal } from './refusal.ts';

export type Release = {
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
} & LoadedModel;

type LoadedModel =
  | { readonly kind: 'tensor'; readonly model: TensorModel }
  | { readonly kind: 'text-generation'; readonly model: LanguageModel };

export interface Releases {
  /** Checks a manifest against the configuration; its files may follow. */
  announce(release: SignedRelease): Promise<void>;
  /** A document with which KMS seals the key of the announced release to this worker; once per announcement. */
  recipient(modelId: Uint8Array): Promise<Uint8Array>;
  /** Opens that key. From here on the release's bytes are taken for encrypted ones. */
  unlock(key: SealedDataKey): void;
  /** Takes the next bytes of an announced release; true once it is complete and loaded. */
  receive(piece: FilePiece): Promise<boolean>;
  find(modelId: Uint8Array): Release | undefined;
  /** Takes a model out of service; what it runs, it finishes. */
  unload(modelId: Uint8Array): void;
  ids(): readonly Uint8Array[];
}

interface Incoming {
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
  /** What the model process will need, as it comes. Of the sizes that the publisher signed, so that pieces of any size cost no more. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
  file: number;
  received: number;
  hash: Hash;
  /** For an encrypted release: whether somebody may open its key, who may, and what the key opens. */
  recipient: 'not-asked' | 'asked' | Recipient;
  cipher: ReleaseCipher | null;
}

/**
 * DESIGN section 7: a model is loaded only from bytes whose digests stand in a manifest that a publisher of the
 * configuration signed. The bytes come through the host and are hashed here; nothing is read from a file system.
 */
export function createReleases(options: {
  readonly configuration: Configuration;
  readonly runtime: Runtime;
  readonly pool: ModelPool;
  readonly makeRecipient: MakeRecipient;
}): Releases {
  const { configuration } = options;
  const loaded = new Map<string, Release>();
  /** Complete, and on their way into a process: they count like the loaded ones, or a quick host would pass the limit. */
  const loading = new Set<string>();
  // One at a time: what a host has announced and not finished must not add up in memory.
  let incoming: Incoming | undefined;
  let makingKey = false;

  function forget(): void {
    incoming?.cipher?.close();
    incoming = undefined;
  }

  function announced(modelId: Uint8Array): Incoming {
    const untouched = incoming !== undefined && incoming.file === 0 && incoming.received === 0;
    if (incoming === undefined || !untouched || !equalBytes(incoming.modelId, modelId)) {
      throw new Refusal('data_key_unexpected', 'no such release was announced, or its files have begun');
    }
    return incoming;
  }

  async function finish({ manifest, modelId, kept }: Incoming): Promise<Release> {
    if (manifest.kind === 'text-generation') {
      const model = await orRefusal(options.pool.loadLanguage({ modelId, entry: manifest.entry, files: kept }));
      checkEngine(model, model.info.engine);
      return { modelId, manifest, kind: manifest.kind, model };
    }
    const bytes = kept.get(manifest.entry) ?? new Uint8Array(0);
    const model = await orRefusal(options.pool.load({ modelId, bytes, batchRows: manifest.execution.batchRows }));
    if (signatureOf(manifest) !== signatureOf(model)) {
      model.close();
      const sides = `the manifest declares ${describe(manifest)}, the model has ${describe(model)}`;
      throw new Refusal('release_invalid', sides);
    }
    checkEngine(model, model.engine);
    return { modelId, manifest, kind: manifest.kind, model };
  }

  function checkEngine(model: { close(): void }, engine: Runtime): void {
    if (equalBytes(encodeRuntime(engine), encodeRuntime(options.runtime))) return;
    model.close();
    throw new Refusal('release_invalid', 'the engine is not the attested one');
  }

  return {
    async announce({ manifest: encoded, owner, signature }) {
      if (!configuration.publishers.some((publisher) => equalBytes(publisher, owner))) {
        throw new Refusal('publisher_not_allowed', toHex(owner));
      }
      const modelId = sha256(encoded);
      await checkSignature(owner, modelId, signature);
      const manifest = parseManifest(encoded);
      if (!equalBytes(manifest.owner, owner)) throw new Refusal('release_invalid', 'the manifest names another owner');
      if (configuration.models !== 'any' && !configuration.models.some((model) => equalBytes(model, modelId))) {
        throw new Refusal('release_invalid', 'the configuration does not list this model');
      }
      checkServable(manifest, options.runtime, configuration);
      const key = toHex(modelId);
      if (loaded.has(key) || loading.has(key)) throw new Refusal('release_invalid', 'this model is here already');
      const taken = loaded.size + loading.size;
      if (taken >= configuration.limits.models) throw new Refusal('too_many_models', `${taken} are here`);
      const kept = new Map(keptFiles(manifest).map(({ path, size }) => [path, new Uint8Array(size)]));
      forget();
      const nothing = { file: 0, received: 0, hash: createHash('sha256') };
      incoming = { modelId, manifest, kept, ...nothing, recipient: 'not-asked', cipher: null };
    },
    async recipient(modelId) {
      const release = announced(modelId);
      if (release.recipient !== 'not-asked') throw new Refusal('data_key_unexpected', 'one key per announcement');
      // Making a key takes a tenth of a second of a processor: announcing again must not start a second one meanwhile.
      if (makingKey) throw new Refusal('busy', 'a key is being made');
      release.recipient = 'asked';
      makingKey = true;
      try {
        release.recipient = await options.makeRecipient(release.modelId);
      } finally {
        makingKey = false;
      }
      return release.recipient.document;
    },
    unlock({ modelId, sealed }) {
      const release = announced(modelId);
      if (typeof release.recipient === 'string') throw new Refusal('data_key_unexpected', 'no document was asked for');
      release.cipher = createReleaseCipher(release.recipient.open(sealed), release.modelId);
    },
    async receive(piece) {
      const release = incoming;
      if (release === undefined || !equalBytes(release.modelId, piece.modelId) || release.file !== piece.file) {
        throw new Refusal('file_unexpected', `file ${piece.file}`);
      }
      try {
        if (release.cipher === null) take(release, piece.bytes);
        else decrypt(release, release.cipher, piece.bytes);
      } catch (error) {
        forget();
        throw error;
      }
      if (release.file < release.manifest.files.length) return false;
      forget();
      const key = toHex(release.modelId);
      loading.add(key);
      try {
        loaded.set(key, await finish(release));
      } finally {
        loading.delete(key);
      }
      return true;
    },
    find: (modelId) => loaded.get(toHex(modelId)),
    unload(modelId) {
      const key = toHex(modelId);
      const release = loaded.get(key);
      if (release === undefined) throw new Refusal('release_invalid', 'no such model is here');
      loaded.delete(key);
      release.model.retire();
    },
    ids: () => [...loaded.values()].map((release) => release.modelId),
  };
}

function decrypt(release: Incoming, cipher: ReleaseCipher, sealed: Uint8Array): void {
  const size = release.manifest.files[release.file]?.size ?? 0;
  cipher.push(release.file, size, sealed, (plaintext) => take(release, plaintext));
}

/** Adds bytes to the current file and closes every file that is complete (empty ones close at once). */
function take(release: Incoming, bytes: Uint8Array): void {
  const { files } = release.manifest;
  const current = files[release.file];
  if (current === undefined || release.received + bytes.length > current.size) {
    throw new Refusal('file_mismatch', `${current?.path ?? 'the release'} has more bytes than its manifest says`);
  }
  release.hash.update(bytes);
  release.received += bytes.length;
  release.kept.get(current.path)?.set(bytes, release.received - bytes.length);
  if (release.received < current.size) return;
  if (!equalBytes(new Uint8Array(release.hash.digest()), current.sha256)) {
    throw new Refusal('file_mismatch', `${current.path} has another digest than its manifest says`);
  }
  release.file += 1;
  release.received = 0;
  release.hash = createHash('sha256');
}

async function checkSignature(owner: Uint8Array, modelId: Uint8Array, signature: Uint8Array): Promise<void> {
  const point = concatBytes(Uint8Array.of(4), owner);
  try {
    if (await verifyLowS(nodeSuite, point, releaseMessage(modelId), signature)) return;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  throw new Refusal('release_invalid', 'the owner did not sign this manifest');
}

function parseManifest(encoded: Uint8Array): Manifest {
  try {
    return decodeManifest(encoded);
  } catch (error) {
    if (error instanceof WireError) throw new Refusal('release_invalid', error.message);
    throw error;
  }
}

function checkServable(manifest: Manifest, runtime: Runtime, configuration: Configuration): void {
  const uncommittable = manifest.circuit === null ? undefined : whyUncommittable(manifest);
  if (uncommittable !== undefined) {
    throw new Refusal('release_invalid', `it names a circuit, and no receipt could commit to it: ${uncommittable}`);
  }
  const { engine, optimisation, threads } = manifest.execution;
  if (engine !== runtime.engine || optimisation !== runtime.optimisation || threads !== runtime.threads) {
    throw new Refusal('release_invalid', 'the manifest asks for other execution options than this worker attests');
  }
  if (manifest.limits.memoryBytes > configuration.limits.modelMemoryBytes) {
    throw new Refusal('release_too_large', 'the manifest asks for more memory than the configuration allows');
  }
  const total = manifest.files.reduce((sum, file) => sum + file.size, 0);
  if (total > configuration.limits.releaseBytes) throw new Refusal('release_too_large', `${total} bytes`);
}

async function orRefusal<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    if (error instanceof ModelError) throw new Refusal('model_refused', error.message);
    throw error;
  }
}

/** Files of a language model that its process reads, in whatever folder of the release they lie. The rest is for people. */
const LANGUAGE_FILE =
  /(^|\/)([^/]+\.onnx|config\.json|generation_config\.json|genai_config\.json|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|chat_template\.jinja)$/;

function keptFiles({ kind, entry, files }: Manifest): readonly ManifestFile[] {
  if (kind === 'tensor') return files.filter(({ path }) => path === entry);
  const kept = files.filter(({ path, size }) => size > 0 && LANGUAGE_FILE.test(path));
  if (kept.length > limits.languageFiles) throw new Refusal('release_too_large', `${kept.length} files of one model`);
  return kept;
}

type Signature = Pick<Manifest, 'inputs' | 'outputs'>;

/** What two signatures are compared by. Quoted: a name can look like a list, and a free dimension like a number. */
function signatureOf({ inputs, outputs }: Signature): string {
  const side = (tensors: readonly ManifestTensor[]): unknown =>
    tensors.map(({ name, datatype, shape }) => [name, datatype, shape]);
  return JSON.stringify([side(inputs), side(outputs)]);
}

function describe({ inputs, outputs }: Signature): string {
  const side = (tensors: readonly ManifestTensor[]): string =>
    tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join()}]`).join(', ');
  return `(${side(inputs)}) -> (${side(outputs)})`;
}
