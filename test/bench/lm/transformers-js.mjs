// Beside a declaration of our own: the package's declarations do not pass strict TypeScript.
export { AutoModelForCausalLM, env, Tensor } from '@huggingface/transformers';
