import { type JsonValue, parseJson } from '../../../../wire/codec/json.ts';
import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';

/** What graphs do not say about themselves. A number that the file does not give, or gives oddly, is absent. */
export interface DecoderConfig {
  readonly contextTokens: number;
  readonly layers: number | undefined;
  readonly keyHeads: number | undefined;
  readonly headSize: number | undefined;
  readonly vocabulary: number | undefined;
}

/** The same quantity has another name in each family of models. */
const names = {
  context: ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len'],
  layers: ['num_hidden_layers', 'n_layer', 'num_layers'],
  heads: ['num_attention_heads', 'n_head'],
  width: ['hidden_size', 'n_embd', 'd_model'],
} as const;

export function readDecoderConfig(files: ReadonlyMap<string, Uint8Array>): DecoderConfig {
  const bytes = files.get('config.json');
  if (bytes === undefined) throw new ModelError('model_refused', 'the release has no config.json');
  const config = parse(bytes);
  const first = (list: readonly string[]): number | undefined => {
    const found = list.map((name) => config[name]).find((value) => typeof value === 'number');
    return Number.isSafeInteger(found) && (found as number) > 0 ? (found as number) : undefined;
  };
  const contextTokens = first(names.context);
  if (contextTokens === undefined || contextTokens > limits.languageContextTokens) {
    throw new ModelError('model_refused', 'config.json gives no context length that is served');
  }
  const heads = first(names.heads);
  const width = first(names.width);
  const quotient = heads === undefined || width === undefined ? undefined : width / heads;
  return {
    contextTokens,
    layers: first(names.layers),
    keyHeads: first(['num_key_value_heads']) ?? heads,
    headSize: first(['head_dim']) ?? (Number.isInteger(quotient) ? quotient : undefined),
    vocabulary: first(['vocab_size']),
  };
}

function parse(bytes: Uint8Array): { readonly [name: string]: JsonValue } {
  let value: JsonValue;
  try {
    value = parseJson(bytes, limits.languageConfigBytes);
  } catch (error) {
    throw new ModelError('model_refused', 'config.json is not plain JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelError('model_refused', 'config.json is not an object');
  }
  return value as { readonly [name: string]: JsonValue };
}
