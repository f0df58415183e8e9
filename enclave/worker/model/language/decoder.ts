import type * as onnx from 'onnxruntime-node';
import type { Runtime } from '../../../../wire/message/execution.ts';
import { type EngineSession, openSession } from '../engine.ts';
import { ModelError } from '../errors.ts';
import type { ModelExecution } from '../messages.ts';
import { type DecoderConfig, readDecoderConfig } from './config.ts';
import { type DecoderForm, readForm } from './form.ts';
import { type AddedNode, addOutputs, OUR_NAMES } from './graph-edit.ts';
import { readSignature } from './graph-signature.ts';
import { type Batch, createSlots, type Feeds, type Prefilled, promptMask, type Slots } from './slots.ts';

/**
 * A loaded decoder. Prompts are computed alone and at their exact length; what may differ between layouts is how the
 * tokens after them are computed, and so the name of the layout is part of every receipt.
 */
export interface Decoder {
  /**
   * `split-v1`: this project's own form: keys and values of the past are buffers that the graph only reads.
   * `concat-canon-v1`: graphs that append to the past, driven with a past whose width depends on the request alone
   * (`widthFor`), masked where nothing is, and the new column moved to its place afterwards.
   * `concat-exact-v1`: the same graphs where they count positions themselves: a past of exactly what there is, alone.
   */
  readonly layout: 'split-v1' | 'concat-canon-v1' | 'concat-exact-v1';
  readonly runtime: Runtime;
  readonly contextTokens: number;
  readonly vocabulary: number;
  /** Whether rows can share a run at all. Whether that keeps their bits is for `batchesKeepBits` to say. */
  readonly batches: boolean;
  prefill(prompt: readonly number[]): Promise<Prefilled>;
  /** Whether a batch widens with its longest row, which then must not change a bit, or keeps the width of its requests. */
  readonly width: 'grows' | 'by-request';
  /** Requests of equal width can share a batch. It depends on prompt and most tokens together, on nothing of the moment. */
  widthFor(tokens: number): number;
  openBatch(width: number): Batch;
}

/**
 * Some of the engine's kernels compute the last few columns of a buffer another way than those before them, so a column
 * must not be among them in one width and before them in another. Sixteen floats are a vector of the widest processors.
 */
const GUARD = 16;
const STEP = 64;

/** Outputs that are added to foreign graphs. */
const LOGITS = `${OUR_NAMES}logits`;
const NEW = `${OUR_NAMES}new_kv`;

export async function openDecoder(
  files: ReadonlyMap<string, Uint8Array>,
  { entry, ...execution }: ModelExecution & { readonly entry: string },
): Promise<Decoder> {
  const config = readDecoderConfig(files);
  const { contextTokens } = config;
  const first = await refusing(() => readFile(files, entry, config));
  if (first.form.kind === 'split') {
    return splitDecoder(await refusing(() => openSession(first.bytes, execution)), first.form, contextTokens);
  }
  const second = first.form.past.length > 0 ? first : await refusing(() => readFile(files, siblingOf(entry), config));
  if (second.form.past.length === 0) throw new ModelError('model_refused', 'no file of the release takes a past');
  const open = (file: DecoderFile): Promise<EngineSession> =>
    refusing(() => openSession(withSmallOutputs(file.bytes, file.form), execution));
  const step = await open(second);
  const prompt = second === first ? step : await open(first);
  return concatDecoder({ prompt, promptForm: first.form, step, form: second.form, contextTokens });
}

interface DecoderFile {
  readonly bytes: Uint8Array;
  readonly form: DecoderForm;
}

function readFile(files: ReadonlyMap<string, Uint8Array>, name: string, config: DecoderConfig): DecoderFile {
  const bytes = files.get(name);
  if (bytes === undefined) throw new ModelError('model_refused', `the release has no file ${name}`);
  return { bytes, form: readForm(readSignature(bytes), config) };
}

/** Older exports are two files: one for prompts, one that requires a past. */
function siblingOf(entry: string): string {
  return `${entry.slice(0, entry.lastIndexOf('/') + 1)}decoder_with_past_model.onnx`;
}

async function refusing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw new ModelError('model_refused', error instanceof Error ? error.message : 'unknown', { cause: error });
  }
}

