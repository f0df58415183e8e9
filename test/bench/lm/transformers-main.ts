import { basename, dirname } from 'node:path';
import { serveJobs } from '../../support/forked.ts';
import type { TransformersJob, TransformersResult } from './transformers.ts';
import { AutoModelForCausalLM, env, type LoadedModel, Tensor } from './transformers-js.mjs';

/** transformers.js as its documentation uses it, on a folder that lies on this machine. Nothing is fetched. */
env.allowRemoteModels = false;
env.allowLocalModels = true;

let loaded: { readonly key: string; readonly model: LoadedModel } | undefined;

serveJobs(async ({ folder, threads, prompt, maxTokens }: TransformersJob): Promise<TransformersResult> => {
  const model = await load(folder, threads);
  const shape = [1, prompt.length];
  const started = performance.now();
  const output = await model.generate({
    inputs: new Tensor('int64', BigInt64Array.from(prompt, BigInt), shape),
    attention_mask: new Tensor('int64', new BigInt64Array(prompt.length).fill(1n), shape),
    max_new_tokens: maxTokens,
    do_sample: false,
  });
  const seconds = (performance.now() - started) / 1_000;
  const tokens = Array.from(output.data, Number).slice(prompt.length);
  return { seconds, tokens };
});

async function load(folder: string, threads: TransformersJob['threads']): Promise<LoadedModel> {
  const key = `${folder} ${threads}`;
  if (loaded?.key === key) return loaded.model;
  await loaded?.model.dispose();
  env.localModelPath = dirname(folder);
  const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
    dtype: 'fp32',
    device: 'cpu',
    local_files_only: true,
    ...(threads === 'default' ? {} : { session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 } }),
  });
  loaded = { key, model };
  return model;
}
