import { ModelError } from '../../enclave/worker/model/errors.ts';
import { readDecoderConfig } from '../../enclave/worker/model/language/config.ts';
import { readForm } from '../../enclave/worker/model/language/form.ts';
import { readSignature } from '../../enclave/worker/model/language/graph-signature.ts';
import { readTokenizerFiles } from '../../enclave/worker/model/language/tokenizer-files.ts';
import { OnnxError } from '../../enclave/worker/model/onnx-error.ts';
import { noteRemark, type Remark, refusedRemark } from './findings.ts';

/** What a folder says of a language model, by the worker's own readers. */
export interface LanguageFacts {
  /** How the decoder keeps keys and values; null where it was not recognised. */
  readonly layout: string | null;
  readonly layers: number | null;
  readonly vocabulary: number | null;
  readonly contextTokens: number | null;
  readonly chatTemplate: 'present' | 'absent';
  /** Tokens that steer the model: no user's text becomes one of them. */
  readonly controlTokens: readonly string[];
  readonly endTokens: number;
}

export interface LanguageInspection {
  readonly facts: LanguageFacts;
  readonly remarks: readonly Remark[];
}

/** Each part by itself, so that all of them are told; the worker ends with the first. */
export function inspectLanguage(files: ReadonlyMap<string, Uint8Array>, entry: string): LanguageInspection {
  const remarks: Remark[] = [];
  const attempt = <T>(where: string, advice: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ModelError) && !(error instanceof OnnxError)) throw error;
      remarks.push(refusedRemark('model_refused', where, error.message, advice));
      return undefined;
    }
  };
  const config = attempt('config.json', CONFIG_ADVICE, () => readDecoderConfig(files));
  const bytes = files.get(entry);
  const signature = bytes === undefined ? undefined : attempt(entry, DECODER_ADVICE, () => readSignature(bytes));
  const form =
    config === undefined || signature === undefined
      ? undefined
      : attempt(entry, DECODER_ADVICE, () => readForm(signature, config));
  const tokenizer = attempt('tokenizer files', TOKENIZER_ADVICE, () => readTokenizerFiles(files));
  if (tokenizer?.template === null) {
    remarks.push(
      noteRemark(
        'no_chat_template',
        'tokenizer_config.json',
        'there is no chat template: it answers completions, and refuses chats',
        'Add chat_template.jinja where the model was trained on conversations.',
      ),
    );
  }
  return {
    remarks,
    facts: {
      layout: form?.kind ?? null,
      layers: form?.cache.layers ?? null,
      vocabulary: form?.vocabulary ?? null,
      contextTokens: config?.contextTokens ?? null,
      chatTemplate: tokenizer === undefined || tokenizer.template === null ? 'absent' : 'present',
      controlTokens: tokenizer === undefined ? [] : [...tokenizer.control],
      endTokens: tokenizer?.endIds.size ?? 0,
    },
  };
}

const CONFIG_ADVICE = 'Publish the config.json that the model was trained with; it says layers, heads and context.';
const DECODER_ADVICE = 'Export the decoder with optimum-cli export onnx --task text-generation-with-past, in float32.';
const TOKENIZER_ADVICE =
  'Publish tokenizer.json and tokenizer_config.json as save_pretrained() of a fast tokenizer writes them.';
