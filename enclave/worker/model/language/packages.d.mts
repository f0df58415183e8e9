/** The part of @huggingface/jinja and @huggingface/tokenizers that is used here. */

export declare class Template {
  constructor(source: string);
  readonly parsed: { readonly body: unknown[] };
  render(variables: Readonly<Record<string, unknown>>): string;
}

export declare class Tokenizer {
  constructor(definition: object, config: object);
  readonly normalizer: ((text: string) => string) | null;
  readonly post_processor:
    | ((tokens: string[], pair: null, addSpecialTokens: boolean) => { readonly tokens: readonly string[] })
    | null;
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: readonly unknown[] };
  decode(
    ids: readonly number[],
    options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
}
