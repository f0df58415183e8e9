import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';

/** What a publisher's files say, checked as far as the code that takes them relies on it. */
export interface TokenizerFiles {
  /** `tokenizer.json`, for the tokenizer's own constructor. */
  readonly definition: TokenizerDefinition;
  readonly config: JsonObject;
  readonly added: readonly AddedToken[];
  /** The tokens that steer a model, by their text: nothing that a user writes may become one of them. */
  readonly control: ReadonlySet<string>;
  /** `bos_token` and its like, as a chat template names them. */
  readonly named: ReadonlyMap<string, string>;
  readonly endIds: ReadonlySet<number>;
  readonly template: string | null;
}

export type JsonObject = { readonly [name: string]: unknown };

export interface AddedToken extends JsonObject {
  readonly id: number;
  readonly content: string;
  readonly normalized: boolean;
}

export interface TokenizerDefinition extends JsonObject {
  readonly added_tokens: readonly AddedToken[];
  readonly model: VocabularyModel;
}

export interface VocabularyModel extends JsonObject {
  readonly vocab: JsonObject | readonly (readonly [string, number])[];
}

const NAMED_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const MODEL_TYPES: readonly unknown[] = ['BPE', 'Unigram', 'WordPiece'];

export function refused(reason: string, cause?: unknown): ModelError {
  return new ModelError('model_refused', reason, { cause });
}

export function readTokenizerFiles(files: ReadonlyMap<string, Uint8Array>): TokenizerFiles {
  const tokenizer = readObject(files, 'tokenizer.json', limits.tokenizerBytes);
  if (tokenizer === null) throw refused('the release has no tokenizer.json');
  const config = readObject(files, 'tokenizer_config.json', limits.tokenizerConfigBytes);
  if (config === null) throw refused('the release has no tokenizer_config.json');
  const added = readAddedTokens(tokenizer['added_tokens'] ?? []);
  const definition = {
    // The constructor wants to find every part; exporters leave out those that are not used.
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...tokenizer,
    added_tokens: added,
    model: readModel(tokenizer['model']),
  };
  const named = readNamedTokens(config);
  const idOf = new Map(added.map((token) => [token.content, token.id]));
  const endIds = readEndIds(files);
  const end = named.get('eos_token');
  const endId = end === undefined ? undefined : (idOf.get(end) ?? idIn(definition.model, end));
  if (endId !== undefined) endIds.add(endId);
  return {
    definition,
    config,
    added,
    control: controlTokens(added, config, named, endIds),
    named,
    endIds,
    template: readTemplate(files, config),
  };
}

function readObject(files: ReadonlyMap<string, Uint8Array>, name: string, maxBytes: number): JsonObject | null {
  const text = readText(files, name, maxBytes);
  if (text === null) return null;
  let value: unknown;
  try {
    // Not the strict reader of wire/: files of the public hubs hold numbers above 2^53. Each is pinned by its digest.
    value = JSON.parse(text);
  } catch (error) {
    throw refused(`${name} is not JSON`, error);
  }
  if (!isObject(value)) throw refused(`${name} is not a JSON object`);
  return value;
}

function readText(files: ReadonlyMap<string, Uint8Array>, name: string, maxBytes: number): string | null {
  const bytes = files.get(name);
  if (bytes === undefined) return null;
  if (bytes.length > maxBytes) throw refused(`${name} has ${bytes.length} bytes where ${maxBytes} are allowed`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused(`${name} is not UTF-8`, error);
  }
}

function readAddedTokens(value: unknown): readonly AddedToken[] {
  if (!Array.isArray(value) || value.length > limits.tokenizerTokens) throw refused('added_tokens is not a list');
  return (value as readonly unknown[]).map((token) => {
    if (!isObject(token)) throw refused('an added token is not an object');
    const { id, content } = token;
    if (typeof content !== 'string' || content === '') throw refused('an added token has no content');
    if (!isTokenId(id)) throw refused(`the added token ${JSON.stringify(content)} has no usable id`);
    // As the tokenizer itself completes it.
    const normalized = typeof token['normalized'] === 'boolean' ? token['normalized'] : token['special'] !== true;
    return { ...token, id, content, normalized };
  });
}

