/** What the bench uses of transformers.js. */
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
