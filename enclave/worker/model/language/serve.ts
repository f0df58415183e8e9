import type { Frame } from '../../../../wire/codec/frame.ts';
import { WireError } from '../../../../wire/errors.ts';
import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';
import {
  decodeGenerationOrder,
  encodeGenerated,
  encodeText,
  type Generated,
  type GenerationOrder,
  type LanguageInfo,
  type LoadOrder,
  modelKind,
} from '../messages.ts';
import { openTextCodec, type TextStream } from './text-codec.ts';
import { openTokenEngine, type TokenEvent } from './token-engine.ts';

/** Generations at once: from here on more of them make each slower and all together hardly quicker. */
const CAPACITY = 16;
/**
 * How long text may wait for company, of its own generation and of others': forty pieces a second are more than anybody
 * reads, and what takes a piece to its client costs as much as two tokens of a small model.
 */
const GATHER_MILLISECONDS = 25;

interface Running {
  readonly stream: TextStream;
  readonly promptTokens: number;
  completionTokens: number;
  /** Generated and not yet said. */
  text: string;
  /** Its first text waits for nobody. */
  begun: boolean;
}

export interface LanguageLink {
  send(frame: Frame): void;
  /** Says why a generation came to nothing. */
  failed(id: number, error: unknown): void;
}

/**
 * A language model in its process: text in and text out. Template and tokenizer run here and not in the worker, because
 * they are the publisher's code as much as the model is (DESIGN section 7). Generations share every step of the engine.
 */
export async function openLanguage(
  files: ReadonlyMap<string, Uint8Array>,
  order: LoadOrder,
  link: LanguageLink,
): Promise<{ readonly info: LanguageInfo; take(frame: Frame): void }> {
  const codec = openTextCodec(files);
  const { entry, optimisation, threads } = order;
  const { endTokens } = codec;
  const engine = await openTokenEngine(files, { entry, optimisation, threads, endTokens, capacity: CAPACITY });
  const running = new Map<number, Running>();
  /** What was asked while the engine computed: it is done between two steps. */
  let asked: (() => void)[] = [];
  let stepping = false;
  let saidAt = Number.NEGATIVE_INFINITY;

  function start(id: number, { input, maxUnits, maxTokens, temperature, topP, seed, stop }: GenerationOrder): void {
    checkLength(input, engine.info.contextTokens);
    const prompt = input.kind === 'chat' ? codec.encodeChat(input.messages) : codec.encodeText(input.prompt);
    const left = maxUnits - prompt.length;
    if (left < 1) throw new ModelError('model_input', `the prompt has ${prompt.length} tokens, ${maxUnits} are paid`);
    const sampling = { temperature: Number(temperature), topP: Number(topP), seed };
    engine.start(id, prompt, { maxTokens: Math.min(maxTokens, left), ...sampling });
    running.set(id, {
      stream: codec.openStream(stop),
      promptTokens: prompt.length,
      ...{ completionTokens: 0, text: '', begun: false },
    });
  }

  function tryToStart(id: number, order: GenerationOrder): void {
    try {
      start(id, order);
    } catch (error) {
      link.failed(id, error);
    }
  }

  function stop(id: number): void {
    const one = running.get(id);
    // It may have ended by itself meanwhile, and has said so.
    if (one === undefined) return;
    engine.stop(id);
    one.text += one.stream.end();
    end(id, one, 'ended');
  }

  function doAsked(): void {
    const now = asked;
    asked = [];
    for (const action of now) action();
  }

  function say(id: number, one: Running): void {
    link.send({ id, kind: modelKind.text, payload: encodeText(one.completionTokens, one.text) });
    one.text = '';
    one.begun = true;
  }

  /** All that wait speak in one turn, so that whoever hears them wakes once. */
  function sayGathered(): void {
    const now = performance.now();
    const due = now - saidAt >= GATHER_MILLISECONDS;
    if (due) saidAt = now;
    for (const [id, one] of running) {
      if (one.text !== '' && (due || !one.begun)) say(id, one);
    }
  }

  function end(id: number, one: Running, reason: Generated['reason']): void {
    running.delete(id);
    if (one.text !== '') say(id, one);
    const { promptTokens, completionTokens } = one;
    link.send({ id, kind: modelKind.generated, payload: encodeGenerated({ reason, promptTokens, completionTokens }) });
  }

  function takeToken(id: number, one: Running, token: number): void {
    one.completionTokens += 1;
    const { text, stopped } = one.stream.push(token);
    one.text += text;
    if (stopped) {
      engine.stop(id);
      end(id, one, 'stop');
    }
  }

  /** Steps for as long as something runs. Between two steps newcomers join, and others are stopped. */
  async function steps(): Promise<void> {
    stepping = true;
    try {
      for (doAsked(); engine.running > 0; doAsked()) {
        for (const event of await engine.step()) takeEvent(event);
        sayGathered();
        // Frames are read here.
        await new Promise(setImmediate);
      }
    } catch (error) {
      // The engine failed a step, and with it everything that shared it.
      for (const id of [...running.keys()]) {
        engine.stop(id);
        link.failed(id, error);
      }
      running.clear();
    }
    stepping = false;
    if (asked.length > 0) void steps();
  }

  function takeEvent(event: TokenEvent): void {
    const one = running.get(event.id);
    if (one === undefined) return;
    if (event.kind === 'token') {
      takeToken(event.id, one, event.token);
    } else {
      one.text += one.stream.end();
      end(event.id, one, event.reason === 'end' ? 'stop' : 'length');
    }
  }

  return {
    info: { ...engine.info, capacity: engine.capacity },
    take({ id, kind, payload }) {
      if (kind === modelKind.generate) {
        const order = decodeGenerationOrder(payload);
        asked.push(() => tryToStart(id, order));
      } else if (kind === modelKind.stop) {
        asked.push(() => stop(id));
      } else {
        throw new WireError('frame_invalid', `no frame of kind ${kind} now`);
      }
      if (!stepping) void steps();
    },
  };
}

/**
 * Tokenizers are slow, and everybody's generation waits for one prompt to be encoded: a text that cannot fit the context
 * is refused before it is.
 */
function checkLength(input: GenerationOrder['input'], contextTokens: number): void {
  const texts = input.kind === 'chat' ? input.messages.map(({ content }) => content) : [input.prompt];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length <= contextTokens * limits.tokenCharacters) return;
  throw new ModelError('model_input', `${length} characters do not fit ${contextTokens} tokens`);
}
