/** What the bench and the tests use of transformers.js. */
export declare const env: { allowRemoteModels: boolean; allowLocalModels: boolean; localModelPath: string };

export declare class Tensor {
  constructor(type: 'int64', data: BigInt64Array, dims: readonly number[]);
  readonly data: BigInt64Array;
}

export interface LoadedModel {
  generate(options: {
    readonly inputs: Tensor;
    readonly attention_mask: Tensor;
    readonly max_new_tokens: number;
    readonly do_sample: boolean;
  }): Promise<Tensor>;
  dispose(): Promise<unknown>;
}

export declare const AutoModelForCausalLM: {
  from_pretrained(
    name: string,
    options: {
      readonly dtype: 'fp32';
      readonly device: 'cpu';
      readonly local_files_only: boolean;
      readonly session_options?: { readonly intraOpNumThreads: number; readonly interOpNumThreads: number };
    },
  ): Promise<LoadedModel>;
};

export interface Message {
  readonly role: string;
  readonly content: string;
}

export declare function pipeline(
  task: 'text-generation',
  name: string,
  options: { readonly device: 'cpu'; readonly local_files_only: boolean },
): Promise<
  (
    messages: readonly Message[],
    options: { readonly max_new_tokens: number; readonly do_sample: boolean },
  ) => Promise<readonly [{ readonly generated_text: readonly Message[] }]>
>;
