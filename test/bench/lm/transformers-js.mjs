// Beside a declaration of our own: the package's declarations do not pass strict TypeScript.
export { AutoModelForCausalLM, env, pipeline, Tensor } from '@huggingface/transformers';