function readModel(value: unknown): VocabularyModel {
  if (!isObject(value)) throw refused('tokenizer.json has no model');
  const { vocab } = value;
  // Files from before 2020 have no type; those of the three kinds are told apart by their other fields.
  if (value['type'] !== undefined && !MODEL_TYPES.includes(value['type'])) {
    throw refused(`a tokenizer of type ${JSON.stringify(value['type'])} is not served`);
  }
  const entries = Array.isArray(vocab) ? (vocab as readonly unknown[]) : isObject(vocab) ? Object.values(vocab) : [];
  if (entries.length === 0 || entries.length > limits.tokenizerTokens) throw refused('the vocabulary is not usable');
  const usable = Array.isArray(vocab) ? entries.every(isScoredPiece) : entries.every(isTokenId);
  if (!usable) throw refused('the vocabulary is not usable');
  return value as VocabularyModel;
}

function isScoredPiece(entry: unknown): boolean {
  return Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
}

/** The id of a token that only the model's vocabulary has. */
function idIn({ vocab }: VocabularyModel, content: string): number | undefined {
  if (!Array.isArray(vocab))
    return Object.hasOwn(vocab, content) ? ((vocab as JsonObject)[content] as number) : undefined;
  const id = (vocab as readonly (readonly [string, number])[]).findIndex(([piece]) => piece === content);
  return id < 0 ? undefined : id;
}

function readNamedTokens(config: JsonObject): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const name of NAMED_TOKENS) {
    const content = contentOf(config[name]);
    if (content !== null) named.set(name, content);
  }
  return named;
}

/** A token stands in the configuration by its text, or as an object with the options of an added token. */
function contentOf(value: unknown): string | null {
  const content = isObject(value) ? value['content'] : value;
  return typeof content === 'string' && content !== '' ? content : null;
}

/** Every place where a publisher can say that a token is not text counts: one of them alone is often forgotten. */
function controlTokens(
  added: readonly AddedToken[],
  config: JsonObject,
  named: ReadonlyMap<string, string>,
  endIds: ReadonlySet<number>,
): ReadonlySet<string> {
  const more = config['additional_special_tokens'];
  const byText = new Set<unknown>([...named.values(), ...(Array.isArray(more) ? more.map(contentOf) : [])]);
  const details = isObject(config['added_tokens_decoder']) ? config['added_tokens_decoder'] : {};
  const isControl = ({ id, content, special }: AddedToken): boolean => {
    const detail = Object.hasOwn(details, id) ? details[id] : undefined;
    return (
      special === true || byText.has(content) || endIds.has(id) || (isObject(detail) && detail['special'] === true)
    );
  };
  return new Set(added.filter(isControl).map(({ content }) => content));
}

/** Publishers differ in where they list the end of a turn beside the end of a text, so that all lists count. */
function readEndIds(files: ReadonlyMap<string, Uint8Array>): Set<number> {
  const ids = new Set<number>();
  for (const name of ['generation_config.json', 'config.json']) {
    const value = readObject(files, name, limits.tokenizerConfigBytes)?.['eos_token_id'] ?? [];
    for (const id of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
      if (!isTokenId(id)) throw refused(`${name} has an eos_token_id that is no token`);
      ids.add(id);
    }
  }
  return ids;
}

/** The file of its own came later than the field and wins, as it does in transformers. */
function readTemplate(files: ReadonlyMap<string, Uint8Array>, config: JsonObject): string | null {
  const file = readText(files, 'chat_template.jinja', limits.chatTemplateBytes);
  if (file !== null) return file;
  const field = config['chat_template'] ?? null;
  const template = Array.isArray(field)
    ? ((field as readonly unknown[]).filter(isObject).find(({ name }) => name === 'default')?.['template'] ?? null)
    : field;
  if (template === null) return null;
  if (typeof template !== 'string') throw refused('the chat template is not text');
  if (template.length > limits.chatTemplateBytes) throw refused('the chat template is too long');
  return template;
}

function isTokenId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < limits.tokenizerTokens;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
