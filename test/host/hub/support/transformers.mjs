import { AutoModelForCausalLM, AutoTokenizer, env, Tensor } from '@huggingface/transformers';

/**
 * Loads a language model from a hub as a user of the library does, and lets it speak: prints what it was given and made.
 * A process of its own, since the engine's native parts stay loaded.
 */
const [url, model, cache] = process.argv.slice(2);
env.remoteHost = url;
env.allowLocalModels = false;
env.cacheDir = cache;

const options = { dtype: 'fp32', device: 'cpu' };
const tokenizer = await AutoTokenizer.from_pretrained(model);
const decoder = await AutoModelForCausalLM.from_pretrained(model, options);
const ids = tokenizer.encode('the model');
const tensor = (values) => new Tensor('int64', values.map(BigInt), [1, values.length]);
const output = await decoder.generate({
  input_ids: tensor(ids),
  attention_mask: tensor(ids.map(() => 1)),
  max_new_tokens: 8,
  min_new_tokens: 8,
  do_sample: false,
});
process.stdout.write(JSON.stringify({ prompt: ids, output: output.tolist()[0].map(Number) }));