/** Adds the logits of the last token, and where a past is appended to, the column that is new in it. */
function withSmallOutputs(bytes: Uint8Array, { past, present }: DecoderForm): Uint8Array {
  const bounds = {
    last: `${OUR_NAMES}last`,
    end: `${OUR_NAMES}end`,
    tokens: `${OUR_NAMES}axis1`,
    columns: `${OUR_NAMES}axis2`,
  };
  const lastOf = (source: string, output: string, axis: 'tokens' | 'columns'): AddedNode => ({
    operator: 'Slice',
    inputs: [source, bounds.last, bounds.end, bounds[axis]],
    output,
  });
  const columns = past.length === 0 ? [] : present.map((name, i) => lastOf(name, `${OUR_NAMES}new.${i}`, 'columns'));
  const joined: readonly AddedNode[] =
    columns.length === 0
      ? []
      : [{ operator: 'Concat', inputs: columns.map(({ output }) => output), output: NEW, axis: 1 }];
  return addOutputs(bytes, {
    nodes: [lastOf('logits', LOGITS, 'tokens'), ...columns, ...joined],
    vectors: new Map([
      [bounds.last, [-1]],
      [bounds.end, [2 ** 31 - 1]],
      [bounds.tokens, [1]],
      [bounds.columns, [2]],
    ]),
    outputs: [LOGITS, ...joined.map(({ output }) => output)],
  });
}

function splitDecoder({ session, runtime, Tensor }: EngineSession, form: DecoderForm, contextTokens: number): Decoder {
  const { cache, past, vocabulary } = form;
  const block = 2 * cache.layers;
  const run = async (feeds: Feeds): Promise<StepResult> => {
    const results = await session.run(feeds, ['logits', 'new_kv']);
    return { logits: floats(results, 'logits'), caches: floats(results, 'new_kv') };
  };
  const roundUp = (columns: number): number => STEP * Math.ceil((columns + 1) / STEP) - 1;
  return {
    layout: 'split-v1',
    runtime,
    contextTokens,
    vocabulary,
    batches: true,
    prefill: async (prompt) => {
      const length = prompt.length;
      const empty = new Tensor('float32', new Float32Array(0), [1, cache.heads, 0, cache.size]);
      const { logits, caches } = await run({
        ...promptFeeds(Tensor, prompt),
        mask: new Tensor('float32', promptMask(length), [1, 1, length, length]),
        ...Object.fromEntries(past.map((name) => [name, empty])),
      });
      const size = caches.length / block;
      return { logits, length, caches: past.map((_, i) => caches.subarray(i * size, (i + 1) * size)) };
    },
    width: 'grows',
    widthFor: () => roundUp(0),
    openBatch: (width) => {
      const slots = createSlots(Tensor, { cache, past, mask: 'additive' }, width);
      return slotBatch(slots, run, (columns) => Math.max(slots.width, roundUp(columns + GUARD)));
    },
  };
}

interface ConcatParts {
  readonly prompt: EngineSession;
  readonly promptForm: DecoderForm;
  readonly step: EngineSession;
  readonly form: DecoderForm;
  readonly contextTokens: number;
}

