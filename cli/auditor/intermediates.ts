import { languageWork, readLanguageRequest } from '../../enclave/worker/language-work.ts';
import { ModelError } from '../../enclave/worker/model/errors.ts';
import type { Release as ReleaseFolder } from '../../host/releases.ts';
import { concatBytes, utf8 } from '../../wire/bytes.ts';
import { canonicalJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { probePreimage } from '../../wire/message/finding.ts';
import { operation } from '../../wire/message/request.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { tagWord } from '../../wire/words.ts';
import { openTrial } from '../model/trial.ts';
import { withLoaded } from '../replay/rerun.ts';
import type { Statement } from '../replay/statement.ts';
import { readExposed } from './exposed.ts';

/**
 * A digest that only somebody has who computed this request (DESIGN section 6). The leaf is in it, so that what was shown
 * about one receipt says nothing about another with the same input. Digests are compared within one class only.
 */
export async function intermediatesOf(
  statement: Statement,
  {
    release,
    leaf,
    inputs,
  }: { readonly release: ReleaseFolder; readonly leaf: Uint8Array; readonly inputs: readonly Tensor[] | null },
): Promise<Uint8Array> {
  const inner = inputs === null ? await probe(statement, release, leaf) : await tensorsBetween(release, inputs);
  return sha256(concatBytes(tagWord('proofmark intermediates v1'), leaf, inner));
}

const LOAD_MS = 600_000;

/**
 * Every tensor of the graph, from a run of its own: all of them as outputs of the graph, nothing optimised away, one
 * thread, in a confined process like the first run.
 */
async function tensorsBetween(release: ReleaseFolder, inputs: readonly Tensor[]): Promise<Uint8Array> {
  const { manifest } = release;
  const entry = manifest.files.findIndex(({ path }) => path === manifest.entry);
  const pieces: Uint8Array[] = [];
  for await (const piece of release.read(entry)) pieces.push(Uint8Array.from(piece));
  const graph = readExposed(concatBytes(...pieces));
  // Nothing between two nodes is forgotten before the end, so that it takes more memory than serving does.
  const memoryBytes = 2 * manifest.limits.memoryBytes;
  const trial = await openTrial({ memoryBytes, loadMilliseconds: LOAD_MS, optimisation: 'disabled' });

  async function run(exposed: readonly string[], asked: readonly string[]): Promise<readonly Tensor[]> {
    const bytes = graph.showing(exposed);
    const model = await trial.pool.load({ modelId: release.modelId, bytes, batchRows: 1 });
    try {
      const deadlineMs = manifest.limits.runMilliseconds;
      return (await model.run(inputs, asked, { deadlineMs, cancelled: () => false })).outputs;
    } finally {
      model.close();
    }
  }

  /** What does not go together goes in halves; what does not go alone has its name in its place. */
  async function hashes(exposed: readonly string[], asked: readonly string[]): Promise<readonly Uint8Array[]> {
    try {
      return (await run(exposed, asked)).map(tensorHash);
    } catch (error) {
      if (!(error instanceof ModelError) || !SPLITTING.has(error.code)) throw error;
      if (asked.length === 1) return [unseenHash(asked[0] as string)];
      const half = asked.length >> 1;
      const parts = [asked.slice(0, half), asked.slice(half)];
      const shown = new Set(exposed);
      const found: Uint8Array[] = [];
      for (const part of parts)
        found.push(
          ...(await hashes(
            part.filter((name) => shown.has(name)),
            part,
          )),
        );
      return found;
    }
  }

  try {
    const found = [...(await hashes([], graph.outputs))];
    for (let at = 0; at < graph.hidden.length; at += limits.exposedTensors) {
      const names = graph.hidden.slice(at, at + limits.exposedTensors);
      found.push(...(await hashes(names, names)));
    }
    return sha256(concatBytes(...found));
  } finally {
    trial.close();
  }
}

/** A type that is not served, or more than one answer of the process holds. Anything else is a fault. */
const SPLITTING: ReadonlySet<ModelError['code']> = new Set(['model_refused', 'model_output_too_large']);

function tensorHash({ name, datatype, shape, data }: Tensor): Uint8Array {
  return sha256(concatBytes(sha256(canonicalJson({ name, datatype, shape: [...shape] })), sha256(data)));
}

function unseenHash(name: string): Uint8Array {
  return sha256(concatBytes(tagWord('unseen'), utf8(name)));
}

const PROBE_TOKENS = 24;

/**
 * A language model's steps are its tokens, and those are in the answer that everybody has. So its auditor lets it go on
 * from the same prompt by a seed that the leaf decides: what comes is in no answer, and is the same on every machine of
 * one class. It shows that the model was run on this prompt; it shows no number inside the model.
 */
async function probe(statement: Statement, folder: ReleaseFolder, leaf: Uint8Array): Promise<Uint8Array> {
  return withLoaded(statement, folder, async (release) => {
    if (release.kind !== 'text-generation') throw new ModelError('model_refused', 'not a language model');
    const { request, configuration, receipt } = statement;
    const { asked, order } = readLanguageRequest(release, request);
    const drawn = {
      ...order,
      ...{ temperature: '1', topP: '1', stop: [], seed: sha256(probePreimage(leaf)), maxTokens: PROBE_TOKENS },
      maxUnits: Number.MAX_SAFE_INTEGER,
    };
    const under = { endedBy: null, signal: new AbortController().signal };
    const outcome = await languageWork(
      release,
      request,
      { asked: { ...asked, stream: false }, order: drawn },
      {
        configuration,
        executionOf: () => ({ bytes: new Uint8Array(0), hash: receipt.execution }),
        under,
        onPiece: () => undefined,
      },
    );
    return sha256(
      concatBytes(tagWord(request.header.operation === operation.chat ? 'chat' : 'completion'), outcome.body.body),
    );
  });
}