function concatDecoder({ prompt: first, promptForm, step, form, contextTokens }: ConcatParts): Decoder {
  const { cache, past, present, vocabulary } = form;
  const { Tensor, runtime } = step;
  const counted = form.inputs.has('position_ids');
  const branch = (inputs: DecoderForm['inputs'], taken: 0 | 1): Feeds =>
    inputs.has('use_cache_branch') ? { use_cache_branch: new Tensor('bool', Uint8Array.of(taken), [1]) } : {};
  const withPast = branch(form.inputs, 1);
  const run = async (feeds: Feeds): Promise<StepResult> => {
    const results = await step.session.run({ ...feeds, ...withPast }, [LOGITS, NEW]);
    return { logits: floats(results, LOGITS), caches: floats(results, NEW) };
  };
  const ones = (length: number): onnx.Tensor => new Tensor('int64', new BigInt64Array(length).fill(1n), [1, length]);

  async function prefill(prompt: readonly number[]): Promise<Prefilled> {
    const length = prompt.length;
    const { input_ids, position_ids } = promptFeeds(Tensor, prompt);
    const empty = new Tensor('float32', new Float32Array(0), [1, cache.heads, 0, cache.size]);
    const feeds = {
      input_ids,
      attention_mask: ones(length),
      ...(promptForm.inputs.has('position_ids') ? { position_ids } : {}),
      ...Object.fromEntries(promptForm.past.map((name) => [name, empty])),
      ...branch(promptForm.inputs, 0),
    };
    const results = await first.session.run(feeds, [LOGITS, ...present]);
    return { logits: floats(results, LOGITS), length, caches: present.map((name) => floats(results, name)) };
  }

  /** One row whose past is what the last run returned. */
  function exactBatch(): Batch {
    let length = 0;
    let caches: readonly Float32Array[] = [];
    return {
      get rows() {
        return length > 0 ? 1 : 0;
      },
      join: (prefilled) => {
        ({ length, caches } = prefilled);
      },
      leave: () => {
        length = 0;
        caches = [];
      },
      step: async ([token = 0]) => {
        const dimensions = [1, cache.heads, length, cache.size];
        const results = await step.session.run(
          {
            input_ids: new Tensor('int64', BigInt64Array.of(BigInt(token)), [1, 1]),
            attention_mask: ones(length + 1),
            ...withPast,
            ...Object.fromEntries(
              past.map((name, i) => [name, new Tensor('float32', caches[i] as Float32Array, dimensions)]),
            ),
          },
          [LOGITS, ...present],
        );
        caches = present.map((name) => floats(results, name));
        length += 1;
        return floats(results, LOGITS);
      },
    };
  }

  return {
    layout: counted ? 'concat-canon-v1' : 'concat-exact-v1',
    runtime,
    contextTokens,
    vocabulary,
    batches: counted,
    prefill,
    width: 'by-request',
    // The whole is never wider than what older graphs hold their causal mask for.
    widthFor: (tokens) => Math.min(widthAbove(tokens), contextTokens) - 1,
    openBatch: (width) => {
      if (!counted) return exactBatch();
      return slotBatch(createSlots(Tensor, { cache, past, mask: 'attended' }, width), run, () => width);
    },
  };
}

/**
 * Powers of two and what lies halfway between: few enough that requests meet in one width, and close enough that the
 * engine, which copies a whole width at every token, seldom copies much more than it needs.
 */
function widthAbove(tokens: number): number {
  let power = STEP;
  while (1.5 * power < tokens) power *= 2;
  return tokens <= power ? power : 1.5 * power;
}

interface StepResult {
  readonly logits: Float32Array;
  readonly caches: Float32Array;
}

function slotBatch(
  slots: Slots,
  run: (feeds: Feeds) => Promise<StepResult>,
  widthFor: (columns: number) => number,
): Batch {
  const make = (columns: number, rows: number): void => {
    const width = widthFor(columns);
    const places = rows > slots.places ? Math.max(rows, 2 * slots.places) : slots.places;
    if (width !== slots.width || places !== slots.places) slots.resize({ width, places });
  };
  return {
    get rows() {
      return slots.lengths.length;
    },
    join: (prefilled) => {
      make(prefilled.length, slots.lengths.length + 1);
      slots.join(prefilled);
    },
    leave: slots.leave,
    step: async (tokens) => {
      make(Math.max(...slots.lengths) + 1, tokens.length);
      const { logits, caches } = await run(slots.feeds(tokens));
      slots.append(caches);
      return logits;
    },
  };
}

function promptFeeds(
  Tensor: onnx.TensorConstructor,
  prompt: readonly number[],
): { readonly input_ids: onnx.Tensor; readonly position_ids: onnx.Tensor } {
  const shape = [1, prompt.length];
  return {
    input_ids: new Tensor('int64', BigInt64Array.from(prompt, BigInt), shape),
    position_ids: new Tensor('int64', BigInt64Array.from(prompt.keys(), BigInt), shape),
  };
}

function floats(results: onnx.InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const data = results[name]?.data;
  if (!(data instanceof Float32Array)) throw new ModelError('model_failed', `the engine gave no usable output ${name}`);
  return data;
}
